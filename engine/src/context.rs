//! What executions and map runs share: ports, settings, and the registry of what waits for messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use ports::{Clock, ExecutionArn, Journal, Ledger, ObjectStore, TaskInvoker, Timestamp};

use crate::registry::Registry;

/// What the engine asks of the world.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Where item sources are and result files go.
    pub store: Arc<dyn ObjectStore>,
    /// Runs tasks.
    pub invoker: Arc<dyn TaskInvoker>,
    /// Executions and their events.
    pub journal: Arc<dyn Journal>,
    /// Which children of map runs are done.
    pub ledger: Arc<dyn Ledger>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Who the engine says it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account in its ARNs.
    pub account: String,
    /// The region in its ARNs.
    pub region: String,
    /// Error names of tasks that stop the run instead of being recorded: what only a person can mend, such as a full disk.
    pub halt_on: BTreeSet<String>,
}

impl Settings {
    /// The ARN of an execution.
    pub fn execution_arn(&self, state_machine: &str, name: &str) -> ExecutionArn {
        ExecutionArn(format!(
            "arn:aws:states:{}:{}:execution:{state_machine}:{name}",
            self.region, self.account
        ))
    }

    pub(crate) fn state_machine_arn(&self, name: &str) -> String {
        self.arn("stateMachine", name)
    }

    /// The ARN of an activity or a state machine.
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:states:{}:{}:{kind}:{name}", self.region, self.account)
    }

    pub(crate) fn lambda_arn(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.region, self.account)
    }

    pub(crate) fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/gantry", self.account)
    }
}

/// Everything that executions and map runs share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
}

/// The interpreter's instant.
pub(crate) const fn to_asl(timestamp: Timestamp) -> asl::Timestamp {
    asl::Timestamp::from_millis(timestamp.as_millis())
}
