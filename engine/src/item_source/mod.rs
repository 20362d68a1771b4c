//! The items of a map run: from the state's data, or from a reader over the object store.
//!
//! ```text
//!   files (one object, a listing, a manifest) ──▶ object (CSV, JSON, …) ──▶ window ──▶ store, range by range
//! ```
//!
//! Items are streamed; `limits` bounds what a reader holds. Every item has a mark at which a recovered run can continue:
//! the byte in formats with addresses, else the row or the position in a list, and the `ETag` of the object, so that a
//! run never continues in other bytes than those with which it began.

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
    /// The item's position among all items.
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

/// Listed objects that are items themselves.
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

    /// `$$.Map.Item.Source` of the item that was read last.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::State(_) => "STATE_DATA",
            Kind::Objects(objects) => objects.name(),
            Kind::Listing(listing) => &listing.name,
        }
    }

    /// **Bytes** that the source holds between two items.
    #[cfg(test)]
    fn held(&self) -> usize {
        match &self.kind {
            Kind::State(_) | Kind::Listing(_) => 0,
            Kind::Objects(objects) => objects.held(),
        }
    }

    /// The token of the first object, once its reading has begun there. A mark of item 0 with this token starts there again
    /// and finds an unchanged object or none.
    pub(crate) fn start(&self) -> Option<Arc<str>> {
        match &self.kind {
            Kind::State(_) | Kind::Listing(_) => None,
            Kind::Objects(objects) => objects.start(),
        }
    }

    /// The mark of the next item.
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

    /// The next item; `None` after the last.
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

/// Whether a listing determines the items, so that a changed listing can only be noticed by what an earlier one had.
pub(crate) fn is_listed(request: &MapRunRequest) -> bool {
    matches!(&request.items, Items::Reader(reader) if reader.resource.ends_with(":listObjectsV2"))
}

/// Checks that a listing still has, from a mark on, the objects that it had at the time of the token `seen`.
///
/// # Errors
/// When the listing has changed: items are known by their positions, and other items would be taken for them.
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

/// The number of items, where it is known before they are read.
pub(crate) fn known_items(request: &MapRunRequest) -> Option<u64> {
    match &request.items {
        Items::State(items) => u64::try_from(state::len(items)).ok(),
        Items::Reader(_) => None,
    }
}
