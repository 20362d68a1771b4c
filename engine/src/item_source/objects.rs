//! The items of several objects, one object after the other.

use std::sync::Arc;

use asl::{ItemReader, StateError};
use ports::ObjectStore;

use super::content::{Content, Mark, ObjectPosition};
use super::files::Files;
use super::object::{Layout, ObjectItems};
use super::token::Token;
use super::window::Object;

/// Objects, and the one that is being read.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    layout: Layout,
    files: Files,
    current: Option<ObjectItems>,
    /// `S3://bucket/key` of the object that was read last.
    name: String,
    token: Option<Arc<str>>,
    /// The token of the first object, if reading began with it.
    start: Option<Arc<str>>,
}

impl Objects {
    /// Opens what a reader names at a mark.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        reader: &ItemReader,
        from: Mark,
    ) -> Result<Self, StateError> {
        let token = Token::read(from.token.as_ref())?;
        let (files, layout) = Files::open(store, reader, token.cursor.as_ref()).await?;
        let mut objects = Self {
            store: Arc::clone(store),
            layout: if files.is_list() { layout.in_a_list() } else { layout },
            files,
            current: None,
            name: String::new(),
            token: from.token,
            start: None,
        };
        if token.etag.is_some() {
            let count = from.item.saturating_sub(token.first);
            objects.go_on(token, ObjectPosition { byte: from.byte, count }).await?;
        }
        Ok(objects)
    }

    /// The object that the last item came from, as `S3://bucket/key`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.current.as_ref().map_or(0, ObjectItems::held)
    }

    /// The position of the next item, and the token that goes with it.
    pub(crate) fn place(&self) -> (u64, Option<Arc<str>>) {
        let byte = self.current.as_ref().map_or(0, ObjectItems::byte);
        (byte, self.token.clone())
    }

    pub(crate) fn start(&self) -> Option<Arc<str>> {
        self.start.clone()
    }

    /// The next item, which will be number `index`.
    pub(crate) async fn next(&mut self, index: u64) -> Result<Option<Content>, StateError> {
        loop {
            if let Some(items) = &mut self.current {
                if let Some(content) = items.next().await? {
                    return Ok(Some(content));
                }
                self.end();
            }
            let first = Token {
                first: index,
                ..Token::default()
            };
            if !self.go_on(first, ObjectPosition::default()).await? {
                return Ok(None);
            }
            if index == 0 && self.start.is_none() {
                self.start.clone_from(&self.token);
            }
        }
    }

    /// Opens the next object, on condition of the token's `ETag` if it has one; `false` when there is no further object.
    async fn go_on(&mut self, token: Token, position: ObjectPosition) -> Result<bool, StateError> {
        let cursor = self.files.cursor();
        let Some(object) = self.files.next().await? else {
            return Ok(false);
        };
        self.name = format!("S3://{}/{}", object.at.bucket, object.at.key);
        let object = Object {
            etag: token.etag.clone().or(object.etag),
            ..object
        };
        let items = ObjectItems::open(&self.store, object, &self.layout, position, &token).await?;
        let token = Token {
            first: token.first,
            cursor: Some(cursor),
            ..items.token()
        };
        self.token = token.write();
        self.current = Some(items);
        Ok(true)
    }

    /// Closes an object whose last item was read.
    fn end(&mut self) {
        self.current = None;
        let between = Token {
            cursor: Some(self.files.cursor()),
            ..Token::default()
        };
        self.token = between.write();
    }
}
