//! Walks to the array or object that a pointer names.

use super::pointer::{JsonPointer, position};
use super::scan::Scan;
use super::{JsonShape, Seen};
use crate::reader::{BadRecord, Step};

/// On the way to a value. The first of several members of one name counts.
#[derive(Debug)]
pub struct JsonSearch {
    /// In reverse.
    tokens: Vec<String>,
    state: State,
    scan: Scan,
}

/// Why there are no items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonFault {
    /// The value is neither an array nor an object.
    NotIterable,
    /// The pointer leads nowhere.
    PointsToNothing,
    /// It is no JSON.
    Bad(BadRecord),
}

impl From<BadRecord> for JsonFault {
    fn from(bad: BadRecord) -> Self {
        Self::Bad(bad)
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before the value that the rest of the pointer is about.
    Value,
    /// In an object, before a name or its end.
    Name,
    /// In an object, behind the name; is it the one?
    Colon { wanted: bool },
    /// In an array, before the element that is so many from the wanted one.
    Element { left: u64 },
    /// In a value that is passed over.
    Passing { of: Of },
    /// Behind a value that was passed over.
    Passed { of: Of },
}

/// Where a value that is passed over stands.
#[derive(Debug, Clone, Copy)]
enum Of {
    Object,
    Array { left: u64 },
}

/// What one move of the machine came to.
enum Move {
    On { bytes: usize },
    Found { shape: JsonShape, bytes: usize },
    Beyond,
}

impl JsonSearch {
    /// A search for what the pointer names.
    pub fn new(pointer: &JsonPointer) -> Self {
        Self {
            tokens: pointer.tokens().iter().rev().cloned().collect(),
            state: State::Value,
            scan: Scan::default(),
        }
    }

    /// Goes on; the item is what was found, and `passed` leads behind its opening bracket.
    ///
    /// # Errors
    /// [`JsonFault`]
    pub fn next(&mut self, window: &[u8], complete: bool) -> Result<Step<JsonShape>, JsonFault> {
        let mut passed = 0;
        loop {
            let rest = window.get(passed..).unwrap_or_default();
            let blank = rest.len() - rest.trim_ascii_start().len();
            let blank = if self.is_inside() { 0 } else { blank };
            let rest = rest.get(blank..).unwrap_or_default();
            let made = self
                .advance(rest, complete)
                .map_err(|fault| fault.moved(passed + blank))?;
            match made {
                Move::On { bytes } => passed += blank + bytes,
                Move::Found { shape, bytes } => {
                    return Ok(Step::Item {
                        item: shape,
                        passed: passed + blank + bytes,
                    });
                }
                Move::Beyond if complete => {
                    let at = window.len();
                    return Err(BadRecord::new(at, "expected more JSON, found the end of the file").into());
                }
                Move::Beyond => {
                    let passed = passed + blank;
                    return Ok(Step::More { passed });
                }
            }
        }
    }

    /// White space there is a part of what is passed over.
    const fn is_inside(&self) -> bool {
        matches!(self.state, State::Passing { .. })
    }

    fn advance(&mut self, rest: &[u8], complete: bool) -> Result<Move, JsonFault> {
        let Some(first) = rest.first() else {
            return Ok(Move::Beyond);
        };
        match self.state {
            State::Value => self.enter(*first, rest, complete),
            State::Name => self.name(*first, rest),
            State::Colon { wanted } if *first == b':' => {
                self.state = if wanted {
                    State::Value
                } else {
                    State::Passing { of: Of::Object }
                };
                Ok(Move::On { bytes: 1 })
            }
            State::Colon { .. } => Err(unexpected("`:` after a name", *first)),
            State::Element { .. } if *first == b']' => Err(JsonFault::PointsToNothing),
            State::Element { left: 0 } => {
                self.state = State::Value;
                Ok(Move::On { bytes: 0 })
            }
            State::Element { left } => {
                self.state = State::Passing { of: Of::Array { left } };
                Ok(Move::On { bytes: 0 })
            }
            State::Passing { of } => Ok(self.pass(of, rest, complete)),
            State::Passed { of } => self.follow(of, *first),
        }
    }

