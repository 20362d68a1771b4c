//! Who an execution is where a test does not care.

use asl::{ExecutionType, Identity, Timestamp};

pub(crate) fn identity(execution_type: ExecutionType) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        name: "e".into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        start_time: Timestamp::from_millis(0),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        execution_type,
        redrive_count: 0,
        redrive_time: None,
        map_run_arn: None,
        token_prefix: "t".into(),
    }
}
