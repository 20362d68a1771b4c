//! Tables in one file that speaks `DynamoDB`'s shapes.
//!
//! Rows of a call are one transaction of a write-ahead log: they survive the death of the process when the call
//! returns, and the loss of power a little later. All work is done on threads for blocking work.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType};
use dynoxide::{AttributeValue as Value, Database, DynoxideError, ImportOptions, Item};
use ports::{AttributeValue, Error, ErrorKind, Result, Row, TableSchema};

use super::directory::{blocking, on_path};
use super::private;
use super::records::{disk_full, is_about_a_full_disk};

/// Tables in one file.
#[derive(Clone)]
pub struct Table {
    database: Database,
    path: PathBuf,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Opens the file, which is made if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened, or another version of its format has written it.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| failure(error, format!("open the table file `{}`", path.display()));
        let Some(text) = path.to_str() else {
            let text = format!("the path `{}` of the table file is not UTF-8", path.display());
            return Err(Error::new(ErrorKind::Malformed, text));
        };
        private::make_file(path).map_err(|error| on_path(error, "open the table file", path))?;
        let database = Database::new(text).map_err(failed)?;
        // This sets `synchronous` to NORMAL, which does not wait for the disk at each commit.
        database.disable_bulk_loading().map_err(failed)?;
        Ok(Self {
            database,
            path: path.to_owned(),
        })
    }

    /// The rows of a table in the file's order, at most `limit`, after the row with the key `after`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such table.
    pub async fn rows(&self, table: &str, after: Option<Row>, limit: usize) -> Result<Vec<Row>> {
        let request = ScanRequest {
            table_name: table.to_owned(),
            limit: Some(limit.max(1)),
            exclusive_start_key: after.map(item).transpose()?,
            ..ScanRequest::default()
        };
        let doing = format!("read the rows of table `{table}`");
        let scan = move |database: &Database| database.scan(request).map_err(|error| failure(error, doing));
        let page = self.run(scan).await?;
        page.items.unwrap_or_default().into_iter().map(row).collect()
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Database) -> Result<T> + Send + 'static) -> Result<T> {
        let database = self.database.clone();
        blocking(move || work(&database)).await
    }
}

/// A table's key, from its record: describing a table would count its rows.
fn schema_of(database: &Database, table: &str) -> Result<TableSchema> {
    let doing = || format!("look up table `{table}`");
    let found = database
        .get_table_metadata(table)
        .map_err(|error| failure(error, doing()))?;
    let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table `{table}`")))?;
    let keys: Vec<KeySchemaElement> = serde_json::from_str(&found.key_schema)
        .map_err(|error| Error::new(ErrorKind::Malformed, doing()).because(error))?;
    let named = |kind: &KeyType| {
        let element = keys.iter().find(|element| element.key_type == *kind);
        element.map(|element| element.attribute_name.clone())
    };
    Ok(TableSchema {
        name: table.to_owned(),
        hash: named(&KeyType::HASH).unwrap_or_default(),
        range: named(&KeyType::RANGE),
    })
}

