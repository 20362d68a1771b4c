//! File names: a template, filled in from a URL, checked to be safe to write.
//!
//! A name is a function of its URL alone, unless a folder cannot hold it (see `name_conflict`). Two URLs never share a name of the default template: the host carries the
//! port, and what a path cannot tell apart (a query, a user) adds a hash of the whole URL.

use std::fmt::Write as _;

use manifest::error_name as names;
use sha2::{Digest, Sha256};
use url::Url;

use crate::failure::AttemptError;

/// **Bytes** of a segment: what file systems take. **Source**: limits.h, `NAME_MAX`.
const SEGMENT_BYTES_MAX: usize = 255;
/// **Bytes** of a key. **Source**: object-keys.html of the S3 user guide.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;
/// Begins the names of the state directory and of files that are being written, which are swept when a run has died.
const OURS: &str = ".gantry";
/// Hexadecimal digits of a URL's hash in a name: with 32 bits a few ten thousand queries of one path would collide.
const HASH_DIGITS: usize = 16;
/// Stands for what comes after a trailing slash: URLs escape braces, so no path has this name.
const INDEX_FILE: &str = "{index}";
/// The last segment of a path that has none, as browsers and wget save it. A template with a last segment alone claims
/// its names, so another file may be called so.
const INDEX_BASENAME: &str = "index.html";
/// **Bytes** of an extension that is kept when a name is shortened; what is longer is no extension.
const EXTENSION_BYTES_MAX: usize = 32;

/// How files are named.
///
/// `{host}` is the host with `+PORT` unless it is https on 443; `{path}` is the path, with a hash where the path
/// alone would not tell two URLs apart; `{basename}`, `{stem}` and `{ext}` are of the path's last segment; `{hash}` is of the
/// URL; `{index}` is the item's position in the manifest.
///
/// ```
/// assert!(processor::Template::parse("{host}/{path}").is_ok());
/// assert!(processor::Template::parse("{hots}").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    injective: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Host,
    Path,
    Basename,
    Stem,
    Ext,
    Hash,
    Index,
}

impl Template {
    /// The template that a text means.
    ///
    /// # Errors
    /// An unknown or unclosed placeholder, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| format!("template `{text}` has a `{{` that does not close"))?;
            parts.push(Part::parse(name).ok_or_else(|| {
                format!("template `{text}` has no placeholder `{{{name}}}`; there are host, path, basename, stem, ext, hash and index")
            })?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.is_empty() {
            return Err("the template of the names is empty".to_owned());
        }
        Ok(Self {
            injective: is_injective(&parts),
            parts,
        })
    }

    /// Whether two URLs never share a name.
    pub(crate) const fn is_injective(&self) -> bool {
        self.injective
    }

    /// The name of a URL, not yet checked.
    pub(crate) fn name(&self, url: &Url, index: u64) -> String {
        let mut name = String::with_capacity(url.as_str().len() + 8);
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Host => push_host(&mut name, url),
                Part::Path => push_path(&mut name, url),
                Part::Basename => name.push_str(basename(url)),
                Part::Stem => name.push_str(split_extension(basename(url)).0),
                Part::Ext => name.push_str(split_extension(basename(url)).1.trim_start_matches('.')),
                Part::Hash => name.push_str(&hash(url.as_str())),
                Part::Index => name.push_str(&index.to_string()),
            }
        }
        name
    }
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "host" => Self::Host,
            "path" => Self::Path,
            "basename" => Self::Basename,
            "stem" => Self::Stem,
            "ext" => Self::Ext,
            "hash" => Self::Hash,
            "index" => Self::Index,
            _ => return None,
        })
    }
}

/// Certain only where a name says where each part begins; everything else claims its names, which is slower and
/// just as safe.
fn is_injective(parts: &[Part]) -> bool {
    let is_bounded = |text: &str| !text.starts_with(|c: char| c.is_ascii_digit());
    match parts {
        [Part::Host, Part::Text(slash), Part::Path] | [Part::Text(_), Part::Host, Part::Text(slash), Part::Path] => {
            slash == "/"
        }
        [Part::Index] => true,
        [Part::Index, Part::Text(text), ..] if is_bounded(text) => true,
        parts => parts.contains(&Part::Hash),
    }
}

