//! The processor as a Lambda function: configuration, ports, serve.

use std::error::Error;
use std::sync::Arc;

use adapters::origin::{Origin, OriginOptions, SystemResolver};
use processor::{Config, GuardedResolver, Ports, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::from_lookup(adapters::env::lookup)?;
    let is_first = manifest::show_parameters(config.shown_parameters.clone());
    debug_assert!(is_first, "a process is set up once");
    let aws = adapters::aws::connect().await;
    let resolver = GuardedResolver::new(Arc::new(SystemResolver), config.guard.allow_private.clone());
    let options = OriginOptions {
        idle_per_host_max: processor::limits::CONCURRENCY_MAX as usize,
        connect_timeout: Some(config.connect_timeout),
        extra_roots: Vec::new(),
    };
    let ports = Ports {
        store: aws.store,
        origin: Arc::new(Origin::new(Arc::new(resolver), &options)?),
        clock: aws.clock,
        meter: Arc::default(),
        politeness: Arc::default(),
    };
    adapters::lambda::serve(|event, deadline| handle(event, &ports, &config, deadline)).await?;
    Ok(())
}
