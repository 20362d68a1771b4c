//! The data flow of a state: from its input to what it works on, and from its result to its output.
//!
//! Pure leaves over a [`Scene`]; whoever calls them records and moves on.

use super::fault::Fault;
use crate::Timestamp;
use crate::data::jsonata::{Bindings, Query, QueryFailure, QueryTemplate};
use crate::data::path::insert;
use crate::data::{Context, Document, Expression, Random, Reference, Scope, Template, Variables};
use crate::definition::io::QueryIo;
use crate::definition::map::Payload;
use crate::definition::setting::Next;
use crate::definition::setting::{Filter, ResultPath, Setting};
use crate::error_name;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What expressions of a state see besides its data.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) context: Context,
    pub(crate) variables: Variables,
    pub(crate) random: &'a Random,
    pub(crate) now: Timestamp,
    /// The state's name, for faults.
    pub(crate) name: &'a str,
    /// The state's input, before `InputPath`.
    pub(crate) raw: Document,
}

/// What `JSONata` sees of the result.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome<'a> {
    pub(crate) result: Option<&'a Value>,
    pub(crate) error_output: Option<&'a Value>,
}

/// Variables that a state assigned, in order.
pub(crate) type Assigned = Vec<(String, Value)>;

/// What became of running a state.
#[derive(Debug)]
pub(super) enum Progress {
    /// It is done; this is its output.
    Done {
        output: Document,
        assigned: Option<Assigned>,
        next: Option<Next>,
    },
    /// It waits for the world.
    Waiting,
}

/// The stages of a Pass state.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) after_input: Document,
    pub(super) after_parameters: Document,
    pub(super) result: Document,
    pub(super) combined: Document,
    pub(super) output: Document,
}

impl Scene<'_> {
    pub(crate) fn scope<'s>(&'s self, input: &'s Value) -> Scope<'s> {
        Scope {
            input,
            context: &self.context,
            variables: &self.variables,
            random: self.random,
        }
    }

    pub(crate) fn bindings<'s>(&'s self, outcome: Outcome<'s>) -> Bindings<'s> {
        Bindings {
            input: self.raw.value(),
            result: outcome.result,
            error_output: outcome.error_output,
            context: &self.context,
            variables: &self.variables,
            random: self.random,
            now: self.now,
        }
    }

    /// `InputPath`, `OutputPath`.
    pub(crate) fn filter(&self, filter: &Filter, document: &Document) -> Result<Document, Fault> {
        match filter {
            Filter::Whole => Ok(document.clone()),
            Filter::Nothing => Ok(Document::from(Value::Object(Map::new()))),
            Filter::Select(reference) => self
                .select(reference, document.value())
                .map(|value| Document::from(value.into_owned())),
        }
    }

    fn select<'s>(&'s self, reference: &'s Reference, input: &'s Value) -> Result<Cow<'s, Value>, Fault> {
        reference
            .select(&self.scope(input))
            .map_err(|failure| Fault::of_path(&failure))
    }

    /// `Parameters`, `ResultSelector` and their like, over `document`.
    pub(crate) fn fill(&self, template: &Template, document: &Document) -> Result<Document, Fault> {
        let value = template.evaluate(&self.scope(document.value()));
        value
            .map(Document::from)
            .map_err(|failure| Fault::of_field(&failure, document))
    }

    /// A `JSONata` template in the field of that name.
    pub(crate) fn query(&self, template: &QueryTemplate, field: &str, outcome: Outcome<'_>) -> Result<Value, Fault> {
        template
            .evaluate(field, &self.bindings(outcome))
            .map_err(|failure| Fault::of_query(&failure))
    }

    /// One `JSONata` expression in the field of that name.
    pub(crate) fn ask(&self, query: &Query, field: &str, outcome: Outcome<'_>) -> Result<Value, Fault> {
        query.evaluate(&self.bindings(outcome)).map_err(|fault| {
            Fault::of_query(&QueryFailure {
                location: field.to_owned(),
                query: query.text.clone(),
                fault,
            })
        })
    }

    /// An expression of `ErrorPath` or `CausePath`.
    pub(crate) fn evaluate(&self, expression: &Expression, field: &str, document: &Document) -> Result<Value, Fault> {
        let value = expression.evaluate(&self.scope(document.value())).map(Cow::into_owned);
        value.map_err(|failure| Fault::of_expression(&failure, field, document))
    }

    /// `ResultPath`.
    pub(crate) fn combine(&self, path: &ResultPath, result: Document) -> Result<Document, Fault> {
        match path {
            ResultPath::Replace => Ok(result),
            ResultPath::Discard => Ok(self.raw.clone()),
            ResultPath::Insert { text, path } => {
                let root = Value::clone(self.raw.value());
                let combined = insert(root, path, Value::clone(result.value()));
                let refused = || {
                    Fault::named(
                        error_name::RESULT_PATH_MATCH_FAILURE,
                        format!("Unable to apply ReferencePath {text} to input {}", self.raw.text()),
                    )
                };
                combined.map(Document::from).ok_or_else(refused)
            }
        }
    }

    /// From a result to the output, `JSONata`.
    pub(crate) fn query_output(
        &self,
        output: Option<&QueryTemplate>,
        fallback: &Document,
        outcome: Outcome<'_>,
    ) -> Result<Document, Fault> {
        let document = match output {
            None => fallback.clone(),
            Some(template) => Document::from(self.query(template, "Output", outcome)?),
        };
        self.limited(document)
    }

    /// Refuses what is too large or too deep to hand on.
    pub(crate) fn limited(&self, document: Document) -> Result<Document, Fault> {
        limited(document, self.name)
    }

    /// `Assign` of a `JSONPath` state: `$` is `document`.
    pub(crate) fn assign(&self, template: Option<&Template>, document: &Document) -> Result<Option<Assigned>, Fault> {
        template
            .map(|template| self.fill(template, document).and_then(|made| assigned(made.value())))
            .transpose()
    }

    /// `Assign` of a `JSONata` state.
    pub(crate) fn query_assign(
        &self,
        template: Option<&QueryTemplate>,
        outcome: Outcome<'_>,
    ) -> Result<Option<Assigned>, Fault> {
        template
            .map(|template| self.query(template, "Assign", outcome).and_then(|made| assigned(&made)))
            .transpose()
    }

    /// Output and assignments of a state with a result.
    pub(crate) fn finish_query(&self, io: &QueryIo, result: &Document) -> Result<(Document, Option<Assigned>), Fault> {
        let outcome = Outcome {
            result: Some(result.value()),
            error_output: None,
        };
        let assigned = self.query_assign(io.assign.as_ref(), outcome)?;
        Ok((self.query_output(io.output.as_ref(), result, outcome)?, assigned))
    }

    /// The value of a setting that is an integer; `told` is the name of its path field.
    pub(crate) fn integer(&self, setting: &Setting<i64>, field: &str, input: &Document) -> Result<i64, Fault> {
        match setting {
            Setting::Fixed(value) => Ok(*value),
            Setting::Path(reference) => {
                let value = self.select(reference, input.value())?;
                integer_of(&value).ok_or_else(|| not_a_number(field, reference, &value, "integer"))
            }
            Setting::Query(query) => {
                let value = self.ask(query, field, Outcome::default())?;
                value
                    .as_i64()
                    .ok_or_else(|| Fault::wrong_type(&query.text, field, "integer", &value))
            }
        }
    }

    /// The value of a setting that is a number.
    pub(crate) fn number(&self, setting: &Setting<f64>, field: &str, input: &Document) -> Result<f64, Fault> {
        match setting {
            Setting::Fixed(value) => Ok(*value),
            Setting::Path(reference) => {
                let value = self.select(reference, input.value())?;
                number_of(&value).ok_or_else(|| not_a_number(field, reference, &value, "float"))
            }
            Setting::Query(query) => {
                let value = self.ask(query, field, Outcome::default())?;
                value
                    .as_f64()
                    .ok_or_else(|| Fault::wrong_type(&query.text, field, "number", &value))
            }
        }
    }
}

