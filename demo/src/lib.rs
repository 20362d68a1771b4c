//! The origin of `gantry demo`: an HTTP server on loopback that serves small images and misbehaves in 33 ways.
//!
//! Each [`Behaviour`] has a folder on the [`Origin`], and says what must become of an item that leads there. The crate
//! names none of the others: what must come out is written as plain text and numbers, by hand from AWS's and gantry's
//! documentation, and never asked of the code that is to be tested.
//!
//! ```
//! use demo::origin::Options;
//! use demo::{Behaviour, Origin};
//!
//! # fn main() -> std::io::Result<()> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let origin = Origin::start(Options::default()).await?;
//! assert!(origin.url("/images/1.gif").starts_with("http://127.0.0.1:"));
//!
//! // The first two answers to this path are 429 with `Retry-After`; the third is an image.
//! assert_eq!(Behaviour::Throttled.path("a"), "/bad/throttled/a.gif");
//! assert_eq!(Behaviour::Throttled.expected().attempts, 3);
//! assert_eq!(Behaviour::NotFound.expected().error, Some(("NotFound", "permanent")));
//! # Ok(())
//! # })
//! # }
//! ```

pub mod image;
pub mod origin;

mod behaviour;

pub use behaviour::{Behaviour, Expected};
pub use origin::Origin;
