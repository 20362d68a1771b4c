//! Lists of data files: what S3 Inventory and Athena leave beside their results.

use serde::Deserialize;

/// The `manifest.json` of an S3 inventory.
///
/// ```
/// let text = br#"{"sourceBucket":"photos","destinationBucket":"arn:aws:s3:::inventory","version":"2016-11-30",
///     "fileFormat":"CSV","fileSchema":"Bucket, Key, Size",
///     "files":[{"key":"photos/all/data/1.csv.gz","size":20,"MD5checksum":"0"}]}"#;
/// let inventory = manifest::reader::Inventory::read(text)?;
/// assert_eq!(inventory.bucket, "inventory");
/// assert_eq!(inventory.columns, ["Bucket", "Key", "Size"]);
/// assert_eq!(inventory.keys, ["photos/all/data/1.csv.gz"]);
/// # Ok::<(), manifest::reader::BadList>(())
/// ```
///
/// **Source**: storage-inventory-location.html of the S3 user guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The bucket of the data files.
    pub bucket: String,
    /// The names of their columns: the files themselves have no header.
    pub columns: Vec<String>,
    /// The keys of the data files, in order.
    pub keys: Vec<String>,
}

/// A list that cannot be read. Reads after "the manifest …: ".
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    /// It is no manifest.
    #[error("expected the manifest.json of an S3 inventory: {0}")]
    NoInventory(serde_json::Error),
    /// Step Functions reads inventories in CSV only.
    #[error("expected an S3 inventory in the format `CSV`, found `{0}`")]
    NotCsv(String),
    /// A line that names no object.
    #[error("expected an `s3://` address on line {line}, found `{found}`")]
    NoAddress {
        /// The line, from 1.
        line: usize,
        /// Its text.
        found: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<DataFile>,
}

#[derive(Deserialize)]
struct DataFile {
    key: String,
}

impl Inventory {
    /// Reads the text of a `manifest.json`.
    ///
    /// # Errors
    /// [`BadList`]
    pub fn read(text: &[u8]) -> Result<Self, BadList> {
        let written: Written = serde_json::from_slice(text).map_err(BadList::NoInventory)?;
        if written.file_format != "CSV" {
            return Err(BadList::NotCsv(written.file_format));
        }
        let bucket = written.destination_bucket;
        let name = bucket.rsplit(':').next().unwrap_or(&bucket);
        Ok(Self {
            bucket: name.to_owned(),
            columns: written
                .file_schema
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
            keys: written.files.into_iter().map(|file| file.key).collect(),
        })
    }
}

/// The objects that an Athena data manifest lists, one `s3://bucket/key` a line, as bucket and key.
///
/// # Errors
/// [`BadList::NoAddress`]
///
/// **Source**: querying-output-files of the Athena user guide.
pub fn athena_files(text: &str) -> Result<Vec<(String, String)>, BadList> {
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| (at, line.trim().trim_matches('"')))
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            let address = line.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
            let (bucket, key) = address.ok_or_else(|| BadList::NoAddress {
                line: at + 1,
                found: line.chars().take(200).collect(),
            })?;
            Ok((bucket.to_owned(), key.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_athena_manifest_names_an_object_a_line() {
        let files = athena_files("s3://b/a/1.gz\r\n\n\"s3://c/2\"").unwrap();
        let expected = [("b", "a/1.gz"), ("c", "2")];
        assert_eq!(files, expected.map(|(bucket, key)| (bucket.to_owned(), key.to_owned())));
        let error = athena_files("s3://b/1\nb/2").unwrap_err().to_string();
        assert_eq!(error, "expected an `s3://` address on line 2, found `b/2`");
    }

    #[test]
    fn hostile_lists_do_no_harm() {
        proptest::proptest!(|(text in "(s3://|[a-z/\"\r\n ]){0,12}")| {
            if let Ok(files) = athena_files(&text) {
                proptest::prop_assert!(files.len() <= text.lines().count());
            }
        });
        proptest::proptest!(|(text in "[\\[\\]{}\",:a-zA-Z0-9]{0,60}")| {
            proptest::prop_assert!(Inventory::read(text.as_bytes()).is_err());
        });
    }

    #[test]
    fn an_inventory_of_another_format_is_refused() {
        let text = br#"{"destinationBucket":"b","fileFormat":"ORC","fileSchema":"struct<>","files":[]}"#;
        let error = Inventory::read(text).unwrap_err().to_string();
        assert_eq!(error, "expected an S3 inventory in the format `CSV`, found `ORC`");
        let error = Inventory::read(b"[]").unwrap_err().to_string();
        assert!(
            error.starts_with("expected the manifest.json of an S3 inventory: "),
            "{error}"
        );
    }
}
