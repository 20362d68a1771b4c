//! `JSONata` in AWS's dress: `{% … %}` strings, `$states`, variables, AWS's extra functions, named limits.
//!
//! Expressions are parsed when the definition is. `$now`, `$millis`, `$random` and `$uuid` are functions of the event's
//! time and the execution's seed, so that a replay repeats them; `$eval` is refused, as AWS does.

use super::jsonata_functions;
use super::jsonata_value::{from_json, to_json};
use super::random::Random;
use crate::{Text, Timestamp};
use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// **Levels** of evaluation; recursion beyond it fails with D1011.
const STACK_DEPTH_MAX: usize = 2_000;
/// Elements of a sequence; more fail with D2015.
const SEQUENCE_LENGTH_MAX: usize = 1_000_000;
/// **Milliseconds** that an expression may run. The last resort against loops that neither grow nor recurse.
const TIMEOUT_MILLIS: u64 = 10_000;

/// A parsed expression.
#[derive(Clone)]
pub(crate) struct Query {
    /// Without its `{%` and `%}`, trimmed.
    pub(crate) text: Text,
    ast: Arc<AstNode>,
    needs: Needs,
}

/// Which parts of `$states` an expression may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needs {
    states: bool,
    context: bool,
}

/// What expressions see.
#[derive(Debug)]
pub(crate) struct Bindings<'a> {
    pub(crate) input: &'a Value,
    pub(crate) result: Option<&'a Value>,
    pub(crate) error_output: Option<&'a Value>,
    pub(crate) context: &'a super::Context,
    pub(crate) variables: &'a super::Variables,
    pub(crate) random: &'a Random,
    pub(crate) now: Timestamp,
}

/// Why an expression has no usable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QueryFault {
    /// It is undefined.
    Nothing,
    /// It is a function or a regular expression.
    Unsupported,
    /// It raised an error: `T1006: …`.
    Threw(String),
}

/// A fault with the expression and the field it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryFailure {
    /// `Output/result`.
    pub(crate) location: String,
    pub(crate) query: Text,
    pub(crate) fault: QueryFault,
}

impl Query {
    /// The expression in a `{% … %}` string; `None` if the string is none.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, String>> {
        let inner = text.strip_prefix("{%")?.strip_suffix("%}")?.trim();
        Some(Self::compile(inner))
    }

    /// An expression without the braces, for what is constant.
    pub(crate) fn constant(text: &str) -> Option<Self> {
        Self::compile(text).ok()
    }

    fn compile(inner: &str) -> Result<Self, String> {
        let ast = parser::parse(inner).map_err(|error| error.to_string())?;
        let states = inner.contains("$states");
        let needs = Needs {
            states,
            context: states && mentions_context(inner),
        };
        Ok(Self {
            text: inner.into(),
            ast: Arc::new(ast),
            needs,
        })
    }

    /// Its value.
    pub(crate) fn evaluate(&self, bindings: &Bindings<'_>) -> Result<Value, QueryFault> {
        let mut evaluator = self.evaluator(bindings);
        let value = evaluator.evaluate(&self.ast, &JValue::Undefined);
        let value = value.map_err(|error| QueryFault::Threw(error.message().to_owned()))?;
        if value.is_undefined() {
            return Err(QueryFault::Nothing);
        }
        to_json(&value).ok_or(QueryFault::Unsupported)
    }

    fn evaluator(&self, bindings: &Bindings<'_>) -> Evaluator {
        let mut context = Context::new();
        if self.needs.states {
            context.bind("states".into(), bindings.states(self.needs.context));
        }
        for (name, value) in bindings.variables.iter() {
            if self.text.contains(&**name) {
                context.bind(name.to_string(), from_json(value));
            }
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(TIMEOUT_MILLIS),
            max_stack_depth: Some(STACK_DEPTH_MAX),
            max_sequence_length: Some(SEQUENCE_LENGTH_MAX),
            cancel: None,
        };
        let mut evaluator = Evaluator::with_options(context, options);
        if self.text.contains('(') {
            jsonata_functions::register(&mut evaluator, bindings.random, bindings.now);
        }
        evaluator
    }

    /// Names of the variables that it reads, `states` left out.
    pub(crate) fn variables(&self, see: &mut dyn FnMut(&str)) {
        super::jsonata_variables::free_variables(&self.ast, see);
    }
}

/// Whether the context object may be looked at: by name, or because `$states` is used as a whole.
fn mentions_context(text: &str) -> bool {
    text.contains("context")
        || text
            .match_indices("$states")
            .any(|(at, name)| !text.get(at + name.len()..).is_some_and(|rest| rest.starts_with('.')))
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{% {} %}}", self.text)
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Bindings<'_> {
    fn states(&self, with_context: bool) -> JValue {
        let context = with_context.then(|| from_json(self.context.value()));
        let members = [
            ("input", Some(from_json(self.input))),
            ("result", self.result.map(from_json)),
            ("errorOutput", self.error_output.map(from_json)),
            ("context", context),
        ];
        let present = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        JValue::object(present.collect())
    }
}

