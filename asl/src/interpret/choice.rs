//! The Choice state: the first rule that holds.

use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Progress, Scene};
use super::track::ActiveState;
use crate::data::{Document, Reference};
use crate::definition::choice::{Choice, Comparison, Condition, Kind, Operand, Rule, Test};
use crate::definition::io::{Io, PathIo, QueryIo};
use crate::error_name;
use crate::timestamp::parse_nanos;
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

impl Execution {
    pub(super) fn run_choice(&mut self, active: ActiveState<'_>, choice: &Choice) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        match &active.state.io {
            Io::Paths(io) => {
                let input = scene.filter(&io.input, &scene.raw)?;
                self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
                by_paths(&scene, choice, io, &input)
            }
            Io::Query(io) => by_query(&scene, choice, io),
        }
    }
}

fn by_paths(scene: &Scene<'_>, choice: &Choice, io: &PathIo, input: &Document) -> Result<Progress, Fault> {
    let rule = first(&choice.rules, |rule| holds(scene, &rule.condition, input))?;
    let next = rule.map(|rule| rule.next).or(choice.default).ok_or_else(no_match)?;
    let assign = rule.map_or(io.assign.as_ref(), |rule| rule.assign.as_ref());
    let assigned = scene.assign(assign, input)?;
    let output = scene.limited(scene.filter(&io.output, input)?)?;
    Ok(Progress::Done {
        output,
        assigned,
        next: Some(next),
    })
}

fn by_query(scene: &Scene<'_>, choice: &Choice, io: &QueryIo) -> Result<Progress, Fault> {
    let numbered: Vec<_> = choice.rules.iter().enumerate().collect();
    let rule = first(&numbered, |(at, rule)| condition_holds(scene, *at, rule))?.map(|(_, rule)| *rule);
    let next = rule.map(|rule| rule.next).or(choice.default).ok_or_else(no_match)?;
    let assign = rule.map_or(io.assign.as_ref(), |rule| rule.query_assign.as_ref());
    let output = rule.map_or(io.output.as_ref(), |rule| rule.output.as_ref());
    let assigned = scene.query_assign(assign, Outcome::default())?;
    let output = scene.query_output(output, &scene.raw, Outcome::default())?;
    Ok(Progress::Done {
        output,
        assigned,
        next: Some(next),
    })
}

fn no_match() -> Fault {
    Fault {
        told_with_state: false,
        ..Fault::named(
            error_name::NO_CHOICE_MATCHED,
            "No choice rule matched the input and the state has no Default",
        )
    }
}

fn first<T>(all: &[T], holds: impl Fn(&T) -> Result<bool, Fault>) -> Result<Option<&T>, Fault> {
    for one in all {
        if holds(one)? {
            return Ok(Some(one));
        }
    }
    Ok(None)
}

fn condition_holds(scene: &Scene<'_>, at: usize, rule: &Rule) -> Result<bool, Fault> {
    let Condition::Query(query) = &rule.condition else {
        return Ok(false);
    };
    let field = format!("Choices[{at}]/Condition");
    let value = scene.ask(query, &field, Outcome::default())?;
    value
        .as_bool()
        .ok_or_else(|| Fault::wrong_type(&query.text, &field, "boolean", &value))
}

fn holds(scene: &Scene<'_>, condition: &Condition, input: &Document) -> Result<bool, Fault> {
    match condition {
        Condition::And(all) => Ok(first(all, |one| holds(scene, one, input).map(|held| !held))?.is_none()),
        Condition::Or(any) => Ok(first(any, |one| holds(scene, one, input))?.is_some()),
        Condition::Not(inner) => Ok(!holds(scene, inner, input)?),
        Condition::Test { variable, test } => test_holds(scene, variable, test, input),
        Condition::Query(_) => Ok(false),
    }
}

fn test_holds(scene: &Scene<'_>, variable: &Reference, test: &Test, input: &Document) -> Result<bool, Fault> {
    let scope = scene.scope(input.value());
    let found = variable.select(&scope).ok();
    if let Test::Is(Kind::Present, wanted) = test {
        return Ok(found.is_some() == *wanted);
    }
    let value = found.ok_or_else(|| invalid(variable))?;
    match test {
        Test::Is(kind, wanted) => Ok(is_of(*kind, &value) == *wanted),
        Test::Matches(pattern) => Ok(value.as_str().is_some_and(|text| matches_pattern(pattern, text))),
        Test::BooleanEquals(operand) => {
            let wanted = resolve(scene, operand, input)?;
            Ok(value.is_boolean() && *value == *wanted)
        }
        Test::String(comparison, operand) => {
            let wanted = resolve(scene, operand, input)?;
            Ok(comparison.holds(value.as_str().zip(wanted.as_str()).map(|(left, right)| left.cmp(right))))
        }
        Test::Numeric(comparison, operand) => {
            let wanted = resolve(scene, operand, input)?;
            Ok(comparison.holds(compare_numbers(&value, &wanted)))
        }
        Test::Timestamp(comparison, operand) => {
            let wanted = resolve(scene, operand, input)?;
            Ok(comparison.holds(
                instant(&value)
                    .zip(instant(&wanted))
                    .map(|(left, right)| left.cmp(&right)),
            ))
        }
    }
}

fn invalid(reference: &Reference) -> Fault {
    Fault::runtime(format!(
        "Invalid path '{}': The choice state's condition path references an invalid value.",
        reference.text
    ))
}

fn resolve<'a>(scene: &'a Scene<'_>, operand: &'a Operand, input: &'a Document) -> Result<Cow<'a, Value>, Fault> {
    match operand {
        Operand::Literal(value) => Ok(Cow::Borrowed(value)),
        Operand::Path(reference) => reference
            .select(&scene.scope(input.value()))
            .map_err(|_unused| invalid(reference)),
    }
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Present => true,
        Kind::Null => value.is_null(),
        Kind::Boolean => value.is_boolean(),
        Kind::Numeric => value.is_number(),
        Kind::String => value.is_string(),
        Kind::Timestamp => instant(value).is_some(),
    }
}

fn instant(value: &Value) -> Option<i128> {
    value.as_str().and_then(parse_nanos)
}

fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (_, _) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

impl Comparison {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equals => ordering.is_eq(),
            Self::LessThan => ordering.is_lt(),
            Self::GreaterThan => ordering.is_gt(),
            Self::LessThanEquals => ordering.is_le(),
            Self::GreaterThanEquals => ordering.is_ge(),
        })
    }
}

/// `*` stands for any text, `\*` and `\\` for themselves.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let parts = parts_between_stars(pattern);
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let Some(mut text) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return text.is_empty();
    };
    for part in middle {
        let Some(at) = text.find(part.as_str()) else {
            return false;
        };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    text.ends_with(last.as_str())
}

fn parts_between_stars(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_with_stars_and_escapes() {
        for (pattern, text, expected) in [
            ("log-*.txt", "log-1.txt", true),
            ("log-*.txt", "log-.txt", true),
            ("log-*.txt", "log-1.txt.bak", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a*a", "a", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("", "", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
