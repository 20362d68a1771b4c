//! The definitions that ship with the project can be read without a fault, once their places are filled in.
#![cfg(test)]

use asl::machines::{IMAGE_DOWNLOAD, MANIFEST_MAP};
use asl::{Severity, parse, substitute};

const FUNCTIONS: [(&str, &str); 3] = [
    ("BatcherFunctionArn", "arn:aws:lambda:us-east-1:000000000000:function:b"),
    (
        "ProcessorFunctionArn",
        "arn:aws:lambda:us-east-1:000000000000:function:p",
    ),
    (
        "ConsolidatorFunctionArn",
        "arn:aws:lambda:us-east-1:000000000000:function:c",
    ),
];

fn assert_sound(text: &str, others: &[(&str, &str)]) {
    let values: Vec<_> = FUNCTIONS.into_iter().chain(others.iter().copied()).collect();
    let parsed = parse(&substitute(text, &values).unwrap());
    let errors: Vec<_> = parsed
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    assert!(parsed.machine.is_some() && errors.is_empty(), "{errors:#?}");
}

#[test]
fn manifest_map_is_sound() {
    assert_sound(MANIFEST_MAP, &[("StateBucket", "state")]);
}

#[test]
fn image_download_is_sound() {
    let topic = "arn:aws:sns:us-east-1:000000000000:t";
    assert_sound(IMAGE_DOWNLOAD, &[("TableName", "table"), ("TopicArn", topic)]);
}
