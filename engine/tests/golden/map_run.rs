//! A map run in its simplest form: reads the recorded objects, runs children one after the other.

use crate::replay::World;
use asl::{
    CsvHeaderLocation, Ending, Identity, InputType, ItemReader, Items, MapRunRequest, MapRunResult, Timestamp, Value,
};
use serde_json::{Map, json};

/// The map run's ARN and how it ended.
fn run_all(
    request: &MapRunRequest,
    parent: &Identity,
    world: &mut World,
    now: Timestamp,
) -> Result<Value, (String, String)> {
    let (items, source) = items(request, world)?;
    let recorded = world.map_outputs.pop_front().unwrap_or_default();
    let selected = items.into_iter().enumerate().map(|(at, item)| {
        request
            .select_item(at as u64, &source, item)
            .map_err(|error| (text(error.error.as_ref()), text(error.cause.as_ref())))
    });
    let inputs = batches(request, selected.collect::<Result<Vec<_>, _>>()?);
    let mut outputs = Vec::new();
    let mut failed = 0_usize;
    let count = inputs.len();
    for (at, input) in inputs.into_iter().enumerate() {
        match child(request, parent, &input, world, now) {
            Ok(output) => outputs.push(output),
            Err(Missing::Recording) => outputs.push(recorded.get(at).cloned().unwrap_or_default()),
            Err(Missing::Success) => failed += 1,
        }
    }
    if exceeds(request, failed, count) {
        return Err((
            "States.ExceedToleratedFailureThreshold".into(),
            "The specified tolerated failure threshold was exceeded".into(),
        ));
    }
    Ok(Value::Array(outputs))
}

pub(crate) fn run(
    request: &MapRunRequest,
    parent: &Identity,
    world: &mut World,
    now: Timestamp,
) -> (String, MapRunResult) {
    world.runs += 1;
    let label = request.label.as_deref().unwrap_or("label-1");
    let arn = format!(
        "arn:aws:states:us-east-1:111111111111:mapRun:{}/{label}:run-{}",
        parent.state_machine_name, world.runs
    );
    let result = match run_all(request, parent, world, now) {
        Err((error, cause)) => MapRunResult::Failed {
            error: Some(error),
            cause: Some(cause),
        },
        Ok(outputs) => MapRunResult::Succeeded {
            output: written(request, &outputs, &arn, world.runs).to_string(),
        },
    };
    (arn, result)
}

fn text(text: Option<&asl::Text>) -> String {
    text.map(|text| &**text).unwrap_or_default().to_owned()
}

/// The output, or where a writer has put it.
fn written(request: &MapRunRequest, outputs: &Value, arn: &str, run: u64) -> Value {
    let Some(writer) = request.writer.as_ref().filter(|writer| writer.resource.is_some()) else {
        return outputs.clone();
    };
    let prefix = writer.arguments["Prefix"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('/');
    let key = format!(
        "{prefix}{}run-{run}/manifest.json",
        if prefix.is_empty() { "" } else { "/" }
    );
    json!({"MapRunArn": arn, "ResultWriterDetails": {"Bucket": writer.arguments["Bucket"], "Key": key}})
}

enum Missing {
    Recording,
    Success,
}

fn child(
    request: &MapRunRequest,
    parent: &Identity,
    input: &Value,
    world: &mut World,
    now: Timestamp,
) -> Result<Value, Missing> {
    let identity = Identity {
        start_time: now,
        execution_type: request.execution_type,
        ..parent.clone()
    };
    let finished = crate::replay::run(&request.processor, identity, &input.to_string(), world)
        .map_err(|_unused| Missing::Success)?;
    match finished.ending {
        Ending::Succeeded { output } => serde_json::from_str(&output).map_err(|_unused| Missing::Success),
        Ending::Failed(failure) if failure.error.as_deref() == Some("Golden.NoRecording") => Err(Missing::Recording),
        Ending::Failed(_) | Ending::TimedOut(_) | Ending::Aborted(_) => Err(Missing::Success),
    }
}

fn exceeds(request: &MapRunRequest, failed: usize, count: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "cases are small")]
    let percentage = if count == 0 {
        0.0
    } else {
        failed as f64 * 100.0 / count as f64
    };
    match (request.tolerated_failure_count, request.tolerated_failure_percentage) {
        (None, None) => failed > 0,
        (most, share) => most.is_some_and(|most| failed as u64 > most) || share.is_some_and(|share| percentage > share),
    }
}

