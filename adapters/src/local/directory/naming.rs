//! From a key to a path and back.
//!
//! **Plain**, for a folder that people look at: the key is the relative path, and what cannot be one is refused.
//!
//! **Escaped**, for our own buckets: every key that S3 allows has a path of its own, and ordinary keys look like
//! themselves. A file's name always has a dot and a folder's never, so that `a` and `a/b` can both be objects:
//! a file without a dot ends in `%.`, a dot in a folder becomes `%2E`, as do a dot at the beginning, percent signs
//! and control characters. An empty segment is the folder `%_`. A long segment is cut into folders ending in `%-`.

use percent_encoding::percent_decode_str;

use super::object_writer::is_unfinished;
use crate::local::private;

/// S3's limit of a key. **Source**: object-keys.html of the S3 user guide.
const KEY_BYTES_MAX: usize = 1_024;
/// A file system's limit of a name.
const NAME_BYTES_MAX: usize = 255;
/// Where escaped names are cut, so that the marks at their ends fit.
const PIECE_BYTES_MAX: usize = 200;

const EMPTY: &str = "%_";
const CONTINUED: &str = "%-";
const DOTLESS: &str = "%.";

/// How keys become paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Every key has a path.
    Escaped,
    /// The path is the key.
    Plain,
}

/// Where an object's file is, below its bucket's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectPath {
    /// Path of the folder; empty for the bucket's own.
    pub(super) folder: String,
    /// Name of the file in it.
    pub(super) name: String,
}

/// What an entry of a folder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The end of a key.
    File(String),
    /// A segment of keys, and more below it.
    Folder(String),
    /// The beginning of a segment, and more of it below.
    Continued(String),
}

impl Naming {
    /// The mode of new files: those of a mounted folder are for whom the user's mask allows it.
    pub(super) const fn file_mode(self) -> u32 {
        match self {
            Self::Escaped => private::FILE_MODE,
            Self::Plain => 0o666,
        }
    }

    /// The mode of new folders.
    pub(super) const fn folder_mode(self) -> u32 {
        match self {
            Self::Escaped => private::FOLDER_MODE,
            Self::Plain => 0o777,
        }
    }

    /// The path of a key, or why it has none.
    pub(super) fn path(self, key: &str) -> Result<ObjectPath, String> {
        match key.len() {
            0 => Err("it is empty".to_owned()),
            length if length > KEY_BYTES_MAX => Err(format!("it has {length} bytes, over {KEY_BYTES_MAX}")),
            _ => match self {
                Self::Escaped => Ok(escaped(key)),
                Self::Plain => plain(key),
            },
        }
    }

    /// What a name in a folder means; nothing for what is not ours.
    pub(super) fn meaning(self, name: &str, is_folder: bool) -> Option<Meaning> {
        match self {
            _ if is_unfinished(name) => None,
            Self::Plain if is_folder => Some(Meaning::Folder(name.to_owned())),
            Self::Plain => Some(Meaning::File(name.to_owned())),
            Self::Escaped if name.starts_with('.') => None,
            Self::Escaped if is_folder => folder_meaning(name),
            Self::Escaped => file_meaning(name),
        }
    }
}

fn plain(key: &str) -> Result<ObjectPath, String> {
    let bad = |byte: u8| byte.is_ascii_control() || byte == b'\\';
    if key.bytes().any(bad) {
        return Err("it holds a control character or a backslash".to_owned());
    }
    for segment in key.split('/') {
        match segment {
            "" => return Err("it begins or ends with `/`, or holds `//`".to_owned()),
            "." | ".." => return Err(format!("it holds the segment `{segment}`")),
            _ if segment.len() > NAME_BYTES_MAX => {
                return Err(format!(
                    "it holds a name of {} bytes, over {NAME_BYTES_MAX}",
                    segment.len()
                ));
            }
            _ if is_unfinished(segment) => return Err(format!("`{segment}` is a name for unfinished files")),
            _ => {}
        }
    }
    let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
    Ok(ObjectPath {
        folder: folder.to_owned(),
        name: name.to_owned(),
    })
}

fn escaped(key: &str) -> ObjectPath {
    let (folders, last) = key
        .rsplit_once('/')
        .map_or((None, key), |(folders, last)| (Some(folders), last));
    let mut folder = String::with_capacity(key.len() + 16);
    for segment in folders.into_iter().flat_map(|folders| folders.split('/')) {
        let rest = push_pieces(&mut folder, segment);
        if segment.is_empty() {
            folder.push_str(EMPTY);
        }
        push_encoded(&mut folder, rest, Dots::Escaped);
        folder.push('/');
    }
    let rest = push_pieces(&mut folder, last);
    let mut name = String::with_capacity(rest.len() + 8);
    push_encoded(&mut name, rest, Dots::Kept);
    if !name.contains('.') {
        name.push_str(DOTLESS);
    }
    folder.truncate(folder.trim_end_matches('/').len());
    ObjectPath { folder, name }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dots {
    Kept,
    Escaped,
}

/// Writes the folders that a long segment begins with and returns what is left of the segment.
fn push_pieces<'a>(path: &mut String, segment: &'a str) -> &'a str {
    let (mut piece_start, mut encoded) = (0, 0);
    for (at, char) in segment.char_indices() {
        let length = encoded_length(char);
        if encoded + length > PIECE_BYTES_MAX {
            push_encoded(path, segment.get(piece_start..at).unwrap_or_default(), Dots::Escaped);
            path.push_str(CONTINUED);
            path.push('/');
            (piece_start, encoded) = (at, 0);
        }
        encoded += length;
    }
    segment.get(piece_start..).unwrap_or_default()
}

