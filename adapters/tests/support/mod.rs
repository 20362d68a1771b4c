//! The services' protocols on loopback, over in-memory twins: as far as the adapters and the stages speak them.

pub(crate) mod dynamodb;
pub(crate) mod lambda;
pub(crate) mod listener;
pub(crate) mod s3;
pub(crate) mod sns;
