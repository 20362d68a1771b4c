//! JSONPath as AWS means it: Jayway's dialect, compiled once.
//!
//! Owns the syntax tree and its evaluation; `path_parse` reads it, `path_filter` evaluates filters. A *definite* path
//! names one place and fails when nothing is there; an indefinite one answers with a list, empty if need be.

use super::path_filter::Filter;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write as _;

/// A compiled path. `$` stands for whatever document it is applied to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    /// `.a`, `['a']`, `['a','b']`.
    Names(Vec<String>),
    /// `.*`, `[*]`.
    Wildcard,
    /// `[0]`, `[-1]`, `[0,2]`.
    Indexes(Vec<i64>),
    /// `[1:3]`, `[:-1]`.
    Slice(Option<i64>, Option<i64>),
    /// `..`: what follows is looked for at every depth.
    Scan,
    /// `[?(@.a == 1)]`.
    Filter(Box<Filter>),
    /// `.length()` and its like, always last.
    Function(Function),
}

/// Functions at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Keys,
    Min,
    Max,
    Sum,
    Average,
    StandardDeviation,
    First,
    Last,
}

/// Why a definite path found nothing: Jayway's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoResult(pub(crate) String);

/// Values deeper than this are not searched by `..`, nor are paths longer than this read.
pub(crate) const DEPTH_MAX: usize = 128;

impl Path {
    /// Whether it names one place.
    pub(crate) fn is_definite(&self) -> bool {
        self.segments.iter().all(Segment::is_definite)
    }

    /// Whether it may be written to: names and single indexes only.
    pub(crate) fn is_reference(&self) -> bool {
        self.segments
            .iter()
            .all(|segment| segment.is_definite() && !matches!(segment, Segment::Function(_)))
    }

    /// What it names in `root`.
    pub(crate) fn select<'a>(&self, root: &'a Value) -> Result<Cow<'a, Value>, NoResult> {
        if self.is_definite() {
            return self.select_definite(root);
        }
        let mut found = vec![Cow::Borrowed(root)];
        for (at, segment) in self.segments.iter().enumerate() {
            let scanned = at > 0 && self.segments.get(at - 1) == Some(&Segment::Scan);
            found = found
                .into_iter()
                .flat_map(|value| segment.apply(value, root, scanned))
                .collect();
        }
        Ok(Cow::Owned(Value::Array(
            found.into_iter().map(Cow::into_owned).collect(),
        )))
    }

    fn select_definite<'a>(&self, root: &'a Value) -> Result<Cow<'a, Value>, NoResult> {
        let mut current = Cow::Borrowed(root);
        for (at, segment) in self.segments.iter().enumerate() {
            current = segment
                .apply(current, root, false)
                .into_iter()
                .next()
                .ok_or_else(|| self.missing(at))?;
        }
        Ok(current)
    }

    fn missing(&self, at: usize) -> NoResult {
        let upto = self.segments.get(..=at).unwrap_or_default();
        let last = at + 1 == self.segments.len();
        let lead = if last {
            "No results for path: "
        } else {
            "Missing property in path "
        };
        NoResult(format!("{lead}{}", canonical(upto)))
    }

    /// The path in Jayway's bracket notation: `$['a'][0]`.
    #[cfg(test)]
    pub(crate) fn canonical(&self) -> String {
        canonical(&self.segments)
    }
}

fn canonical(segments: &[Segment]) -> String {
    let mut text = String::from("$");
    for segment in segments {
        segment.write(&mut text);
    }
    text
}

impl Segment {
    fn is_definite(&self) -> bool {
        match self {
            Self::Names(names) => names.len() == 1,
            Self::Indexes(indexes) => indexes.len() == 1,
            Self::Function(_) => true,
            Self::Wildcard | Self::Slice(..) | Self::Scan | Self::Filter(_) => false,
        }
    }

    fn write(&self, text: &mut String) {
        let written = match self {
            Self::Names(names) => write!(text, "[{}]", quoted(names)),
            Self::Wildcard => write!(text, "[*]"),
            Self::Indexes(indexes) => write!(text, "[{}]", numbers(indexes)),
            Self::Slice(from, to) => write!(text, "[{}:{}]", bound(*from), bound(*to)),
            Self::Scan => write!(text, ".."),
            Self::Filter(_) => write!(text, "[?]"),
            Self::Function(function) => write!(text, ".{}()", function.name()),
        };
        debug_assert!(written.is_ok(), "writing to a string succeeds");
    }

