//! Items of JSON files, against `serde_json`, in any pieces.
#![cfg(test)]

use manifest::reader::{
    BadPointer, BadRecord, JsonElements, JsonFault, JsonItem, JsonPointer, JsonSearch, JsonShape, Step,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A window over bytes that come in pieces.
struct Window<'a> {
    bytes: &'a [u8],
    from: usize,
    to: usize,
    piece: usize,
}

impl<'a> Window<'a> {
    fn new(bytes: &'a [u8], piece: usize) -> Self {
        let (from, to) = (0, 0);
        Self { bytes, from, to, piece }
    }

    fn shown(&self) -> &'a [u8] {
        &self.bytes[self.from..self.to]
    }

    fn complete(&self) -> bool {
        self.to == self.bytes.len()
    }

    /// Where in the whole it is.
    fn place(&self, bad: BadRecord) -> BadRecord {
        let at = self.from + bad.at;
        BadRecord { at, ..bad }
    }

    fn place_of(&self, fault: JsonFault) -> JsonFault {
        match fault {
            JsonFault::Bad(bad) => JsonFault::Bad(self.place(bad)),
            JsonFault::NotIterable | JsonFault::PointsToNothing => fault,
        }
    }

    fn more(&mut self, passed: usize) {
        assert!(!self.complete(), "nothing more is to come");
        self.from += passed;
        self.to = self.bytes.len().min(self.to + self.piece);
    }
}

fn search(window: &mut Window<'_>, pointer: &str) -> Result<JsonShape, JsonFault> {
    let mut search = JsonSearch::new(&JsonPointer::parse(pointer).unwrap());
    loop {
        match search
            .next(window.shown(), window.complete())
            .map_err(|fault| window.place_of(fault))?
        {
            Step::More { passed } => window.more(passed),
            Step::Item { item, passed } => {
                window.from += passed;
                return Ok(item);
            }
            Step::End => panic!("a search finds or fails"),
        }
    }
}

fn elements(window: &mut Window<'_>, mut decoder: JsonElements) -> Result<Vec<(usize, JsonItem)>, BadRecord> {
    let mut found = Vec::new();
    loop {
        match decoder
            .next(window.shown(), window.complete())
            .map_err(|bad| window.place(bad))?
        {
            Step::More { passed } => window.more(passed),
            Step::Item { item, passed } => {
                window.from += passed;
                found.push((window.from, item));
            }
            Step::End => return Ok(found),
        }
    }
}

fn items(text: &[u8], pointer: &str, piece: usize) -> Result<Vec<Value>, JsonFault> {
    let mut window = Window::new(text, piece);
    let shape = search(&mut window, pointer)?;
    let found = elements(&mut window, JsonElements::new(shape, pointer.is_empty(), false))?;
    Ok(found.into_iter().map(|(_, item)| as_value(item)).collect())
}

fn as_value(item: JsonItem) -> Value {
    match item.key {
        Some(key) => json!({"Key": key, "Value": item.value}),
        None => item.value,
    }
}

/// What `serde_json` makes of it.
fn model(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(elements) => elements.clone(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{value} has no items"),
    }
}

#[test]
fn pointers_lead_where_the_rfc_says() {
    let text = br#" {"foo": ["bar", ["x", "y"]], "": [0], "a/b": [1], "c%d": [2], "m~n": [8], " ": [7],
        "deep": {"er": [{"est": {"k": 1, "l": {}}}]}} "#;
    let whole: Value = serde_json::from_slice(text).unwrap();
    for pointer in [
        "",
        "/foo",
        "/foo/1",
        "/",
        "/a~1b",
        "/c%d",
        "/m~0n",
        "/ ",
        "/deep/er/0/est",
        "/deep/er/0/est/l",
    ] {
        let expected = model(whole.pointer(pointer).unwrap());
        for piece in [1, 2, 1_000] {
            assert_eq!(items(text, pointer, piece).unwrap(), expected, "{pointer:?}");
        }
    }
    for (pointer, fault) in [
        ("/no", JsonFault::PointsToNothing),
        ("/foo/2", JsonFault::PointsToNothing),
        ("/foo/01", JsonFault::PointsToNothing),
        ("/foo/-", JsonFault::PointsToNothing),
        ("/foo/0/x", JsonFault::PointsToNothing),
        ("/deep/er/0/est/k/z", JsonFault::PointsToNothing),
        ("/foo/0", JsonFault::NotIterable),
        ("/deep/er/0/est/k", JsonFault::NotIterable),
    ] {
        for piece in [1, 1_000] {
            assert_eq!(items(text, pointer, piece).unwrap_err(), fault, "{pointer}");
        }
    }
    assert_eq!(JsonPointer::parse("a"), Err(BadPointer::NoSlash));
    assert_eq!(JsonPointer::parse("/a~2"), Err(BadPointer::LoneTilde));
}

