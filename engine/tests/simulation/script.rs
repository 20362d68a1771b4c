//! What a seed says: a machine, its items, and how each of its tasks behaves for each item.
//!
//! A fate never depends on the moment: a task answers in time, goes wrong a few times less often than it is retried,
//! or goes wrong for ever. So a crash may change when something happens, and how often, but not what comes of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::FUNCTION;
use super::chance::Chance;

/// The first item's number: all of them have three digits, so that all are equally long.
pub(crate) const FIRST_ITEM: u64 = 100;

/// How a task behaves for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answers,
    /// Fails so often, then answers.
    FailsAtFirst(u32),
    Fails,
    /// Its answer comes long after its time is up.
    TooLate,
    /// Fails once in a way that only a person can mend, then answers.
    HaltsOnce,
}

/// Whether answers of a task are in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journalled {
    /// They are, and none is asked for again.
    Once,
    /// They are, but the state may be entered again.
    Repeatedly,
    /// It is a map run's Standard child that asks: they are in the child's, and none is asked for again by that child.
    InChild,
    /// It is a map run's Express child that asks.
    Never,
}

/// A Task state.
#[derive(Debug, Clone)]
pub(crate) struct TaskPlan {
    retried: bool,
    /// It, or the child it is in, has a time limit of minutes.
    limited: bool,
    fails_percent: u64,
    /// The Map that it is in.
    pub(crate) map: Option<String>,
    pub(crate) journalled: Journalled,
}

/// A Map state.
#[derive(Debug, Clone, Default)]
pub(crate) struct MapPlan {
    pub(crate) distributed: bool,
    pub(crate) items: u64,
    pub(crate) items_per_child: u64,
    /// 0: no limit.
    pub(crate) max_concurrency: u64,
    pub(crate) writer: bool,
}

impl MapPlan {
    pub(crate) const fn children(&self) -> u64 {
        self.items.div_ceil(self.items_per_child)
    }

    /// Which child an item belongs to.
    pub(crate) const fn position(&self, item: u64) -> u64 {
        (item - FIRST_ITEM) / self.items_per_child
    }
}

/// Everything that a seed says.
#[derive(Debug)]
pub(crate) struct Script {
    seed: u64,
    pub(crate) definition: Value,
    pub(crate) input: Value,
    pub(crate) objects: BTreeMap<String, String>,
    pub(crate) tasks: BTreeMap<String, TaskPlan>,
    pub(crate) maps: BTreeMap<String, MapPlan>,
}

impl Script {
    pub(crate) fn of(seed: u64) -> Self {
        Writer {
            chance: Chance::new(seed, "script"),
            script: Self {
                seed,
                definition: Value::Null,
                input: json!({}),
                objects: BTreeMap::new(),
                tasks: BTreeMap::new(),
                maps: BTreeMap::new(),
            },
        }
        .write()
    }

    /// How the task behaves for the item.
    pub(crate) fn fate(&self, task: &str, item: u64) -> Fate {
        let plan = &self.tasks[task];
        let mut chance = Chance::new(self.seed, &format!("{task}-{item}"));
        if chance.percent(plan.fails_percent) {
            return if plan.limited && chance.percent(30) {
                Fate::TooLate
            } else {
                Fate::Fails
            };
        }
        match chance.up_to(99) {
            0..20 if plan.retried => Fate::FailsAtFirst(u32::try_from(chance.between(1, 3)).unwrap()),
            20..22 => Fate::HaltsOnce,
            _ => Fate::Answers,
        }
    }
}

/// Where a Task or Map state stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Branch,
    Iteration,
    Child { express: bool, batched: bool },
}

struct Writer {
    chance: Chance,
    script: Script,
}

impl Writer {
    fn write(mut self) -> Script {
        let mut states = Vec::new();
        for number in 0..self.chance.between(1, 4) {
            let name = format!("S{number}");
            let state = match self.chance.up_to(9) {
                0..2 => self.task(&name, Place::Top, None, false),
                2 => self.pause(),
                3 => self.parallel(&name),
                4 => self.inline_map(&name),
                _ => {
                    let plan = self.map_plan(true, 24);
                    self.distributed_map(&name, plan)
                }
            };
            states.push((name, state));
        }
        self.script.definition = chain(states);
        self.script
    }

    fn pause(&mut self) -> Value {
        json!({"Type": "Wait", "Seconds": self.chance.up_to(40)})
    }

