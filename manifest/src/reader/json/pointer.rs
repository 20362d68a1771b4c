//! JSON pointers, RFC 6901.

/// A way into a JSON value.
///
/// ```
/// let pointer = manifest::reader::JsonPointer::parse("/a~1b/0")?;
/// assert_eq!(pointer.tokens(), ["a/b", "0"]);
/// # Ok::<(), manifest::reader::BadPointer>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPointer {
    tokens: Vec<String>,
}

/// A text that is no JSON pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPointer {
    /// It does not begin with a slash.
    #[error("expected a JSON pointer to be empty or to begin with `/`")]
    NoSlash,
    /// A tilde without `0` or `1` behind it.
    #[error("expected `~0` or `~1` in a JSON pointer, found a lone `~`")]
    LoneTilde,
}

impl JsonPointer {
    /// Reads a pointer; an empty text points to the whole.
    ///
    /// # Errors
    /// [`BadPointer`]
    pub fn parse(text: &str) -> Result<Self, BadPointer> {
        let mut parts = text.split('/');
        if parts.next().is_some_and(|before| !before.is_empty()) {
            return Err(BadPointer::NoSlash);
        }
        let tokens = parts.map(unescape).collect::<Result<_, _>>()?;
        Ok(Self { tokens })
    }

    /// The names and positions on the way.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }
}

fn unescape(token: &str) -> Result<String, BadPointer> {
    let lone = token.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    if lone {
        return Err(BadPointer::LoneTilde);
    }
    Ok(token.replace("~1", "/").replace("~0", "~"))
}

/// The position that a token names in an array, if it names one.
pub(super) fn position(token: &str) -> Option<u64> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let plain = token == "0" || !token.starts_with('0');
    if digits && plain { token.parse().ok() } else { None }
}