#[test]
fn what_is_no_json_says_where() {
    for (text, pointer, at, message) in [
        ("[1 2]", "", 3, "expected `,` or a closing bracket, found `2`"),
        ("[1,]", "", 3, "expected JSON"),
        ("[1,tru]", "", 3, "expected JSON"),
        ("[1,2", "", 4, "found the end of the file"),
        ("[1,\"a", "", 5, "found the end of the file"),
        ("[1] x", "", 4, "expected nothing behind the closing bracket, found `x`"),
        ("{\"a\" 1}", "", 5, "expected `:` after a name"),
        ("{a:1}", "", 1, "expected a name in quotes, found `a`"),
        ("{\"a\":[1", "/a", 7, "found the end of the file"),
        ("{\"b\":[1", "/a", 7, "found the end of the file"),
        ("", "", 0, "found the end of the file"),
        ("nul", "", 0, "expected JSON"),
        ("[\"\\x\"]", "", 1, "expected JSON"),
        ("[\"\u{1}\"]", "", 1, "expected JSON"),
    ] {
        match items(text.as_bytes(), pointer, 1_000) {
            Err(JsonFault::Bad(bad)) => {
                assert_eq!(bad.at, at, "{text}");
                assert!(bad.message.contains(message), "{text}: {}", bad.message);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_stands_behind_a_pointer_is_not_looked_at() {
    assert_eq!(items(b"{\"a\":[1] and no JSON", "/a", 100).unwrap(), [json!(1)]);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a\"\\\\{}\\[\\],: é\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = prop::collection::btree_map("[ab\"~/]{0,2}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every pointer into a value that leads to an array or object.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(at, child)| (at.to_string(), child))
            .collect(),
        Value::Object(members) => {
            let escape = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members.iter().map(|(name, child)| (escape(name), child)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    found.push(at.to_owned());
    for (token, child) in children {
        pointers(child, &format!("{at}/{token}"), found);
    }
}

proptest! {
    #[test]
    fn items_are_those_of_serde_json_in_any_pieces(value in value(), pretty: bool, piece in 1_usize..9) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut found = Vec::new();
        pointers(&value, "", &mut found);
        for pointer in found {
            let expected = model(value.pointer(&pointer).unwrap());
            prop_assert_eq!(items(text.as_bytes(), &pointer, piece).unwrap(), expected);
        }
    }

    #[test]
    fn a_file_can_be_read_on_behind_any_item(value in value(), piece in 1_usize..9) {
        let text = serde_json::to_string_pretty(&json!([value, {"a": 1}, [2], 3])).unwrap();
        let mut window = Window::new(text.as_bytes(), piece);
        let shape = search(&mut window, "").unwrap();
        let all = elements(&mut window, JsonElements::new(shape, true, false)).unwrap();
        for (at, (behind, _)) in all.iter().enumerate() {
            let mut rest = Window::new(&text.as_bytes()[*behind..], piece);
            let found = elements(&mut rest, JsonElements::new(shape, true, true)).unwrap();
            let found: Vec<&JsonItem> = found.iter().map(|(_, item)| item).collect();
            let expected: Vec<&JsonItem> = all[at + 1..].iter().map(|(_, item)| item).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn hostile_bytes_give_the_same_in_any_pieces(
        bytes in prop::collection::vec(prop::sample::select(b"[]{},:\"\\a1 \n".to_vec()), 0..40),
        pointer in prop::sample::select(vec!["", "/a", "/1", "/a/a"]),
        piece in 1_usize..9,
    ) {
        let whole = items(&bytes, pointer, bytes.len().max(1));
        let pieces = items(&bytes, pointer, piece);
        match (whole, pieces) {
            (Err(JsonFault::Bad(_)), Err(JsonFault::Bad(_))) => {}
            (whole, pieces) => prop_assert_eq!(whole, pieces),
        }
    }
}