    /// A Task that shows the world who asks: its name, its item, the child, and what its execution has come to know.
    fn task(&mut self, name: &str, place: Place, map: Option<&str>, repeated: bool) -> Value {
        let mut state = json!({"Type": "Task", "Resource": FUNCTION, "ResultPath": format!("$.{name}")});
        let mut parameters = json!({"task": name, "n": 0});
        match place {
            Place::Top | Place::Branch => parameters["before.$"] = json!("$"),
            Place::Iteration => {
                parameters["n.$"] = json!("$.n");
                parameters["child.$"] = json!("$.index");
            }
            Place::Child { batched, .. } => {
                parameters["n.$"] = json!(if batched { "$.Items[0].n" } else { "$.n" });
                parameters["child.$"] = json!("$$.Execution.Id");
            }
        }
        if place != Place::Top && place != Place::Branch {
            parameters.as_object_mut().unwrap().remove("n");
        }
        state["Parameters"] = parameters;
        let mut plan = TaskPlan {
            retried: self.chance.percent(50),
            fails_percent: if map.is_some() {
                self.chance.one_of(&[0, 0, 5, 30])
            } else {
                6
            },
            map: map.map(str::to_owned),
            journalled: match place {
                Place::Child { express: true, .. } => Journalled::Never,
                Place::Child { express: false, .. } => Journalled::InChild,
                Place::Top | Place::Branch | Place::Iteration if repeated => Journalled::Repeatedly,
                Place::Top | Place::Branch | Place::Iteration => Journalled::Once,
            },
            limited: matches!(place, Place::Child { express: true, .. }),
        };
        if self.chance.percent(30) {
            // A crash takes time: where it does not begin again, an answer in time must not come late after it.
            state["TimeoutSeconds"] = json!(if plan.limited { 60 } else { 100_000 });
            plan.limited = true;
        }
        if plan.retried {
            let seconds = self.chance.between(1, 3);
            state["Retry"] = json!([{
                "ErrorEquals": ["Test.Transient"], "IntervalSeconds": seconds, "MaxAttempts": 3,
                "BackoffRate": 1.5, "JitterStrategy": self.chance.one_of(&["FULL", "NONE"]),
            }]);
        }
        self.script.tasks.insert(name.to_owned(), plan);
        self.caught(&mut state, 30);
        state
    }

    /// Sometimes with a Catch that goes on as if nothing had happened. The next state's name is filled in by `chain`.
    fn caught(&mut self, state: &mut Value, percent: u64) {
        if self.chance.percent(percent) {
            state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": ""}]);
        }
    }

    /// One or two states.
    fn flow(&mut self, name: &str, place: Place, map: Option<&str>, repeated: bool) -> Value {
        let mut states = Vec::new();
        if self.chance.percent(25) {
            states.push((format!("{name}W"), self.pause()));
        }
        for number in 0..self.chance.between(1, 2) {
            let task = format!("{name}T{number}");
            let state = self.task(&task, place, map, repeated);
            states.push((task, state));
        }
        chain(states)
    }

    fn parallel(&mut self, name: &str) -> Value {
        let branches = self.chance.between(1, 3);
        let repeated = self.chance.percent(20);
        let branches: Vec<Value> = (0..branches)
            .map(|number| self.branch(&format!("{name}B{number}"), repeated))
            .collect();
        let mut state = json!({"Type": "Parallel", "Branches": branches, "ResultPath": format!("$.{name}")});
        if repeated {
            state["Retry"] = json!([{"ErrorEquals": ["Test.Permanent"], "IntervalSeconds": 2, "MaxAttempts": 1}]);
        }
        self.caught(&mut state, 40);
        state
    }

    /// A flow, or a map run that another branch may put an end to. It never fails itself: which of two failures comes
    /// first would be a matter of time.
    fn branch(&mut self, name: &str, repeated: bool) -> Value {
        if self.chance.percent(65) {
            return self.flow(name, Place::Branch, None, repeated);
        }
        let mut plan = self.map_plan(true, 24);
        plan.items = plan.items.max(1);
        let mut state = self.distributed_map(name, plan);
        state["ToleratedFailurePercentage"] = json!(100);
        state.as_object_mut().unwrap().remove("ToleratedFailureCount");
        chain(vec![(name.to_owned(), state)])
    }

    fn map_plan(&mut self, distributed: bool, items_max: u64) -> MapPlan {
        MapPlan {
            distributed,
            items: self.chance.up_to(items_max),
            items_per_child: 1,
            max_concurrency: self.chance.one_of(&[0, 1, 2, 3, 7]),
            writer: distributed && self.chance.percent(50),
        }
    }

    fn inline_map(&mut self, name: &str) -> Value {
        let plan = self.map_plan(false, 6);
        let items: Vec<Value> = numbers(&plan).map(|n| json!({"n": n})).collect();
        self.script.input[format!("{name}Items")] = json!(items);
        let mut state = json!({
            "Type": "Map", "ItemsPath": format!("$.{name}Items"), "MaxConcurrency": plan.max_concurrency,
            "ItemSelector": {"n.$": "$$.Map.Item.Value.n", "index.$": "$$.Map.Item.Index"},
            "ItemProcessor": self.flow(name, Place::Iteration, Some(name), false),
            "ResultPath": format!("$.{name}"),
        });
        self.script.maps.insert(name.to_owned(), plan);
        self.caught(&mut state, 50);
        state
    }

