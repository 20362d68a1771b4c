//! The Map state: finds its items, then runs them inline or asks for a map run.

use super::command::Command;
use super::event::{MapRunId, MapRunResult};
use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Scene};
use super::map_run::{Batcher, ItemReader, ItemSelector, Items, MapRunRequest, ResultWriter, SelectorScope};
use super::track::{Doing, MapRunning, TrackId};
use super::walk::Progress;
use crate::data::Document;
use crate::definition::StateMachine;
use crate::definition::io::{Io, Setting};
use crate::definition::map::{Batching, Distributed, ItemsFrom, Map, Payload, Reader, Writer};
use crate::definition::state::State;
use crate::history::{Details, EventKind, Failure};
use crate::limits::MAX_ITEMS_MAX;
use crate::{Text, error_name};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings of a Map, resolved.
struct Resolved {
    concurrency: i64,
    tolerated_count: Option<i64>,
    tolerated_percentage: Option<f64>,
}

impl Execution {
    pub(super) fn run_map(&mut self, id: TrackId, state: &State, map: &Map) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(id, state, None) else {
            return Ok(Progress::Waiting);
        };
        let input = match &state.io {
            Io::Paths(io) => scene.filter(&io.input, &scene.raw)?,
            Io::Query(_) => scene.raw.clone(),
        };
        self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
        let reads = map
            .distributed
            .as_ref()
            .is_some_and(|distributed| distributed.reader.is_some());
        let items = if reads {
            Value::Array(Vec::new())
        } else {
            items(&scene, map, &input)?
        };
        if !reads {
            self.inspect(|inspection| inspection.of_items(&Document::from(items.clone())));
        }
        let concurrency = resolve_concurrency(&scene, map, &input)?;
        let length = length(&items);
        self.record(id, EventKind::MapStateStarted, || {
            Some(Details::MapStateStarted { length })
        });
        let Some(scene) = self.scene(id, state, None) else {
            return Ok(Progress::Waiting);
        };
        let resolved = resolve(&scene, map, &input, concurrency)?;
        if self.is_inspected() {
            self.inspect_map(&resolved);
            return Ok(Progress::Waiting);
        }
        match &map.distributed {
            None => {
                let Value::Array(items) = items else {
                    return Ok(Progress::Waiting);
                };
                self.run_iterations(id, state, map, input, items, resolved.concurrency)
            }
            Some(distributed) => {
                let (request, doomed) = self.request(&scene, map, distributed, &input, items, &resolved)?;
                self.start_map_run(id, request, doomed);
                Ok(Progress::Waiting)
            }
        }
    }

    fn request(
        &self,
        scene: &Scene<'_>,
        map: &Map,
        distributed: &Distributed,
        input: &Document,
        items: Value,
        resolved: &Resolved,
    ) -> Result<(MapRunRequest, Option<Fault>), Fault> {
        let mut doomed = None;
        let items = match &distributed.reader {
            None => Items::State(Arc::new(items)),
            Some(reader) => Items::Reader(Box::new(resolve_reader(scene, reader, input, &mut doomed)?)),
        };
        let machine = StateMachine {
            states: map.processor.clone(),
            timeout_seconds: None,
            variable_references: BTreeMap::new(),
        };
        let request = MapRunRequest {
            map_run: MapRunId(self.next.map_run),
            state: Text::from(scene.name),
            label: distributed.label.clone(),
            processor: Arc::new(machine),
            execution_type: distributed.execution_type,
            items,
            max_concurrency: u64::try_from(resolved.concurrency).unwrap_or(0),
            tolerated_failure_count: resolved.tolerated_count.and_then(|count| u64::try_from(count).ok()),
            tolerated_failure_percentage: resolved.tolerated_percentage,
            batcher: distributed
                .batcher
                .as_ref()
                .map(|batching| resolve_batcher(scene, batching, input))
                .transpose()?,
            writer: distributed
                .writer
                .as_ref()
                .map(|writer| resolve_writer(scene, writer, input))
                .transpose()?,
            selector: self.selector(scene, map, input),
        };
        Ok((request, doomed))
    }

    /// Shows the settings of a Map that will be mocked.
    fn inspect_map(&self, resolved: &Resolved) {
        self.inspect(|inspection| {
            inspection.concurrency_max = Some(resolved.concurrency);
            inspection.tolerated_count = resolved.tolerated_count;
            inspection.tolerated_percentage = resolved.tolerated_percentage;
        });
    }

    fn selector(&self, scene: &Scene<'_>, map: &Map, input: &Document) -> ItemSelector {
        let inner = map.selector.as_ref().map(|selector| {
            Arc::new(SelectorScope {
                selector: selector.clone(),
                name: Text::from(scene.name),
                entry: self.recorder.count(),
                context: scene.context.clone(),
                variables: scene.variables.clone(),
                input: input.clone(),
                raw: scene.raw.clone(),
                seed: scene.random.next(),
                now: self.now,
            })
        });
        ItemSelector { inner }
    }

    fn start_map_run(&mut self, id: TrackId, request: MapRunRequest, doomed: Option<Fault>) {
        let run = request.map_run;
        self.next.map_run += 1;
        self.map_runs.insert(run, id);
        self.set_doing(
            id,
            Doing::MapRun(Box::new(MapRunning {
                id: run,
                doomed,
                started: false,
            })),
        );
        self.command(Command::StartMapRun(Box::new(request)));
    }

    pub(super) fn map_run_started(&mut self, run: MapRunId, arn: &str) {
        let Some(id) = self.map_runs.get(&run).copied() else {
            return;
        };
        let Some(Doing::MapRun(running)) = self.track_mut(id).map(|track| &mut track.doing) else {
            return;
        };
        if std::mem::replace(&mut running.started, true) {
            return;
        }
        let doomed = running.doomed.take();
        self.record(id, EventKind::MapRunStarted, || {
            Some(Details::MapRunStarted {
                map_run_arn: arn.into(),
            })
        });
        if let Some(fault) = doomed {
            self.command(Command::StopMapRun(run));
            self.end_map_run(run, Err(fault));
        }
    }

    pub(super) fn map_run_ended(&mut self, run: MapRunId, result: MapRunResult) {
        let outcome = match result {
            MapRunResult::Succeeded { output } => Document::from_text(&output).map_err(|error| {
                Fault::plain(
                    Some(error_name::RUNTIME.into()),
                    Some(format!("The map run's output is not valid JSON: {error}").into()),
                )
            }),
            MapRunResult::Failed { error, cause } => Err(Fault::plain(error.map(Into::into), cause.map(Into::into))),
            MapRunResult::Aborted => Err(Fault::plain(None, None)),
        };
        self.end_map_run(run, outcome);
    }

    fn end_map_run(&mut self, run: MapRunId, outcome: Result<Document, Fault>) {
        let Some(id) = self.map_runs.remove(&run) else { return };
        let Some(current) = self.current(id) else { return };
        let Some(state) = current.state() else { return };
        self.set_doing(id, Doing::Retrying);
        let progress = match outcome {
            Ok(result) => {
                self.record(id, EventKind::MapRunSucceeded, || None);
                // What follows the state follows the map run, as this event does.
                let previous = self.tracks.get(&id).map_or(0, |track| track.previous);
                self.recorder
                    .add(EventKind::MapStateSucceeded, previous, self.now, || None);
                self.finish_with_result(id, state, &result)
            }
            Err(fault) => {
                let failure = Failure {
                    error: fault.error.clone(),
                    cause: fault.cause.clone(),
                };
                let aborted = fault.error.is_none() && fault.cause.is_none();
                let kind = if aborted {
                    EventKind::MapRunAborted
                } else {
                    EventKind::MapRunFailed
                };
                self.record(id, kind, || (!aborted).then_some(Details::MapRunFailed(failure)));
                Err(fault)
            }
        };
        self.proceed(id, state, progress);
    }
}

