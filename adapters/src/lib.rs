//! The ports over the world: AWS, one machine's disk, environment and wall clock. The only crate that knows them.
//!
//! [`aws`] speaks to the services, [`local`] to this machine, [`origin`] to the servers that items come from.
//! [`functions`] are Lambda functions in this process, in child processes or at another endpoint, [`integrations`] the
//! services that state machines call. [`env`](mod@env) reads the environment and [`lambda`] runs a stage as a Lambda
//! function. No decision about manifests, batches or executions is made here.
//!
//! ```
//! # async fn example() -> ports::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! use adapters::local::{Access, Directory};
//! use ports::{GetOptions, ObjectKey, ObjectStore as _, PutOptions};
//!
//! // A folder is a bucket, a file is an object.
//! let store = Directory::default();
//! store.mount("images", folder.path(), Access::ReadWrite)?;
//! let at = ObjectKey::new("images", "example.com/a.gif");
//! store.put(&at, b"GIF89a".to_vec().into(), PutOptions::default()).await?;
//! assert!(folder.path().join("example.com/a.gif").exists());
//! let (info, _body) = store.get(&at, GetOptions::default()).await?;
//! assert_eq!(info.size, 6);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

pub mod aws;
pub mod env;
pub mod functions;
pub mod integrations;
pub mod lambda;
pub mod local;
pub mod origin;

mod attribute_value;
mod json_function;
