//! The functions that AWS adds to `JSONata`, and those that must not look at a clock or a real random source.

use super::intrinsic_call;
use super::jsonata_value::{from_json, to_json};
use super::random::Random;
use crate::Timestamp;
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use serde_json::Value;

type Made = Result<JValue, EvaluatorError>;

/// Adds the functions to an evaluator.
pub(super) fn register(evaluator: &mut Evaluator, random: &Random, now: Timestamp) {
    let seed = random.next();
    let uuids = Random::new(seed);
    let numbers = Random::new(!seed);
    let added = [
        evaluator.register_fn("partition", |args: &[JValue]| {
            with_json(args, intrinsic_call::partition_values)
        }),
        evaluator.register_fn("range", |args: &[JValue]| {
            with_json(args, intrinsic_call::range_values).map(as_sequence)
        }),
        evaluator.register_fn("hash", |args: &[JValue]| with_json(args, intrinsic_call::hash_values)),
        evaluator.register_fn("parse", |args: &[JValue]| with_json(args, intrinsic_call::parse_values)),
        evaluator.register_fn("uuid", move |_: &[JValue]| Ok(JValue::string(uuids.uuid()))),
        evaluator.register_fn_override("random", move |args: &[JValue]| Ok(random_number(args, &numbers))),
        evaluator.register_fn_override("eval", |_: &[JValue]| Err(no_eval())),
        evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(JValue::from_i64(now.as_millis()))),
    ];
    debug_assert!(added.iter().all(Result::is_ok), "the names are free: {added:?}");
    register_now(evaluator, now);
}

/// `$now()` without a picture; with one, the evaluator's own formatting is asked through `$fromMillis`.
fn register_now(evaluator: &mut Evaluator, now: Timestamp) {
    let added = evaluator.register_fn_override("now", move |args: &[JValue]| {
        if args.is_empty() {
            return Ok(JValue::string(now.to_string()));
        }
        let mut inner = Evaluator::new();
        let mut context = vec![jsonata_core::ast::AstNode::Number(as_f64(now))];
        context.extend(
            args.iter()
                .filter_map(|arg| arg.as_str())
                .map(|text| jsonata_core::ast::AstNode::String(text.to_owned())),
        );
        let call = jsonata_core::ast::AstNode::Function {
            name: "fromMillis".to_owned(),
            args: context,
            is_builtin: true,
        };
        inner.evaluate(&call, &JValue::Undefined)
    });
    debug_assert!(added.is_ok(), "the name may be overridden: {added:?}");
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 stay below 2^53 for 285,000 years"
)]
fn as_f64(now: Timestamp) -> f64 {
    now.as_millis() as f64
}

fn with_json(args: &[JValue], call: impl Fn(&[Value]) -> Result<Value, String>) -> Made {
    let args: Option<Vec<Value>> = args.iter().map(to_json).collect();
    let args =
        args.ok_or_else(|| EvaluatorError::TypeError("T0410: Argument does not match function signature".to_owned()))?;
    call(&args)
        .map(|value| from_json(&value))
        .map_err(EvaluatorError::EvaluationError)
}

/// A list of one is its element, as for every sequence in `JSONata`.
fn as_sequence(value: JValue) -> JValue {
    match value.as_array() {
        Some(elements) => JValue::sequence(elements.clone()),
        None => value,
    }
}

fn random_number(args: &[JValue], numbers: &Random) -> JValue {
    let drawn = match args.first().and_then(JValue::as_i64) {
        Some(seed) => Random::new(seed.unsigned_abs()).next(),
        None => numbers.next(),
    };
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    JValue::from_f64((drawn >> 11) as f64 / (1_u64 << 53) as f64)
}

fn no_eval() -> EvaluatorError {
    EvaluatorError::EvaluationError("D3120: The function $eval is not supported".to_owned())
}
