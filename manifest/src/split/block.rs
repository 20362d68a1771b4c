//! A block of CSV, and its one scan: with AVX2 where the processor has it, portably elsewhere.

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::scan::{Raw, Scan};
use super::utf8::first_invalid;

/// A block, and what of its surroundings its scan depends on.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    /// The two bytes before it.
    pub(super) before: [u8; 2],
    /// What is to be checked for UTF-8, and where in the block that begins.
    pub(super) check: Option<(&'a [u8], usize)>,
}

impl Scan {
    /// Scans a block.
    pub(super) fn read(&mut self, block: &Block<'_>, delimiter: u8) {
        self.reset(block.before, delimiter, block.bytes.len());
        let ascii = self.read_words(block.bytes, delimiter);
        self.invalid = block.check.and_then(|(bytes, at)| {
            let within = at + bytes.len() <= block.bytes.len();
            if ascii && within {
                None
            } else {
                first_invalid(bytes).map(|invalid| at + invalid)
            }
        });
    }

    #[cfg(target_arch = "x86_64")]
    fn read_words(&mut self, bytes: &[u8], delimiter: u8) -> bool {
        avx2::scan(self, bytes, delimiter).unwrap_or_else(|| self.read_portably(bytes, delimiter))
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn read_words(&mut self, bytes: &[u8], delimiter: u8) -> bool {
        self.read_portably(bytes, delimiter)
    }

    /// Whether all bytes are ASCII; for any processor.
    fn read_portably(&mut self, bytes: &[u8], delimiter: u8) -> bool {
        let mut found = memchr::memchr3_iter(b'"', b'\n', b'\r', bytes).peekable();
        let mut from = 0;
        for (number, word) in bytes.chunks(64).enumerate() {
            let mut raw = Raw::default();
            while let Some(at) = found.next_if(|at| *at < from + 64) {
                let bit = 1 << (at - from);
                match bytes.get(at) {
                    Some(b'"') => raw.quotes |= bit,
                    Some(b'\n') => raw.newlines |= bit,
                    _ => raw.returns |= bit,
                }
                // Only what stands right before a quote matters.
                let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                if before == Some(&delimiter) && at > from {
                    raw.openers |= bit >> 1;
                }
            }
            raw.openers |= raw.quotes | raw.newlines | raw.returns;
            if word.last() == Some(&delimiter) {
                raw.openers |= 1 << (word.len() - 1);
            }
            self.add(number, raw, prefix_xor(raw.quotes), word.len());
            from += 64;
        }
        bytes.is_ascii()
    }
}

/// Each bit: whether an odd number of bits up to it and with it is set.
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn portable(bytes: &[u8], before: [u8; 2]) -> (Scan, bool) {
        let mut scan = Scan::default();
        scan.reset(before, b'|', bytes.len());
        let ascii = scan.read_portably(bytes, b'|');
        (scan, ascii)
    }

    #[cfg(target_arch = "x86_64")]
    fn fast(bytes: &[u8], before: [u8; 2]) -> Option<(Scan, bool)> {
        let mut scan = Scan::default();
        scan.reset(before, b'|', bytes.len());
        let ascii = avx2::scan(&mut scan, bytes, b'|')?;
        Some((scan, ascii))
    }

    #[cfg(target_arch = "x86_64")]
    proptest! {
        #[test]
        fn both_scans_find_the_same(bytes in prop::collection::vec(prop::sample::select(b"\"\"\n\r|ab\xc3".to_vec()), 0..500), before in prop::sample::select(vec![*b"\n\n", *b"a\"", *b"\n\r", *b"a|", *b"\r\n"])) {
            let (slow, slow_ascii) = portable(&bytes, before);
            if let Some((fast, fast_ascii)) = fast(&bytes, before) {
                prop_assert_eq!(slow_ascii, fast_ascii);
                for inside in [false, true] {
                    prop_assert_eq!(slow.ends(inside), fast.ends(inside));
                    prop_assert_eq!(slow.is_irregular(inside), fast.is_irregular(inside));
                    prop_assert_eq!(slow.last_line_end(inside), fast.last_line_end(inside));
                    let ends = |scan: &Scan| scan.words().iter().map(|word| word.ends(inside)).collect::<Vec<_>>();
                    prop_assert_eq!(ends(&slow), ends(&fast));
                }
                prop_assert_eq!((slow.lines(), slow.is_odd()), (fast.lines(), fast.is_odd()));
            }
        }
    }

    #[test]
    fn a_quote_is_regular_at_a_fields_edge_only() {
        let irregular = |text: &[u8]| {
            let (scan, _) = portable(text, *b"\n\n");
            [scan.is_irregular(false), scan.is_irregular(true)]
        };
        assert_eq!(irregular(b"a|\"b\n\"\"c\"\n"), [false, true]);
        assert_eq!(irregular(b"a|b\"\n"), [true, false]);
        assert_eq!(irregular(b"a\rb"), [true, false]);
        assert_eq!(irregular(b"a\r\nb\r"), [false, false]);
    }
}
