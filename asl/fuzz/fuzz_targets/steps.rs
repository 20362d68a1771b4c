//! Any definition over any input with a world that answers as it likes: `choices LF input LF definition`.
#![no_main]

use asl_fuzz::{halves, read, walk};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choices, rest)) = halves(bytes) else { return };
    let Some((input, definition)) = rest.split_once('\n') else {
        return;
    };
    if let Some(machine) = read(definition) {
        walk(machine, input, choices.as_bytes());
    }
});
