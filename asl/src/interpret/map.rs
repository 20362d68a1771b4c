//! The Map state: finds its items, then runs them inline or asks for a map run.

use super::event::MapRunId;
use super::execution::Execution;
use super::fault::Fault;
use super::flow::{Outcome, Progress, Scene};
use super::map_run::{Batcher, ItemReader, ItemSelector, Items, MapRunRequest, ResultWriter, SelectorScope};
use super::track::ActiveState;
use crate::data::Document;
use crate::definition::StateMachine;
use crate::definition::io::Io;
use crate::definition::map::{Batching, Distributed, ItemsFrom, Map, Payload, Reader, Writer};
use crate::definition::setting::Setting;
use crate::history::{Details, EventKind};
use crate::limits::MAX_ITEMS_MAX;
use crate::{StateError, Text, error_name};
use serde_json::Value;
use std::sync::Arc;

/// Settings of a Map, resolved.
struct Resolved {
    concurrency: i64,
    tolerated_count: Option<i64>,
    tolerated_percentage: Option<f64>,
}

/// What a map run is made from besides its state.
struct Given<'a> {
    input: &'a Document,
    items: Value,
    /// The map run that goes on.
    again: Option<(MapRunId, u32)>,
}

impl Execution {
    pub(super) fn run_map(&mut self, active: ActiveState<'_>, map: &Map) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let input = match &active.state.io {
            Io::Paths(io) => scene.filter(&io.input, &scene.raw)?,
            Io::Query(_) => scene.raw.clone(),
        };
        self.inspect(|inspection| inspection.after_input_path = Some(input.clone()));
        let items = self.find_items(&scene, map, &input)?;
        let concurrency = resolve_concurrency(&scene, map, &input)?;
        let length = length(&items);
        let again = self.map_run_to_redrive(active.track);
        if again.is_none() {
            self.record(active.track, EventKind::MapStateStarted, || {
                Some(Details::MapStateStarted { length })
            });
        }
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        let resolved = resolve(&scene, map, &input, concurrency)?;
        if self.is_inspected() {
            self.inspect_map(&resolved);
            return Ok(Progress::Waiting);
        }
        let Some(distributed) = &map.distributed else {
            let Value::Array(items) = items else {
                return Ok(Progress::Waiting);
            };
            return self.run_iterations(active, map, input, items, resolved.concurrency);
        };
        let given = Given {
            input: &input,
            items,
            again,
        };
        let (request, doomed) = self.request(&scene, map, distributed, given, &resolved)?;
        self.start_map_run(active.track, request, doomed);
        Ok(Progress::Waiting)
    }

    /// The items that the state has; none where a reader finds them.
    fn find_items(&self, scene: &Scene<'_>, map: &Map, input: &Document) -> Result<Value, Fault> {
        let distributed = map.distributed.as_ref();
        if distributed.is_some_and(|distributed| distributed.reader.is_some()) {
            return Ok(Value::Array(Vec::new()));
        }
        let items = items(scene, map, input)?;
        self.inspect(|inspection| inspection.of_items(&Document::from(items.clone())));
        Ok(items)
    }

    fn request(
        &self,
        scene: &Scene<'_>,
        map: &Map,
        distributed: &Distributed,
        given: Given<'_>,
        resolved: &Resolved,
    ) -> Result<(MapRunRequest, Option<Fault>), Fault> {
        let Given { input, items, again } = given;
        let mut doomed = None;
        let items = match &distributed.reader {
            None => Items::State(Arc::new(items)),
            Some(reader) => Items::Reader(Box::new(resolve_reader(scene, reader, input, &mut doomed)?)),
        };
        let request = MapRunRequest {
            map_run: again.map_or(MapRunId(self.next.map_run), |(id, _)| id),
            redrive: again.map_or(0, |(_, redrive)| redrive),
            state: Text::from(scene.name),
            label: distributed.label.clone(),
            processor: Arc::new(StateMachine::of_processor(&map.processor)),
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
            doomed: doomed.as_ref().map(|fault| StateError {
                error: fault.error.clone(),
                cause: fault.cause.clone(),
            }),
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
        input_type: config.input_type,
        transformation: config.transformation,
        manifest_type: config.manifest_type,
        csv_delimiter: config.csv_delimiter,
        csv_header_location: config.csv_header_location,
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
        transformation: writer.transformation,
        output_type: writer.output_type,
    })
}
