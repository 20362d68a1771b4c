//! Intrinsic function calls: `States.Format('{}', $.a)`, nested and escaped. Reads them; `intrinsic_call` carries them out.
//!
//! In a circle with `expression`, as in the grammar: an expression may be a call, and an argument of a call is an expression.

use super::expression::{Failure, Reference, Scope};
use super::intrinsic_call;
use super::path_parse::Malformed;
use crate::Text;
use serde_json::{Number, Value};
use std::borrow::Cow;

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        /// An intrinsic function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function { $($name),* }

        impl Function {
            fn named(name: &str) -> Option<Self> {
                let name = name.strip_prefix("States.")?;
                $(if name == stringify!($name) { return Some(Self::$name); })*
                (name == "UUID").then_some(Self::Uuid)
            }
        }
    };
}

functions!(
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
);

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// As written.
    pub(crate) text: Text,
    pub(crate) function: Function,
    pub(crate) arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Literal(Value),
    /// `'…'`: as written, and without its escapes.
    Quoted {
        raw: String,
        value: Value,
    },
    Reference(Reference),
    Call(Call),
}

/// Calls nested deeper than this are refused. AWS: ten.
const NESTING_MAX: usize = 10;

impl Call {
    /// Reads a whole call.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut reader = Reader { text, rest: text };
        let call = reader.call(0)?;
        reader.space();
        if reader.rest.is_empty() {
            Ok(call)
        } else {
            Err(reader.fault("unexpected text after the call"))
        }
    }

    /// Its value.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        let values = self
            .arguments
            .iter()
            .map(|argument| argument.evaluate(scope))
            .collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|failure| self.wrap(failure))?;
        intrinsic_call::call(self, &values, scope.random).map_err(|reason| Failure::Function {
            call: self.text.clone(),
            reason,
        })
    }

    /// A place that is missing is a fault of the call that wanted it.
    fn wrap(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Missing { path, root, .. } => Failure::Missing {
                reason: format!(
                    "The function '{}' had the following error: The JsonPath argument for the field '{path}' could not be found in the input",
                    self.text
                ),
                path,
                root,
            },
            failure @ Failure::Function { .. } => failure,
        }
    }

    /// Calls `see` with every path in it.
    pub(crate) fn references(&self, see: &mut dyn FnMut(&Reference)) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) | Argument::Quoted { .. } => {}
                Argument::Reference(reference) => see(reference),
                Argument::Call(call) => call.references(see),
            }
        }
    }
}

impl Argument {
    fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Failure> {
        match self {
            Self::Literal(value) | Self::Quoted { value, .. } => Ok(Cow::Borrowed(value)),
            Self::Reference(reference) => reference.select(scope),
            Self::Call(call) => call.evaluate(scope).map(Cow::Owned),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn fault(&self, reason: &'static str) -> Malformed {
        Malformed {
            reason,
            at: self.text.len() - self.rest.len(),
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn upto(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn call(&mut self, nesting: usize) -> Result<Call, Malformed> {
        self.space();
        let start = self.rest;
        if nesting > NESTING_MAX {
            return Err(self.fault("intrinsic functions are nested too deeply"));
        }
        let name = self.upto(|character| !(character.is_ascii_alphanumeric() || character == '.'));
        let function = Function::named(name).ok_or_else(|| self.fault("unknown intrinsic function"))?;
        if !self.take('(') {
            return Err(self.fault("`(` expected"));
        }
        let arguments = self.arguments(nesting)?;
        let text = start.get(..start.len() - self.rest.len()).unwrap_or(start);
        Ok(Call {
            text: text.into(),
            function,
            arguments,
        })
    }

    fn arguments(&mut self, nesting: usize) -> Result<Vec<Argument>, Malformed> {
        let mut arguments = Vec::new();
        self.space();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument(nesting)?);
            self.space();
            if self.take(')') {
                return Ok(arguments);
            }
            if !self.take(',') {
                return Err(self.fault("`,` or `)` expected"));
            }
        }
    }

    fn argument(&mut self, nesting: usize) -> Result<Argument, Malformed> {
        self.space();
        match self.rest.chars().next() {
            Some('\'') => self.quoted(),
            Some('$') => self.reference(),
            Some('S') => self.call(nesting + 1).map(Argument::Call),
            Some(_) => self.literal(),
            None => Err(self.fault("an argument is expected")),
        }
    }

    fn quoted(&mut self) -> Result<Argument, Malformed> {
        let body = self.rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = body.find(|character| {
            let ends = character == '\'' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (raw, rest) = body.split_at(end.ok_or_else(|| self.fault("the string does not end"))?);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Argument::Quoted {
            raw: raw.into(),
            value: Value::String(unescape(raw)),
        })
    }

    fn reference(&mut self) -> Result<Argument, Malformed> {
        let text = self.rest;
        let end = reference_end(text);
        let (path, rest) = text.split_at(end);
        let reference = Reference::parse(path.trim_end()).map_err(|_unused| self.fault("the path cannot be read"))?;
        self.rest = rest;
        Ok(Argument::Reference(reference))
    }

    fn literal(&mut self) -> Result<Argument, Malformed> {
        let word = self.upto(|character| matches!(character, ',' | ')')).trim();
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            word => Value::Number(
                word.parse::<Number>()
                    .map_err(|_unused| self.fault("an argument is expected"))?,
            ),
        };
        Ok(Argument::Literal(value))
    }
}

/// Where a path among arguments ends: at a comma or parenthesis outside brackets and quotes.
fn reference_end(text: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        if quote.is_some() {
            quote = quote.filter(|open| *open != character);
            continue;
        }
        match character {
            '\'' | '"' => quote = Some(character),
            '[' | '(' => depth += 1,
            ',' | ')' if depth == 0 => return at,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// Takes the backslash from `\'`, `\\`, `\{` and `\}`; other escapes stay as they are.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match next {
            Some(next) if character == '\\' && matches!(next, '\'' | '\\' | '{' | '}') => {
                text.push(next);
                characters.next();
            }
            Some(_) | None => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_with_nesting_and_escapes() {
        let call = Call::parse(r"States.Format('it\'s \{{}\}', States.ArrayGetItem($.a['x,y'], 0), null)").unwrap();
        assert_eq!(call.arguments.len(), 3);
        assert!(
            matches!(&call.arguments[1], Argument::Call(inner) if &*inner.text == "States.ArrayGetItem($.a['x,y'], 0)")
        );
        assert!(matches!(&call.arguments[0], Argument::Quoted { value, .. } if value == "it's {{}}"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "States.Nope()",
            "States.Array(",
            "States.Array('a",
            "States.Array(,)",
            "States.UUID() x",
        ] {
            assert!(Call::parse(text).is_err(), "{text}");
        }
        assert!(Call::parse(&"States.Array(".repeat(5_000)).is_err());
    }
}