const fn encoded_length(char: char) -> usize {
    match char {
        '.' | '%' | '\0'..='\x1f' | '\x7f' => 3,
        _ => char.len_utf8(),
    }
}

fn push_encoded(path: &mut String, text: &str, dots: Dots) {
    for (at, char) in text.char_indices() {
        match char {
            '.' if at > 0 && dots == Dots::Kept => path.push('.'),
            '.' | '%' | '\0'..='\x1f' | '\x7f' => {
                let byte = u32::from(char);
                path.push('%');
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit, 16));
                path.extend(digits.into_iter().flatten().map(|digit| digit.to_ascii_uppercase()));
            }
            _ => path.push(char),
        }
    }
}

fn decode(name: &str) -> Option<String> {
    let text = percent_decode_str(name).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn file_meaning(name: &str) -> Option<Meaning> {
    let text = decode(name.strip_suffix(DOTLESS).unwrap_or(name))?;
    name.contains('.').then_some(Meaning::File(text))
}

fn folder_meaning(name: &str) -> Option<Meaning> {
    if name == EMPTY {
        return Some(Meaning::Folder(String::new()));
    }
    match name.strip_suffix(CONTINUED) {
        Some(piece) => Some(Meaning::Continued(decode(piece)?)),
        None => Some(Meaning::Folder(decode(name)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(naming: Naming, key: &str) -> String {
        let place = naming.path(key).unwrap();
        if place.folder.is_empty() {
            return place.name;
        }
        format!("{}/{}", place.folder, place.name)
    }

    #[test]
    fn ordinary_keys_look_like_themselves() {
        for key in [
            "runs/r-1/0/batches.jsonl",
            "runs/r/0/outcomes/000000/000000001.jsonl",
            "ü/日本.gif",
        ] {
            assert_eq!(path(Naming::Escaped, key), key);
            assert_eq!(path(Naming::Plain, key), key);
        }
    }

    #[test]
    fn odd_keys_are_escaped() {
        let cases = [
            ("a", "a%."),
            ("a/b", "a/b%."),
            ("a/", "a/%."),
            ("a//b", "a/%_/b%."),
            ("/a.b", "%_/a.b"),
            ("..", "%2E."),
            (".", "%2E%."),
            ("x/../y", "x/%2E%2E/y%."),
            ("v1.2/file", "v1%2E2/file%."),
            ("100%.", "100%25."),
            ("new\nline", "new%0Aline%."),
        ];
        for (key, expected) in cases {
            assert_eq!(path(Naming::Escaped, key), expected, "{key:?}");
        }
    }

    #[test]
    fn names_fit_a_file_system_and_tell_their_key() {
        let long = "日.".repeat(200);
        let dots = ".".repeat(1_000);
        for key in [
            "a",
            "a/b.c/d",
            "//",
            "%/%41/.",
            "a/./../b",
            "\u{1}\u{7f}",
            &long,
            &dots,
            &"k".repeat(1_024),
        ] {
            let path = path(Naming::Escaped, key);
            assert!(path.len() < 4_096);
            let names: Vec<&str> = path.split('/').collect();
            assert!(names.iter().all(|name| name.len() <= NAME_BYTES_MAX), "{path}");
            let mut told = String::new();
            for (at, name) in names.iter().enumerate() {
                match Naming::Escaped.meaning(name, at + 1 < names.len()).unwrap() {
                    Meaning::File(text) | Meaning::Continued(text) => told.push_str(&text),
                    Meaning::Folder(text) => told.push_str(&(text + "/")),
                }
            }
            assert_eq!(told, key);
        }
    }

    #[test]
    fn plain_names_are_paths_or_refused() {
        let long = format!("a/{}", "n".repeat(256));
        let refused = [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/..",
            "./a",
            "a\\b",
            "a\0b",
            "a\nb",
            &long,
            ".gantry-1-2-3.part",
        ];
        for key in refused {
            assert!(Naming::Plain.path(key).is_err(), "{key:?}");
        }
        for key in ["a", ".hidden", "a..b/c", "name.part", "CON"] {
            assert_eq!(path(Naming::Plain, key), key);
        }
    }
}
