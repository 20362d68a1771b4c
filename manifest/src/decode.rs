//! From the bytes of one batch to its items.

use crate::item::Found;
use crate::lines::LineEnd;
use crate::{Batch, Body, Item, Layout, Malformed, Source, SourcePosition, Subject, Task, csv, json_array, lines};

/// The items of a batch, from the bytes of its range; an inline batch needs none.
///
/// It never fails: a record that cannot be read is an item with [`Item::malformed`] set. It yields exactly
/// `batch.items` items when the bytes are those that the batcher saw.
///
/// ```
/// let line = r#"{"number":0,"first":2,"items":1,"source":{"bucket":"b","key":"urls.csv","format":{"layout":"csv","fields":2,"columns":{"url":{"name":"url","position":1}},"baseUrl":"https://example.com"}},"start":7,"end":13,"line":4}"#;
/// let batch: manifest::Batch = serde_json::from_str(line)?;
/// let items: Vec<_> = manifest::decode(&batch, b"1,a/b\n").collect();
/// assert_eq!(items[0].index, 2);
/// assert_eq!(items[0].subject, manifest::Subject::Url { url: "https://example.com/a/b".into() });
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn decode<'a>(batch: &'a Batch, bytes: &'a [u8]) -> Items<'a> {
    let (records, start, line_end) = match &batch.body {
        Body::Range {
            source, start, line, ..
        } => (
            records(source, bytes),
            (*start, *line),
            LineEnd::of_format(&source.format),
        ),
        Body::Inline(task) => (inline(task), (0, 0), LineEnd::Feed),
    };
    Items {
        records,
        bytes,
        index: batch.first,
        byte: start.0,
        line: start.1,
        counted: 0,
        line_end,
    }
}

/// The items of one batch, in order.
#[derive(Debug)]
pub struct Items<'a> {
    records: Records<'a>,
    bytes: &'a [u8],
    index: u64,
    byte: u64,
    line: u64,
    counted: usize,
    line_end: LineEnd,
}

#[derive(Debug)]
enum Records<'a> {
    Csv(Box<csv::Records<'a>>),
    Lines(lines::Records<'a>),
    JsonArray(json_array::Records<'a>),
    Inline {
        base_url: &'a str,
        paths: std::slice::Iter<'a, String>,
    },
}

fn records<'a>(source: &'a Source, bytes: &'a [u8]) -> Records<'a> {
    let format = &source.format;
    match format.layout {
        Layout::Csv => Records::Csv(Box::new(csv::Records::new(bytes, format))),
        Layout::JsonArray => Records::JsonArray(json_array::Records::new(bytes, format)),
        Layout::UrlList | Layout::JsonLines | Layout::Remaining => Records::Lines(lines::Records::new(bytes, format)),
    }
}

fn inline(task: &Task) -> Records<'_> {
    Records::Inline {
        base_url: &task.batch_input.base_url,
        paths: task.resource_paths.iter(),
    }
}

impl Items<'_> {
    fn position(&mut self, at: usize) -> SourcePosition {
        let passed = self.bytes.get(self.counted..at).unwrap_or_default();
        self.line += lines::count(passed, self.line_end);
        self.counted = at;
        SourcePosition {
            record: self.index + 1,
            line: self.line,
            byte: self.byte + at as u64,
        }
    }

    fn item(&mut self, found: Found<'_>) -> Item {
        let position = self.position(found.at);
        let item = found.into_item(self.index, position);
        self.index += 1;
        item
    }

    fn inline(&mut self, base_url: &str, path: &str) -> Item {
        let url = Subject::joined(path, base_url);
        let empty = path.trim().is_empty().then(|| Malformed::empty("resourcePaths"));
        let item = Item {
            index: self.index,
            position: SourcePosition {
                record: self.index + 1,
                ..SourcePosition::default()
            },
            subject: url,
            malformed: empty,
            note: None,
            destination: None,
        };
        self.index += 1;
        item
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let found = match &mut self.records {
            Records::Csv(records) => records.next(),
            Records::Lines(records) => records.next(),
            Records::JsonArray(records) => records.next(),
            Records::Inline { base_url, paths } => {
                let (base_url, path) = (*base_url, paths.next()?);
                return Some(self.inline(base_url, path));
            }
        };
        found.map(|found| self.item(found))
    }
}
