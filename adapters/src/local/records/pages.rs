//! Pages of a list, the newest entries first.

use ports::{Cursor, Page};
use rusqlite::Connection;
use serde::de::DeserializeOwned;

use super::{as_i64, as_u64, from_json, refuse};

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries<'a> {
    /// Selects an ordinal and a row as JSON, in descending order, of ordinals below `?1`.
    pub(super) select: &'a str,
    /// The values of `?2` and the parameters after it.
    pub(super) keys: &'a [&'a str],
}

/// One page of the wanted entries: at most `limit` of them, which are read one by one.
pub(super) fn page<T: DeserializeOwned>(
    connection: &Connection,
    entries: &Entries<'_>,
    after: Option<Cursor>,
    limit: usize,
    is_wanted: impl Fn(&T) -> bool,
) -> rusqlite::Result<Page<T>> {
    let limit = limit.min(ports::PAGE_MAX);
    let mut select = connection.prepare_cached(entries.select)?;
    select.raw_bind_parameter(1, after.map_or(i64::MAX, |after| as_i64(after.ordinal())))?;
    for (at, key) in (2..).zip(entries.keys) {
        select.raw_bind_parameter(at, key)?;
    }
    let mut found = Vec::new();
    let mut rows = select.raw_query();
    while found.len() <= limit
        && let Some(row) = rows.next()?
    {
        let entry = from_json(row.get_ref(1)?.as_str()?).map_err(refuse)?;
        if is_wanted(&entry) {
            found.push((as_u64(row.get(0)?), entry));
        }
    }
    Ok(Page::from_newest(found, limit))
}
