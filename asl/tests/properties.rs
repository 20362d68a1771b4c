//! What holds for every path and template, whatever the data: `serde_json`'s pointers and plain iterators are the oracle.
#![cfg(test)]

use asl::{Command, Ending, Event, Execution, ExecutionType, Identity, Moment, Recording, Timestamp, parse, step};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What a Pass state makes of the input.
fn pass(fields: &Value, input: &Value) -> Result<Value, String> {
    let mut state = json!({"Type": "Pass", "End": true});
    for (name, value) in fields.as_object().unwrap() {
        state[name] = value.clone();
    }
    let definition = json!({"StartAt": "A", "States": {"A": state}});
    let parsed = parse(&definition.to_string());
    let machine = parsed.machine.ok_or_else(|| format!("{:?}", parsed.diagnostics))?;
    let execution = Execution::new(machine, Identity::example(ExecutionType::Express), Recording::Off);
    let moment = Moment {
        now: Timestamp::from_millis(0),
        jitter: 0.0,
    };
    let input = input.to_string();
    let (_, commands) = step(execution, Event::Start { input }, moment).unwrap();
    match commands.last() {
        Some(Command::Finish(Ending::Succeeded { output })) => Ok(serde_json::from_str(output).unwrap()),
        other => Err(format!("{other:?}")),
    }
}

fn call(expression: &str, input: &Value) -> Result<Value, String> {
    pass(&json!({"Parameters": {"x.$": expression}}), input).map(|made| made["x"].clone())
}

/// JSON whose numbers print and read the same everywhere.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-zé'\\\\\"{} $.]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-cé '$.-]{1,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place in a value: as a JSON pointer and as a path in brackets.
fn places(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
        found.push((pointer.to_owned(), path.to_owned()));
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let path = format!("{path}['{}']", name.replace('\'', "\\'"));
                walk(member, &pointer, &path, found);
            }),
            Value::Array(elements) => elements.iter().enumerate().for_each(|(at, element)| {
                walk(element, &format!("{pointer}/{at}"), &format!("{path}[{at}]"), found);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", "$", &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_in_brackets_selects_what_its_pointer_does(value in any_json()) {
        for (pointer, path) in places(&value) {
            let selected = pass(&json!({"InputPath": path}), &value);
            prop_assert_eq!(selected.as_ref(), Ok(value.pointer(&pointer).unwrap()), "{}", path);
        }
    }

    #[test]
    fn a_template_without_expressions_is_itself(value in any_json()) {
        let plain = json!({"t": value});
        prop_assume!(!plain.to_string().contains(".$\":"));
        prop_assert_eq!(pass(&json!({"Parameters": plain.clone()}), &json!({})), Ok(plain));
    }

    #[test]
    fn a_template_fills_in_what_its_paths_select(value in any_json()) {
        let places = places(&value);
        let template: Map<String, Value> =
            places.iter().enumerate().map(|(at, (_, path))| (format!("m{at}.$"), path.as_str().into())).collect();
        let filled: Map<String, Value> =
            places.iter().enumerate().map(|(at, (pointer, _))| (format!("m{at}"), value.pointer(pointer).unwrap().clone())).collect();
        prop_assert_eq!(pass(&json!({"Parameters": template}), &value), Ok(Value::Object(filled)));
    }

    #[test]
    fn wildcards_and_filters_are_iterators(numbers in prop::collection::vec(-50_i64..50, 0..12), bound in -50_i64..50) {
        let list: Vec<Value> = numbers.iter().map(|n| json!({"n": n})).collect();
        let input = json!({"list": list});
        prop_assert_eq!(call("$.list[*].n", &input), Ok(json!(numbers)));
        prop_assert_eq!(call("$..n", &input), Ok(json!(numbers)));
        let below: Vec<i64> = numbers.iter().copied().filter(|n| *n < bound).collect();
        prop_assert_eq!(call(&format!("$.list[?(@.n < {bound})].n"), &input), Ok(json!(below)));
        let others: Vec<i64> = numbers.iter().copied().filter(|n| *n < bound || *n == 7).collect();
        prop_assert_eq!(call(&format!("$.list[?(@.n < {bound} || @.n == 7)].n"), &input), Ok(json!(others)));
    }

    #[test]
    fn slices_are_slices(numbers in prop::collection::vec(0_i64..9, 0..8), from in 0_usize..9, to in 0_usize..9) {
        let input = json!({"list": numbers});
        let slice = numbers.get(from..to.min(numbers.len())).unwrap_or_default();
        prop_assert_eq!(call(&format!("$.list[{from}:{to}]"), &input), Ok(json!(slice)));
        let last = numbers.get(numbers.len().saturating_sub(from)..).unwrap_or_default();
        if from > 0 {
            prop_assert_eq!(call(&format!("$.list[-{from}:]"), &input), Ok(json!(last)));
        }
    }

    #[test]
    fn text_functions_have_inverses(value in any_json(), text in "[a-zA-Zé0-9 +/]{0,40}") {
        let input = json!({"v": value, "t": text});
        prop_assert_eq!(call("States.StringToJson(States.JsonToString($.v))", &input), Ok(value));
        prop_assert_eq!(call("States.Base64Decode(States.Base64Encode($.t))", &input), Ok(json!(text)));
        prop_assert_eq!(call("States.Format('{}', $.t)", &input), Ok(json!(text)));
    }

    #[test]
    fn array_functions_lose_nothing(numbers in prop::collection::vec(-9_i64..9, 1..20), size in 1_usize..6) {
        let input = json!({"list": numbers});
        let parts: Vec<&[i64]> = numbers.chunks(size).collect();
        prop_assert_eq!(call(&format!("States.ArrayPartition($.list, {size})"), &input), Ok(json!(parts)));
        prop_assert_eq!(call("States.ArrayLength($.list)", &input), Ok(json!(numbers.len())));
        let unique = call("States.ArrayUnique($.list)", &input).unwrap();
        let mut left: Vec<i64> = unique.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
        let mut expected = numbers.clone();
        left.sort_unstable();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(left, expected);
        for (at, number) in numbers.iter().enumerate() {
            prop_assert_eq!(call(&format!("States.ArrayGetItem($.list, {at})"), &input), Ok(json!(number)));
            prop_assert_eq!(call(&format!("States.ArrayContains($.list, {number})"), &input), Ok(json!(true)));
        }
    }

    #[test]
    fn a_merge_takes_the_second_where_both_have_it(one in prop::collection::btree_map("[a-d]", 0..9, 0..4), two in prop::collection::btree_map("[a-d]", 0..9, 0..4)) {
        let mut merged = one.clone();
        merged.extend(two.clone());
        let made = call("States.JsonMerge($.one, $.two, false)", &json!({"one": one, "two": two}));
        prop_assert_eq!(made, Ok(json!(merged)));
    }
}