    fn distributed_map(&mut self, name: &str, mut plan: MapPlan) -> Value {
        let express = self.chance.percent(60);
        let mut state = json!({
            "Type": "Map", "Label": name, "MaxConcurrency": plan.max_concurrency, "ResultPath": format!("$.{name}"),
            // What a broken store does to a map run ends it; the next one finds the store mended.
            "Retry": [{
                "ErrorEquals": ["States.ItemReaderFailed", "States.ResultWriterFailed"],
                "IntervalSeconds": 1, "MaxAttempts": 9, "BackoffRate": 1,
            }],
        });
        let item_bytes = self.items(name, &plan, &mut state);
        if self.chance.percent(30) {
            state["ItemSelector"] = json!({"n.$": "$$.Map.Item.Value.n", "from": name});
        }
        let selected = state.get("ItemSelector").is_some();
        let batched = self.chance.percent(35);
        if batched {
            plan.items_per_child = self.chance.between(1, 7);
            state["ItemBatcher"] = self.batcher(plan.items_per_child, (!selected).then_some(item_bytes));
        }
        if plan.writer {
            state["ResultWriter"] = json!({
                "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "bucket", "Prefix": "results"},
            });
        }
        self.tolerance(&mut state);
        let mut processor = self.flow(name, Place::Child { express, batched }, Some(name), false);
        let kind = if express { "EXPRESS" } else { "STANDARD" };
        processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": kind});
        state["ItemProcessor"] = processor;
        self.script.maps.insert(name.to_owned(), plan);
        self.caught(&mut state, 50);
        state
    }

    fn tolerance(&mut self, state: &mut Value) {
        match self.chance.up_to(5) {
            0 => {}
            1 => state["ToleratedFailureCount"] = json!(self.chance.up_to(6)),
            2 => state["ToleratedFailurePercentage"] = json!(self.chance.up_to(40)),
            _ => state["ToleratedFailurePercentage"] = json!(100),
        }
    }

    /// Puts the items where the Map will look for them. Returns how long each of them is as text.
    fn items(&mut self, name: &str, plan: &MapPlan, state: &mut Value) -> u64 {
        let (input_type, body) = match self.chance.up_to(3) {
            0 => {
                let items: Vec<Value> = numbers(plan).map(|n| json!({"n": n})).collect();
                self.script.input[format!("{name}Items")] = json!(items);
                state["ItemsPath"] = json!(format!("$.{name}Items"));
                return 9;
            }
            // One without rows is an error each time, and a fault may take the place of the last.
            1 if plan.items > 0 => ("CSV", format!("n\n{}", lines(plan, |n| n.to_string()))),
            2 => ("JSONL", lines(plan, |n| json!({"n": n}).to_string())),
            _ => (
                "JSON",
                json!(numbers(plan).map(|n| json!({"n": n})).collect::<Vec<_>>()).to_string(),
            ),
        };
        let mut config = json!({"InputType": input_type});
        if input_type == "CSV" {
            config["CSVHeaderLocation"] = json!("FIRST_ROW");
        }
        state["ItemReader"] = json!({
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
            "Parameters": {"Bucket": "bucket", "Key": format!("{name}.items")},
        });
        self.script.objects.insert(format!("{name}.items"), body);
        if input_type == "CSV" { 11 } else { 9 }
    }

    /// By number, or by bytes that hold just so many items: `{"Items":[` … `]}` with commas between them.
    fn batcher(&mut self, items_per_batch: u64, item_bytes: Option<u64>) -> Value {
        if let Some(bytes) = item_bytes
            && self.chance.percent(40)
        {
            let least = 12 + items_per_batch * (bytes + 1) - 1;
            return json!({"MaxInputBytesPerBatch": least + self.chance.up_to(bytes)});
        }
        let mut batcher = json!({"MaxItemsPerBatch": items_per_batch});
        if self.chance.percent(40) {
            batcher["BatchInput"] = json!({"for": "all"});
        }
        batcher
    }
}

fn numbers(plan: &MapPlan) -> impl Iterator<Item = u64> {
    FIRST_ITEM..FIRST_ITEM + plan.items
}

fn lines(plan: &MapPlan, line: impl Fn(u64) -> String) -> String {
    let lines: Vec<String> = numbers(plan).map(|n| line(n) + "\n").collect();
    lines.concat()
}

/// One state after the other.
fn chain(states: Vec<(String, Value)>) -> Value {
    let names: Vec<String> = states.iter().map(|(name, _)| name.clone()).collect();
    let end = format!("{}End", names[0]);
    let mut linked = Map::new();
    for (at, (name, mut state)) in states.into_iter().enumerate() {
        let next = names.get(at + 1).unwrap_or(&end);
        state["Next"] = json!(next);
        if let Some(catchers) = state.get_mut("Catch") {
            catchers[0]["Next"] = json!(next);
        }
        linked.insert(name, state);
    }
    linked.insert(end, json!({"Type": "Pass", "End": true}));
    json!({"StartAt": names[0], "States": linked})
}
