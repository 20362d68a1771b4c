//! What executions and map runs share: ports, settings, and the registry of what waits for messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use ports::{Clock, ExecutionArn, Journal, Ledger, ObjectStore, TaskInvoker, Timestamp};

use crate::registry::Registry;

/// The ports that the engine uses.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Holds item sources and result files.
    pub store: Arc<dyn ObjectStore>,
    /// Calls functions and services.
    pub invoker: Arc<dyn TaskInvoker>,
    /// Holds executions and their events.
    pub journal: Arc<dyn Journal>,
    /// Holds which children of map runs are done.
    pub ledger: Arc<dyn Ledger>,
    /// Tells the time and waits for it.
    pub clock: Arc<dyn Clock>,
}

/// The account and the region for which the engine stands, and which errors stop a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account in its ARNs.
    pub account: String,
    /// The region in its ARNs.
    pub region: String,
    /// Names of task errors that stop the run instead of being recorded, because only a person can mend their cause: a
    /// full disk is one.
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

/// What executions and map runs share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
}

/// A timestamp of the ports as the interpreter's.
pub(crate) const fn to_asl(timestamp: Timestamp) -> asl::Timestamp {
    asl::Timestamp::from_millis(timestamp.as_millis())
}
