//! Pass, Succeed and Fail: the states that need nothing from the world.

use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Passed, Progress, Scene};
use super::track::ActiveState;
use crate::Text;
use crate::data::Document;
use crate::definition::io::{Io, PathIo, QueryIo};
use crate::definition::setting::TextSetting;
use crate::definition::task::Fail;
use serde_json::Value;
use std::sync::Arc;

impl Execution {
    pub(super) fn run_pass(&mut self, active: ActiveState<'_>, result: Option<&Arc<Value>>) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let (output, assigned) = match &active.state.io {
            Io::Paths(io) => {
                let worked = pass_paths(&scene, io, result)?;
                self.inspect(|inspection| inspection.after_pass(result.is_some(), &worked));
                let assigned = scene.assign(io.assign.as_ref(), &worked.result)?;
                (worked.output, assigned)
            }
            Io::Query(io) => pass_query(&scene, io)?,
        };
        Ok(Progress::Done {
            output,
            assigned,
            next: None,
        })
    }

    pub(super) fn run_succeed(&mut self, active: ActiveState<'_>) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let output = match &active.state.io {
            Io::Paths(io) => {
                let input = scene.filter(&io.input, &scene.raw)?;
                self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
                scene.limited(scene.filter(&io.output, &input)?)?
            }
            Io::Query(io) => scene.query_output(io.output.as_ref(), &scene.raw, Outcome::default())?,
        };
        Ok(Progress::Done {
            output,
            assigned: None,
            next: None,
        })
    }

    pub(super) fn run_fail(&mut self, active: ActiveState<'_>, fail: &Fail) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let input = match &active.state.io {
            Io::Paths(io) => scene.filter(&io.input, &scene.raw)?,
            Io::Query(_) => scene.raw.clone(),
        };
        self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
        let error = text(&scene, fail.error.as_ref(), "Error", &input)?;
        let cause = text(&scene, fail.cause.as_ref(), "Cause", &input)?;
        Err(Fault::plain(error, cause))
    }
}

fn pass_paths(scene: &Scene<'_>, io: &PathIo, result: Option<&Arc<Value>>) -> Result<Passed, Fault> {
    let after_input = scene.filter(&io.input, &scene.raw)?;
    let after_parameters = match &io.parameters {
        Some(template) => scene.fill(template, &after_input)?,
        None => after_input.clone(),
    };
    let result = result.map_or_else(|| after_parameters.clone(), |result| Document::from(result.clone()));
    let combined = scene.combine(&io.result, result.clone())?;
    let output = scene.limited(scene.filter(&io.output, &combined)?)?;
    Ok(Passed {
        after_input,
        after_parameters,
        result,
        combined,
        output,
    })
}

fn pass_query(scene: &Scene<'_>, io: &QueryIo) -> Result<(Document, Option<super::flow::Assigned>), Fault> {
    let assigned = scene.query_assign(io.assign.as_ref(), Outcome::default())?;
    Ok((
        scene.query_output(io.output.as_ref(), &scene.raw, Outcome::default())?,
        assigned,
    ))
}

fn text(
    scene: &Scene<'_>,
    setting: Option<&TextSetting>,
    field: &str,
    input: &Document,
) -> Result<Option<Text>, Fault> {
    let value = match setting {
        None => return Ok(None),
        Some(TextSetting::Fixed(text)) => return Ok(Some(text.clone())),
        Some(TextSetting::Expression(expression)) => scene.evaluate(expression, &format!("{field}Path"), input)?,
        Some(TextSetting::Query(query)) => {
            let value = scene.ask(query, field, Outcome::default())?;
            if !value.is_string() {
                return Err(Fault::wrong_type(&query.text, field, "string", &value));
            }
            value
        }
    };
    match value.as_str() {
        Some(text) => Ok(Some(text.into())),
        None => Err(Fault::runtime(format!(
            "The {field}Path field must refer to a string but was: {value}"
        ))),
    }
}
