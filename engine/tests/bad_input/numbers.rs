//! Tolerances and `MaxItems` that are no such thing, in a definition, at a path, and from an expression. Texts are AWS's.

use serde_json::{Value, json};

use super::world::{World, map, query};
use super::{READER, lines};

const RUNTIME: &str = "States.Runtime";
const QUERY: &str = "States.QueryEvaluationError";
/// The definition is not one that AWS would create.
const REFUSED: &str = "refused";

/// Fields of the Map or of its `ReaderConfig`, the input, and how the run ends.
async fn ends(fields: Value, config: Value, query_language: &str, input: Value) -> (String, String) {
    let mut read = lines();
    read.as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    let map = if query_language == "JSONata" {
        query(&read, &fields)
    } else {
        map(&read, &fields)
    };
    let world = World::with([("key", "1\n2\n")]);
    let found = match world.start(&map, &input).await {
        Ok(arn) => {
            let row = world.go_on(&arn).await;
            (row.error.unwrap_or_default(), row.cause.unwrap_or_default())
        }
        Err(error @ engine::Error::Definition { .. }) => (REFUSED.to_owned(), error.to_string()),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(world.worked(), [] as [Value; 0], "{found:?}");
    found
}

#[tokio::test(start_paused = true)]
async fn tolerances_out_of_range_start_no_child() {
    let in_state = "An error occurred while executing the state 'Map' (entered at the event id #2). ";
    for (name, value, cause) in [
        (
            "ToleratedFailureCount",
            json!(-1),
            "ToleratedFailureCount cannot be negative.",
        ),
        (
            "ToleratedFailureCount",
            json!(1.5),
            "The ToleratedFailureCountPath field refers to value \"1.5\" which is not a valid integer: $.value",
        ),
        (
            "ToleratedFailureCount",
            json!("NoNumber"),
            "The ToleratedFailureCountPath field refers to value \"NoNumber\" which is not a valid integer: $.value",
        ),
        (
            "ToleratedFailurePercentage",
            json!(100.1),
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            "ToleratedFailurePercentage",
            json!(-1.1),
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            "ToleratedFailurePercentage",
            json!({}),
            "The ToleratedFailurePercentagePath field refers to value \"{}\" which is not a valid float: $.value",
        ),
    ] {
        let fields = json!({format!("{name}Path"): "$.value"});
        let found = ends(fields, json!({}), "JSONPath", json!({"value": value})).await;
        assert_eq!(found, (RUNTIME.to_owned(), format!("{in_state}{cause}")));
    }
}

/// A field of the Map or, with a dot before it, of its `ReaderConfig`.
async fn set(language: &str, field: &str, value: Value) -> (String, String) {
    let (fields, config) = match field.strip_prefix('.') {
        Some(field) => (json!({}), json!({field: value})),
        None => (json!({field: value}), json!({})),
    };
    let input = json!({"minus": -1, "half": 1.5, "text": "NoNumber", "many": 100.1});
    ends(fields, config, language, input).await
}

#[tokio::test(start_paused = true)]
async fn numbers_out_of_range_in_a_definition_are_told_with_their_place() {
    for (field, value) in [
        ("ToleratedFailureCount", json!(-1)),
        ("ToleratedFailureCount", json!(1.5)),
        ("ToleratedFailurePercentage", json!(-0.1)),
        ("ToleratedFailurePercentage", json!(100.1)),
        (".MaxItems", json!(-1)),
        (".MaxItems", json!(1.5)),
    ] {
        let (error, cause) = set("JSONPath", field, value).await;
        assert_eq!(error, REFUSED, "{field}: {cause}");
        let place = field.replace('.', "ItemReader/ReaderConfig/");
        assert!(cause.ends_with(&format!(" at /States/Map/{place}")), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_max_items_that_is_none_starts_no_child() {
    let no_integer = |found: &str, path: &str| {
        format!("The MaxItemsPath field refers to value \"{found}\" which is not a valid integer: {path}")
    };
    for (path, error, cause) in [
        ("$.minus", READER, "field MaxItems must be positive".to_owned()),
        ("$.half", RUNTIME, no_integer("1.5", "$.half")),
        ("$.text", RUNTIME, no_integer("NoNumber", "$.text")),
    ] {
        let found = set("JSONPath", ".MaxItemsPath", json!(path)).await;
        assert_eq!(found.0, error, "{found:?}");
        assert!(found.1.ends_with(&cause), "{} does not say: {cause}", found.1);
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_that_an_expression_makes_are_held_to_the_same_ranges() {
    for (field, member, error, cause) in [
        (".MaxItems", "minus", READER, "field MaxItems must be positive"),
        (".MaxItems", "half", QUERY, "MaxItems"),
        (
            "ToleratedFailureCount",
            "minus",
            RUNTIME,
            "ToleratedFailureCount cannot be negative.",
        ),
        ("ToleratedFailureCount", "half", QUERY, "ToleratedFailureCount"),
        (
            "ToleratedFailurePercentage",
            "many",
            RUNTIME,
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            "ToleratedFailurePercentage",
            "text",
            QUERY,
            "ToleratedFailurePercentage",
        ),
    ] {
        let expression = json!(format!("{{% $states.input.{member} %}}"));
        let found = set("JSONata", field, expression).await;
        assert_eq!(found.0, error, "{found:?}");
        assert!(found.1.contains(cause), "{} does not say: {cause}", found.1);
    }
}
