//! A store that refuses what a test says, children that are counted, and the result files as they lie in the store.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engine::{Engine, NewExecution, Ports, RunEnd, Settings, Stop};
use ports::{
    BodyStream, CopyOptions, Error, ErrorKind, ExecutionArn, ExecutionRow, ExecutionStatus, GetOptions, Listing,
    ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutOptions, PutResult, TaskFailure, Timestamp, memory,
};
use serde_json::{Value, json};

pub(crate) const WORK: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";

/// Longer than any run here can take in the clock's time: time passes only while everybody waits, so a run that hangs
/// gets here at once.
const FOREVER: Duration = Duration::from_hours(1_000);

/// What is asked of the store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request<'a> {
    /// From this byte on.
    Get(&'a ObjectKey, u64),
    /// The first page, or a later one.
    List {
        first: bool,
    },
    Put(&'a ObjectKey),
}

type Refuses = dyn Fn(Request<'_>) -> Option<Error> + Send + Sync;
type Works = dyn Fn(&memory::ObjectStore, usize) -> Result<(), TaskFailure> + Send + Sync;

/// What S3 says, in the words in which the adapter hands it on.
pub(crate) fn said(kind: ErrorKind, code: &'static str) -> Error {
    Error::new(kind, "the store refused")
        .with_code(code, None)
        .because(code)
}

struct Refusing {
    inner: Arc<memory::ObjectStore>,
    refuses: Arc<Refuses>,
}

impl std::fmt::Debug for Refusing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Refusing {
    fn ask(&self, request: Request<'_>) -> ports::Result<()> {
        (self.refuses)(request).map_or(Ok(()), Err)
    }
}

#[async_trait]
impl ObjectStore for Refusing {
    async fn head(&self, at: &ObjectKey) -> ports::Result<ObjectInfo> {
        self.inner.head(at).await
    }

    async fn get(&self, at: &ObjectKey, options: GetOptions) -> ports::Result<(ObjectInfo, BodyStream)> {
        self.ask(Request::Get(at, options.range.as_ref().map_or(0, |range| range.start)))?;
        self.inner.get(at, options).await
    }

    async fn put(&self, at: &ObjectKey, body: ObjectBody, options: PutOptions) -> ports::Result<PutResult> {
        self.ask(Request::Put(at))?;
        self.inner.put(at, body, options).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, options: CopyOptions) -> ports::Result<PutResult> {
        self.inner.copy(from, to, options).await
    }

    async fn list(&self, bucket: &str, prefix: &str, continuation: Option<String>) -> ports::Result<Listing> {
        self.ask(Request::List {
            first: continuation.is_none(),
        })?;
        self.inner.list(bucket, prefix, continuation).await
    }

    async fn delete(&self, at: &ObjectKey) -> ports::Result<()> {
        self.inner.delete(at).await
    }
}

/// Everything around the engine. Items lie in `s3://bucket`, results in `s3://results`.
pub(crate) struct World {
    pub(crate) store: Arc<memory::ObjectStore>,
    refuses: Arc<Refuses>,
    works: Arc<Works>,
    /// The inputs of the children's tasks, in order.
    worked: Arc<Mutex<Vec<Value>>>,
    journal: Arc<memory::Journal>,
    ledger: Arc<memory::Ledger>,
}

impl World {
    pub(crate) fn with<B: Into<Bytes>>(objects: impl IntoIterator<Item = (&'static str, B)>) -> Self {
        let store = memory::ObjectStore::default();
        for (key, body) in objects {
            store.insert("bucket", key, body);
        }
        Self {
            store: Arc::new(store),
            refuses: Arc::new(|_| None),
            works: Arc::new(|_, _| Ok(())),
            worked: Arc::default(),
            journal: Arc::default(),
            ledger: Arc::default(),
        }
    }

    /// The same with a store that refuses these requests.
    pub(crate) fn refusing(self, refuses: impl Fn(Request<'_>) -> Option<Error> + Send + Sync + 'static) -> Self {
        Self {
            refuses: Arc::new(refuses),
            ..self
        }
    }

    /// The same with children that do this; they are told the store and how many were before them.
    pub(crate) fn working(
        self,
        works: impl Fn(&memory::ObjectStore, usize) -> Result<(), TaskFailure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            works: Arc::new(works),
            ..self
        }
    }

    /// The inputs of all tasks so far.
    pub(crate) fn worked(&self) -> Vec<Value> {
        self.worked.lock().unwrap().clone()
    }

    pub(crate) fn engine(&self) -> Engine {
        let (store, works, worked) = (self.store.clone(), self.works.clone(), self.worked.clone());
        let invoker = memory::TaskInvoker::default().with(WORK, move |call| {
            let mut worked = worked.lock().unwrap();
            let answer = works(&store, worked.len()).map(|()| call.input.clone());
            worked.push(serde_json::from_str(&call.input).unwrap());
            async move { answer }
        });
        let ports = Ports {
            store: Arc::new(Refusing {
                inner: self.store.clone(),
                refuses: self.refuses.clone(),
            }),
            invoker: Arc::new(invoker),
            journal: self.journal.clone(),
            ledger: self.ledger.clone(),
            clock: Arc::new(memory::PausedClock::at(Timestamp::from_millis(1_000_000))),
        };
        let settings = Settings {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            halt_on: BTreeSet::new(),
        };
        Engine::new(ports, settings)
    }

    /// Writes the execution of a map down.
    pub(crate) async fn start(&self, map: &Value, input: &Value) -> Result<ExecutionArn, engine::Error> {
        let mut states = json!({"Map": map});
        if map.get("Catch").is_some() {
            states["Caught"] = json!({"Type": "Pass", "End": true});
        }
        let new = NewExecution {
            state_machine: "machine".to_owned(),
            definition: json!({"StartAt": "Map", "States": states}).to_string(),
            name: "run".to_owned(),
            input: input.to_string(),
            identity: None,
            rerun_of: None,
            item_subset: None,
            composition: None,
        };
        self.engine().start(new).await
    }

    /// Runs it to its end, which must come.
    pub(crate) async fn go_on(&self, arn: &ExecutionArn) -> ExecutionRow {
        let (engine, stop) = (self.engine(), Stop::default());
        let run = tokio::time::timeout(FOREVER, engine.run(arn, &stop)).await;
        match run.expect("the run hangs").unwrap() {
            RunEnd::Ended(row) => *row,
            RunEnd::Stopped => panic!("nobody asked it to stop"),
        }
    }

    pub(crate) async fn run(&self, map: &Value, input: &Value) -> ExecutionRow {
        let arn = self.start(map, input).await.unwrap();
        self.go_on(&arn).await
    }

    /// Runs a map that has to fail, and says how.
    pub(crate) async fn fail(&self, map: &Value, input: &Value) -> (String, String) {
        let row = self.run(map, input).await;
        assert_eq!(row.status, ExecutionStatus::Failed, "{:?}", row.output);
        (row.error.unwrap(), row.cause.unwrap())
    }

    /// The inputs of the children of one status, from the files that the only manifest names.
    pub(crate) fn named(&self, status: &str) -> Vec<Value> {
        let keys = self.store.keys("results");
        let manifests: Vec<&String> = keys.iter().filter(|key| key.ends_with("/manifest.json")).collect();
        assert_eq!(manifests.len(), 1, "{keys:?}");
        self.named_by(manifests[0], status)
    }

    /// The same by the manifest with this key.
    pub(crate) fn named_by(&self, manifest: &str, status: &str) -> Vec<Value> {
        let manifest: Value = serde_json::from_slice(&self.store.bytes("results", manifest).unwrap()).unwrap();
        assert_eq!(manifest["DestinationBucket"], "results");
        let file_of = if status == "ABORTED" { "FAILED" } else { status };
        let files = manifest["ResultFiles"][file_of].as_array().unwrap();
        files.iter().flat_map(|file| self.inputs(file, status)).collect()
    }

    fn inputs(&self, file: &Value, status: &str) -> Vec<Value> {
        let body = self.store.bytes("results", file["Key"].as_str().unwrap()).unwrap();
        assert_eq!(file["Size"], body.len(), "{file}");
        let records: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let input = |record: &Value| {
            assert_eq!(record["Status"], status);
            serde_json::from_str(record["Input"].as_str().unwrap()).unwrap()
        };
        records.iter().map(input).collect()
    }
}

/// A map over `s3://bucket/key`, one child after the other, with a writer and these fields.
pub(crate) fn map(config: &Value, fields: &Value) -> Value {
    let mut map = json!({
        "Type": "Map", "MaxConcurrency": 1, "End": true,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
            "Parameters": {"Bucket": "bucket", "Key": "key"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": WORK, "End": true}},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "results", "Prefix": "run"},
        },
    });
    map.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    map
}

/// The same over what is listed in `s3://bucket`.
pub(crate) fn listing(config: &Value) -> Value {
    let reader = json!({
        "Resource": "arn:aws:states:::s3:listObjectsV2", "ReaderConfig": config,
        "Parameters": {"Bucket": "bucket", "Prefix": "in/"},
    });
    map(&json!({}), &json!({"ItemReader": reader}))
}

/// The same with what only a machine in `JSONata` can say.
pub(crate) fn query(config: &Value, fields: &Value) -> Value {
    let mut map = map(config, fields);
    map["QueryLanguage"] = json!("JSONata");
    for field in ["ItemReader", "ResultWriter"] {
        let arguments = map[field].as_object_mut().unwrap().remove("Parameters").unwrap();
        map[field]["Arguments"] = arguments;
    }
    map
}
