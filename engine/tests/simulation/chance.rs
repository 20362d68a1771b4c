//! Chance that is the same for the same seed: splitmix64.

/// A stream of numbers out of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Another `purpose`, other numbers.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self(
            purpose
                .bytes()
                .fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte))),
        )
    }

    /// `0 ..= most`
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % (most + 1)
    }

    /// `least ..= most`
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.up_to(most - least)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chances: u64) -> bool {
        self.up_to(99) < chances
    }

    /// One of them.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let most = choices.len() as u64 - 1;
        choices[usize::try_from(self.up_to(most)).unwrap()]
    }
}

const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
