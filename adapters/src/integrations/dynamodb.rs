//! `dynamodb:putItem` over the [`Table`] port.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{Row, Table, TaskFailure};
use serde::Deserialize;

use super::response::{ErrorNames, Metadata, encode, parse};
use super::{Call, Service};

const ERRORS: ErrorNames = ErrorNames {
    service: "DynamoDB",
    not_found: "ResourceNotFoundException",
    other: "AmazonDynamoDBException",
};

/// `DynamoDB` over a table.
#[derive(Debug)]
pub struct DynamoDb {
    table: Arc<dyn Table>,
}

impl DynamoDb {
    /// Rows are written to this table.
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    async fn put_item(&self, input: &str) -> Result<String, TaskFailure> {
        let request: PutItemRequest = parse(input)?;
        let written = self.table.put(&request.table_name, request.item).await;
        written.map_err(|error| ERRORS.failure(&error))?;
        encode(&Metadata::default())
    }
}

#[async_trait]
impl Service for DynamoDb {
    async fn call(&self, call: Call<'_>) -> Option<Result<String, TaskFailure>> {
        match call.action {
            "putItem" => Some(self.put_item(call.input).await),
            _ => None,
        }
    }
}

/// `{"TableName":"images","Item":{"url":{"S":"…"}}}`; a condition would be ignored, so it is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutItemRequest {
    table_name: String,
    item: Row,
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{TableSchema, memory};
    use serde_json::Value;

    #[tokio::test]
    async fn put_item_writes_to_the_table() {
        let table = Arc::new(memory::Table::default());
        let schema = TableSchema {
            name: "images".to_owned(),
            hash: "url".to_owned(),
            range: None,
        };
        table.ensure(&schema).await.unwrap();
        let service = DynamoDb::new(Arc::clone(&table) as Arc<dyn Table>);
        let input = r#"{"TableName":"images","Item":{"url":{"S":"https://a/"},"filename":{"S":"a"}}}"#;
        let output: Value = serde_json::from_str(&service.put_item(input).await.unwrap()).unwrap();
        assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
        assert_eq!(table.rows("images").len(), 1);
        let missing = input.replace("images", "none");
        let failure = service.put_item(&missing).await.unwrap_err();
        assert_eq!(failure.error, "DynamoDB.ResourceNotFoundException");
        let conditional = input.replace("}}}", "}},\"ConditionExpression\":\"x\"}");
        let failure = service.put_item(&conditional).await.unwrap_err();
        assert_eq!(failure.error, "States.Runtime");
    }
}
