//! Lists by page: how many, from where, and the token of the next page.

use ports::{Cursor, PAGE_MAX, Page};
use serde::Deserialize;

use crate::error::ApiError;

/// Entries of a page when the request does not say. **Source**: `API_ListExecutions.html`, `maxResults`.
const DEFAULT: usize = 100;

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Paging {
    max_results: usize,
    next_token: Option<String>,
}

impl Paging {
    /// Entries of the page at most.
    pub(crate) fn limit(&self) -> usize {
        match self.max_results {
            0 => DEFAULT,
            asked => asked.min(PAGE_MAX),
        }
    }

    /// Where the page begins; `None` at the list's beginning.
    ///
    /// # Errors
    /// `InvalidToken` when no list has given the token out.
    pub(crate) fn after(&self) -> Result<Option<Cursor>, ApiError> {
        let token = self.next_token.as_deref();
        let parse = |token: &str| token.parse().map_err(|_malformed| ApiError::invalid_page_token(token));
        token.map(parse).transpose()
    }

    /// A page of entries that are all at hand: the cursor counts those of the pages before.
    pub(crate) fn of_all<T>(&self, all: impl IntoIterator<Item = T>) -> Result<Page<T>, ApiError> {
        let before = self.after()?.map_or(0, Cursor::ordinal);
        let skipped = usize::try_from(before).unwrap_or(usize::MAX);
        let mut rest = all.into_iter().skip(skipped);
        let items: Vec<T> = rest.by_ref().take(self.limit()).collect();
        let seen = u64::try_from(items.len()).unwrap_or(u64::MAX).saturating_add(before);
        let next = rest.next().map(|_more| Cursor::from_ordinal(seen));
        Ok(Page { items, next })
    }
}

/// The token of the next page, as an answer has it.
pub(crate) fn token(next: Option<Cursor>) -> Option<String> {
    next.map(|cursor| cursor.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_at_hand_are_cut_into_pages_without_gaps() {
        let mut paging = Paging {
            max_results: 2,
            next_token: None,
        };
        let mut seen = Vec::new();
        loop {
            let page = paging.of_all(0..5).unwrap();
            seen.push(page.items);
            paging.next_token = token(page.next);
            if paging.next_token.is_none() {
                break;
            }
        }
        assert_eq!(seen, [vec![0, 1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn other_tokens_are_refused() {
        let paging = Paging {
            max_results: 0,
            next_token: Some("made up".to_owned()),
        };
        assert_eq!(paging.after(), Err(ApiError::invalid_page_token("made up")));
        assert_eq!(paging.limit(), 100);
    }
}