fn length(items: &Value) -> u64 {
    let length = items
        .as_array()
        .map(Vec::len)
        .or_else(|| items.as_object().map(serde_json::Map::len));
    length.unwrap_or(0) as u64
}

/// The items that come from the state: an array, or for a distributed map an object too.
fn items(scene: &Scene<'_>, map: &Map, input: &Document) -> Result<Value, Fault> {
    let items = match &map.items {
        ItemsFrom::Input => Value::clone(input.value()),
        ItemsFrom::Path(reference) => {
            let found = reference
                .select(&scene.scope(input.value()))
                .map_err(|failure| Fault::of_path(&failure))?;
            if !is_iterable(map, &found) {
                return Err(not_an_array(
                    reference
                        .text
                        .strip_prefix("$$")
                        .map_or(&*reference.text, |_| reference.text.get(1..).unwrap_or_default()),
                ));
            }
            found.into_owned()
        }
        ItemsFrom::Query(query) => {
            let items = scene.ask(query, "Items", Outcome::default())?;
            if !is_iterable(map, &items) {
                return Err(Fault::wrong_type(&query.text, "Items", "array", &items));
            }
            items
        }
        ItemsFrom::Template(template) => scene.query(template, "Items", Outcome::default())?,
    };
    if is_iterable(map, &items) {
        return Ok(items);
    }
    if map.jsonata {
        return Err(Fault::query(
            None,
            format!("Map state input must be an array but was: {items}"),
        ));
    }
    Err(not_an_array("$"))
}

