//! Payload templates: `Parameters`, `ItemSelector`, `ResultSelector`, `Assign`, … in JSONPath.
//!
//! A member `"name.$"` holds an expression. AWS builds each object from its plain members in order, then the evaluated
//! ones in the order of a Java hash map; that order is a function of the names and is fixed when compiling.

use super::expression::{Expression, Failure, Scope};
use super::java;
use crate::Text;
use serde_json::{Map, Value};

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    /// No expression inside.
    Constant(Value),
    Array(Vec<Template>),
    Object {
        plain: Vec<(String, Template)>,
        evaluated: Vec<(String, Expression)>,
    },
}

/// A failure with the member that it happened in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFailure {
    /// `name.$`.
    pub(crate) field: Text,
    pub(crate) failure: Failure,
}

/// A member that is no expression, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    /// JSON pointer inside the template.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Template {
    /// Compiles a template; faults are added to `faults` and their members left out.
    pub(crate) fn compile(value: &Value, pointer: &str, faults: &mut Vec<TemplateFault>) -> Self {
        match value {
            Value::Object(members) => object(members, pointer, faults),
            Value::Array(elements) => {
                let numbered = elements.iter().enumerate();
                let compiled: Vec<_> = numbered
                    .map(|(at, element)| Self::compile(element, &format!("{pointer}/{at}"), faults))
                    .collect();
                if compiled.iter().all(Self::is_constant) {
                    Self::Constant(value.clone())
                } else {
                    Self::Array(compiled)
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::Constant(value.clone()),
        }
    }

    fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// The value it makes.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, FieldFailure> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Array(elements) => elements.iter().map(|element| element.evaluate(scope)).collect(),
            Self::Object { plain, evaluated } => {
                let mut members = Map::with_capacity(plain.len() + evaluated.len());
                for (name, template) in plain {
                    members.insert(name.clone(), template.evaluate(scope)?);
                }
                for (name, expression) in evaluated {
                    let value = expression.evaluate(scope).map_err(|failure| at_field(name, failure))?;
                    members.insert(name.clone(), value.into_owned());
                }
                Ok(Value::Object(members))
            }
        }
    }

    /// Calls `see` with every expression in it.
    pub(crate) fn expressions(&self, see: &mut dyn FnMut(&Expression)) {
        match self {
            Self::Constant(_) => {}
            Self::Array(elements) => elements.iter().for_each(|element| element.expressions(see)),
            Self::Object { plain, evaluated } => {
                for (_, template) in plain {
                    template.expressions(see);
                }
                for (_, expression) in evaluated {
                    see(expression);
                }
            }
        }
    }
}

fn at_field(name: &str, failure: Failure) -> FieldFailure {
    FieldFailure {
        field: format!("{name}.$").into(),
        failure,
    }
}

fn object(members: &Map<String, Value>, pointer: &str, faults: &mut Vec<TemplateFault>) -> Template {
    let (mut plain, mut evaluated) = (Vec::new(), Vec::new());
    for (name, value) in members {
        let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match name.strip_suffix(".$") {
            None => plain.push((name.clone(), Template::compile(value, &place, faults))),
            Some(stripped) => match expression(name, value) {
                Ok(expression) => evaluated.push((stripped.to_owned(), expression)),
                Err(message) => faults.push(TemplateFault {
                    pointer: place,
                    message,
                }),
            },
        }
    }
    let count = evaluated.len();
    evaluated.sort_by_key(|(name, _)| java::bucket(name, count));
    if evaluated.is_empty() && plain.iter().all(|(_, template)| template.is_constant()) {
        return Template::Constant(Value::Object(members.clone()));
    }
    Template::Object { plain, evaluated }
}

fn expression(name: &str, value: &Value) -> Result<Expression, String> {
    let refused =
        || format!("The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call");
    let text = value.as_str().ok_or_else(refused)?;
    Expression::parse(text).map_err(|_unused| refused())
}

#[cfg(test)]
mod tests {
    use super::super::context::{Context, Local};
    use super::super::random::Random;
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn evaluate(template: &Value, input: &Value) -> Result<Value, FieldFailure> {
        let mut faults = Vec::new();
        let template = Template::compile(template, "", &mut faults);
        assert_eq!(faults, []);
        let context = Context::new(Arc::new(json!({"Execution": {"Name": "e"}})), Local::default());
        let variables = Arc::new([("v".into(), Arc::new(json!({"x": 7})))].into());
        template.evaluate(&Scope {
            input,
            context: &context,
            variables: &variables,
            random: &Random::new(1),
        })
    }

    #[test]
    fn plain_members_come_first_then_hash_order() {
        let template =
            json!({"Iterations.$": "$.i", "Values.$": "$.v", "fixed": {"n.$": "$$.Execution.Name"}, "x.$": "$v.x"});
        let made = evaluate(&template, &json!({"i": 1, "v": [2]})).unwrap();
        assert_eq!(
            made.to_string(),
            r#"{"fixed":{"n":"e"},"Values":[2],"x":7,"Iterations":1}"#
        );
    }

    #[test]
    fn missing_places_name_the_field() {
        let failure = evaluate(&json!({"a.$": "$.no"}), &json!({})).unwrap_err();
        assert_eq!(&*failure.field, "a.$");
    }

    #[test]
    fn values_that_are_no_expression_are_faults() {
        let mut faults = Vec::new();
        Template::compile(&json!({"a": [{"b.$": 1}, {"c.$": "nope"}]}), "/P", &mut faults);
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/P/a/0/b.$", "/P/a/1/c.$"]);
    }
}
