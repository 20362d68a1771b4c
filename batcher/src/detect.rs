//! What a manifest is, by its key's ending and its first bytes.

use manifest::request::{FormatName, HeaderSource, ManifestObject};
use manifest::work::Action;
use manifest::{BYTE_ORDER_MARK, Compression, Delimiter, Layout, Quote};

/// What a manifest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records.
    Records(Layout),
    /// One JSON object as `image-download` takes it.
    Inline,
}

/// How a manifest is packed: by its first bytes, whatever its name says.
pub(crate) fn compression(manifest: &ManifestObject, first: &[u8]) -> Compression {
    manifest.compression.unwrap_or(match first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    })
}

/// How a manifest is laid out.
pub(crate) fn kind(manifest: &ManifestObject, action: Action, first: &[u8]) -> Kind {
    match manifest.format {
        FormatName::Records(layout) => Kind::Records(layout),
        FormatName::Inline => Kind::Inline,
        FormatName::Auto => by_name(manifest, action, first),
    }
}

fn by_name(manifest: &ManifestObject, action: Action, first: &[u8]) -> Kind {
    let asks_for_csv = manifest.columns.is_some()
        || manifest.delimiter.is_some()
        || manifest.quote.is_some()
        || manifest.header != HeaderSource::FirstRow;
    match ending(&manifest.key).as_str() {
        "csv" | "tsv" | "tab" | "psv" => Kind::Records(Layout::Csv),
        "jsonl" | "ndjson" | "jsonlines" => Kind::Records(Layout::JsonLines),
        "txt" | "list" | "lst" | "urls" if !asks_for_csv && action == Action::Download => {
            Kind::Records(Layout::UrlList)
        }
        _ if asks_for_csv => Kind::Records(Layout::Csv),
        _ => by_content(first),
    }
}

/// The ending of a key, without the ending of its compression, in lower case.
fn ending(key: &str) -> String {
    let key = key.to_ascii_lowercase();
    let plain = [".gz", ".gzip", ".zst", ".zstd"]
        .iter()
        .find_map(|packed| key.strip_suffix(packed));
    let (_, ending) = plain.unwrap_or(&key).rsplit_once('.').unwrap_or_default();
    ending.to_owned()
}

fn by_content(first: &[u8]) -> Kind {
    let text = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first).trim_ascii_start();
    let line = text
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    match text.first() {
        Some(b'[') => Kind::Records(Layout::JsonArray),
        Some(b'{') if is_record(line) => Kind::Records(Layout::JsonLines),
        Some(b'{') => Kind::Inline,
        Some(b'"') if serde_json::from_slice::<String>(line).is_ok() => Kind::Records(Layout::JsonLines),
        Some(b'#') => Kind::Records(Layout::UrlList),
        Some(_) if is_url(line) => Kind::Records(Layout::UrlList),
        Some(_) | None => Kind::Records(Layout::Csv),
    }
}

/// Whether a line that begins with `{` is a whole JSON object, and not an inline body.
fn is_record(line: &[u8]) -> bool {
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line);
    object.is_ok_and(|object| !object.contains_key("resourcePaths"))
}

/// Whether a line is a URL and nothing else.
fn is_url(line: &[u8]) -> bool {
    let separators = b" ,;|\t\"";
    line.windows(3).any(|three| three == b"://") && !line.iter().any(|byte| separators.contains(byte))
}

/// What separates a CSV's fields.
pub(crate) fn delimiter(manifest: &ManifestObject) -> Delimiter {
    manifest
        .delimiter
        .unwrap_or_else(|| match ending(&manifest.key).as_str() {
            "tsv" | "tab" => Delimiter::Tab,
            "psv" => Delimiter::Pipe,
            _ => Delimiter::Comma,
        })
}

/// What a quote means. In text/tab-separated-values it is text like any other: a field cannot hold a tab, so nothing has
/// to be quoted. **Source**: the registration of text/tab-separated-values at IANA.
pub(crate) fn quote(manifest: &ManifestObject) -> Quote {
    manifest.quote.unwrap_or(match delimiter(manifest) {
        Delimiter::Tab => Quote::None,
        Delimiter::Comma | Delimiter::Pipe | Delimiter::Semicolon | Delimiter::Space => Quote::Double,
    })
}

/// What a manifest is that is no text, by its first bytes.
pub(crate) fn not_text(first: &[u8]) -> Option<&'static str> {
    match first {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] => Some("UTF-16, little-endian, with a byte order mark"),
        [0xfe, 0xff, ..] => Some("UTF-16, big-endian, with a byte order mark"),
        [b'P', b'A', b'R', b'1', ..] => Some("Parquet"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive, such as an Excel workbook"),
        _ => utf16_without_mark(first),
    }
}

