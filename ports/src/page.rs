//! Pages of a list, and the cursor at which the next page begins.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind};

/// Entries of one page at most. **Source**: `API_ListExecutions.html`, `maxResults`, 1,000.
pub const PAGE_MAX: usize = 1_000;

/// Where the next page of a list begins: after the entry with this ordinal.
///
/// Entries get ascending ordinals when they are created, and lists run from the newest to the oldest. What is created
/// while somebody turns pages is newer than the cursor, so no entry is listed twice and none is missed. Callers see
/// an opaque text.
///
/// ```
/// use ports::Cursor;
///
/// let token = Cursor::from_ordinal(41).to_string();
/// assert_eq!(token.parse::<Cursor>().unwrap().ordinal(), 41);
/// assert!("41".parse::<Cursor>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

impl Cursor {
    /// The cursor after the entry with this ordinal.
    pub const fn from_ordinal(ordinal: u64) -> Self {
        Self(ordinal)
    }

    /// The ordinal of the last entry of the page before.
    pub const fn ordinal(self) -> u64 {
        self.0
    }
}

/// What a token begins with, so that a number that somebody made up is not taken for one.
const PREFIX: &str = "after-";

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:016x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(token: &str) -> Result<Self, Error> {
        let digits = token.strip_prefix(PREFIX).filter(|digits| digits.len() == 16);
        let ordinal = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        ordinal.map(Self).ok_or_else(|| {
            let text = format!("`{token}` is not a token of a list: pass the one that came with the page before");
            Error::new(ErrorKind::Malformed, text)
        })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, the newest first.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last entry.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of entries that begin at the cursor, the newest first, each with its ordinal. One entry more than
    /// `limit` (which is at most [`PAGE_MAX`]) says that there is another page.
    pub fn from_newest(entries: impl IntoIterator<Item = (u64, T)>, limit: usize) -> Self {
        let limit = limit.min(PAGE_MAX);
        let mut page = Self {
            items: Vec::new(),
            next: None,
        };
        let mut last = None;
        for (ordinal, item) in entries {
            if page.items.len() == limit {
                page.next = last.map(Cursor);
                break;
            }
            page.items.push(item);
            last = Some(ordinal);
        }
        page
    }
}
