//! The names of copies: a template, filled in from the object that is copied.

/// How copies are named below their destination.
///
/// `{bucket}`, `{key}` and `{version}` are those of the source (`null` where a row names no version); `{basename}`,
/// `{stem}` and `{ext}` are of the key's last segment; `{hash}` is of bucket, key and version; `{index}` is the item's
/// position in the manifest.
///
/// ```
/// use manifest::{CopySource, CopyTemplate};
///
/// let template = CopyTemplate::parse("{bucket}/{key}").unwrap();
/// let source = CopySource { bucket: "logs", key: "2026/a.gz", version: None, index: 7 };
/// assert_eq!(template.name(source, || String::new()), "logs/2026/a.gz");
/// assert!(template.tells_buckets_apart());
/// assert!(CopyTemplate::parse("{kye}").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTemplate {
    parts: Vec<Part>,
    tells_keys: bool,
    tells_buckets: bool,
    tells_versions: bool,
}

/// The object that a name is made for.
#[derive(Debug, Clone, Copy)]
pub struct CopySource<'a> {
    /// Its bucket.
    pub bucket: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Its version, if the manifest names one.
    pub version: Option<&'a str>,
    /// The item's position in the manifest.
    pub index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Bucket,
    Key,
    Version,
    Basename,
    Stem,
    Ext,
    Hash,
    Index,
}

impl CopyTemplate {
    /// The template that a text means.
    ///
    /// # Errors
    /// An unknown or unclosed placeholder, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut left = text;
        while let Some((before, after)) = left.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| format!("template `{text}` has a `{{` that does not close"))?;
            parts.push(Part::parse(name).ok_or_else(|| {
                format!("template `{text}` has no placeholder `{{{name}}}`; there are bucket, key, version, basename, stem, ext, hash and index")
            })?);
            left = after;
        }
        if !left.is_empty() {
            parts.push(Part::Text(left.to_owned()));
        }
        if parts.is_empty() {
            return Err("the template of the names is empty".to_owned());
        }
        Ok(Self::new(parts))
    }

    fn new(parts: Vec<Part>) -> Self {
        let tells_all = parts.contains(&Part::Hash) || begins_with_index(&parts);
        let is_clear = are_clear(&parts);
        let tells = |part: &Part| tells_all || (is_clear && parts.contains(part));
        Self {
            tells_keys: tells(&Part::Key),
            tells_buckets: tells(&Part::Bucket),
            tells_versions: tells(&Part::Version),
            parts,
        }
    }

    /// Whether two keys of one bucket never share a name.
    pub const fn tells_keys_apart(&self) -> bool {
        self.tells_keys
    }

    /// Whether equal keys of two buckets never share a name.
    pub const fn tells_buckets_apart(&self) -> bool {
        self.tells_buckets
    }

    /// Whether two versions of one key never share a name.
    pub const fn tells_versions_apart(&self) -> bool {
        self.tells_versions
    }

    /// The name of a source, not yet checked; `hash` makes the hash of its bucket, key and version.
    pub fn name(&self, source: CopySource<'_>, hash: impl Fn() -> String) -> String {
        let mut name = String::with_capacity(source.bucket.len() + source.key.len());
        let basename = source.key.rsplit('/').next().unwrap_or_default();
        let (stem, ext) = match basename.rfind('.') {
            None | Some(0) => (basename, ""),
            Some(dot) => basename.split_at(dot),
        };
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Bucket => name.push_str(source.bucket),
                Part::Key => name.push_str(source.key),
                Part::Version => name.push_str(source.version.unwrap_or("null")),
                Part::Basename => name.push_str(basename),
                Part::Stem => name.push_str(stem),
                Part::Ext => name.push_str(ext.trim_start_matches('.')),
                Part::Hash => name.push_str(&hash()),
                Part::Index => name.push_str(&source.index.to_string()),
            }
        }
        name
    }
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bucket" => Self::Bucket,
            "key" => Self::Key,
            "version" => Self::Version,
            "basename" => Self::Basename,
            "stem" => Self::Stem,
            "ext" => Self::Ext,
            "hash" => Self::Hash,
            "index" => Self::Index,
            _ => return None,
        })
    }
}

/// Whether every name begins with the item's position and an end of it.
fn begins_with_index(parts: &[Part]) -> bool {
    match parts {
        [Part::Index] => true,
        [Part::Index, Part::Text(text), ..] => !text.starts_with(|c: char| c.is_ascii_digit()),
        _ => false,
    }
}

/// Whether a name says where each of its parts begins. Buckets and versions have no slash: each of them has a segment of
/// its own, before or behind the one key, with nothing but constant text around it.
fn are_clear(parts: &[Part]) -> bool {
    let (mut in_segment, mut keys) = (0, 0);
    for part in parts {
        match part {
            Part::Text(text) if text.contains('/') => in_segment = 0,
            Part::Text(_) => {}
            Part::Bucket | Part::Version => in_segment += 1,
            Part::Key => {
                in_segment += 1;
                keys += 1;
            }
            Part::Basename | Part::Stem | Part::Ext | Part::Hash | Part::Index => return false,
        }
        if in_segment > 1 || keys > 1 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(template: &str) -> String {
        let source = CopySource {
            bucket: "b",
            key: "x/a.tar.gz",
            version: Some("v1"),
            index: 7,
        };
        CopyTemplate::parse(template)
            .unwrap()
            .name(source, || "0123".to_owned())
    }

    #[test]
    fn placeholders_are_filled_in_from_the_source() {
        let cases = [
            ("{key}", "x/a.tar.gz"),
            ("{bucket}/{key}", "b/x/a.tar.gz"),
            ("{version}/{basename}", "v1/a.tar.gz"),
            ("{stem}~{hash}.{ext}", "a.tar~0123.gz"),
            ("{index}", "7"),
        ];
        for (template, expected) in cases {
            assert_eq!(name(template), expected, "{template}");
        }
    }

    #[test]
    fn a_template_knows_what_it_tells_apart() {
        let tells = |text| {
            let template = CopyTemplate::parse(text).unwrap();
            [
                template.tells_keys_apart(),
                template.tells_buckets_apart(),
                template.tells_versions_apart(),
            ]
        };
        let cases = [
            ("{key}", [true, false, false]),
            ("old/{key}", [true, false, false]),
            ("{bucket}/{key}", [true, true, false]),
            ("{bucket}/{version}/{key}", [true, true, true]),
            ("{key}/v-{version}", [true, false, true]),
            ("{key}-{version}", [false, false, false]),
            ("{bucket}{key}", [false, false, false]),
            ("{bucket}-{version}/{key}", [false, false, false]),
            ("{bucket}/{basename}", [false, false, false]),
            ("{hash}/{basename}", [true, true, true]),
            ("{index}-{basename}", [true, true, true]),
            ("{index}0{basename}", [false, false, false]),
        ];
        for (text, expected) in cases {
            assert_eq!(tells(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_template_says_what_there_is() {
        assert!(CopyTemplate::parse("{key").unwrap_err().contains("does not close"));
        assert!(CopyTemplate::parse("{host}").unwrap_err().contains("bucket, key"));
        assert!(CopyTemplate::parse("").is_err());
    }
}
