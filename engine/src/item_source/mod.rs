//! Where a map run's items come from: a state's data, or a reader over the object store.
//!
//! ```text
//!   files (one object, a listing, a manifest) ──▶ object (CSV, JSON, …) ──▶ window ──▶ store, range by range
//! ```
//!
//! Streams: what a reader holds is bounded in `limits`. Every item has a mark, from which a recovered run reads on: the
//! byte where the format has addresses, the row or the place in a list where it has not, and the `ETag` of what was
//! read, so that a run never goes on in other bytes than it began with.

mod content;
mod csv;
mod failure;
mod files;
mod json;
mod json_lines;
mod listing;
mod object;
mod objects;
mod parquet;
mod state;
mod token;
mod unpack;
mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use asl::{ItemReader, Items, MapRunRequest, StateError};
use ports::ObjectStore;

pub(crate) use content::{Content, Mark};

use listing::{Pages, lists};
use objects::Objects;
use state::StateItems;
use token::Token;

/// One item as it was read.
#[derive(Debug)]
pub(crate) struct SourceItem {
    /// Its position among all items.
    pub(crate) index: u64,
    pub(crate) content: Content,
}

/// Items in order.
pub(crate) struct ItemSource {
    kind: Kind,
    /// The next item's position.
    next: u64,
    items_max: u64,
}

enum Kind {
    State(StateItems),
    Objects(Box<Objects>),
    Listing(Box<Listing>),
}

/// Objects that are items themselves.
struct Listing {
    pages: Pages,
    name: String,
}

impl ItemSource {
    /// Opens the source at `from`.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        request: &MapRunRequest,
        from: Mark,
    ) -> Result<Self, StateError> {
        match &request.items {
            Items::State(items) => Ok(Self {
                kind: Kind::State(StateItems::new(items)),
                next: from.item,
                items_max: u64::MAX,
            }),
            Items::Reader(reader) => Self::of_reader(store, reader, from).await,
        }
    }

    /// Opens what a reader names at `from`.
    async fn of_reader(store: &Arc<dyn ObjectStore>, reader: &ItemReader, from: Mark) -> Result<Self, StateError> {
        let next = from.item;
        let kind = if lists(reader) {
            let cursor = Token::read(from.token.as_ref())?.cursor;
            let pages = files::pages(store, reader, cursor.as_ref())?;
            let name = pages.name();
            Kind::Listing(Box::new(Listing { pages, name }))
        } else {
            Kind::Objects(Box::new(Objects::open(store, reader, from).await?))
        };
        Ok(Self {
            kind,
            next,
            items_max: reader.max_items.filter(|max| *max > 0).unwrap_or(u64::MAX),
        })
    }

    /// What `$$.Map.Item.Source` says of the item that was read last.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::State(_) => "STATE_DATA",
            Kind::Objects(objects) => objects.name(),
            Kind::Listing(listing) => &listing.name,
        }
    }

    /// **Bytes** that are held between two items.
    #[cfg(test)]
    fn held(&self) -> usize {
        match &self.kind {
            Kind::State(_) | Kind::Listing(_) => 0,
            Kind::Objects(objects) => objects.held(),
        }
    }

    /// What the first object was read as, once it was, if reading began there: a mark of item 0 with this token begins
    /// there again, and finds the same or nothing.
    pub(crate) fn start(&self) -> Option<Arc<str>> {
        match &self.kind {
            Kind::State(_) | Kind::Listing(_) => None,
            Kind::Objects(objects) => objects.start(),
        }
    }

    /// Where the next item begins.
    pub(crate) fn mark(&self) -> Mark {
        let (byte, token) = match &self.kind {
            Kind::State(_) => (0, None),
            Kind::Objects(objects) => objects.place(),
            Kind::Listing(listing) => (0, listing.token()),
        };
        Mark {
            item: self.next,
            byte,
            token,
        }
    }

    /// The next item; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<SourceItem>, StateError> {
        let index = self.next;
        if index >= self.items_max {
            return Ok(None);
        }
        let content = match &mut self.kind {
            Kind::State(items) => items.get(index),
            Kind::Objects(objects) => objects.next(index).await?,
            Kind::Listing(listing) => {
                let object = listing.pages.next().await?;
                object.map(|object| Content::Text(listing::item(&object)))
            }
        };
        Ok(content.map(|content| {
            self.next = index + 1;
            SourceItem { index, content }
        }))
    }
}

impl Listing {
    fn token(&self) -> Option<Arc<str>> {
        let token = Token {
            cursor: Some(self.pages.cursor()),
            ..Token::default()
        };
        token.write()
    }
}

/// Whether a listing says which items there are: nothing but what it said tells it from another one.
pub(crate) fn is_listed(request: &MapRunRequest) -> bool {
    matches!(&request.items, Items::Reader(reader) if reader.resource.ends_with(":listObjectsV2"))
}

/// A listing must still say, from a mark on, what it had said by the time of that token.
///
/// # Errors
/// When it does not: its items are known by their places, and other ones would be taken for them.
pub(crate) async fn check_listing(
    store: &Arc<dyn ObjectStore>,
    request: &MapRunRequest,
    from: &Mark,
    seen: Option<Arc<str>>,
) -> Result<(), StateError> {
    let (Items::Reader(reader), Some(seen)) = (&request.items, Token::read(seen.as_ref())?.cursor) else {
        return Ok(());
    };
    let from = Token::read(from.token.as_ref())?.cursor;
    files::pages(store, reader, from.as_ref())?.check(&seen).await
}

/// How many items there are, where that is known before they are read.
pub(crate) fn known_items(request: &MapRunRequest) -> Option<u64> {
    match &request.items {
        Items::State(items) => u64::try_from(state::len(items)).ok(),
        Items::Reader(_) => None,
    }
}