    fn apply<'a>(&self, value: Cow<'a, Value>, root: &Value, scanned: bool) -> Vec<Cow<'a, Value>> {
        match self {
            Self::Names(names) => match names.as_slice() {
                [name] => member(value, name).into_iter().collect(),
                names => members(&value, names).into_iter().map(Cow::Owned).collect(),
            },
            Self::Wildcard => children(value),
            Self::Indexes(indexes) => indexes
                .iter()
                .filter_map(|index| element(value.clone(), *index))
                .collect(),
            Self::Slice(from, to) => slice(value, *from, *to),
            Self::Scan => descendants(value),
            Self::Filter(filter) => filtered(value, filter, root, scanned),
            Self::Function(function) => function.call(&value).into_iter().map(Cow::Owned).collect(),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(",")
}

fn numbers(indexes: &[i64]) -> String {
    indexes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn bound(bound: Option<i64>) -> String {
    bound.map_or_else(String::new, |bound| bound.to_string())
}

fn member<'a>(value: Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(Value::Object(mut members)) => members.swap_remove(name).map(Cow::Owned),
        Cow::Owned(_) => None,
    }
}

/// The members of these names as one object: what Jayway makes of `['a','b']`.
fn members(value: &Value, names: &[String]) -> Option<Value> {
    let object = value.as_object()?;
    let found: Map<_, _> = names
        .iter()
        .filter_map(|name| Some((name.clone(), object.get(name)?.clone())))
        .collect();
    Some(Value::Object(found))
}

fn element(value: Cow<'_, Value>, index: i64) -> Option<Cow<'_, Value>> {
    let at = position(value.as_array()?.len(), index)?;
    match value {
        Cow::Borrowed(value) => value.get(at).map(Cow::Borrowed),
        Cow::Owned(Value::Array(mut elements)) => Some(Cow::Owned(elements.swap_remove(at))),
        Cow::Owned(_) => None,
    }
}

fn position(len: usize, index: i64) -> Option<usize> {
    let len = i64::try_from(len).ok()?;
    let at = if index < 0 { len.checked_add(index)? } else { index };
    usize::try_from(at).ok().filter(|_| at < len)
}

fn slice(value: Cow<'_, Value>, from: Option<i64>, to: Option<i64>) -> Vec<Cow<'_, Value>> {
    let len = value.as_array().map_or(0, Vec::len);
    let clamp = |bound: i64| {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let at = if bound < 0 {
            len.saturating_add(bound).max(0)
        } else {
            bound.min(len)
        };
        usize::try_from(at).unwrap_or(0)
    };
    let (from, to) = (from.map_or(0, clamp), to.map_or(len, clamp));
    elements(value)
        .into_iter()
        .skip(from)
        .take(to.saturating_sub(from))
        .collect()
}

fn elements(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    match value {
        Cow::Borrowed(Value::Array(elements)) => elements.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(elements)) => elements.into_iter().map(Cow::Owned).collect(),
        Cow::Borrowed(_) | Cow::Owned(_) => Vec::new(),
    }
}

fn children(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    match value {
        Cow::Borrowed(Value::Object(members)) => members.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Object(members)) => members.into_iter().map(|(_, value)| Cow::Owned(value)).collect(),
        value @ (Cow::Borrowed(_) | Cow::Owned(_)) => elements(value),
    }
}

/// The value and everything below it, parents first, down to a fixed depth.
fn descendants(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    let mut found = Vec::new();
    collect_descendants(value, DEPTH_MAX, &mut found);
    found
}

fn collect_descendants<'a>(value: Cow<'a, Value>, depth: usize, found: &mut Vec<Cow<'a, Value>>) {
    if depth == 0 || !(value.is_object() || value.is_array()) {
        return;
    }
    found.push(value.clone());
    for child in children(value) {
        collect_descendants(child, depth - 1, found);
    }
}

/// Elements that the filter accepts; an object is itself accepted or not.
fn filtered<'a>(value: Cow<'a, Value>, filter: &Filter, root: &Value, scanned: bool) -> Vec<Cow<'a, Value>> {
    if value.is_array() {
        return elements(value)
            .into_iter()
            .filter(|element| filter.accepts(element, root))
            .collect();
    }
    let accepted = value.is_object() && !scanned && filter.accepts(&value, root);
    accepted.then_some(value).into_iter().collect()
}

