//! Finds where a JSON value ends, without parsing it.

/// How far a value has been looked at. Shown the value again with more bytes, it goes on where it stopped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    seen: usize,
    depth: u64,
    string: bool,
    escaped: bool,
}

impl Scan {
    /// The length of the value at the beginning of `bytes`; nothing while it does not end within them.
    pub(super) fn length(&mut self, bytes: &[u8], complete: bool) -> Option<usize> {
        match bytes.first() {
            Some(b'"' | b'[' | b'{') => self.nested(bytes),
            _ => scalar(bytes, complete),
        }
    }

    /// Whether nothing of the value has been looked at.
    pub(super) const fn is_fresh(self) -> bool {
        self.seen == 0 && self.depth == 0 && !self.string
    }

    fn nested(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(byte) = bytes.get(self.seen) {
            self.seen += 1;
            self.step(*byte);
            if self.depth == 0 && !self.string {
                return Some(self.seen);
            }
            if self.string && !self.escaped {
                let rest = bytes.get(self.seen..).unwrap_or_default();
                self.seen += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            }
        }
        None
    }

    const fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.string => self.escaped = true,
            b'"' => self.string = !self.string,
            _ if self.string => {}
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// The same while the bytes already looked at are not shown again: how much may be passed over now, and whether the
    /// value ends there.
    pub(super) fn pass(&mut self, bytes: &[u8], complete: bool) -> (usize, bool) {
        if self.depth == 0 && !self.string && !matches!(bytes.first(), Some(b'"' | b'[' | b'{')) {
            return scalar(bytes, complete).map_or((0, false), |length| (length, true));
        }
        self.seen = 0;
        let ended = self.nested(bytes);
        self.seen = 0;
        (ended.unwrap_or(bytes.len()), ended.is_some())
    }
}

fn scalar(bytes: &[u8], complete: bool) -> Option<usize> {
    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n');
    let length = bytes.iter().position(ends);
    length.or_else(|| complete.then_some(bytes.len()))
}