/// The integer that a path leads to; AWS also accepts a string that holds one.
fn integer_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The number that a path leads to; AWS also accepts a string that holds one.
fn number_of(value: &Value) -> Option<f64> {
    let written = || value.as_str()?.parse().ok().filter(|number: &f64| number.is_finite());
    value.as_f64().or_else(written)
}

fn not_a_number(field: &str, reference: &Reference, value: &Value, kind: &str) -> Fault {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Fault::runtime(format!(
        "The {field}Path field refers to value \"{shown}\" which is not a valid {kind}: {}",
        reference.text
    ))
}

fn assigned(made: &Value) -> Result<Assigned, Fault> {
    let members = made
        .as_object()
        .ok_or_else(|| Fault::runtime("Assign must be a JSON object"))?;
    Ok(members
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect())
}

/// Refuses what is too large or too deep to hand on.
pub(crate) fn limited(document: Document, what: &str) -> Result<Document, Fault> {
    if document.fits() {
        Ok(document)
    } else {
        Err(Fault::too_large(what))
    }
}

/// `{"Error":…,"Cause":…}`: what a catcher hands on. The cause of an error without one, such as a time-out, is `""`.
pub(crate) fn error_output(fault: &Fault) -> Value {
    let mut output = Map::new();
    if let Some(error) = &fault.error {
        output.insert("Error".to_owned(), Value::from(&**error));
    }
    let cause = fault.cause.as_deref().unwrap_or_default();
    output.insert("Cause".to_owned(), Value::from(cause));
    Value::Object(output)
}

/// `ItemSelector`, in the language it is written in.
pub(super) fn select(scene: &Scene<'_>, selector: &Payload, input: &Document) -> Result<Document, Fault> {
    match selector {
        Payload::Paths(template) => scene.fill(template, input),
        Payload::Query(template) => scene
            .query(template, "ItemSelector", Outcome::default())
            .map(Document::from),
    }
}
