//! AWS: one SDK configuration, and the ports over its clients.
//!
//! Retries of calls are the SDK's; nothing here calls twice, except for what `DynamoDB` left unprocessed.

mod dynamodb;
mod failure;
mod lazy;
mod multipart_copy;
mod s3;
mod sns;
mod upload;

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use ports::{Clock, Notifier, ObjectStore, Table};

pub use dynamodb::DynamoDb;
pub use lazy::LazyS3;
pub use s3::S3;
pub use sns::Sns;

/// Where nothing else says which.
const FALLBACK_REGION: &str = "us-east-1";

/// The ports over AWS, all from one configuration.
#[derive(Debug, Clone)]
pub struct Aws {
    /// S3.
    pub store: Arc<dyn ObjectStore>,
    /// `DynamoDB`.
    pub table: Arc<dyn Table>,
    /// SNS.
    pub notifier: Arc<dyn Notifier>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
}

/// Reads the SDK's configuration (environment, profile, container, instance) and makes every client from it.
///
/// `AWS_ENDPOINT_URL` and its like for single services (`AWS_ENDPOINT_URL_S3`, …) are honoured; with one, buckets
/// are addressed in the path. Nothing is sent before the first request.
pub async fn connect() -> Aws {
    let tls = Provider::Rustls(CryptoMode::Ring);
    #[expect(clippy::disallowed_methods, reason = "this is the one place that configures the SDK")]
    let loader = aws_config::defaults(BehaviorVersion::latest());
    let config = loader
        .http_client(HttpBuilder::new().tls_provider(tls).build_https())
        .load()
        .await;
    let region = config.region().cloned();
    let region = region.unwrap_or_else(|| Region::from_static(FALLBACK_REGION));
    let config = config.into_builder().region(region).build();
    let has_endpoint = config.endpoint_url().is_some() || crate::env::lookup("AWS_ENDPOINT_URL_S3").is_some();
    from_config(&config, has_endpoint)
}

fn from_config(config: &SdkConfig, has_endpoint: bool) -> Aws {
    let clock: Arc<dyn Clock> = Arc::new(crate::local::Clock);
    let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(has_endpoint);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    Aws {
        store: Arc::new(S3::new(s3)),
        table: Arc::new(DynamoDb::new(aws_sdk_dynamodb::Client::new(config), Arc::clone(&clock))),
        notifier: Arc::new(Sns::new(aws_sdk_sns::Client::new(config))),
        clock,
    }
}