    /// Into the value, on the next step of the way.
    fn enter(&mut self, first: u8, rest: &[u8], complete: bool) -> Result<Move, JsonFault> {
        let shape = match first {
            b'[' => JsonShape::Array,
            b'{' => JsonShape::Object,
            _ => return self.dead_end(rest, complete),
        };
        let Some(token) = self.tokens.last() else {
            return Ok(Move::Found { shape, bytes: 1 });
        };
        self.state = match shape {
            JsonShape::Object => State::Name,
            JsonShape::Array => State::Element {
                left: position(token).ok_or(JsonFault::PointsToNothing)?,
            },
        };
        if shape == JsonShape::Array {
            self.tokens.pop();
        }
        Ok(Move::On { bytes: 1 })
    }

    /// A text, a number or the like, where an array or object should be.
    fn dead_end(&mut self, rest: &[u8], complete: bool) -> Result<Move, JsonFault> {
        let Some(length) = self.scan.length(rest, complete) else {
            return Ok(Move::Beyond);
        };
        let value = rest.get(..length).unwrap_or_default();
        if let Err(error) = serde_json::from_slice::<serde_json::Value>(value) {
            return Err(BadRecord::new(0, format!("expected JSON: {error}")).into());
        }
        Err(if self.tokens.is_empty() {
            JsonFault::NotIterable
        } else {
            JsonFault::PointsToNothing
        })
    }

    fn name(&mut self, first: u8, rest: &[u8]) -> Result<Move, JsonFault> {
        if first == b'}' {
            return Err(JsonFault::PointsToNothing);
        }
        let Seen::Is((name, bytes)) = name(&mut self.scan, rest)? else {
            return Ok(Move::Beyond);
        };
        let wanted = self.tokens.last().is_some_and(|token| *token == name);
        if wanted {
            self.tokens.pop();
        }
        self.state = State::Colon { wanted };
        Ok(Move::On { bytes })
    }

    fn pass(&mut self, of: Of, rest: &[u8], complete: bool) -> Move {
        let blank = self.scan.is_fresh().then(|| rest.len() - rest.trim_ascii_start().len());
        if let Some(bytes) = blank.filter(|blank| *blank > 0) {
            return Move::On { bytes };
        }
        let (bytes, ended) = self.scan.pass(rest, complete);
        if ended {
            self.scan = Scan::default();
            self.state = State::Passed { of };
        } else if bytes == 0 {
            return Move::Beyond;
        }
        Move::On { bytes }
    }

    /// Behind a value: a comma, or the end of what it stood in.
    fn follow(&mut self, of: Of, first: u8) -> Result<Move, JsonFault> {
        match (of, first) {
            (Of::Object, b',') => self.state = State::Name,
            (Of::Array { left }, b',') => self.state = State::Element { left: left - 1 },
            (Of::Object, b'}') | (Of::Array { .. }, b']') => return Err(JsonFault::PointsToNothing),
            _ => return Err(unexpected("`,` or a closing bracket", first)),
        }
        Ok(Move::On { bytes: 1 })
    }
}

impl JsonFault {
    fn moved(self, by: usize) -> Self {
        match self {
            Self::Bad(bad) => Self::Bad(bad.moved(by)),
            Self::NotIterable | Self::PointsToNothing => self,
        }
    }
}

fn unexpected(expected: &str, found: u8) -> JsonFault {
    BadRecord::unexpected(expected, found).into()
}

/// A member's name, and its length.
pub(super) fn name(scan: &mut Scan, rest: &[u8]) -> Result<Seen<(String, usize)>, BadRecord> {
    if rest.first() != Some(&b'"') {
        let found = rest.first().copied().unwrap_or_default();
        return Err(BadRecord::unexpected("a name in quotes", found));
    }
    let Some(length) = scan.length(rest, false) else {
        return Ok(Seen::Beyond);
    };
    *scan = Scan::default();
    let name = serde_json::from_slice(rest.get(..length).unwrap_or_default());
    let name = name.map_err(|error| BadRecord::new(0, format!("expected JSON: {error}")))?;
    Ok(Seen::Is((name, length)))
}
