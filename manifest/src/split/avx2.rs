//! The scan of a block with AVX2 and carry-less multiplication: 64 bytes in some twenty cycles.
//!
//! The only unsafe code of the crate: calling a function that needs instructions which were just found to be there,
//! and loading the two halves of an array of 64 bytes.

#![expect(
    unsafe_code,
    reason = "three times as fast as the portable scan, which is the batcher's whole work"
)]

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
};

use super::scan::{Raw, Scan};

/// Scans a block and returns whether all its bytes are ASCII; nothing on a processor that cannot.
pub(super) fn scan(scan: &mut Scan, bytes: &[u8], delimiter: u8) -> Option<bool> {
    let able =
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("popcnt");
    // SAFETY: the processor has every instruction set that the function is compiled for.
    able.then(|| unsafe { scan_words(scan, bytes, delimiter) })
}

#[target_feature(enable = "avx2,pclmulqdq,popcnt")]
fn scan_words(scan: &mut Scan, bytes: &[u8], delimiter: u8) -> bool {
    let wanted = [b'"', b'\n', b'\r', delimiter].map(|byte| _mm256_set1_epi8(byte.cast_signed()));
    let (words, rest) = bytes.as_chunks::<64>();
    let mut high = _mm256_setzero_si256();
    scan.add_all(words, |word| {
        let (raw, bytes) = read(word, wanted);
        high = _mm256_or_si256(high, bytes);
        (raw, prefix_xor(raw.quotes))
    });
    if !rest.is_empty() {
        let mut word = [0; 64];
        for (to, from) in word.iter_mut().zip(rest) {
            *to = *from;
        }
        let (raw, bytes) = read(&word, wanted);
        high = _mm256_or_si256(high, bytes);
        scan.add(words.len(), raw, prefix_xor(raw.quotes), rest.len());
    }
    _mm256_movemask_epi8(high) == 0
}

/// What stands where in 64 bytes, and the bytes of both halves or-ed.
#[inline]
#[target_feature(enable = "avx2")]
fn read(word: &[u8; 64], [quote, newline, carriage, delimiter]: [__m256i; 4]) -> (Raw, __m256i) {
    let [low, high] = load(word);
    let is = |wanted: __m256i| [_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted)];
    let (quotes, newlines, returns, delimiters) = (is(quote), is(newline), is(carriage), is(delimiter));
    let openers = or(or(quotes, newlines), or(returns, delimiters));
    let raw = Raw {
        quotes: mask(quotes),
        newlines: mask(newlines),
        returns: mask(returns),
        openers: mask(openers),
    };
    (raw, _mm256_or_si256(low, high))
}

#[inline]
#[target_feature(enable = "avx2")]
fn or([low, high]: [__m256i; 2], [other_low, other_high]: [__m256i; 2]) -> [__m256i; 2] {
    [_mm256_or_si256(low, other_low), _mm256_or_si256(high, other_high)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask([low, high]: [__m256i; 2]) -> u64 {
    let [low, high] = [_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)].map(i32::cast_unsigned);
    u64::from(low) | u64::from(high) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 64]) -> [__m256i; 2] {
    let start = bytes.as_ptr();
    // SAFETY: both pointers are to 32 bytes of the 64, and the load asks for no alignment.
    unsafe {
        [
            _mm256_loadu_si256(start.cast()),
            _mm256_loadu_si256(start.add(32).cast()),
        ]
    }
}

/// Each bit: whether an odd number of bits up to it and with it is set.
#[inline]
#[target_feature(enable = "pclmulqdq")]
fn prefix_xor(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product).cast_unsigned()
}