fn batches(request: &MapRunRequest, items: Vec<Value>) -> Vec<Value> {
    let Some(limits) = &request.batcher else { return items };
    let size = limits
        .items_per_batch_max
        .map_or(usize::MAX, |size| usize::try_from(size).unwrap());
    let mut batches: Vec<Vec<Value>> = Vec::new();
    for item in items {
        match batches.last_mut().filter(|batch| batch.len() < size) {
            Some(batch) => batch.push(item),
            None => batches.push(vec![item]),
        }
    }
    batches.into_iter().map(|batch| request.batch_input(batch)).collect()
}

fn items(request: &MapRunRequest, world: &World) -> Result<(Vec<Value>, String), (String, String)> {
    match &request.items {
        Items::State(value) => Ok((entries(value), "STATE_DATA".to_owned())),
        Items::Reader(reader) => {
            let mut items = read(reader, world).map_err(|cause| ("States.ItemReaderFailed".to_owned(), cause))?;
            if let Some(most) = reader.max_items {
                items.truncate(usize::try_from(most).unwrap());
            }
            let key = reader.arguments["Key"]
                .as_str()
                .map(|key| format!("/{key}"))
                .unwrap_or_default();
            Ok((
                items,
                format!("S3://{}{key}", reader.arguments["Bucket"].as_str().unwrap_or_default()),
            ))
        }
    }
}

/// Elements of an array; entries of an object.
fn entries(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(elements) => elements.clone(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| json!({"Key": name, "Value": member}))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![value.clone()],
    }
}

fn read(reader: &ItemReader, world: &World) -> Result<Vec<Value>, String> {
    let bucket = reader.arguments["Bucket"].as_str().unwrap_or_default();
    if reader.resource.ends_with(":listObjectsV2") {
        let of_bucket = world.objects.iter().filter(|object| object["bucket"] == bucket);
        return Ok(of_bucket.map(listed).collect());
    }
    let object = world
        .objects
        .iter()
        .find(|object| object["bucket"] == bucket && object["key"] == reader.arguments["Key"]);
    let body = object
        .and_then(|object| object["body"].as_str())
        .ok_or("The specified key does not exist.")?;
    match reader.input_type {
        Some(InputType::Csv) => read_csv(reader, body),
        Some(InputType::JsonLines) => body
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|error| error.to_string()))
            .collect(),
        _ => {
            let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
            if value.is_array() {
                Ok(entries(&value))
            } else {
                Err("Attempting to map over non-iterable node.".to_owned())
            }
        }
    }
}

fn listed(object: &Value) -> Value {
    let size = object["body"].as_str().map_or(0, str::len);
    json!({"Etag": "\"etag\"", "Key": object["key"], "LastModified": 0, "Size": size, "StorageClass": "STANDARD"})
}

fn read_csv(reader: &ItemReader, body: &str) -> Result<Vec<Value>, String> {
    let mut lines = body
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header: Vec<String> = match reader.csv_header_location {
        Some(CsvHeaderLocation::Given) => reader.csv_headers.iter().map(ToString::to_string).collect(),
        _ => lines.next().unwrap_or_default(),
    };
    if header.iter().enumerate().any(|(at, name)| header[..at].contains(name)) {
        return Err("CSV headers cannot contain duplicates.".to_owned());
    }
    Ok(lines.map(|cells| row(&header, &cells)).collect())
}

/// Cells by name, in the order in which AWS hands them out.
fn row(header: &[String], cells: &[String]) -> Value {
    let names: Vec<asl::Text> = header.iter().map(|name| name.as_str().into()).collect();
    let cell = |at: usize| Value::from(cells.get(at).cloned().unwrap_or_default());
    Value::Object(
        asl::member_order(&names)
            .into_iter()
            .map(|at| (header[at].clone(), cell(at)))
            .collect::<Map<_, _>>(),
    )
}
