//! Looking into the records while a manifest is split: every one of them when that is asked for, otherwise only where
//! something may be wrong.

use bytes::{Buf, Bytes};
use manifest::request::SuspiciousField;
use manifest::{Batch, Body, Cut, Layout, Malformed, Quote, Source, SourcePosition, Sources, Span};
use rayon::prelude::*;

use crate::limits::FAULTS_TOLD_MAX;
use crate::source::Window;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks {
    /// Records that are not what they should be: the run is refused.
    pub(crate) strict: bool,
    /// What the items are copied from.
    pub(crate) sources: bool,
}

/// What was found in the records.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) faults: Vec<(SourcePosition, Malformed)>,
    pub(crate) sources: Sources,
    pub(crate) suspicious: Option<SuspiciousField>,
}

/// Decodes batches as they close, and keeps what it finds.
#[derive(Debug)]
pub(crate) struct Survey {
    looks: Looks,
    /// The bytes from the open batch's start on.
    held: Vec<Bytes>,
    /// Where they begin.
    start: u64,
    pub(crate) found: Found,
}

impl Survey {
    pub(crate) fn new(start: u64, looks: Looks) -> Self {
        Self {
            looks,
            held: Vec::new(),
            start,
            found: Found::default(),
        }
    }

    /// Takes a window's bytes and the batches that have closed with it. True when enough faults were found.
    pub(crate) fn take(&mut self, window: Window, source: &Source, cuts: &[Cut]) -> bool {
        // One suspicious field is enough to tell; most manifests with one have many.
        let has_quotes = source.format.layout == Layout::Csv
            && source.format.quote == Quote::Double
            && self.found.suspicious.is_none();
        if !has_quotes && !self.looks.strict && !self.looks_for_sources() {
            self.held.clear();
            return false;
        }
        self.held.extend(window);
        let Some(last) = cuts.last() else { return false };
        let is_looked_at =
            |cut: &&Cut| self.looks.strict || self.looks_for_sources() || (has_quotes && cut.lines > cut.items);
        let looked_at: Vec<_> = cuts.iter().filter(is_looked_at).collect();
        if !looked_at.is_empty() {
            self.look(source, &looked_at, has_quotes);
        }
        self.let_go(last.end);
        self.found.faults.len() >= FAULTS_TOLD_MAX
    }

    fn looks_for_sources(&self) -> bool {
        self.looks.sources && !self.found.sources.is_settled()
    }

    fn look(&mut self, source: &Source, cuts: &[&Cut], has_quotes: bool) {
        let held = self.held.concat();
        let looks = Looks {
            sources: self.looks_for_sources(),
            ..self.looks
        };
        let look = |cut: &&Cut| {
            let bytes = slice(&held, self.start, cut.start, cut.end);
            let mut found = decode(source, cut, bytes, looks);
            if has_quotes && cut.lines > cut.items {
                found.suspicious = suspicious(&manifest::spans(bytes, &source.format, (cut.start, cut.line)), cut);
            }
            found
        };
        let all: Vec<_> = cuts.par_iter().map(look).collect();
        for found in all {
            self.found.merge(found);
        }
    }

    /// Keeps the bytes of the open batch alone.
    fn let_go(&mut self, end: u64) {
        for piece in &mut self.held {
            let before = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let passed = before.min(piece.len());
            piece.advance(passed);
            self.start += passed as u64;
        }
        self.held.retain(|piece| !piece.is_empty());
    }
}

impl Found {
    fn merge(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.faults.truncate(FAULTS_TOLD_MAX);
        self.sources.merge(other.sources);
        self.suspicious = self.suspicious.or(other.suspicious);
    }
}

/// Bytes `from .. to` of the manifest out of those that begin at `start`.
fn slice(held: &[u8], start: u64, from: u64, to: u64) -> &[u8] {
    let at = |byte: u64| usize::try_from(byte.saturating_sub(start)).map_or(held.len(), |at| at.min(held.len()));
    held.get(at(from)..at(to)).unwrap_or_default()
}

fn decode(source: &Source, cut: &Cut, bytes: &[u8], looks: Looks) -> Found {
    let mut found = Found::default();
    if !looks.strict && !looks.sources {
        return found;
    }
    let batch = Batch {
        number: cut.number,
        first: cut.first,
        items: cut.items,
        body: Body::Range {
            source: source.clone(),
            start: cut.start,
            end: cut.end,
            line: cut.line,
        },
    };
    for item in manifest::decode(&batch, bytes) {
        if looks.sources {
            found.sources.add(&item);
        }
        let note = item.note.map(|note| Malformed::new(&note.name, note.message));
        if let Some(malformed) = item.malformed.or(note)
            && looks.strict
            && found.faults.len() < FAULTS_TOLD_MAX
        {
            found.faults.push((item.position, malformed));
        }
    }
    found
}

fn suspicious(spans: &[Span], cut: &Cut) -> Option<SuspiciousField> {
    let first = *spans.first()?;
    Some(SuspiciousField {
        position: SourcePosition {
            record: cut.first + first.position.record,
            ..first.position
        },
        lines: first.lines,
    })
}
