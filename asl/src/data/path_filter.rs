//! Filters of a JSONPath: `[?(@.a == 1 && @.b)]`, evaluated as Jayway does.
//!
//! In a circle with `path`, as in the grammar: a path holds filters, and a filter compares what paths find.

use super::path::Path;
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// A condition on a value.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    /// The path names something.
    Exists(Operand),
    Compare(Operand, Operator, Operand),
    Matches(Operand, Regex),
}

impl PartialEq for Filter {
    /// Filters are compared as written; regular expressions by their text.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    /// `@.a`.
    Current(Path),
    /// `$.a`.
    Root(Path),
    Literal(Value),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Matches,
    NotIn,
    In,
    SubsetOf,
    AnyOf,
    NoneOf,
    Size,
    Empty,
    Contains,
}

impl Operator {
    /// In the order in which they must be tried.
    pub(super) const ALL: [Self; 15] = [
        Self::Equal,
        Self::NotEqual,
        Self::Matches,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Less,
        Self::Greater,
        Self::NotIn,
        Self::In,
        Self::SubsetOf,
        Self::AnyOf,
        Self::NoneOf,
        Self::Size,
        Self::Empty,
        Self::Contains,
    ];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::LessOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::Matches => "=~",
            Self::NotIn => "nin",
            Self::In => "in",
            Self::SubsetOf => "subsetof",
            Self::AnyOf => "anyof",
            Self::NoneOf => "noneof",
            Self::Size => "size",
            Self::Empty => "empty",
            Self::Contains => "contains",
        }
    }
}

impl Filter {
    /// A comparison; `None` if a regular expression cannot be read.
    pub(super) fn compare(left: Operand, operator: Operator, right: Operand) -> Option<Self> {
        match (operator, right) {
            (Operator::Matches, Operand::Literal(Value::String(pattern))) => {
                Some(Self::Matches(left, Regex::new(&format!("^(?:{pattern})$")).ok()?))
            }
            (Operator::Matches, _) => None,
            (operator, right) => Some(Self::Compare(left, operator, right)),
        }
    }

    /// Whether `current` satisfies it.
    pub(super) fn accepts(&self, current: &Value, root: &Value) -> bool {
        match self {
            Self::Or(filters) => filters.iter().any(|filter| filter.accepts(current, root)),
            Self::And(filters) => filters.iter().all(|filter| filter.accepts(current, root)),
            Self::Not(filter) => !filter.accepts(current, root),
            Self::Exists(operand) => operand.exists(current, root),
            Self::Compare(left, operator, right) => {
                operator.holds(left.value(current, root), right.value(current, root))
            }
            Self::Matches(left, regex) => left
                .value(current, root)
                .is_some_and(|value| value.as_str().is_some_and(|text| regex.is_match(text))),
        }
    }
}

impl Operand {
    fn value<'a>(&'a self, current: &'a Value, root: &'a Value) -> Option<Cow<'a, Value>> {
        match self {
            Self::Current(path) => path.select(current).ok(),
            Self::Root(path) => path.select(root).ok(),
            Self::Literal(value) => Some(Cow::Borrowed(value)),
        }
    }

    fn exists(&self, current: &Value, root: &Value) -> bool {
        match self {
            Self::Literal(value) => value == &Value::Bool(true),
            Self::Current(path) | Self::Root(path) => self
                .value(current, root)
                .is_some_and(|value| path.is_definite() || value.as_array().is_some_and(|all| !all.is_empty())),
        }
    }
}

impl Operator {
    fn holds(self, left: Option<Cow<'_, Value>>, right: Option<Cow<'_, Value>>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return self == Self::NotEqual;
        };
        let (left, right) = (&*left, &*right);
        match self {
            Self::Equal => equal(left, right),
            Self::NotEqual => !equal(left, right),
            Self::Less => order(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
            Self::Greater => order(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
            Self::In => includes(right, left),
            Self::NotIn => !includes(right, left),
            Self::Contains => contains(left, right),
            Self::SubsetOf => list(left).iter().all(|value| includes(right, value)),
            Self::AnyOf => list(left).iter().any(|value| includes(right, value)),
            Self::NoneOf => !list(left).iter().any(|value| includes(right, value)),
            Self::Size => right
                .as_u64()
                .is_some_and(|wanted| size(left).is_some_and(|size| size as u64 == wanted)),
            Self::Empty => right
                .as_bool()
                .is_some_and(|wanted| size(left).is_some_and(|size| (size == 0) == wanted)),
            Self::Matches => false,
        }
    }
}

/// Equal by value: `1` equals `1.0`.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(Ordering::Equal),
        (left, right) => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (_, _) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (_, _) => None,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn includes(all: &Value, value: &Value) -> bool {
    list(all).iter().any(|one| equal(one, value))
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
        (whole, part) => includes(whole, part),
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(values) => Some(values.len()),
        Value::String(text) => Some(text.chars().count()),
        Value::Object(members) => Some(members.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
