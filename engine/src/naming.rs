//! Names and ARNs of a map run and its children: functions of the parent and the child's position, the same in every
//! replay.

use std::sync::Arc;

use asl::{ExecutionType, Identity, MapRunRequest};
use ports::MapRunArn;
use uuid::Uuid;

use crate::context::to_asl;

/// A child that is being run.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) position: u64,
    pub(crate) items: u64,
    pub(crate) input: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
    /// The child did not succeed in an earlier attempt of its map run.
    pub(crate) again: bool,
    pub(crate) started: ports::Timestamp,
}

/// The names and ARNs of a map run and its children.
#[derive(Debug)]
pub(crate) struct Naming {
    pub(crate) arn: MapRunArn,
    pub(crate) state_machine_arn: Arc<str>,
    map_run_arn: Arc<str>,
    state_machine_name: Arc<str>,
    role_arn: Arc<str>,
    execution_type: ExecutionType,
    /// The beginning of every child's ARN.
    execution_prefix: String,
}

impl Naming {
    pub(crate) fn new(parent: &Identity, request: &MapRunRequest) -> Self {
        let (prefix, machine) = (prefix(parent), &parent.state_machine_name);
        let label = label(parent, request);
        let kind = match request.execution_type {
            ExecutionType::Standard => "execution",
            ExecutionType::Express => "express",
        };
        let arn = arn(parent, request);
        Self {
            state_machine_arn: format!("{prefix}:stateMachine:{machine}/{label}").into(),
            map_run_arn: arn.0.as_str().into(),
            arn,
            state_machine_name: format!("{machine}/{label}").into(),
            role_arn: Arc::clone(&parent.role_arn),
            execution_type: request.execution_type,
            execution_prefix: format!("{prefix}:{kind}:{machine}/{label}"),
        }
    }

    /// The name and the ARN of a child. A redrive starts an Express child as a new execution and resumes a Standard one.
    pub(crate) fn child(&self, position: u64, redrive: u32) -> (Arc<str>, Arc<str>) {
        let prefix = &self.execution_prefix;
        let (name, arn) = match self.execution_type {
            ExecutionType::Standard => {
                let name = derived(&self.arn.0, &position.to_string());
                (name, format!("{prefix}:{name}"))
            }
            ExecutionType::Express => {
                let part = match redrive {
                    0 => position.to_string(),
                    redrive => format!("{position}-redrive-{redrive}"),
                };
                let name = derived(&self.arn.0, &part);
                let id = derived(&self.arn.0, &format!("express-{part}"));
                (name, format!("{prefix}:{name}:{id}"))
            }
        };
        (name.to_string().into(), arn.into())
    }

    pub(crate) fn identity(&self, child: &InFlight) -> Identity {
        Identity {
            token_prefix: token_prefix(&child.arn).into(),
            execution_arn: Arc::clone(&child.arn),
            name: Arc::clone(&child.name),
            role_arn: Arc::clone(&self.role_arn),
            start_time: to_asl(child.started),
            state_machine_arn: Arc::clone(&self.state_machine_arn),
            state_machine_name: Arc::clone(&self.state_machine_name),
            execution_type: self.execution_type,
            redrive_count: 0,
            synchronous: false,
            redrive_time: None,
            map_run_arn: Some(Arc::clone(&self.map_run_arn)),
        }
    }
}

/// The beginning of a child's task tokens: equal in every replay, and without the child's name in it.
pub(crate) fn token_prefix(child: &str) -> String {
    format!("{}-", derived(child, "task-token").simple())
}

/// The ARN of a map run.
pub(crate) fn arn(parent: &Identity, request: &MapRunRequest) -> MapRunArn {
    let id = derived(&parent.execution_arn, &format!("map-run-{}", request.map_run.0));
    let (prefix, machine) = (prefix(parent), &parent.state_machine_name);
    MapRunArn(format!("{prefix}:mapRun:{machine}/{}:{id}", label(parent, request)))
}

/// `arn:aws:states:R:A`.
fn prefix(parent: &Identity) -> String {
    let parts: Vec<&str> = parent.state_machine_arn.splitn(6, ':').collect();
    parts.get(..5).unwrap_or_default().join(":")
}

fn label(parent: &Identity, request: &MapRunRequest) -> String {
    let unlabelled = || derived(&parent.state_machine_arn, &request.state).to_string();
    request.label.as_ref().map_or_else(unlabelled, ToString::to_string)
}

/// A UUID that follows from the text: version 8, of a 128-bit hash. It keeps no secret.
fn derived(of: &str, part: &str) -> Uuid {
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{of}/{part}").as_bytes());
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
}