fn ensure(database: &Database, schema: &TableSchema) -> Result<()> {
    match schema_of(database, &schema.name) {
        Ok(found) if found == *schema => Ok(()),
        Ok(found) => Err(Error::new(
            ErrorKind::Conflict,
            format!("table `{}` has the key {found:?}, expected {schema:?}", schema.name),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = database.create_table(create_request(schema));
            made.map_err(|error| failure(error, format!("make table `{}`", schema.name)))?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Writes rows in one transaction, by the cheapest way in: it replaces rows as a put does, for a tenth of the work of
/// `BatchWriteItem`.
fn import(database: &Database, table: &str, rows: Vec<Row>) -> Result<()> {
    check_distinct(&schema_of(database, table)?, &rows)?;
    let items: Vec<Item> = rows.into_iter().map(item).collect::<Result<_>>()?;
    let doing = format!("write {} rows to table `{table}`", items.len());
    let imported = database.import_items(table, items, ImportOptions::default());
    imported.map_err(|error| failure(error, doing))?;
    Ok(())
}

#[async_trait]
impl ports::Table for Table {
    async fn ensure(&self, schema: &TableSchema) -> Result<()> {
        let schema = schema.clone();
        self.run(move |database| ensure(database, &schema)).await
    }

    async fn batch_write(&self, table: &str, rows: Vec<Row>) -> Result<()> {
        let table = table.to_owned();
        self.run(move |database| import(database, &table, rows)).await
    }

    async fn put(&self, table: &str, row: Row) -> Result<()> {
        self.batch_write(table, vec![row]).await
    }

    async fn get(&self, table: &str, key: Row) -> Result<Option<Row>> {
        let request = GetItemRequest {
            table_name: table.to_owned(),
            key: item(key)?,
            consistent_read: Some(true),
            ..GetItemRequest::default()
        };
        let doing = format!("read a row of table `{table}`");
        let get = move |database: &Database| database.get_item(request).map_err(|error| failure(error, doing));
        let found = self.run(get).await?;
        found.item.map(row).transpose()
    }

    async fn count(&self, table: &str) -> Result<u64> {
        let doing = format!("count the rows of table `{table}`");
        let count = |database: &Database| database.table_stats().map_err(|error| failure(error, doing));
        let stats = self.run(count).await?;
        let found = stats.into_iter().find(|stats| stats.table_name == table);
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table `{table}`")))?;
        Ok(u64::try_from(found.item_count).unwrap_or(0))
    }
}

fn create_request(schema: &TableSchema) -> CreateTableRequest {
    let keys = [(&schema.hash, KeyType::HASH)];
    let keys = keys
        .into_iter()
        .chain(schema.range.iter().map(|name| (name, KeyType::RANGE)));
    let key_schema: Vec<KeySchemaElement> = keys
        .map(|(name, key_type)| KeySchemaElement {
            attribute_name: name.clone(),
            key_type,
        })
        .collect();
    let attributes = key_schema.iter().map(|element| AttributeDefinition {
        attribute_name: element.attribute_name.clone(),
        attribute_type: ScalarAttributeType::S,
    });
    CreateTableRequest {
        table_name: schema.name.clone(),
        attribute_definitions: attributes.collect(),
        key_schema,
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    }
}

/// As `DynamoDB` does; the import would quietly keep the last one.
fn check_distinct(schema: &TableSchema, rows: &[Row]) -> Result<()> {
    let text = |row: &Row, name: &str| match row.get(name) {
        Some(AttributeValue::S(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) | None => Err(Error::new(
            ErrorKind::Malformed,
            format!("a row for table `{}` has no text in its key `{name}`", schema.name),
        )),
    };
    let mut keys = HashSet::with_capacity(rows.len());
    for row in rows {
        let range = schema.range.as_ref().map(|name| text(row, name)).transpose()?;
        if !keys.insert((text(row, &schema.hash)?, range)) {
            let text = format!("two rows of one write to table `{}` have the same key", schema.name);
            return Err(Error::new(ErrorKind::Malformed, text));
        }
    }
    Ok(())
}

crate::attribute_value::mapping! {
    names: BOOL NULL SS NS,
    blob: std::convert::identity,
    others: Value::BS(_),
}

/// What a caller can do, by the shape of the error that a client would get.
fn failure(error: DynoxideError, doing: String) -> Error {
    let code = error.error_type().rsplit('#').next().unwrap_or_default().to_owned();
    let status = error.status_code();
    let text = error.to_string();
    let is_full = if let DynoxideError::SqliteError(error) = &error {
        is_about_a_full_disk(error)
    } else {
        text.contains("disk is full")
    };
    if is_full {
        return disk_full(&doing);
    }
    let kind = match code.as_str() {
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "ResourceInUseException" | "ConditionalCheckFailedException" => ErrorKind::Conflict,
        "ValidationException" => ErrorKind::Malformed,
        "ItemCollectionSizeLimitExceededException" => ErrorKind::Full,
        _ if text.contains("readonly") || text.contains("unable to open") => ErrorKind::Denied,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, doing).with_code(code, Some(status)).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::{Table as _, conformance};

    fn schema() -> TableSchema {
        TableSchema {
            name: "images".to_owned(),
            hash: "url".to_owned(),
            range: None,
        }
    }

    fn rows(count: usize) -> Vec<Row> {
        let urls = (0..count).map(|number| format!("https://example.com/{number}"));
        urls.map(|url| Row::from([("url".to_owned(), AttributeValue::S(url))]))
            .collect()
    }

    #[test]
    fn a_full_disk_is_called_so() {
        // What a tmpfs of 160 KB gives: only the extended code tells that shared memory could not be made longer.
        let no_room = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
        let no_room = rusqlite::Error::SqliteFailure(no_room, Some("disk I/O error".to_owned()));
        let errors = [
            DynoxideError::InternalServerError("database or disk is full".to_owned()),
            DynoxideError::SqliteError(no_room),
        ];
        for error in errors {
            let error = failure(error, "open the table file `t`".to_owned());
            let text = "failed to open the table file `t`: the disk is full";
            assert_eq!((error.kind(), error.chain().as_str()), (ErrorKind::Full, text));
        }
    }

    #[tokio::test]
    async fn passes_every_check() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::open(&folder.path().join("table.db")).unwrap();
        conformance::table::all(&table, "test").await.unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_process_leaves_holds_every_written_row() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::open(&folder.path().join("table.db")).unwrap();
        table.ensure(&schema()).await.unwrap();
        table.batch_write("images", rows(500)).await.unwrap();
        // The files as they are now, with the database still open: nobody gets to tidy up after a kill.
        let left = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
        let recovered = Table::open(&left.path().join("table.db")).unwrap();
        assert_eq!(recovered.count("images").await.unwrap(), 500);
    }

    #[tokio::test]
    async fn rows_can_be_read_page_by_page() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::open(&folder.path().join("table.db")).unwrap();
        table.ensure(&schema()).await.unwrap();
        table.batch_write("images", rows(25)).await.unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = table.rows("images", after, 10).await.unwrap();
            after = page.last().cloned();
            found.extend(page);
            if after.is_none() {
                break;
            }
        }
        found.sort_by_key(|row| format!("{row:?}"));
        let mut expected = rows(25);
        expected.sort_by_key(|row| format!("{row:?}"));
        assert_eq!(found, expected);
        assert_eq!(
            table.rows("none", None, 1).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }

    #[tokio::test]
    async fn another_key_is_a_conflict() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::open(&folder.path().join("table.db")).unwrap();
        table.ensure(&schema()).await.unwrap();
        let mut other = schema();
        other.hash = "object".to_owned();
        assert_eq!(table.ensure(&other).await.unwrap_err().kind(), ErrorKind::Conflict);
    }
}
