//! What a scan of a block of CSV has found, for both possible beginnings: outside and inside quotes.

/// What stands where in 64 bytes, a bit for each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Raw {
    pub(super) quotes: u64,
    pub(super) newlines: u64,
    pub(super) returns: u64,
    /// Bytes behind which a quote is regular: a delimiter, a line end or another quote.
    pub(super) openers: u64,
}

/// Line ends in 64 bytes, a bit for each byte, if the block begins outside quotes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    newlines: u64,
    inside: u64,
    /// Newlines of blank lines.
    blank: u64,
}

impl Word {
    /// Line ends outside quotes.
    const fn line_ends(self, inside: bool) -> u64 {
        self.newlines & if inside { self.inside } else { !self.inside }
    }

    /// Ends of records.
    pub(super) const fn ends(self, inside: bool) -> u64 {
        self.line_ends(inside) & !self.blank
    }

    /// How many line feeds.
    pub(super) fn lines(self) -> u64 {
        u64::from(self.newlines.count_ones())
    }

    /// How many line feeds up to this bit and with it.
    pub(super) fn lines_through(self, bit: u32) -> u64 {
        u64::from((self.newlines << (63 - bit)).count_ones())
    }

    /// The last line end outside quotes.
    pub(super) fn last_line_end(self, inside: bool) -> Option<u32> {
        self.line_ends(inside).checked_ilog2()
    }

    /// Calls with each line end outside quotes, and whether it is a record's.
    pub(super) fn each_line_end(self, inside: bool, mut call: impl FnMut(u32, bool)) {
        let mut left = self.line_ends(inside);
        while left != 0 {
            let bit = left.trailing_zeros();
            call(bit, self.blank & (1 << bit) == 0);
            left &= left - 1;
        }
    }
}

/// What a scan has found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    words: Vec<Word>,
    /// What had been counted before each [`MARK_WORDS`] words.
    marks: Vec<Mark>,
    counts: Counts,
    /// Where in the block the bytes stop being UTF-8.
    pub(super) invalid: Option<usize>,
}

/// Words between two marks: 512 bytes, in which one record or a few end.
const MARK_WORDS: usize = 8;

/// What had been counted somewhere.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    lines: u64,
    ends: [u64; 2],
}

/// What a scan has counted, and what the next word hangs on.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    lines: u64,
    /// Ends of records if the block begins outside, inside quotes.
    ends: [u64; 2],
    /// Not zero if quotes cannot be counted when the block begins outside, inside quotes.
    irregular: [u64; 2],
    carry: Carry,
}

/// The bits at the end of the word before on which the next word hangs, as they come to stand in it. (Shifts of two
/// words into each other would say the same, but take a processor several times as long.)
#[derive(Debug, Clone, Copy, Default)]
struct Carry {
    /// 1 after an odd number of quotes.
    inside: u64,
    /// Two bits.
    newlines: u64,
    returns: u64,
    openers: u64,
}

