//! The ports over the world: AWS, one machine's disk, environment and wall clock. The only crate that knows them.
//!
//! [`aws`] speaks to the services, [`local`] to this machine, [`http`] to the servers that items come from;
//! [`env`](mod@env) reads the environment and [`lambda`] runs a stage as a Lambda function. No decision about
//! manifests, batches or executions is made here.

pub mod aws;
pub mod env;
pub mod http;
pub mod lambda;
pub mod local;

mod function;