/// A value in which some strings are expressions: `Output`, `Arguments`, `Assign`, ….
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum QueryTemplate {
    Constant(Value),
    Query(Query),
    Array(Vec<QueryTemplate>),
    Object(Vec<(String, QueryTemplate)>),
}

impl QueryTemplate {
    /// Compiles a template; `refuse` hears of each string that is a broken expression.
    pub(crate) fn compile(value: &Value, pointer: &str, refuse: &mut dyn FnMut(&str, String)) -> Self {
        match value {
            Value::String(text) => match Query::parse(text) {
                None => Self::Constant(value.clone()),
                Some(Ok(query)) => Self::Query(query),
                Some(Err(reason)) => {
                    refuse(pointer, reason);
                    Self::Constant(Value::Null)
                }
            },
            Value::Array(elements) => {
                let numbered = elements.iter().enumerate();
                Self::Array(
                    numbered
                        .map(|(at, element)| Self::compile(element, &format!("{pointer}/{at}"), refuse))
                        .collect(),
                )
                .folded(value)
            }
            Value::Object(members) => {
                let compiled = members.iter().map(|(name, member)| {
                    let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    (name.clone(), Self::compile(member, &place, refuse))
                });
                Self::Object(compiled.collect()).folded(value)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Constant(value.clone()),
        }
    }

    /// A constant, if nothing in it needs evaluating.
    fn folded(self, value: &Value) -> Self {
        let constant = |template: &Self| matches!(template, Self::Constant(_));
        let all = match &self {
            Self::Array(elements) => elements.iter().all(constant),
            Self::Object(members) => members.iter().all(|(_, member)| constant(member)),
            Self::Constant(_) | Self::Query(_) => false,
        };
        if all { Self::Constant(value.clone()) } else { self }
    }

    /// The value it makes; `location` names the field in failures.
    pub(crate) fn evaluate(&self, location: &str, bindings: &Bindings<'_>) -> Result<Value, QueryFailure> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Query(query) => {
                let failed = |fault| QueryFailure {
                    location: location.to_owned(),
                    query: query.text.clone(),
                    fault,
                };
                query.evaluate(bindings).map_err(failed)
            }
            Self::Array(elements) => {
                let numbered = elements.iter().enumerate();
                numbered
                    .map(|(at, element)| element.evaluate(&format!("{location}[{at}]"), bindings))
                    .collect()
            }
            Self::Object(members) => {
                let mut made = Map::with_capacity(members.len());
                for (name, member) in members {
                    made.insert(name.clone(), member.evaluate(&format!("{location}/{name}"), bindings)?);
                }
                Ok(Value::Object(made))
            }
        }
    }

    /// Calls `see` with every expression in it.
    pub(crate) fn queries(&self, see: &mut dyn FnMut(&Query)) {
        match self {
            Self::Constant(_) => {}
            Self::Query(query) => see(query),
            Self::Array(elements) => elements.iter().for_each(|element| element.queries(see)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.queries(see)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::context::{Context, Local};
    use super::*;
    use serde_json::json;

    fn evaluate(text: &str) -> Result<Value, QueryFault> {
        let context = Context::new(Arc::new(json!({"Execution": {"Name": "e"}})), Local::default());
        let variables = Arc::new([("list".into(), Arc::new(json!([1, 2, 3])))].into());
        let (input, random) = (json!({"a": [{"b": 1}, {"b": 2.5}]}), Random::new(1));
        let now = Timestamp::from_millis(0);
        let bindings = Bindings {
            input: &input,
            result: None,
            error_output: None,
            context: &context,
            variables: &variables,
            random: &random,
            now,
        };
        Query::parse(text).unwrap().unwrap().evaluate(&bindings)
    }

    #[test]
    fn expressions_see_states_and_variables() {
        for (text, expected) in [
            ("{% $states.input.a.b %}", json!([1, 2.5])),
            ("{% $states.context.Execution.Name %}", json!("e")),
            ("{% $sum($list) %}", json!(6)),
            ("{% $partition($list, 2) %}", json!([[1, 2], [3]])),
            ("{% $range(0, 6, 3) %}", json!([0, 3, 6])),
            ("{% $hash('', 'MD5') %}", json!("d41d8cd98f00b204e9800998ecf8427e")),
            ("{% $parse('{\"x\":[1]}').x %}", json!([1])),
            ("{% $millis() %}", json!(0)),
            ("{% $length($uuid()) %}", json!(36)),
        ] {
            assert_eq!(evaluate(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(evaluate("{% $nothing %}"), Err(QueryFault::Nothing));
        assert_eq!(evaluate("{% function($x){$x} %}"), Err(QueryFault::Unsupported));
        assert!(matches!(evaluate("{% $nope() %}"), Err(QueryFault::Threw(text)) if text.starts_with("T1006")));
        assert!(matches!(evaluate("{% $eval('1') %}"), Err(QueryFault::Threw(_))));
        assert!(matches!(
            evaluate("{% ($f := function($n){ 1 + $f($n) }; $f(1)) %}"),
            Err(QueryFault::Threw(_))
        ));
    }
}
