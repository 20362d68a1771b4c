//! Jitter for retries that is repeated exactly in every replay.

/// A number from 0 up to 1 that follows from the execution's ARN and its step: the finaliser of `SplitMix64`.
pub(crate) fn jitter(arn: &str, step: u64) -> f64 {
    let seed = arn.bytes().fold(step, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let [.., high, middle, low, lowest] = mixed.to_le_bytes();
    f64::from(u32::from_le_bytes([lowest, low, middle, high])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_repeatable_spread_and_below_one() {
        let values: Vec<f64> = (0..1_000).map(|step| jitter("arn", step)).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert_eq!(jitter("arn", 7).to_bits(), jitter("arn", 7).to_bits());
    }
}
