//! What may stand behind a `.$` or in a path field: a path into input, context or a variable, or an intrinsic call.

use super::context::Context;
use super::intrinsic::Call;
use super::path::{Path, Segment};
use super::path_parse::Malformed;
use super::random::Random;
use crate::Text;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Variables in scope, by name.
pub(crate) type Variables = Arc<BTreeMap<Text, Arc<Value>>>;

/// What expressions are evaluated against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// `$`.
    pub(crate) input: &'a Value,
    /// `$$`.
    pub(crate) context: &'a Context,
    /// `$name`.
    pub(crate) variables: &'a Variables,
    /// Where random functions draw from.
    pub(crate) random: &'a Random,
}

/// A path or a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Reference(Reference),
    Call(Call),
}

/// A path with what it starts from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    /// As written.
    pub(crate) text: Text,
    pub(crate) root: Root,
    pub(crate) path: Path,
}

/// What a path starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`: the input, or the result, depending on the field.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(Text),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A definite path named nothing.
    Missing { path: Text, reason: String, root: Root },
    /// A function refused its arguments.
    Function { call: Text, reason: String },
}

impl Expression {
    /// Reads either kind.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.starts_with('$') {
            Reference::parse(text).map(Self::Reference)
        } else {
            Call::parse(text).map(Self::Call)
        }
    }

    /// Its value.
    pub(crate) fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        match self {
            Self::Reference(reference) => reference.select(scope),
            Self::Call(call) => call.evaluate(scope).map(Cow::Owned),
        }
    }

    /// Calls `see` with every path in it.
    pub(crate) fn references(&self, see: &mut dyn FnMut(&Reference)) {
        match self {
            Self::Reference(reference) => see(reference),
            Self::Call(call) => call.references(see),
        }
    }
}

impl Reference {
    /// Reads `$.a`, `$$.a` or `$name.a`.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let (root, tail) = split_root(text);
        let lead = text.len() - tail.len();
        let path = Path::parse_tail(tail).map_err(|fault| Malformed {
            at: fault.at + lead,
            ..fault
        })?;
        if text.starts_with('$') {
            Ok(Self {
                text: text.into(),
                root,
                path,
            })
        } else {
            Err(Malformed {
                reason: "a path starts with `$`",
                at: 0,
            })
        }
    }

    /// `$` itself.
    pub(crate) fn is_whole_input(&self) -> bool {
        self.root == Root::Input && self.path.segments.is_empty()
    }

    /// What it names.
    pub(crate) fn select<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        let found = match &self.root {
            Root::Input => self.path.select(scope.input),
            Root::Context => scope.context.select(&self.path),
            Root::Variable(name) => match scope.variables.get(name) {
                Some(value) => self.path.select(value),
                None => return Err(self.missing(format!("variable {name} is not assigned"))),
            },
        };
        found.map_err(|none| self.missing(none.0))
    }

    fn missing(&self, reason: String) -> Failure {
        Failure::Missing {
            path: self.text.clone(),
            reason,
            root: self.root.clone(),
        }
    }

    /// The variable that it starts from.
    pub(crate) fn variable(&self) -> Option<&Text> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Input | Root::Context => None,
        }
    }

    /// The first name after the root: `a` in `$.a.b`.
    pub(crate) fn first_name(&self) -> Option<&str> {
        match self.path.segments.first() {
            Some(Segment::Names(names)) => names.first().map(String::as_str),
            Some(_) | None => None,
        }
    }
}

fn split_root(text: &str) -> (Root, &str) {
    if let Some(tail) = text.strip_prefix("$$") {
        return (Root::Context, tail);
    }
    let tail = text.strip_prefix('$').unwrap_or(text);
    let end = tail
        .find(|character: char| !(character.is_alphanumeric() || character == '_'))
        .unwrap_or(tail.len());
    match tail.split_at_checked(end) {
        Some((name, rest)) if !name.is_empty() => (Root::Variable(name.into()), rest),
        Some(_) | None => (Root::Input, tail),
    }
}