impl Function {
    pub(super) const ALL: [Self; 9] = [
        Self::Length,
        Self::Keys,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Average,
        Self::StandardDeviation,
        Self::First,
        Self::Last,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Keys => "keys",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Average => "avg",
            Self::StandardDeviation => "stddev",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    fn call(self, value: &Value) -> Option<Value> {
        match self {
            Self::Length => length(value).map(Value::from),
            Self::Keys => Some(value.as_object()?.keys().cloned().map(Value::String).collect()),
            Self::First => value.as_array()?.first().cloned(),
            Self::Last => value.as_array()?.last().cloned(),
            Self::Min | Self::Max | Self::Sum | Self::Average | Self::StandardDeviation => {
                let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
                self.aggregate(&numbers).map(Value::from)
            }
        }
    }

    fn aggregate(self, numbers: &[f64]) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a list of 2^52 numbers does not fit a payload"
        )]
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().sum();
        if numbers.is_empty() {
            return None;
        }
        let squares: f64 = numbers.iter().map(|number| number * number).sum();
        match self {
            Self::Min => numbers.iter().copied().reduce(f64::min),
            Self::Max => numbers.iter().copied().reduce(f64::max),
            Self::Sum => Some(sum),
            Self::Average => Some(sum / count),
            Self::StandardDeviation => Some((squares / count - (sum / count) * (sum / count)).sqrt()),
            Self::Length | Self::Keys | Self::First | Self::Last => None,
        }
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.chars().count()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Puts `value` where the reference path points, making objects on the way; `None` if something else stands there.
pub(crate) fn insert(root: Value, path: &Path, value: Value) -> Option<Value> {
    let mut root = if root.is_null() && !path.segments.is_empty() {
        Value::Object(Map::new())
    } else {
        root
    };
    let mut place = &mut root;
    for segment in &path.segments {
        place = step_into(place, segment)?;
    }
    *place = value;
    Some(root)
}

fn step_into<'a>(place: &'a mut Value, segment: &Segment) -> Option<&'a mut Value> {
    match segment {
        Segment::Names(names) => {
            let [name] = names.as_slice() else { return None };
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            Some(place.as_object_mut()?.entry(name.as_str()).or_insert(Value::Null))
        }
        Segment::Indexes(indexes) => {
            let [index] = indexes.as_slice() else { return None };
            let elements = place.as_array_mut()?;
            let at = position(elements.len(), *index)?;
            elements.get_mut(at)
        }
        Segment::Wildcard | Segment::Slice(..) | Segment::Scan | Segment::Filter(_) | Segment::Function(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn select(path: &str, root: &Value) -> Result<Value, String> {
        let path = Path::parse(path).unwrap();
        path.select(root).map(Cow::into_owned).map_err(|none| none.0)
    }

    #[test]
    fn paths_select_as_jayway_does() {
        let root = json!({"a": {"b-c": 1, "x": [10, 20, 30]}, "detail-type": "t", "n": [{"v": 1, "w": 9}, {"v": 2}, {"w": 3}], "s": "four"});
        for (path, expected) in [
            ("$", root.clone()),
            ("$.a.b-c", json!(1)),
            ("$.detail-type", json!("t")),
            ("$['a']['b-c']", json!(1)),
            ("$.a.x.[0]", json!(10)),
            ("$.a.x[-1]", json!(30)),
            ("$.a.x[0,2]", json!([10, 30])),
            ("$.a.x[0:1]", json!([10])),
            ("$.a.x[1:]", json!([20, 30])),
            ("$.a.x[-2:]", json!([20, 30])),
            ("$.a.x.length()", json!(3)),
            ("$.s.length()", json!(4)),
            ("$.n[*].v", json!([1, 2])),
            ("$..v", json!([1, 2])),
            ("$.n[?(@.v)]", json!([{"v": 1, "w": 9}, {"v": 2}])),
            ("$.n[?(@.v > 1)].v", json!([2])),
            ("$.n[?(@.v == 1 && @.w == 9)].w", json!([9])),
            ("$.n[?(!@.v)].w", json!([3])),
            ("$.n[?(@.v in [2, 3])]", json!([{"v": 2}])),
            ("$[?(@.s =~ /FO.*/i)].s", json!(["four"])),
            ("$.no.such[*]", json!([])),
            ("$.n[0]['v','w']", json!([{"v": 1, "w": 9}])),
            ("$.a.*", json!([1, [10, 20, 30]])),
        ] {
            assert_eq!(select(path, &root), Ok(expected), "{path}");
        }
    }

    #[test]
    fn definite_paths_that_miss_say_where() {
        let root = json!({"a": {}});
        assert_eq!(select("$.b", &root), Err("No results for path: $['b']".into()));
        assert_eq!(select("$.b.c", &root), Err("Missing property in path $['b']".into()));
        assert_eq!(select("$.a[3]", &root), Err("No results for path: $['a'][3]".into()));
    }

    #[test]
    fn insertion_makes_objects_and_respects_what_is_there() {
        let at = |path: &str| Path::parse(path).unwrap();
        assert_eq!(
            insert(json!({"x": 1}), &at("$.a.b"), json!(2)),
            Some(json!({"x": 1, "a": {"b": 2}}))
        );
        assert_eq!(insert(json!([1, 2]), &at("$[1]"), json!(3)), Some(json!([1, 3])));
        assert_eq!(insert(json!("text"), &at("$.a"), json!(3)), None);
        assert_eq!(insert(json!({"a": 1}), &at("$.a.b"), json!(3)), None);
    }
}
