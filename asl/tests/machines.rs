//! The definitions that ship with the project can be read without a fault, once their placeholders are filled in.
#![cfg(test)]

use asl::{Severity, parse};

fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        let arn = name.contains("Arn") || name.contains("Function");
        filled.push_str(if arn {
            "arn:aws:lambda:us-east-1:000000000000:function:f"
        } else {
            "placeholder"
        });
        rest = after;
    }
    filled + rest
}

#[test]
fn shipped_definitions_are_sound() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/machines");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = filled(&std::fs::read_to_string(&path).unwrap());
        let parsed = parse(&text);
        let errors: Vec<_> = parsed
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect();
        assert!(
            parsed.machine.is_some() && errors.is_empty(),
            "{}: {errors:#?}",
            path.display()
        );
    }
}
