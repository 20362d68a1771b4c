//! Any text as a definition: a machine or diagnostics with a place.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    std::hint::black_box(asl_fuzz::read(&text));
});
