//! Numbers that look random and are not: the same seed gives the same ones, so a replay repeats them.
//!
//! `SplitMix64`. Good enough for `States.UUID` and `States.MathRandom`, for nothing that must be secret.

use std::cell::Cell;

/// A sequence of numbers.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// The sequence of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        mix(state)
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self) -> String {
        let high = (self.next() & !0xF000) | 0x4000;
        let low = (self.next() & !(0b11 << 62)) | (0b10 << 62);
        let (time, version) = (high >> 32, high & 0xFFFF_FFFF);
        format!(
            "{time:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            version >> 16,
            version & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

/// A number all of whose bits depend on all bits of `state`.
pub(crate) const fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A seed from text.
pub(crate) fn seed(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_repeat_and_uuids_have_their_form() {
        let (one, two) = (Random::new(7), Random::new(7));
        let uuid = one.uuid();
        assert_eq!(uuid, two.uuid());
        assert_ne!(uuid, one.uuid());
        assert_eq!((uuid.len(), uuid.chars().nth(14)), (36, Some('4')));
        assert!(
            uuid.chars().nth(19).is_some_and(|variant| "89ab".contains(variant)),
            "{uuid}"
        );
    }
}
