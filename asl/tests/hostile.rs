//! Any bytes as a definition, any JSON as input: an answer, never a panic.
#![cfg(test)]

use asl::{Event, Execution, ExecutionType, Identity, Moment, Recording, Timestamp, parse, step};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Definitions, paths and calls that once were or might be trouble.
const CORPUS: [&str; 14] = [
    "",
    "\u{feff}{}",
    "[[[[[[[[",
    "{\"StartAt\":1,\"States\":[]}",
    "{\"StartAt\":\"A\",\"States\":{\"A\":null}}",
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemProcessor\":{\"StartAt\":\"A\",\"States\":{}}}}}",
    "{\"StartAt\":\"\",\"States\":{\"\":{\"Type\":\"Choice\",\"Choices\":[{\"And\":[]}]}}}",
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"Seconds\":99999999999999999999}}}",
    "{\"StartAt\":\"A\",\"QueryLanguage\":\"JSONata\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Output\":\"{% ( %}\",\"End\":true}}}",
    "{\"StartAt\":\"é\",\"States\":{\"é\":{\"Type\":\"Pass\",\"Parameters\":{\"é.$\":\"$.é[\"},\"End\":true}}}",
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Parameters\":{\"a.$\":\"States.Format('{}\"},\"End\":true}}}",
    "{\"a~1b\":{\"c/d\":1},\"StartAt\":\"x\"}",
    "nul",
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}} trailing",
];

/// Runs a definition as far as it goes without the world.
fn run(definition: &Value, input: &Value) {
    let Some(machine) = parse(&definition.to_string()).machine else {
        return;
    };
    let execution = Execution::new(machine, Identity::example(ExecutionType::Express), Recording::Full);
    let moment = Moment {
        now: Timestamp::from_millis(0),
        jitter: 0.0,
    };
    assert!(
        step(
            execution,
            Event::Start {
                input: input.to_string()
            },
            moment
        )
        .is_ok()
    );
}

fn pass(expression: &str) -> Value {
    json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"x.$": expression}, "End": true}}})
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c$.'{}é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn corpus_is_refused_with_a_place() {
    for text in CORPUS {
        let parsed = parse(text);
        assert!(parsed.machine.is_none(), "{text}");
        assert!(
            parsed
                .diagnostics
                .iter()
                .all(|diagnostic| diagnostic.line > 0 && diagnostic.column > 0),
            "{text}"
        );
        assert!(!parsed.diagnostics.is_empty(), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!(
        "{{\"StartAt\":\"A\",\"States\":{}{}}}",
        "{\"A\":".repeat(50_000),
        "}".repeat(50_000)
    );
    assert!(parse(&deep).machine.is_none());
    run(&pass(&"States.Array(".repeat(10_000)), &json!({}));
    run(&pass(&format!("$[?({}@.a)]", "(".repeat(10_000))), &json!({}));
    run(&pass(&format!("${}", "[0]".repeat(100_000))), &json!({}));
}

/// A loop that a fuzzer found slow: each round copies what the one before has made.
#[test]
fn loops_without_a_wait_end_at_a_named_limit() {
    for (fields, input) in [
        (json!({}), json!({"big": "x".repeat(250_000)})),
        (
            json!({"ResultPath": "$.a", "Parameters": {"c.$": "$$"}}),
            json!({"message": "m"}),
        ),
    ] {
        let mut state = json!({"Type": "Pass", "Next": "A"});
        state
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let machine = parse(&json!({"StartAt": "A", "States": {"A": state}}).to_string())
            .machine
            .unwrap();
        let mut identity = Identity::example(ExecutionType::Express);
        if input.get("big").is_none() {
            identity.execution_type = ExecutionType::Standard;
        }
        let execution = Execution::new(machine, identity, Recording::Off);
        let moment = Moment {
            now: Timestamp::from_millis(0),
            jitter: 0.0,
        };
        let (_, commands) = step(
            execution,
            Event::Start {
                input: input.to_string(),
            },
            moment,
        )
        .unwrap();
        let Some(asl::Command::Finish(asl::Ending::Failed(failure))) = commands.last() else {
            panic!("{commands:?}")
        };
        assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_as_a_definition_gets_an_answer(text in "\\PC{0,200}") {
        let parsed = parse(&text);
        prop_assert!(parsed.machine.is_some() || !parsed.diagnostics.is_empty());
    }

    #[test]
    fn any_json_as_a_definition_gets_an_answer(value in any_json()) {
        let parsed = parse(&value.to_string());
        prop_assert!(parsed.machine.is_some() || !parsed.diagnostics.is_empty());
    }

    #[test]
    fn any_expression_over_any_input_gets_an_answer(expression in "\\$[a-c.*?@()\\[\\]'0-9:,=<>! &|-]{0,24}", input in any_json()) {
        run(&pass(&expression), &input);
    }

    #[test]
    fn any_call_over_any_input_gets_an_answer(
        name in prop::sample::select(vec!["Format", "StringToJson", "ArrayPartition", "ArrayRange", "ArrayGetItem", "Hash", "JsonMerge",
            "MathRandom", "MathAdd", "StringSplit", "Base64Decode", "ArrayUnique", "ArrayContains", "UUID"]),
        arguments in prop::collection::vec(prop::sample::select(vec!["$", "$.a", "'{}'", "1", "-1", "0", "null", "9223372036854775807", "1.5", "$$"]), 0..4),
        input in any_json(),
    ) {
        run(&pass(&format!("States.{name}({})", arguments.join(", "))), &input);
    }

    #[test]
    fn what_a_path_inserts_it_selects(value in any_json(), at in "[a-z]{1,3}", below in "[a-z]{1,3}") {
        let path = format!("$.{at}.{below}");
        let definition = json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Result": value, "ResultPath": path, "Next": "B"},
            "B": {"Type": "Pass", "InputPath": path, "End": true}}});
        let machine = parse(&definition.to_string()).machine.unwrap();
        let execution = Execution::new(machine, Identity::example(ExecutionType::Express), Recording::Off);
        let moment = Moment { now: Timestamp::from_millis(0), jitter: 0.0 };
        let (_, commands) = step(execution, Event::Start { input: "{}".into() }, moment).unwrap();
        let Some(asl::Command::Finish(asl::Ending::Succeeded { output })) = commands.last() else { panic!("{commands:?}") };
        prop_assert_eq!(&serde_json::from_str::<Value>(output).unwrap(), &serde_json::from_str::<Value>(&value.to_string()).unwrap());
    }
}
