//! Any JSONPath over any JSON: `path LF json`. Once as `InputPath`, once in a template, once as a rule's variable, once as
//! the place where a result goes.
#![no_main]

use asl_fuzz::{halves, pass, run};
use serde_json::json;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((path, input)) = halves(bytes) else { return };
    run(
        &pass(json!({"InputPath": path, "ResultPath": "$.r"}), "JSONPath"),
        input,
    );
    run(&pass(json!({"Parameters": {"x.$": path}}), "JSONPath"), input);
    run(
        &pass(json!({"Result": {"b": [1]}, "ResultPath": path}), "JSONPath"),
        input,
    );
    let rule = |operator: &str| json!({"Variable": path, operator: true, "Next": "B"});
    let choice = json!({"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [rule("IsPresent"), rule("BooleanEquals")], "Default": "B"},
        "B": {"Type": "Succeed"}}});
    run(&choice, input);
});
