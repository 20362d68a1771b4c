//! From a JSON pointer, or a syntax error, to a line and column of the text.

use crate::{Diagnostic, Severity};

/// Line and column, from 1, of the member that the pointer names, or of the nearest one above it that exists.
///
/// The text is valid JSON: it has been parsed.
pub(crate) fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut found = 0;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        match scanner.enter(&step) {
            Some(at) => found = at,
            None => break,
        }
    }
    line_and_column(text, found)
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Walks over valid JSON without building anything.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Goes to the value of a member or element; answers with the place of its name, or of the element.
    fn enter(&mut self, step: &str) -> Option<usize> {
        match self.peek()? {
            b'{' => self.enter_member(step),
            b'[' => self.enter_element(step.parse().ok()?),
            _ => None,
        }
    }

    fn enter_member(&mut self, name: &str) -> Option<usize> {
        let mut found = None;
        self.at += 1;
        while self.peek()? == b'"' {
            let start = self.at;
            self.skip_string();
            let matches = self.name_at(start).as_deref() == Some(name);
            self.peek();
            self.at += 1;
            if matches {
                self.peek();
                // The last of several members with one name is the one that counts.
                found = Some((start, self.at));
            }
            self.skip_value();
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        let (start, value) = found?;
        self.at = value;
        Some(start)
    }

    fn name_at(&self, start: usize) -> Option<String> {
        serde_json::from_slice(self.bytes.get(start..self.at)?).ok()
    }

    fn enter_element(&mut self, index: usize) -> Option<usize> {
        self.at += 1;
        for _ in 0..index {
            self.skip_value();
            if self.peek()? != b',' {
                return None;
            }
            self.at += 1;
        }
        (self.peek()? != b']').then_some(self.at)
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'}' | b']' | b',' | b':' if depth == 0 => return,
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                _ => self.skip_word(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_word(&mut self) {
        while self
            .bytes
            .get(self.at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
        {
            self.at += 1;
        }
    }
}

/// A syntax error in the words of Java's Jackson, which AWS shows.
pub(crate) fn java_syntax_error(text: &str, error: &serde_json::Error) -> Diagnostic {
    let (message, line, column) = complaint(text, error);
    let source = format!(
        "[Source: (String)\"{}\"; line: {line}, column: {column}]",
        excerpt(text)
    );
    Diagnostic {
        severity: Severity::Error,
        code: "INVALID_JSON_DESCRIPTION".to_owned(),
        message: format!("{message}\n at {source}"),
        location: source,
        pointer: String::new(),
        line,
        column,
        ours: false,
    }
}

/// Jackson shows the first 500 characters of its source.
fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.chars().take(500).collect();
    let rest = text.chars().count().saturating_sub(500);
    if rest > 0 {
        excerpt = format!("{excerpt}[truncated {rest} chars]");
    }
    excerpt
}

fn complaint(text: &str, error: &serde_json::Error) -> (String, usize, usize) {
    let at = byte_offset(text, error.line(), error.column());
    if error.is_eof() {
        let (line, column) = line_and_column(text, text.len());
        return ("Unexpected end-of-input".to_owned(), line, column);
    }
    let token_start = text.get(..at).map_or(0, |before| {
        before
            .rfind(|character: char| !character.is_alphanumeric())
            .map_or(0, |end| end + 1)
    });
    let token: String = text
        .get(token_start..)
        .unwrap_or_default()
        .chars()
        .take_while(|character| character.is_alphanumeric())
        .collect();
    let (line, column) = line_and_column(text, token_start + token.len());
    if token.is_empty() {
        let character = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let code = u32::from(character);
        // Recorded for `{'a': 1}` on 2023-06-22.
        let is_name = error.to_string().starts_with("key must be a string");
        let wanted = if is_name {
            ": was expecting double-quote to start field name"
        } else {
            ""
        };
        let message = format!("Unexpected character ('{character}' (code {code})){wanted}");
        return (message, line, column);
    }
    (
        format!(
            "Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        ),
        line,
        column,
    )
}

fn byte_offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (start + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_names_and_elements() {
        let text = "{\n  \"a\": {\"x\\\"y\": [1, {\"b\": 2}]},\n  \"c/d\": \"]\"\n}";
        assert_eq!(locate(text, ""), (1, 1));
        assert_eq!(locate(text, "/a"), (2, 3));
        assert_eq!(locate(text, "/a/x\"y/1/b"), (2, 22));
        assert_eq!(locate(text, "/c~1d"), (3, 3));
        assert_eq!(locate(text, "/a/none"), (2, 3));
    }

    #[test]
    fn syntax_errors_read_like_jacksons() {
        let error = serde_json::from_str::<serde_json::Value>("not a definition").unwrap_err();
        let diagnostic = java_syntax_error("not a definition", &error);
        assert_eq!(
            diagnostic.location,
            "[Source: (String)\"not a definition\"; line: 1, column: 4]"
        );
        assert!(
            diagnostic
                .message
                .starts_with("Unrecognized token 'not': was expecting")
        );
    }
}
