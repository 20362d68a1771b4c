//! A JSON value with its text: what one state hands to the next.
//!
//! Cheap to clone. The text is the caller's, white space included, as long as no state changes the value; otherwise it
//! is written when somebody asks for it.

use crate::Text;
use crate::limits::PAYLOAD_BYTES_MAX;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A JSON value, its text written at most once.
#[derive(Clone)]
pub(crate) struct Document(Arc<Inner>);

struct Inner {
    value: Arc<Value>,
    text: OnceLock<Text>,
    bytes: OnceLock<usize>,
    shallow: OnceLock<bool>,
}

/// Values nested deeper than this are refused, so that nothing that recurses over them can overflow the stack.
const DEPTH_MAX: usize = 128;

impl Document {
    /// The value that the text holds.
    pub(crate) fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        let value = parse(text)?;
        Ok(Self::with_text(value, text.into()))
    }

    /// A value together with the text it came from.
    pub(crate) fn with_text(value: Value, text: Text) -> Self {
        Self(Arc::new(Inner {
            value: Arc::new(value),
            text: OnceLock::from(text),
            bytes: OnceLock::new(),
            shallow: OnceLock::new(),
        }))
    }

    /// The value, shared.
    pub(crate) fn value(&self) -> &Arc<Value> {
        &self.0.value
    }

    /// The text, written on first use.
    pub(crate) fn text(&self) -> &Text {
        self.0.text.get_or_init(|| self.0.value.to_string().into())
    }

    /// Whether it may be handed on: neither too large nor nested too deeply. Looked at only once.
    pub(crate) fn fits(&self) -> bool {
        *self.0.shallow.get_or_init(|| within_depth(&self.0.value, DEPTH_MAX)) && self.bytes() <= PAYLOAD_BYTES_MAX
    }

    /// **Bytes** of the text, without writing it. Counted only once.
    pub(crate) fn bytes(&self) -> usize {
        let count = || {
            let text = self.0.text.get();
            text.map_or_else(|| measure(&self.0.value), |text| text.len())
        };
        *self.0.bytes.get_or_init(count)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self::from(Arc::new(value))
    }
}

impl From<Arc<Value>> for Document {
    fn from(value: Arc<Value>) -> Self {
        Self(Arc::new(Inner {
            value,
            text: OnceLock::new(),
            bytes: OnceLock::new(),
            shallow: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Reads JSON as Java does: `-0` is the integer 0.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::from_str(text)?;
    if text.contains("-0") && !text.contains("-0.") {
        drop_negative_zero(&mut value);
    }
    Ok(value)
}

fn drop_negative_zero(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) && number.is_f64() => *value = Value::from(0),
        Value::Array(elements) => elements.iter_mut().for_each(drop_negative_zero),
        Value::Object(members) => members.values_mut().for_each(drop_negative_zero),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// **Bytes** that the value takes as text without white space.
pub(crate) fn measure(value: &Value) -> usize {
    let mut counter = Counter(0);
    // Counting bytes cannot fail; if it did, the value would count as empty.
    if serde_json::to_writer(&mut counter, value).is_ok() {
        counter.0
    } else {
        0
    }
}

/// Whether no part of the value is nested deeper than `depth`. Looks no deeper than that.
fn within_depth(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(elements) => depth > 0 && elements.iter().all(|element| within_depth(element, depth - 1)),
        Value::Object(members) => depth > 0 && members.values().all(|member| within_depth(member, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_or_written() {
        assert_eq!(&**Document::from_text("[1,  2]").unwrap().text(), "[1,  2]");
        assert_eq!(&**Document::from(serde_json::json!([1, 2.0])).text(), "[1,2.0]");
        assert_eq!(Document::from(serde_json::json!({"a": "é"})).bytes(), 10);
        assert_eq!(parse("[-0, 1]").unwrap().to_string(), "[0,1]");
    }
}
