//! Any intrinsic call, and any JSON as a payload template, over any JSON: `call or template LF json`.
#![no_main]

use asl_fuzz::{halves, pass, run};
use serde_json::{Value, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((written, input)) = halves(bytes) else { return };
    match serde_json::from_str::<Value>(written) {
        Ok(template) => run(
            &pass(json!({"Parameters": template.clone(), "Assign": template}), "JSONPath"),
            input,
        ),
        Err(_) => run(&pass(json!({"Parameters": {"x.$": written}}), "JSONPath"), input),
    }
});