impl Scan {
    /// Begins a block of this length behind these two bytes.
    pub(super) fn reset(&mut self, before: [u8; 2], delimiter: u8, length: usize) {
        let [second, last] = before.map(|byte| u64::from(byte == b'\n'));
        let [_, byte] = before;
        let carry = Carry {
            inside: 0,
            newlines: second | last << 1,
            returns: u64::from(byte == b'\r'),
            openers: u64::from(byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r')),
        };
        self.counts = Counts {
            carry,
            ..Counts::default()
        };
        let words = length.div_ceil(64);
        self.words.resize(words, Word::default());
        self.marks.resize(words.div_ceil(MARK_WORDS), Mark::default());
        self.invalid = None;
    }

    /// Adds one word: what stands where, a one wherever an odd number of quotes has come, and how many bytes it has.
    pub(super) fn add(&mut self, number: usize, raw: Raw, quoted: u64, length: usize) {
        if number.is_multiple_of(MARK_WORDS)
            && let Some(mark) = self.marks.get_mut(number / MARK_WORDS)
        {
            *mark = self.counts.mark();
        }
        let word = self.counts.add(raw, quoted, length);
        if let Some(slot) = self.words.get_mut(number) {
            *slot = word;
        }
    }

    /// Adds whole words from the beginning of a block on, by groups of [`MARK_WORDS`]. `read` and this function must
    /// end up in one loop without a branch: LLVM takes masks apart bit by bit to carry them across one.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "so that it is compiled with the caller's instructions"
    )]
    pub(super) fn add_all<W>(&mut self, words: &[W], mut read: impl FnMut(&W) -> (Raw, u64)) {
        let mut counts = self.counts;
        let slots = self.words.chunks_mut(MARK_WORDS).zip(&mut self.marks);
        for (words, (slots, mark)) in words.chunks(MARK_WORDS).zip(slots) {
            *mark = counts.mark();
            for (word, slot) in words.iter().zip(slots) {
                let (raw, quoted) = read(word);
                *slot = counts.add(raw, quoted, 64);
            }
        }
        self.counts = counts;
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// How many line feeds.
    pub(super) const fn lines(&self) -> u64 {
        self.counts.lines
    }

    /// How many records end in the block.
    pub(super) const fn ends(&self, inside: bool) -> u64 {
        let [outside_ends, inside_ends] = self.counts.ends;
        if inside { inside_ends } else { outside_ends }
    }

    /// Whether counting quotes is not enough.
    pub(super) const fn is_irregular(&self, inside: bool) -> bool {
        let [if_outside, if_inside] = self.counts.irregular;
        (if inside { if_inside } else { if_outside }) != 0
    }

    /// Whether the number of quotes is odd.
    pub(super) const fn is_odd(&self) -> bool {
        self.counts.carry.inside != 0
    }

    /// Where a record has ended, counting from 1: how many bytes and line feeds in.
    pub(super) fn end(&self, inside: bool, number: u64) -> Option<(u64, u64)> {
        let before = |mark: &Mark| if inside { mark.ends[1] } else { mark.ends[0] };
        let group = self
            .marks
            .partition_point(|mark| before(mark) < number)
            .checked_sub(1)?;
        let mark = self.marks.get(group)?;
        let (mut left, mut lines) = (number - before(mark), mark.lines);
        let first = group * MARK_WORDS;
        for (at, word) in (first..).zip(self.words.get(first..)?) {
            let ends = word.ends(inside);
            let count = u64::from(ends.count_ones());
            if count >= left {
                let bit = nth_one(ends, left);
                return Some((at as u64 * 64 + u64::from(bit) + 1, lines + word.lines_through(bit)));
            }
            left -= count;
            lines += word.lines();
        }
        None
    }

    /// Where the last line that ends outside quotes has ended: how many bytes and line feeds in.
    pub(super) fn last_line_end(&self, inside: bool) -> Option<(u64, u64)> {
        let mut lines = self.counts.lines;
        for (number, word) in self.words.iter().enumerate().rev() {
            lines -= word.lines();
            if let Some(bit) = word.last_line_end(inside) {
                return Some((number as u64 * 64 + u64::from(bit) + 1, lines + word.lines_through(bit)));
            }
        }
        None
    }
}

impl Counts {
    const fn mark(&self) -> Mark {
        Mark {
            lines: self.lines,
            ends: self.ends,
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "so that it is compiled with the caller's instructions"
    )]
    fn add(&mut self, raw: Raw, quoted: u64, length: usize) -> Word {
        let carry = self.carry;
        let inside = quoted ^ 0_u64.wrapping_sub(carry.inside);
        let after_line = raw.newlines << 1 | carry.newlines >> 1;
        let after_line_and_one = raw.newlines << 2 | carry.newlines;
        let after_return = raw.returns << 1 | carry.returns;
        let after_opener = raw.openers << 1 | carry.openers;
        let was_inside = inside << 1 | carry.inside;
        let valid = u64::MAX >> (64 - length.min(64));
        let blank = raw.newlines & (after_line | after_return & after_line_and_one);
        let lone = after_return & !raw.newlines & valid;
        let bare = raw.quotes & !after_opener;
        let ends = raw.newlines & !blank;
        let [outside_ends, inside_ends] = [ends & !inside, ends & inside].map(|bits| u64::from(bits.count_ones()));
        self.ends = [self.ends[0] + outside_ends, self.ends[1] + inside_ends];
        self.irregular[0] |= lone & !was_inside | bare & inside;
        self.irregular[1] |= lone & was_inside | bare & !inside;
        self.lines += u64::from(raw.newlines.count_ones());
        self.carry = Carry {
            inside: inside >> 63,
            newlines: raw.newlines >> 62,
            returns: raw.returns >> 63,
            openers: raw.openers >> 63,
        };
        Word {
            newlines: raw.newlines,
            inside,
            blank,
        }
    }
}

/// The position of a set bit, counting from 1.
const fn nth_one(mut bits: u64, number: u64) -> u32 {
    let mut passed = 1;
    while passed < number {
        bits &= bits.wrapping_sub(1);
        passed += 1;
    }
    bits.trailing_zeros()
}