fn not_an_array(path: &str) -> Fault {
    Fault {
        told_with_state: false,
        ..Fault::runtime(format!("Reference path \"{path}\" must point to array."))
    }
}

fn is_iterable(map: &Map, items: &Value) -> bool {
    items.is_array() || (map.distributed.is_some() && items.is_object())
}

fn resolve_concurrency(scene: &Scene<'_>, map: &Map, input: &Document) -> Result<i64, Fault> {
    let concurrency = map
        .max_concurrency
        .as_ref()
        .map(|setting| scene.integer(setting, "MaxConcurrency", input));
    let concurrency = concurrency.transpose()?.unwrap_or(0);
    if concurrency < 0 {
        Err(Fault::runtime("MaxConcurrency cannot be negative."))
    } else {
        Ok(concurrency)
    }
}

fn resolve(scene: &Scene<'_>, map: &Map, input: &Document, concurrency: i64) -> Result<Resolved, Fault> {
    let count = map.tolerance.count.as_ref();
    let tolerated_count = count
        .map(|setting| scene.integer(setting, "ToleratedFailureCount", input))
        .transpose()?;
    let percentage = map.tolerance.percentage.as_ref();
    let tolerated_percentage = percentage
        .map(|setting| scene.number(setting, "ToleratedFailurePercentage", input))
        .transpose()?;
    if tolerated_count.is_some_and(|count| count < 0) {
        return Err(Fault::runtime("ToleratedFailureCount cannot be negative."));
    }
    if tolerated_percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
        return Err(Fault::runtime("ToleratedFailurePercentage must be between 0 and 100."));
    }
    Ok(Resolved {
        concurrency,
        tolerated_count,
        tolerated_percentage,
    })
}

fn payload(scene: &Scene<'_>, payload: Option<&Payload>, field: &str, input: &Document) -> Result<Value, Fault> {
    match payload {
        None => Ok(Value::Null),
        Some(Payload::Paths(template)) => scene.fill(template, input).map(|made| Value::clone(made.value())),
        Some(Payload::Query(template)) => scene.query(template, field, Outcome::default()),
    }
}

fn resolve_reader(
    scene: &Scene<'_>,
    reader: &Reader,
    input: &Document,
    doomed: &mut Option<Fault>,
) -> Result<ItemReader, Fault> {
    let config = &reader.config;
    let max_items = config
        .max_items
        .as_ref()
        .map(|setting| scene.integer(setting, "MaxItems", input))
        .transpose()?;
    if max_items.is_some_and(|max| max < 0) {
        *doomed = Some(Fault::plain(
            Some(error_name::ITEM_READER_FAILED.into()),
            Some("field MaxItems must be positive".into()),
        ));
    }
    let max_items = max_items.map(|max| max.min(MAX_ITEMS_MAX)).filter(|max| *max > 0);
    Ok(ItemReader {
        resource: reader.resource.clone(),
        arguments: payload(scene, reader.arguments.as_ref(), "ItemReader/Arguments", input)?,
        input_type: config.input_type.clone(),
        transformation: config.transformation.clone(),
        manifest_type: config.manifest_type.clone(),
        csv_delimiter: config.csv_delimiter.clone(),
        csv_header_location: config.csv_header_location.clone(),
        csv_headers: config.csv_headers.clone(),
        max_items: max_items.and_then(|max| u64::try_from(max).ok()),
        items_pointer: config.items_pointer.clone(),
    })
}

fn resolve_batcher(scene: &Scene<'_>, batching: &Batching, input: &Document) -> Result<Batcher, Fault> {
    let limit = |setting: &Option<Setting<i64>>, field: &str| -> Result<Option<u64>, Fault> {
        let Some(setting) = setting else { return Ok(None) };
        let value = scene.integer(setting, field, input)?;
        u64::try_from(value)
            .ok()
            .filter(|value| *value > 0)
            .map(Some)
            .ok_or_else(|| Fault::runtime(format!("{field} must be positive.")))
    };
    Ok(Batcher {
        items_per_batch_max: limit(&batching.items_per_batch_max, "MaxItemsPerBatch")?,
        input_bytes_per_batch_max: limit(&batching.input_bytes_per_batch_max, "MaxInputBytesPerBatch")?,
        batch_input: batching
            .batch_input
            .as_ref()
            .map(|template| payload(scene, Some(template), "ItemBatcher/BatchInput", input))
            .transpose()?,
    })
}

fn resolve_writer(scene: &Scene<'_>, writer: &Writer, input: &Document) -> Result<ResultWriter, Fault> {
    Ok(ResultWriter {
        resource: writer.resource.clone(),
        arguments: payload(scene, writer.arguments.as_ref(), "ResultWriter/Arguments", input)?,
        transformation: writer.transformation.clone(),
        output_type: writer.output_type.clone(),
    })
}
