//! Any JSONata expression over any JSON: `expression LF json`.
#![no_main]

use asl_fuzz::{halves, pass, run};
use serde_json::json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((expression, input)) = halves(bytes) else {
        return;
    };
    run(
        &pass(json!({"Output": format!("{{% {expression} %}}")}), "JSONata"),
        input,
    );
});
