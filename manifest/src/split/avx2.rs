//! The scan of a block with AVX2 and carry-less multiplication: 64 bytes in some twenty cycles.
//!
//! The only unsafe code of the crate: calling a function that needs instructions which were just found to be there,
//! and loading 32 bytes from an array of 32 bytes.

#![expect(
    unsafe_code,
    reason = "three times as fast as the portable scan, which is the batcher's whole work"
)]

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
};

use super::block::{Raw, Scan};

/// Scans a block and returns whether all its bytes are ASCII; nothing on a processor that cannot.
pub(super) fn scan(scan: &mut Scan, bytes: &[u8], delimiter: u8) -> Option<bool> {
    let able =
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("popcnt");
    // SAFETY: the processor has every instruction set that the function is compiled for.
    able.then(|| unsafe { scan_words(scan, bytes, delimiter) })
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
fn scan_words(scan: &mut Scan, bytes: &[u8], delimiter: u8) -> bool {
    let (words, rest) = bytes.as_chunks::<64>();
    let mut high = 0;
    for word in words {
        let raw = read(word, delimiter, &mut high);
        scan.add(raw, prefix_xor(raw.quotes), 64);
    }
    if !rest.is_empty() {
        let mut word = [0; 64];
        for (to, from) in word.iter_mut().zip(rest) {
            *to = *from;
        }
        let raw = read(&word, delimiter, &mut high);
        scan.add(raw, prefix_xor(raw.quotes), rest.len());
    }
    high == 0
}

#[target_feature(enable = "avx2")]
fn read(word: &[u8; 64], delimiter: u8, high: &mut i32) -> Raw {
    let (halves, _none) = word.as_chunks::<32>();
    let mut raw = Raw::default();
    for (half, shift) in halves.iter().zip([0, 32]) {
        let bytes = load(half);
        let is = |byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()));
        let mask = |found: __m256i| u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << shift;
        let (quotes, newlines, returns) = (is(b'"'), is(b'\n'), is(b'\r'));
        let openers = _mm256_or_si256(
            _mm256_or_si256(quotes, newlines),
            _mm256_or_si256(returns, is(delimiter)),
        );
        raw.quotes |= mask(quotes);
        raw.newlines |= mask(newlines);
        raw.returns |= mask(returns);
        raw.openers |= mask(openers);
        *high |= _mm256_movemask_epi8(bytes);
    }
    raw
}

#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the pointer is to 32 bytes that can be read, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Each bit: whether an odd number of bits up to it and with it is set.
#[target_feature(enable = "pclmulqdq")]
fn prefix_xor(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product).cast_unsigned()
}
