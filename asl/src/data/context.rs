//! The context object: `$$` in JSONPath, `$states.context` in `JSONata`.
//!
//! What holds for the whole execution is built once and shared; what belongs to the state is built when asked for.

use crate::identity::Identity;
use crate::{Text, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::path::{NoResult, Path, Segment};

/// The context object of one state.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    shared: Arc<Value>,
    local: Local,
    built: OnceLock<Arc<Value>>,
}

/// What the context object says about the state, task and item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Local {
    pub(crate) state: Option<StateContext>,
    pub(crate) task_token: Option<Text>,
    pub(crate) item: Option<Arc<Item>>,
}

/// `State`.
#[derive(Debug, Clone)]
pub(crate) struct StateContext {
    pub(crate) name: Text,
    pub(crate) entered: Timestamp,
    pub(crate) retry_count: Option<u32>,
}

/// `Map.Item`.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) index: u64,
    pub(crate) value: Value,
    pub(crate) key: Option<String>,
    pub(crate) source: Option<String>,
}

impl Context {
    /// The context of an execution, before any state.
    pub(crate) fn of_execution(identity: &Identity, input: &Value) -> Arc<Value> {
        let mut execution = Map::new();
        execution.insert("Id".into(), text(&identity.execution_arn));
        execution.insert("Input".into(), input.clone());
        execution.insert("StartTime".into(), identity.start_time.to_string().into());
        execution.insert("Name".into(), text(&identity.name));
        execution.insert("RoleArn".into(), text(&identity.role_arn));
        if !identity.synchronous {
            execution.insert("RedriveCount".into(), identity.redrive_count.into());
        }
        if let Some(time) = identity.redrive_time {
            execution.insert("RedriveTime".into(), time.to_string().into());
        }
        let mut machine = Map::new();
        machine.insert("Id".into(), text(&identity.state_machine_arn));
        machine.insert("Name".into(), text(&identity.state_machine_name));
        let mut whole = Map::new();
        whole.insert("Execution".into(), execution.into());
        whole.insert("StateMachine".into(), machine.into());
        Arc::new(whole.into())
    }

    pub(crate) fn new(shared: Arc<Value>, local: Local) -> Self {
        Self {
            shared,
            local,
            built: OnceLock::new(),
        }
    }

    /// The same with an item.
    pub(crate) fn with_item(&self, item: Arc<Item>) -> Self {
        Self::new(
            self.shared.clone(),
            Local {
                item: Some(item),
                ..self.local.clone()
            },
        )
    }

    /// What `$$.…` names.
    pub(crate) fn select(&self, path: &Path) -> Result<Cow<'_, Value>, NoResult> {
        let whole = match path.segments.first() {
            Some(Segment::Names(names)) if matches!(names.as_slice(), [name] if self.is_shared(name)) => &self.shared,
            Some(_) | None => self.value(),
        };
        path.select(whole)
    }

    fn is_shared(&self, name: &str) -> bool {
        matches!(name, "Execution" | "StateMachine") && self.shared.get(name).is_some()
    }

    /// The whole object, built on first use.
    pub(crate) fn value(&self) -> &Arc<Value> {
        self.built.get_or_init(|| Arc::new(self.build()))
    }

    fn build(&self) -> Value {
        let mut whole = self.shared.as_object().cloned().unwrap_or_default();
        if let Some(state) = &self.local.state {
            whole.insert("State".into(), state.value());
        }
        if let Some(token) = &self.local.task_token {
            whole.insert(
                "Task".into(),
                Map::from_iter([("Token".to_owned(), text(token))]).into(),
            );
        }
        if let Some(item) = &self.local.item {
            whole.insert(
                "Map".into(),
                Map::from_iter([("Item".to_owned(), item.as_value())]).into(),
            );
        }
        whole.into()
    }
}

impl StateContext {
    fn value(&self) -> Value {
        let mut state = Map::new();
        state.insert("Name".into(), text(&self.name));
        state.insert("EnteredTime".into(), self.entered.to_string().into());
        if let Some(count) = self.retry_count {
            state.insert("RetryCount".into(), count.into());
        }
        state.into()
    }
}

impl Item {
    fn as_value(&self) -> Value {
        let mut item = Map::new();
        item.insert("Index".into(), self.index.into());
        item.insert("Value".into(), self.value.clone());
        if let Some(key) = &self.key {
            item.insert("Key".into(), key.as_str().into());
        }
        if let Some(source) = &self.source {
            item.insert("Source".into(), source.as_str().into());
        }
        item.into()
    }
}

fn text(text: &Text) -> Value {
    Value::String(text.to_string())
}
