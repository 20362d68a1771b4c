//! Hands out the elements of an array or the entries of an object, one by one.

use serde_json::Value;

use super::scan::Scan;
use super::search::name;
use super::{JsonShape, Seen};
use crate::reader::{BadRecord, Step};

/// The items of an array or object.
#[derive(Debug)]
pub struct JsonElements {
    shape: JsonShape,
    /// The array or object is the whole file: only white space may follow it.
    is_whole: bool,
    state: State,
    scan: Scan,
    key: Option<String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonItem {
    /// An entry's name.
    pub key: Option<String>,
    /// The element, or the entry's value.
    pub value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind the opening bracket.
    First,
    /// Before an item.
    Item,
    /// Behind an entry's name.
    Colon,
    /// Before an element, or an entry's value.
    Value,
    /// Behind an item.
    Behind,
    /// Behind the closing bracket.
    Closed,
}

impl JsonElements {
    /// The items behind an opening bracket, or, `is_begun`, those behind an item.
    pub fn new(shape: JsonShape, is_whole: bool, is_begun: bool) -> Self {
        Self {
            shape,
            is_whole,
            state: if is_begun { State::Behind } else { State::First },
            scan: Scan::default(),
            key: None,
        }
    }

    /// What the items are part of.
    pub const fn shape(&self) -> JsonShape {
        self.shape
    }

    /// The next item. `passed` leads behind it, before the comma.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn next(&mut self, window: &[u8], complete: bool) -> Result<Step<JsonItem>, BadRecord> {
        let mut passed = 0;
        loop {
            let rest = window.get(passed..).unwrap_or_default();
            let text = rest.trim_ascii_start();
            passed += rest.len() - text.len();
            let Some(first) = text.first() else {
                return self.at_the_end(passed, complete);
            };
            if self.state == State::Value {
                return self.value(text, passed, complete);
            }
            if self.state == State::Closed && !self.is_whole {
                return Ok(Step::End);
            }
            match self.advance(*first, text).map_err(|bad| bad.moved(passed))? {
                Seen::Is(bytes) => passed += bytes,
                Seen::Beyond if complete => return Err(cut_short(window)),
                Seen::Beyond => return Ok(Step::More { passed }),
            }
        }
    }

    fn at_the_end(&self, passed: usize, complete: bool) -> Result<Step<JsonItem>, BadRecord> {
        let closed = self.state == State::Closed;
        if closed && (complete || !self.is_whole) {
            return Ok(Step::End);
        }
        if complete {
            return Err(BadRecord::new(passed, CUT_SHORT));
        }
        Ok(Step::More { passed })
    }

    fn advance(&mut self, first: u8, text: &[u8]) -> Result<Seen<usize>, BadRecord> {
        let closing = match self.shape {
            JsonShape::Array => b']',
            JsonShape::Object => b'}',
        };
        match self.state {
            State::First | State::Behind if first == closing => self.state = State::Closed,
            State::Behind if first == b',' => self.state = State::Item,
            State::Behind => return Err(BadRecord::unexpected("`,` or a closing bracket", first)),
            State::Colon if first == b':' => self.state = State::Value,
            State::Colon => return Err(BadRecord::unexpected("`:` after a name", first)),
            State::First | State::Item => return self.begin(text),
            State::Closed | State::Value => {
                return Err(BadRecord::unexpected("nothing behind the closing bracket", first));
            }
        }
        Ok(Seen::Is(1))
    }

    fn begin(&mut self, text: &[u8]) -> Result<Seen<usize>, BadRecord> {
        if self.shape == JsonShape::Array {
            self.state = State::Value;
            return Ok(Seen::Is(0));
        }
        let Seen::Is((key, bytes)) = name(&mut self.scan, text)? else {
            return Ok(Seen::Beyond);
        };
        self.key = Some(key);
        self.state = State::Colon;
        Ok(Seen::Is(bytes))
    }

    fn value(&mut self, text: &[u8], passed: usize, complete: bool) -> Result<Step<JsonItem>, BadRecord> {
        let Some(length) = self.scan.length(text, complete) else {
            if complete {
                return Err(BadRecord::new(passed + text.len(), CUT_SHORT));
            }
            return Ok(Step::More { passed });
        };
        self.scan = Scan::default();
        let value = serde_json::from_slice(text.get(..length).unwrap_or_default());
        let value = value.map_err(|error| BadRecord::new(passed, format!("expected JSON: {error}")))?;
        self.state = State::Behind;
        let key = self.key.take();
        Ok(Step::Item {
            item: JsonItem { key, value },
            passed: passed + length,
        })
    }
}

const CUT_SHORT: &str = "expected more JSON, found the end of the file";

fn cut_short(window: &[u8]) -> BadRecord {
    BadRecord::new(window.len(), CUT_SHORT)
}
