//! Rows in `DynamoDB` tables.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue as Value, KeySchemaElement, KeyType, PutRequest, Select, TableDescription, WriteRequest,
};
use futures::{StreamExt, TryStreamExt, stream};
use ports::{Clock, Error, ErrorKind, Result, Row, Table, TableSchema};

use super::failure;

/// `DynamoDB`'s limit of a batch. **Source**: the API reference of `BatchWriteItem`, read 2026-11-22.
const BATCH_ROWS: usize = 25;
/// Batches of one call in flight: more would only be throttled sooner.
const BATCHES_IN_FLIGHT: usize = 4;
/// How often what was left unprocessed is sent again; with the waits between, about half a minute.
const ROUNDS_MAX: u32 = 10;
/// The first wait; each further one is twice as long, up to [`WAIT_MAX`].
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Rows in `DynamoDB` tables.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl DynamoDb {
    /// Over a client; the clock is for the waits before unprocessed rows are sent again.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    /// Writes at most [`BATCH_ROWS`] rows, again and again until all are processed.
    async fn write(&self, table: &str, rows: Vec<WriteRequest>) -> Result<()> {
        let mut left = rows;
        for round in 0..ROUNDS_MAX {
            self.wait(round).await;
            let request = self.client.batch_write_item().request_items(table, left);
            let written = request.send().await;
            let written =
                written.map_err(|error| failure::service_error(error, format!("write rows to table `{table}`")))?;
            left = written
                .unprocessed_items
                .and_then(|mut tables| tables.remove(table))
                .unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
        }
        let text = format!("write rows to table `{table}`: {} were left unprocessed", left.len());
        Err(Error::new(ErrorKind::Throttled, text))
    }

    /// Waits before a round: not before the first, and a little longer or shorter than others do.
    async fn wait(&self, round: u32) {
        let Some(doublings) = round.checked_sub(1) else { return };
        let wait = WAIT_MIN.saturating_mul(1 << doublings.min(10)).min(WAIT_MAX);
        let now = self.clock.now();
        let jitter = u32::try_from(now.as_millis().rem_euclid(64)).unwrap_or(0);
        self.clock.sleep_until(now.plus(wait / 2 + wait / 128 * jitter)).await;
    }
}

crate::attribute_value::mapping! {
    names: Bool Null Ss Ns,
    blob: Blob::new,
    // The type is open to additions.
    others: Value::Bs(_) | _,
}

fn put_request(row: Row) -> Result<WriteRequest> {
    let put = PutRequest::builder().set_item(Some(item(row)?)).build();
    let put = put.map_err(|error| Error::new(ErrorKind::Malformed, "a row is not complete").because(error))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// The attributes of a table's key: the partition key and, if there is one, the sort key.
fn key_of(table: &TableDescription) -> (Option<&str>, Option<&str>) {
    let named = |kind: &KeyType| {
        let mut elements = table.key_schema().iter();
        elements
            .find(|element| element.key_type() == kind)
            .map(KeySchemaElement::attribute_name)
    };
    (named(&KeyType::Hash), named(&KeyType::Range))
}

#[async_trait]
impl Table for DynamoDb {
    async fn ensure(&self, schema: &TableSchema) -> Result<()> {
        let described = self.client.describe_table().table_name(&schema.name).send().await;
        let described =
            described.map_err(|error| failure::service_error(error, format!("look up table `{}`", schema.name)))?;
        let wanted = (Some(schema.hash.as_str()), schema.range.as_deref());
        let found = described.table.as_ref().map(key_of);
        if found == Some(wanted) {
            return Ok(());
        }
        let text = format!("table `{}` has the key {found:?}, expected {wanted:?}", schema.name);
        Err(Error::new(ErrorKind::Conflict, text))
    }

    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()> {
        let requests: Vec<WriteRequest> = rows.into_iter().map(put_request).collect::<Result<_>>()?;
        let batches = requests
            .chunks(BATCH_ROWS)
            .map(|batch| self.write(table, batch.to_vec()));
        let batches: Vec<_> = batches.collect();
        stream::iter(batches)
            .buffer_unordered(BATCHES_IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn put(&self, table: &str, row: Row) -> Result<()> {
        let request = self.client.put_item().table_name(table).set_item(Some(item(row)?));
        let written = request.send().await;
        written.map_err(|error| failure::service_error(error, format!("write a row to table `{table}`")))?;
        Ok(())
    }

    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>> {
        let request = self.client.get_item().table_name(table).set_key(Some(item(key)?));
        let found = request.consistent_read(true).send().await;
        let found = found.map_err(|error| failure::service_error(error, format!("read a row of table `{table}`")))?;
        found.item.map(row).transpose()
    }

    /// Reads the whole table to count it: `DynamoDB` itself counts only every six hours.
    async fn count(&self, table: &str) -> Result<u64> {
        let request = self
            .client
            .scan()
            .table_name(table)
            .select(Select::Count)
            .consistent_read(true);
        let mut pages = request.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| failure::service_error(error, format!("count the rows of table `{table}`")))?;
            count += u64::try_from(page.count).unwrap_or(0);
        }
        Ok(count)
    }
}
