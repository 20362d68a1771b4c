//! The items of one object, whatever its input type.

use std::sync::Arc;

use asl::{InputType, ItemReader, StateError};
use manifest::reader::JsonShape;
use ports::ObjectStore;

use super::content::{Content, ObjectPosition};
use super::csv::{CsvItems, CsvLayout};
use super::failure::failed;
use super::json::{JsonItems, JsonLayout};
use super::json_lines::JsonLines;
use super::parquet::ParquetItems;
use super::token::Token;
use super::window::Object;

/// How the items of an object are laid out.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    Csv(CsvLayout),
    Json(JsonLayout),
    JsonLines,
    Parquet,
}

/// An object that is being read.
pub(crate) enum ObjectItems {
    Csv(Box<CsvItems>),
    Json(Box<JsonItems>),
    JsonLines(Box<JsonLines>),
    Parquet(Box<ParquetItems>),
}

impl Layout {
    /// The layout that the reader's configuration describes.
    pub(crate) fn from_reader(reader: &ItemReader) -> Result<Self, StateError> {
        match reader.input_type {
            Some(InputType::Csv) => CsvLayout::from_reader(reader).map(Self::Csv),
            Some(InputType::Json) => JsonLayout::new(reader.items_pointer.as_deref()).map(Self::Json),
            Some(InputType::JsonLines) => Ok(Self::JsonLines),
            Some(InputType::Parquet) => Ok(Self::Parquet),
            Some(InputType::Manifest) => Err(failed("expected the InputType of an object, found `MANIFEST`")),
            None => Err(failed("expected the InputType of an object, found none")),
        }
    }

    /// The layout of one object among several, which may be without items.
    pub(crate) fn in_a_list(self) -> Self {
        match self {
            Self::Csv(layout) => Self::Csv(layout.in_a_list()),
            Self::Json(_) | Self::JsonLines | Self::Parquet => self,
        }
    }
}

impl ObjectItems {
    /// Opens an object at a place that [`Self::byte`] once gave, under the token that went with it.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        layout: &Layout,
        position: ObjectPosition,
        token: &Token,
    ) -> Result<Self, StateError> {
        let fresh = position.count == 0;
        match layout {
            Layout::Csv(layout) => {
                let items = if fresh {
                    CsvItems::open(store, object, layout).await?
                } else {
                    CsvItems::reopen(store, object, layout, position).await?
                };
                Ok(Self::Csv(Box::new(items)))
            }
            Layout::Json(layout) => {
                let items = if fresh {
                    JsonItems::open(store, object, layout).await?
                } else {
                    JsonItems::reopen(store, object, layout, token.shape(), position).await?
                };
                Ok(Self::Json(Box::new(items)))
            }
            Layout::JsonLines => {
                let items = JsonLines::open(store, object, position).await?;
                Ok(Self::JsonLines(Box::new(items)))
            }
            Layout::Parquet => {
                let items = ParquetItems::open(store, object, position).await?;
                Ok(Self::Parquet(Box::new(items)))
            }
        }
    }

    /// The next item; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Content>, StateError> {
        match self {
            Self::Csv(items) => Ok(items.next().await?.map(Content::Text)),
            Self::Json(items) => items.next().await,
            Self::JsonLines(items) => Ok(items.next().await?.map(Content::Value)),
            Self::Parquet(items) => Ok(items.next().await?.map(Content::Value)),
        }
    }

    /// The byte at which the next item begins; a row's number in a Parquet file.
    pub(crate) fn byte(&self) -> u64 {
        match self {
            Self::Csv(items) => items.window().position(),
            Self::Json(items) => items.window().position(),
            Self::JsonLines(items) => items.window().position(),
            Self::Parquet(items) => items.row(),
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Csv(items) => items.window().bytes().len(),
            Self::Json(items) => items.window().bytes().len(),
            Self::JsonLines(items) => items.window().bytes().len(),
            Self::Parquet(_) => 0,
        }
    }

    fn object(&self) -> &Object {
        match self {
            Self::Csv(items) => items.window().object(),
            Self::Json(items) => items.window().object(),
            Self::JsonLines(items) => items.window().object(),
            Self::Parquet(items) => items.object(),
        }
    }

    /// The part of a mark's token that belongs to this object.
    pub(crate) fn token(&self) -> Token {
        Token {
            etag: self.object().etag.clone(),
            entries: matches!(self, Self::Json(items) if items.shape() == JsonShape::Object),
            ..Token::default()
        }
    }
}
