//! Reading every item before anything starts.

use bytes::Bytes;
use manifest::{Batch, Body, Cut, Malformed, Source, SourcePosition};
use rayon::prelude::*;

use crate::limits::FAULTS_TOLD_MAX;
use crate::source::Window;

/// Decodes each batch as it closes, and keeps the first faults.
#[derive(Debug)]
pub(crate) struct Strict {
    /// The bytes from the open batch's start on.
    held: Vec<Bytes>,
    /// Where they begin.
    start: u64,
    pub(crate) faults: Vec<(SourcePosition, Malformed)>,
}

impl Strict {
    pub(crate) const fn new(start: u64) -> Self {
        Self {
            held: Vec::new(),
            start,
            faults: Vec::new(),
        }
    }

    /// Takes a window's bytes and the batches that have closed with it. True when enough faults were found.
    pub(crate) fn take(&mut self, window: Window, source: &Source, cuts: &[Cut]) -> bool {
        self.held.extend(window);
        let held = self.held.concat();
        let decode = |cut: &Cut| faults(source, cut, slice(&held, self.start, cut.start, cut.end));
        let found: Vec<_> = cuts.par_iter().flat_map_iter(decode).collect();
        self.faults.extend(found);
        self.faults.truncate(FAULTS_TOLD_MAX);
        if let Some(last) = cuts.last() {
            let open = slice(&held, self.start, last.end, u64::MAX);
            self.held = vec![Bytes::copy_from_slice(open)];
            self.start = last.end;
        } else {
            self.held = vec![held.into()];
        }
        self.faults.len() >= FAULTS_TOLD_MAX
    }
}

/// Bytes `from .. to` of the manifest out of those that begin at `start`.
fn slice(held: &[u8], start: u64, from: u64, to: u64) -> &[u8] {
    let at = |byte: u64| usize::try_from(byte.saturating_sub(start)).map_or(held.len(), |at| at.min(held.len()));
    held.get(at(from)..at(to)).unwrap_or_default()
}

fn faults(source: &Source, cut: &Cut, bytes: &[u8]) -> Vec<(SourcePosition, Malformed)> {
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
    let fault = |item: manifest::Item| item.malformed.map(|malformed| (item.position, malformed));
    manifest::decode(&batch, bytes)
        .filter_map(fault)
        .take(FAULTS_TOLD_MAX)
        .collect()
}
