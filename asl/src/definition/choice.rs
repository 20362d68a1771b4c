//! The Choice state: rules with every operator, or `JSONata` conditions.

use super::fields::Fields;
use super::setting::Next;
use crate::Text;
use crate::data::jsonata::{Query, QueryTemplate};
use crate::data::{Reference, Template};
use serde_json::Value;

/// The rules of a Choice, in order.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Option<Next>,
}

/// One rule: when it holds, where it leads.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) condition: Condition,
    pub(crate) next: Next,
    pub(crate) assign: Option<Template>,
    pub(crate) query_assign: Option<QueryTemplate>,
    pub(crate) output: Option<QueryTemplate>,
}

/// When a rule holds.
#[derive(Debug)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Test { variable: Reference, test: Test },
    Query(Query),
}

/// One operator with its operand.
#[derive(Debug)]
pub(crate) enum Test {
    Is(Kind, bool),
    BooleanEquals(Operand),
    String(Comparison, Operand),
    Numeric(Comparison, Operand),
    Timestamp(Comparison, Operand),
    Matches(Text),
}

/// What `Is…` asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Present,
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// A literal, or a path to the value.
#[derive(Debug)]
pub(crate) enum Operand {
    Literal(Value),
    Path(Reference),
}

/// Conditions nested deeper than this are refused.
const NESTING_MAX: usize = 64;

const COMPARISONS: [(&str, Comparison); 5] = [
    ("Equals", Comparison::Equals),
    ("LessThan", Comparison::LessThan),
    ("GreaterThan", Comparison::GreaterThan),
    ("LessThanEquals", Comparison::LessThanEquals),
    ("GreaterThanEquals", Comparison::GreaterThanEquals),
];

const KINDS: [(&str, Kind); 6] = [
    ("IsPresent", Kind::Present),
    ("IsNull", Kind::Null),
    ("IsBoolean", Kind::Boolean),
    ("IsNumeric", Kind::Numeric),
    ("IsString", Kind::String),
    ("IsTimestamp", Kind::Timestamp),
];

impl Choice {
    /// Reads `Choices` and `Default`.
    pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Self {
        fields.require("Choices");
        let rules = fields.objects("Choices", Rule::read);
        Self {
            rules,
            default: fields.target("Default", false).map(Next::State),
        }
    }
}

impl Rule {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        fields.text("Comment");
        let next = fields.target("Next", true);
        let jsonata = fields.is_jsonata();
        let condition = if jsonata {
            query_condition(fields)
        } else {
            Condition::read(fields, 0)
        };
        let assign = if jsonata { None } else { fields.template("Assign") };
        let query_assign = if jsonata { fields.query_template("Assign") } else { None };
        let output = if jsonata { fields.query_template("Output") } else { None };
        Some(Self {
            condition: condition?,
            next: Next::State(next?),
            assign,
            query_assign,
            output,
        })
    }
}

fn query_condition(fields: &mut Fields<'_, '_>) -> Option<Condition> {
    fields.require("Condition");
    match fields.query_or_value("Condition")? {
        Ok(query) => Some(Condition::Query(query)),
        Err(Value::Bool(fixed)) => Query::constant(if *fixed { "true" } else { "false" }).map(Condition::Query),
        Err(_) => {
            fields.refuse_at("Condition", "Value is not a valid JSONata expression");
            None
        }
    }
}

impl Condition {
    fn read(fields: &mut Fields<'_, '_>, nesting: usize) -> Option<Self> {
        if nesting > NESTING_MAX {
            fields.refuse("Conditions are nested too deeply");
            return None;
        }
        let nested = |fields: &mut Fields<'_, '_>| Self::read(fields, nesting + 1);
        if fields.has("And") {
            return Some(Self::And(fields.objects("And", nested)));
        }
        if fields.has("Or") {
            return Some(Self::Or(fields.objects("Or", nested)));
        }
        if fields.has("Not") {
            return fields.object("Not", nested).map(|inner| Self::Not(Box::new(inner)));
        }
        let variable = fields.required_reference("Variable");
        let test = Test::read(fields);
        Some(Self::Test {
            variable: variable?,
            test: test?,
        })
    }
}

impl Test {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name = fields.unread().into_iter().find(|name| Self::is_operator(name));
        let Some(name) = name else {
            fields.refuse("A choice rule must have a comparison operator");
            return None;
        };
        if let Some((_, kind)) = KINDS.into_iter().find(|(operator, _)| *operator == name) {
            return fields.boolean(&name).map(|wanted| Self::Is(kind, wanted));
        }
        if name == "StringMatches" {
            return fields.text(&name).map(|pattern| Self::Matches(pattern.into()));
        }
        let operand = Operand::read(fields, &name)?;
        let bare = name.strip_suffix("Path").unwrap_or(&name);
        Some(match split_operator(bare)? {
            ("String", comparison) => Self::String(comparison, operand),
            ("Numeric", comparison) => Self::Numeric(comparison, operand),
            ("Timestamp", comparison) => Self::Timestamp(comparison, operand),
            (_, _) => Self::BooleanEquals(operand),
        })
    }

    fn is_operator(name: &str) -> bool {
        let bare = name.strip_suffix("Path").unwrap_or(name);
        name == "StringMatches" || KINDS.iter().any(|(kind, _)| *kind == name) || split_operator(bare).is_some()
    }
}

/// `NumericLessThan` → (`Numeric`, less than).
fn split_operator(name: &str) -> Option<(&'static str, Comparison)> {
    ["String", "Numeric", "Timestamp", "Boolean"]
        .into_iter()
        .find_map(|kind| {
            let rest = name.strip_prefix(kind)?;
            let (_, comparison) = COMPARISONS.into_iter().find(|(ending, _)| *ending == rest)?;
            (kind != "Boolean" || comparison == Comparison::Equals).then_some((kind, comparison))
        })
}

impl Operand {
    fn read(fields: &mut Fields<'_, '_>, name: &str) -> Option<Self> {
        if name.ends_with("Path") {
            return fields.reference(name).map(Self::Path);
        }
        let value = fields.value(name)?;
        let fits = match name {
            _ if name.starts_with("Numeric") => value.is_number(),
            _ if name.starts_with("Boolean") => value.is_boolean(),
            _ if name.starts_with("Timestamp") => value
                .as_str()
                .is_some_and(|text| crate::timestamp::parse_nanos(text).is_some()),
            _ => value.is_string(),
        };
        if !fits {
            let reason = if name.starts_with("Timestamp") {
                "String does not match RFC3339 timestamp"
            } else {
                "Value has the wrong type for the operator"
            };
            fields.refuse_at(name, reason);
        }
        Some(Self::Literal(value.clone()))
    }
}
