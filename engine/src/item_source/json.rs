//! Reads `JSON`: the elements of an array or the entries of an object, at `ItemsPointer` if there is one.

use std::sync::Arc;

use asl::StateError;
use manifest::reader::{BadRecord, JsonElements, JsonFault, JsonPointer, JsonSearch, JsonShape, Step};
use ports::ObjectStore;

use super::content::{Content, ObjectPosition};
use super::failure::{failed, of_record};
use super::window::{Object, Window};

/// The pointer to the items in an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonLayout {
    /// The pointer as it was written.
    text: String,
    pointer: JsonPointer,
}

impl JsonLayout {
    pub(crate) fn new(items_pointer: Option<&str>) -> Result<Self, StateError> {
        let text = items_pointer.unwrap_or_default().to_owned();
        let pointer = JsonPointer::parse(&text);
        let pointer = pointer.map_err(|bad| failed(format!("the ItemsPointer `{text}` cannot be followed: {bad}")))?;
        Ok(Self { text, pointer })
    }
}

/// The items of one object.
pub(crate) struct JsonItems {
    window: Window,
    elements: JsonElements,
    count: u64,
}

impl JsonItems {
    /// Opens an object and goes to its first item.
    pub(crate) async fn open(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        layout: &JsonLayout,
    ) -> Result<Self, StateError> {
        let mut window = Window::open(store, object, 0).await?;
        window.pass_byte_order_mark().await?;
        let shape = find(&mut window, layout).await?;
        Ok(Self {
            window,
            elements: JsonElements::new(shape, layout.text.is_empty(), false),
            count: 0,
        })
    }

    /// Opens an object after some of its items, at a byte that an earlier reader has reported.
    pub(crate) async fn reopen(
        store: &Arc<dyn ObjectStore>,
        object: Object,
        layout: &JsonLayout,
        shape: JsonShape,
        position: ObjectPosition,
    ) -> Result<Self, StateError> {
        Ok(Self {
            window: Window::open(store, object, position.byte).await?,
            elements: JsonElements::new(shape, layout.text.is_empty(), true),
            count: position.count,
        })
    }

    pub(crate) const fn window(&self) -> &Window {
        &self.window
    }

    pub(crate) const fn shape(&self) -> JsonShape {
        self.elements.shape()
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Content>, StateError> {
        loop {
            let step = self.elements.next(self.window.bytes(), self.window.is_complete());
            match step.map_err(|bad| self.bad(&bad))? {
                Step::Item { item, passed } => {
                    self.window.pass_item(passed)?;
                    self.count += 1;
                    return Ok(Some(match item.key {
                        Some(key) => Content::Entry(key, item.value),
                        None => Content::Value(item.value),
                    }));
                }
                Step::More { passed } => {
                    self.window.pass(passed);
                    self.window.grow().await?;
                }
                Step::End => return Ok(None),
            }
        }
    }

    fn bad(&self, bad: &BadRecord) -> StateError {
        let byte = self.window.position() + bad.at as u64;
        of_record(&self.window.object().at, self.count, byte, &bad.message)
    }
}

async fn find(window: &mut Window, layout: &JsonLayout) -> Result<JsonShape, StateError> {
    let mut search = JsonSearch::new(&layout.pointer);
    loop {
        let step = search.next(window.bytes(), window.is_complete());
        match step.map_err(|fault| not_found(window, layout, fault))? {
            Step::Item { item, passed } => {
                window.pass(passed);
                return Ok(item);
            }
            Step::More { passed } => {
                window.pass(passed);
                window.grow().await?;
            }
            Step::End => return Err(not_found(window, layout, JsonFault::PointsToNothing)),
        }
    }
}

fn not_found(window: &Window, layout: &JsonLayout, fault: JsonFault) -> StateError {
    let at = &window.object().at;
    match fault {
        // AWS's own text.
        JsonFault::NotIterable => failed("Attempting to map over non-iterable node."),
        JsonFault::PointsToNothing => failed(format!("`{at}`: the ItemsPointer `{}` points to nothing", layout.text)),
        JsonFault::Bad(bad) => {
            let byte = window.position() + bad.at as u64;
            failed(format!("`{at}`, byte {byte}: {}", bad.message))
        }
    }
}