/// The host, `host+PORT` for http, `host+PORT+SCHEME` where the scheme is not what the port suggests. A host with a
/// `+` of its own always has all three, so that no host can pass for another's port.
fn push_host(name: &mut String, url: &Url) {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(0);
    let (scheme, is_tls) = (url.scheme(), url.scheme() == "https");
    name.push_str(host);
    let (is_https, has_plus) = (port == 443, host.contains('+'));
    if is_tls && is_https && !has_plus {
        return;
    }
    push_display(name, format_args!("+{port}"));
    if is_tls || is_https || has_plus {
        push_display(name, format_args!("+{scheme}"));
    }
}

fn push_display(name: &mut String, text: std::fmt::Arguments<'_>) {
    let written = name.write_fmt(text);
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// The path without its first slash and without empty segments, which no folder has, and a hash where it is needed to
/// tell URLs apart.
fn push_path(name: &mut String, url: &Url) {
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let index = if path.is_empty() || path.ends_with('/') {
        INDEX_FILE
    } else {
        ""
    };
    let is_bare = url.query().is_none() && url.username().is_empty() && url.password().is_none();
    let has_gaps = path.starts_with('/') || path.contains("//");
    if is_bare && !has_gaps && !looks_hashed(path) {
        name.extend([path, index]);
        return;
    }
    let whole = [path, index].concat();
    let segments: Vec<&str> = whole.split('/').filter(|segment| !segment.is_empty()).collect();
    name.push_str(&with_hash(&segments.join("/"), url));
}

/// `a/b.gif` becomes `a/b~0123456789abcdef.gif`, and a long `b` is cut so that the name still fits.
pub(crate) fn with_hash(name: &str, url: &Url) -> String {
    let (folder, file) = split_folder(name);
    [folder, &hashed(file, url.as_str())].concat()
}

/// A segment with the hash of a text, of at most [`SEGMENT_BYTES_MAX`] bytes.
pub(crate) fn hashed(segment: &str, text: &str) -> String {
    let (stem, extension) = match split_extension(segment) {
        (_, extension) if extension.len() > EXTENSION_BYTES_MAX => (segment, ""),
        parts => parts,
    };
    let room = SEGMENT_BYTES_MAX - 1 - HASH_DIGITS - extension.len();
    [beginning(stem, room), "~", &hash(text), extension].concat()
}

/// The beginning of a name: whole characters, no half of a percent-escape.
fn beginning(name: &str, bytes: usize) -> &str {
    let end = name.floor_char_boundary(bytes);
    let cut = name.get(..end).unwrap_or(name);
    if cut.len() == name.len() {
        return name;
    }
    match cut.as_bytes() {
        [.., b'%'] => cut.get(..end - 1).unwrap_or(cut),
        [.., b'%', _] => cut.get(..end - 2).unwrap_or(cut),
        _ => cut,
    }
}

/// A name that fits into `bytes`, every segment into what file systems take; `None` when it does so already. What is
/// too long is cut, and the file's name gets the hash of the URL: two URLs still never share a name.
pub(crate) fn shortened(name: &str, url: &Url, bytes: usize) -> Option<String> {
    if name.len() <= bytes && name.split('/').all(|segment| segment.len() <= SEGMENT_BYTES_MAX) {
        return None;
    }
    let (folders, file) = split_folder(name);
    let file = hashed(file, url.as_str());
    let mut short = String::with_capacity(bytes);
    for folder in folders.split_terminator('/') {
        let folder = if folder.len() > SEGMENT_BYTES_MAX {
            hashed(folder, folder)
        } else {
            folder.to_owned()
        };
        if short.len() + folder.len() + 1 + file.len() > bytes {
            break;
        }
        short.extend([folder.as_str(), "/"]);
    }
    short.push_str(&file);
    Some(short)
}

/// Whether the name could be one that [`with_hash`] made; then it gets a hash of its own.
fn looks_hashed(name: &str) -> bool {
    let (stem, _) = split_extension(split_folder(name).1);
    let Some((_, digits)) = stem.rsplit_once('~') else {
        return false;
    };
    digits.len() == HASH_DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// `a/b/c` is `a/b/` and `c`.
pub(crate) fn split_folder(name: &str) -> (&str, &str) {
    let at = name.rfind('/').map_or(0, |slash| slash + 1);
    name.split_at(at)
}

/// `a.tar.gz` is `a.tar` and `.gz`; `.profile` has no extension.
fn split_extension(file: &str) -> (&str, &str) {
    match file.rfind('.') {
        None | Some(0) => (file, ""),
        Some(dot) => file.split_at(dot),
    }
}

fn basename(url: &Url) -> &str {
    let name = split_folder(url.path()).1;
    if name.is_empty() { INDEX_BASENAME } else { name }
}

/// The beginning of the text's SHA-256 in hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    let mut digits = hex(&Sha256::digest(text));
    digits.truncate(HASH_DIGITS);
    digits
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Whether the text of a URL asks for a path that is not plain: `..`, a backslash, control characters or NUL. The
/// URL standard would make something harmless of most of them, and something that nobody meant.
pub(crate) fn check_raw(text: &str) -> Result<(), AttemptError> {
    let refuse = |what: &str| {
        Err(AttemptError::refused(
            names::UNSAFE_NAME,
            format!("the URL's path has {what}"),
        ))
    };
    let path = text.split(['?', '#']).next().unwrap_or_default();
    for byte in path.bytes() {
        match byte {
            b'\\' => return refuse("a backslash"),
            0..=31 | 127 => return refuse("a control character"),
            _ => {}
        }
    }
    if path.contains("%00") {
        return refuse("a NUL");
    }
    if path.split('/').any(is_parent) {
        return refuse("a `..`");
    }
    Ok(())
}

/// `..`, also with its dots escaped.
fn is_parent(segment: &str) -> bool {
    (2..=6).contains(&segment.len())
        && segment.starts_with(['.', '%'])
        && segment.to_ascii_lowercase().replace("%2e", ".") == ".."
}

/// Whether a name is safe to write, as a key and as a file.
pub(crate) fn check(name: &str) -> Result<(), AttemptError> {
    let refuse = |what: &str| Err(AttemptError::refused(names::UNSAFE_NAME, format!("the name {what}")));
    if name.is_empty() {
        return refuse("is empty");
    }
    if name.starts_with('/') || (cfg!(windows) && has_drive(name)) {
        return refuse("is absolute");
    }
    if name.contains('\\') {
        return refuse("has a backslash");
    }
    if name.chars().any(char::is_control) {
        return refuse("has a control character");
    }
    for segment in name.split('/') {
        if matches!(segment, "." | "..") {
            return refuse("has a `.` or `..` for a segment");
        }
        if cfg!(windows) && is_device(segment) {
            return refuse("is a device on Windows");
        }
        if segment.starts_with(OURS) {
            return refuse("has a segment that begins with `.gantry`, as our own files do");
        }
        if segment.len() > SEGMENT_BYTES_MAX {
            return Err(too_long("a segment of the name", segment.len(), SEGMENT_BYTES_MAX));
        }
    }
    Ok(())
}

/// Whether every segment of a file's name has a name. Keys of objects may have empty ones.
pub(crate) fn check_segments(name: &str) -> Result<(), AttemptError> {
    if name.split('/').any(str::is_empty) {
        let message = format!("the name `{name}` has an empty segment");
        return Err(AttemptError::refused(names::UNSAFE_NAME, message));
    }
    Ok(())
}

/// Whether a key, with its prefix, is short enough.
pub(crate) fn check_key(key: &str) -> Result<(), AttemptError> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(too_long("the key", key.len(), KEY_BYTES_MAX))
}

fn too_long(what: &str, found: usize, allowed: usize) -> AttemptError {
    let message = format!("{what} has {found} bytes, at most {allowed} are allowed");
    AttemptError::refused(names::NAME_TOO_LONG, message)
}

/// `C:` and `C:/…`.
fn has_drive(name: &str) -> bool {
    match name.as_bytes() {
        [letter, b':'] | [letter, b':', b'/', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// `CON`, `nul.txt`, `COM1`: names that Windows keeps for itself.
///
/// **Source**: "Naming Files, Paths, and Namespaces" of the Windows documentation, read 2026-11-21.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end();
    match stem.as_bytes() {
        [_, _, _] => ["con", "prn", "aux", "nul"]
            .iter()
            .any(|name| stem.eq_ignore_ascii_case(name)),
        [port @ .., b'1'..=b'9'] => port.eq_ignore_ascii_case(b"com") || port.eq_ignore_ascii_case(b"lpt"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(template: &str, url: &str) -> String {
        Template::parse(template).unwrap().name(&Url::parse(url).unwrap(), 7)
    }

    fn default_name(url: &str) -> String {
        name("{host}/{path}", url)
    }

    #[test]
    fn the_default_is_host_and_path() {
        let cases = [
            ("https://example.com/a/b.gif", "example.com/a/b.gif"),
            ("https://EXAMPLE.com:443/a%20b", "example.com/a%20b"),
            ("http://example.com/a", "example.com+80/a"),
            ("http://example.com:8080/a", "example.com+8080/a"),
            ("http://example.com:443/a", "example.com+443+http/a"),
            ("https://example.com:8443/a", "example.com+8443+https/a"),
            ("https://example.com", "example.com/{index}"),
            ("https://example.com/a/", "example.com/a/{index}"),
            ("https://example.com/{index}", "example.com/%7Bindex%7D"),
        ];
        for (url, expected) in cases {
            assert_eq!(default_name(url), expected);
        }
    }

    /// The digits are the beginning of `printf 'https://example.com/a.tar.gz?x=1' | sha256sum`.
    #[test]
    fn a_query_adds_a_hash_before_the_extension() {
        assert_eq!(
            default_name("https://example.com/a.tar.gz?x=1"),
            "example.com/a.tar~HASH.gz".replace("HASH", "e64564751e2e9c9f"),
        );
    }

    /// The digits are the beginnings of `printf '%s' URL | sha256sum`.
    #[test]
    fn empty_segments_become_a_hash() {
        assert_eq!(default_name("https://h/a//b.gif"), "h/a/b~690b131b71a441a8.gif");
        assert_eq!(default_name("https://h//"), "h/{index}~5020926d9e4d0fad");
        assert!(check_segments("h/a/b").is_ok());
        for name in ["h//a", "h/a/", "/a"] {
            assert_eq!(check_segments(name).unwrap_err().name, "UnsafeName", "{name}");
        }
    }

    #[test]
    fn urls_that_differ_have_default_names_that_differ() {
        let forged = format!(
            "https://a/{}",
            default_name("https://a/x.gif?q").trim_start_matches("a/")
        );
        let urls = [
            "https://a/x.gif",
            "https://a/x.gif?",
            "https://a/x.gif?q",
            "https://a/x.gif?r",
            &forged,
            "https://u@a/x.gif",
            "https://u:p@a/x.gif",
            "http://a/x.gif",
            "http://a:443/x.gif",
            "https://a:80/x.gif",
            "https://a+80/x.gif",
            "https://a/",
            "https://a/%7Bindex%7D",
            "https://a/?q",
            "https://a//x.gif",
            "https://a///x.gif",
            "https://a/x.gif//",
            "https://a/X.gif",
            "https://a+443+http/x.gif",
            "https://a/x%2Egif",
            "https://a/x.gif/",
        ];
        let names: std::collections::BTreeSet<_> = urls.iter().map(|url| default_name(url)).collect();
        assert_eq!(names.len(), urls.len(), "{names:#?}");
    }

    #[test]
    fn other_templates_use_the_last_segment() {
        let url = "https://www.fluentpython.com/data/flags/ag/ag.gif";
        assert_eq!(name("{host}/{basename}", url), "www.fluentpython.com/ag.gif");
        assert_eq!(name("{index}-{stem}.{ext}", url), "7-ag.gif");
        assert_eq!(name("x/{basename}", "https://h/"), "x/index.html");
        assert_eq!(name("{stem}-{index}.{ext}", "https://h/a/"), "index-7.html");
        assert_eq!(name("{hash}", "https://h/").len(), HASH_DIGITS);
    }

    #[test]
    fn only_certain_templates_are_injective() {
        let is_injective = |text| Template::parse(text).unwrap().is_injective();
        for text in [
            "{host}/{path}",
            "out/{host}/{path}",
            "{index}",
            "{index}.{ext}",
            "{stem}-{hash}",
        ] {
            assert!(is_injective(text), "{text}");
        }
        for text in [
            "{host}/{basename}",
            "{path}",
            "{stem}{index}",
            "{index}0{stem}",
            "{host}{path}",
        ] {
            assert!(!is_injective(text), "{text}");
        }
    }

    #[test]
    fn a_wrong_template_says_what_there_is() {
        assert!(Template::parse("{host").unwrap_err().contains("does not close"));
        assert!(Template::parse("{hots}/x").unwrap_err().contains("`{hots}`"));
        assert!(Template::parse("").is_err());
    }

    #[test]
    fn unsafe_names_are_refused_by_name() {
        let long = "x".repeat(256);
        let cases = [
            ("", "UnsafeName"),
            ("/etc/passwd", "UnsafeName"),
            ("a/../b", "UnsafeName"),
            ("..", "UnsafeName"),
            ("a/./b", "UnsafeName"),
            ("a\\b", "UnsafeName"),
            ("a\0b", "UnsafeName"),
            ("a\nb", "UnsafeName"),
            ("a/\u{85}b", "UnsafeName"),
            (".gantry", "UnsafeName"),
            ("h/.gantry-1-1-5.part", "UnsafeName"),
            ("h/.gantry/state.db", "UnsafeName"),
            (&long, "NameTooLong"),
        ];
        for (name, expected) in cases {
            assert_eq!(check(name).unwrap_err().name, expected, "{name:?}");
        }
        let fine = "x".repeat(255);
        for name in [
            "a/b.gif",
            "a.gantry/gantry",
            "...",
            "a..b",
            "console",
            "com0",
            "com10",
            "a:b",
            "ünï",
            &fine,
        ] {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_key(&"x/".repeat(513)).unwrap_err().name, "NameTooLong");
        assert_eq!(check_key(&"x/".repeat(512)), Ok(()));
    }

    #[test]
    fn names_of_devices_and_drives_are_names_but_on_windows() {
        for name in ["a/CON", "nul.txt", "x/com1.gif/y", "LPT9", "C:/x", "c:"] {
            assert_eq!(check(name).is_err(), cfg!(windows), "{name}");
        }
        assert!(is_device("CON") && is_device("nul.txt") && is_device("LPT9") && !is_device("com10"));
        assert!(has_drive("C:/x") && !has_drive("a:b"));
    }

    /// The digits are the beginnings of `printf '%s' TEXT | sha256sum`.
    #[test]
    fn long_names_are_cut_and_get_the_hash() {
        let url = |path: &str| Url::parse(&format!("https://h/{path}")).unwrap();
        let short = |path: &str| {
            let url = url(path);
            shortened(&default_name(url.as_str()), &url, KEY_BYTES_MAX)
        };
        assert_eq!(short(&"x".repeat(255)), None);
        let cjk = format!("{}.jpg", "中".repeat(30));
        let name = short(&cjk).unwrap();
        let stem = "%E4%B8%AD".repeat(26);
        assert_eq!(name, format!("h/{stem}~{}.jpg", hash(url(&cjk).as_str())));
        let cut = short(&format!("x{cjk}")).unwrap();
        assert!(cut.contains("%AD%E4%B8~"), "{cut}");
        let folder = short(&format!("{}/a.gif", "d".repeat(300))).unwrap();
        assert!(folder.split('/').all(|segment| segment.len() <= 255), "{folder}");
        let deep = short(&"folder/".repeat(200)).unwrap();
        assert!(deep.len() <= 1_024 && deep.starts_with("h/folder/folder/"), "{deep}");
        for name in [&name, &folder, &deep] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let (one, other) = (format!("{}1", "y".repeat(300)), format!("{}2", "y".repeat(300)));
        assert_ne!(short(&one), short(&other));
    }

    #[test]
    fn paths_that_climb_are_refused_before_they_are_normalised() {
        for url in [
            "http://h/a/../b",
            "http://h/..",
            "http://h/%2e%2E/x",
            "http://h/.%2e/x",
            "http://h/a\\b",
            "http://h/a%00",
            "http://h/a\tb",
            "http://h/a\nb",
        ] {
            assert_eq!(check_raw(url).unwrap_err().name, "UnsafeName", "{url}");
        }
        for url in [
            "http://h/a..b",
            "http://h/...",
            "http://h/a?x=../..",
            "http://h/%2fx",
            "http://h/a#\\",
        ] {
            assert_eq!(check_raw(url), Ok(()), "{url}");
        }
    }
}
