//! A histogram of whole numbers in bounded memory: sixteen steps to each doubling, so a percentile is right to 6 %.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often which size of number came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u32, u64>);

const STEPS: u32 = 16;

impl Histogram {
    /// Counts a number.
    pub fn add(&mut self, number: u64) {
        *self.0.entry(step_of(number)).or_default() += 1;
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &Self) {
        for (step, count) in &other.0 {
            *self.0.entry(*step).or_default() += count;
        }
    }

    /// The number below which `percent` of all lie; nothing when there is none.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (step, count) in &self.0 {
            seen += count;
            if seen >= wanted {
                return Some(top_of(*step));
            }
        }
        None
    }
}

/// Numbers below 16 are exact; above, the four bits after the leading one.
#[expect(clippy::cast_possible_truncation, reason = "both casts keep numbers below 16")]
const fn step_of(number: u64) -> u32 {
    if number < STEPS as u64 {
        return number as u32;
    }
    let exponent = number.ilog2();
    let below_leading = ((number >> (exponent - 4)) & (STEPS as u64 - 1)) as u32;
    (exponent - 3) * STEPS + below_leading
}

/// The largest number of a step.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the last step ends with the largest number"
)]
const fn top_of(step: u32) -> u64 {
    if step < STEPS {
        return step as u64;
    }
    let exponent = step / STEPS + 3;
    let leading = (STEPS + step % STEPS) as u64;
    let next = (leading + 1) as u128;
    ((next << (exponent - 4)) - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_its_step() {
        for number in (0..10_000).chain([u64::MAX, u64::MAX / 2, 1 << 40]) {
            let step = step_of(number);
            assert!(number <= top_of(step), "{number}");
            assert!(step == 0 || number > top_of(step - 1), "{number}");
        }
    }

    #[test]
    fn percentiles_are_near_the_sorted_list() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|number| histogram.add(number));
        for (percent, exact) in [(50, 500_u64), (90, 900), (99, 990), (100, 1_000)] {
            let found = histogram.percentile(percent).unwrap();
            assert!(
                found >= exact && found <= exact + exact / 16 + 1,
                "{percent} % is {found}"
            );
        }
        assert_eq!(Histogram::default().percentile(50), None);
    }
}
