//! AWS's protocols on loopback, for tests: as far as the adapters and the stages speak them.
//!
//! [`s3`] speaks over any [`ports::ObjectStore`], [`dynamodb`] over a database in memory, [`sns`] to a list. [`stage`]
//! runs a stage's binary as Lambda does. Each server lives as long as the value that [`listener::serve`] returns.
//!
//! ```
//! # async fn example() {
//! use std::sync::Arc;
//!
//! let store = Arc::new(ports::memory::ObjectStore::default());
//! store.insert("manifests", "urls.csv", "url\n");
//! let server = testing::s3::serve(store).await;
//! assert!(server.url.starts_with("http://127.0.0.1:"));
//! # }
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

pub mod dynamodb;
pub mod listener;
pub mod s3;
pub mod sns;
pub mod stage;