/// UTF-16 of mostly ASCII text has a zero in every other byte.
fn utf16_without_mark(first: &[u8]) -> Option<&'static str> {
    const LOOKED_AT: usize = 64;
    let start = first.get(..LOOKED_AT).unwrap_or(first);
    let (pairs, _) = start.as_chunks::<2>();
    let most = |zeros: usize| pairs.len() >= 2 && zeros * 4 >= pairs.len() * 3;
    let low = pairs.iter().filter(|[byte, zero]| *zero == 0 && *byte != 0).count();
    let high = pairs.iter().filter(|[zero, byte]| *zero == 0 && *byte != 0).count();
    if most(low) {
        return Some("UTF-16, little-endian, without a byte order mark");
    }
    most(high).then_some("UTF-16, big-endian, without a byte order mark")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(key: &str, more: &str) -> ManifestObject {
        serde_json::from_str(&format!(r#"{{"bucket":"b","key":"{key}"{more}}}"#)).unwrap()
    }

    #[test]
    fn names_and_first_bytes_tell_the_layout() {
        use Layout::{Csv, JsonArray, JsonLines, UrlList};
        let cases = [
            ("a.csv", "", "x", Kind::Records(Csv)),
            ("a.CSV.gz", "", "[", Kind::Records(Csv)),
            ("a.ndjson", "", "x", Kind::Records(JsonLines)),
            ("a.txt", "", "u,v", Kind::Records(UrlList)),
            ("a.txt", r#","delimiter":"TAB""#, "u,v", Kind::Records(Csv)),
            ("a.json", "", "\u{feff} [1]", Kind::Records(JsonArray)),
            ("a.json", "", "{\"url\":\"x\"}\n{", Kind::Records(JsonLines)),
            ("a.json", "", "{\"baseUrl\":\"x\",\"resourcePaths\":[]}\n", Kind::Inline),
            ("a.json", "", "{\n \"baseUrl\"", Kind::Inline),
            ("a", "", "\"https://a/\"\n", Kind::Records(JsonLines)),
            ("a", "", "\"id\",\"url\"\n", Kind::Records(Csv)),
            ("a", "", "https://a/1\nhttps://a/2", Kind::Records(UrlList)),
            ("a", "", "# urls\n", Kind::Records(UrlList)),
            ("a", "", "id,url\n1,https://a/", Kind::Records(Csv)),
            ("a", r#","header":["url"]"#, "https://a/1\n", Kind::Records(Csv)),
            (
                "a.csv",
                r#","format":"remaining""#,
                "{",
                Kind::Records(Layout::Remaining),
            ),
        ];
        for (key, more, first, expected) in cases {
            assert_eq!(
                kind(&manifest(key, more), Action::Download, first.as_bytes()),
                expected,
                "{key} {more} {first}"
            );
        }
    }

    #[test]
    fn objects_to_copy_are_no_list_of_urls() {
        let found = kind(&manifest("a.txt", ""), Action::Copy, b"bucket,key\n");
        assert_eq!(found, Kind::Records(Layout::Csv));
    }

    #[test]
    fn what_is_no_text_has_a_name() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let swapped = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        let cases = [
            (
                wide("id,url\n"),
                Some("UTF-16, little-endian, without a byte order mark"),
            ),
            (
                swapped("id,url\n"),
                Some("UTF-16, big-endian, without a byte order mark"),
            ),
            (
                wide("\u{feff}id"),
                Some("UTF-16, little-endian, with a byte order mark"),
            ),
            (
                swapped("\u{feff}id"),
                Some("UTF-16, big-endian, with a byte order mark"),
            ),
            (b"PAR1\x15\x04".to_vec(), Some("Parquet")),
            (b"PK\x03\x04".to_vec(), Some("a zip archive, such as an Excel workbook")),
            (b"id,url\n1,https://a/\0\n".to_vec(), None),
            (b"\0".to_vec(), None),
            (Vec::new(), None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(not_text(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn quotes_are_text_where_tabs_separate() {
        let quoting = |key: &str, more: &str| quote(&manifest(key, more));
        assert_eq!(quoting("a.csv", ""), Quote::Double);
        assert_eq!(quoting("a.tsv.gz", ""), Quote::None);
        assert_eq!(quoting("a.txt", r#","delimiter":"TAB""#), Quote::None);
        assert_eq!(quoting("a.tsv", r#","quote":"double""#), Quote::Double);
        assert_eq!(quoting("a.csv", r#","quote":"none""#), Quote::None);
    }

    #[test]
    fn compression_is_seen_in_the_bytes() {
        let gzip = manifest("a.csv", "");
        assert_eq!(compression(&gzip, &[0x1f, 0x8b, 8]), Compression::Gzip);
        assert_eq!(compression(&gzip, &[0x28, 0xb5, 0x2f, 0xfd, 0]), Compression::Zstd);
        assert_eq!(compression(&manifest("a.csv.gz", ""), b"id,url"), Compression::None);
        assert_eq!(
            compression(&manifest("a", r#","compression":"none""#), &[0x1f, 0x8b]),
            Compression::None
        );
        assert_eq!(
            compression(&manifest("a", r#","compression":"auto""#), b""),
            Compression::None
        );
    }

    #[test]
    fn endings_tell_the_delimiter() {
        assert_eq!(delimiter(&manifest("a.tsv.zst", "")), Delimiter::Tab);
        assert_eq!(delimiter(&manifest("a.tsv", r#","delimiter":"PIPE""#)), Delimiter::Pipe);
        assert_eq!(delimiter(&manifest("a", "")), Delimiter::Comma);
    }
}
