//! The consolidator as a Lambda function.

use std::error::Error;

use consolidator::{Config, Event, Ports, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::from_lookup(adapters::env::lookup)?;
    let aws = adapters::aws::connect().await;
    let ports = Ports {
        store: aws.store,
        table: aws.table,
        notifier: aws.notifier,
        clock: aws.clock,
    };
    adapters::lambda::serve(|event: Event, deadline| handle(event, &ports, &config, deadline)).await?;
    Ok(())
}
