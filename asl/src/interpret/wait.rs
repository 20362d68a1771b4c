//! The Wait state.

use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Progress, Scene};
use super::track::{ActiveState, Doing};
use crate::data::{Document, Reference};
use crate::definition::io::Io;
use crate::definition::setting::Setting;
use crate::definition::wait::Wait;
use crate::{Text, Timestamp};
use serde_json::Value;

/// **Seconds**: the longest wait there is.
const SECONDS_MAX: i64 = 99_999_999;

impl Execution {
    pub(super) fn run_wait(&mut self, active: ActiveState<'_>, wait: &Wait) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let input = match &active.state.io {
            Io::Paths(io) => scene.filter(&io.input, &scene.raw)?,
            Io::Query(_) => scene.raw.clone(),
        };
        let millis = match wait {
            Wait::Seconds(setting) => seconds(&scene, setting, &input)?.saturating_mul(1_000),
            Wait::Until(setting) => until(&scene, setting, &input)?
                .as_millis()
                .saturating_sub(self.now.as_millis()),
        };
        self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
        if millis <= 0 {
            return self.finish_wait(active);
        }
        self.sleep(active.track, millis, Doing::Waiting);
        Ok(Progress::Waiting)
    }

    pub(super) fn finish_wait(&mut self, active: ActiveState<'_>) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let (output, assigned) = match &active.state.io {
            Io::Paths(io) => {
                let input = scene.filter(&io.input, &scene.raw)?;
                let assigned = scene.assign(io.assign.as_ref(), &input)?;
                (scene.limited(scene.filter(&io.output, &input)?)?, assigned)
            }
            Io::Query(io) => {
                let assigned = scene.query_assign(io.assign.as_ref(), Outcome::default())?;
                (
                    scene.query_output(io.output.as_ref(), &scene.raw, Outcome::default())?,
                    assigned,
                )
            }
        };
        Ok(Progress::Done {
            output,
            assigned,
            next: None,
        })
    }
}

fn seconds(scene: &Scene<'_>, setting: &Setting<i64>, input: &Document) -> Result<i64, Fault> {
    match setting {
        Setting::Fixed(seconds) => Ok(*seconds),
        Setting::Path(reference) => {
            let value = referred(scene, reference, input, "SecondsPath")?;
            let told = || {
                Fault::runtime(format!(
                    "The SecondsPath parameter cannot be parsed as a long value: {} == {value}",
                    reference.text
                ))
            };
            let seconds = value.as_i64().ok_or_else(told)?;
            in_range(seconds).ok_or_else(|| {
                Fault::runtime(format!(
                    "The SecondsPath parameter must be between 0 and {SECONDS_MAX}: {} == {value}",
                    reference.text
                ))
            })
        }
        Setting::Query(query) => {
            let value = scene.ask(query, "Seconds", Outcome::default())?;
            let seconds = value
                .as_i64()
                .ok_or_else(|| Fault::wrong_type(&query.text, "Seconds", "integer", &value))?;
            in_range(seconds).ok_or_else(|| {
                Fault::query(
                    Some("Seconds"),
                    format!("The Seconds field must be between 0 and {SECONDS_MAX}: {value}"),
                )
                .noticed_later()
            })
        }
    }
}

fn in_range(seconds: i64) -> Option<i64> {
    (0..=SECONDS_MAX).contains(&seconds).then_some(seconds)
}

fn until(scene: &Scene<'_>, setting: &Setting<Text>, input: &Document) -> Result<Timestamp, Fault> {
    match setting {
        Setting::Fixed(text) => {
            Timestamp::parse(text).ok_or_else(|| Fault::runtime("The Timestamp field is no timestamp"))
        }
        Setting::Path(reference) => {
            let value = referred(scene, reference, input, "TimestampPath")?;
            let told = || {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Fault::runtime(format!(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {shown}",
                    reference.text
                ))
            };
            value.as_str().and_then(Timestamp::parse).ok_or_else(told)
        }
        Setting::Query(query) => {
            let value = scene.ask(query, "Timestamp", Outcome::default())?;
            let Some(text) = value.as_str() else {
                return Err(Fault::wrong_type(&query.text, "Timestamp", "string", &value));
            };
            let told = || {
                Fault::query(
                    Some("Timestamp"),
                    format!(
                        "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
                    ),
                )
            };
            Timestamp::parse(text).ok_or_else(|| told().noticed_later())
        }
    }
}

fn referred(scene: &Scene<'_>, reference: &Reference, input: &Document, field: &str) -> Result<Value, Fault> {
    let value = reference
        .select(&scene.scope(input.value()))
        .map(std::borrow::Cow::into_owned);
    value.map_err(|_unused| {
        Fault::runtime(format!(
            "The {field} parameter does not reference an input value: {}",
            reference.text
        ))
    })
}
