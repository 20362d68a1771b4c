//! Runs an execution on a virtual clock, with recorded answers for its tasks.

use crate::case::Case;
use crate::map_run;
use crate::recorded::{Answer, Tasks};
use asl::{
    Command, Ending, Event, Execution, ExecutionType, HistoryEvent, Identity, Moment, Recording, TaskRequest, TimerId,
    Timestamp, step,
};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Everything around an execution.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tasks: Tasks,
    pub(crate) objects: Vec<Value>,
    /// Outputs of map runs as recorded, in order: what children without recorded tasks are given.
    pub(crate) map_outputs: VecDeque<Value>,
    pub(crate) runs: u64,
}

/// A finished execution.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ending: Ending,
    pub(crate) history: Vec<HistoryEvent>,
}

/// Steps after which a replay counts as hanging.
const STEPS_MAX: usize = 200_000;

impl World {
    pub(crate) fn of(case: &Case) -> Self {
        let definition: Value = serde_json::from_str(case.text("definition")).unwrap_or_default();
        let exits = case
            .events()
            .into_iter()
            .flatten()
            .filter(|event| event["type"] == "MapStateExited");
        let map_outputs = exits
            .map(|event| map_result(&definition, &event["stateExitedEventDetails"]))
            .collect();
        let objects = case
            .json
            .get("s3_objects")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Self {
            tasks: Tasks::of(case),
            objects,
            map_outputs,
            runs: 0,
        }
    }
}

/// What a Map handed to its `ResultPath`, as far as its output shows it.
fn map_result(definition: &Value, exited: &Value) -> Value {
    let output = output_value(&exited["output"]);
    let path = find_state(definition, exited["name"].as_str().unwrap_or_default())
        .and_then(|state| state["ResultPath"].as_str());
    match path.and_then(|path| path.strip_prefix("$.")) {
        Some(name) => output.get(name).cloned().unwrap_or_default(),
        None => output,
    }
}

/// The state of that name, at any depth.
fn find_state<'a>(within: &'a Value, name: &str) -> Option<&'a Value> {
    match within {
        Value::Object(members) => match members.get("States").and_then(|states| states.get(name)) {
            Some(state) => Some(state),
            None => members.values().find_map(|member| find_state(member, name)),
        },
        Value::Array(elements) => elements.iter().find_map(|element| find_state(element, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn output_value(output: &Value) -> Value {
    output
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| output.clone())
}

pub(crate) fn identity(case: &Case) -> Identity {
    let (kind, arn) = if case.is_express() {
        (
            ExecutionType::Express,
            "arn:aws:states:us-east-1:111111111111:express:machine-1:execution-1:run-1",
        )
    } else {
        (
            ExecutionType::Standard,
            "arn:aws:states:us-east-1:111111111111:execution:machine-1:execution-1",
        )
    };
    Identity {
        execution_arn: arn.into(),
        name: "execution-1".into(),
        role_arn: "arn:aws:iam::111111111111:role/role-1".into(),
        start_time: Timestamp::from_millis(1_700_000_000_000),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine-1".into(),
        state_machine_name: "machine-1".into(),
        execution_type: kind,
        redrive_count: 0,
        synchronous: case.kind() == "sync_execution",
        redrive_time: None,
        map_run_arn: None,
        token_prefix: "token-".into(),
    }
}

/// Runs to the end.
pub(crate) fn run(
    machine: &Arc<asl::StateMachine>,
    identity: Identity,
    input: &str,
    world: &mut World,
) -> Result<Finished, String> {
    let start = identity.start_time;
    let execution = Execution::new(machine.clone(), identity, Recording::Full);
    let mut runner = Runner {
        events: VecDeque::from([Event::Start {
            input: input.to_owned(),
        }]),
        timers: BTreeMap::new(),
        now: start,
        ending: None,
    };
    runner.drive(execution, world)
}

struct Runner {
    events: VecDeque<Event>,
    timers: BTreeMap<TimerId, Timestamp>,
    now: Timestamp,
    ending: Option<Ending>,
}

impl Runner {
    fn drive(&mut self, mut execution: Execution, world: &mut World) -> Result<Finished, String> {
        for _ in 0..STEPS_MAX {
            let Some(event) = self.next_event() else {
                return Err("nothing more happens and the execution has not ended".to_owned());
            };
            let moment = Moment {
                now: self.now,
                jitter: 0.5,
            };
            let (next, commands) = match step(execution, event, moment) {
                Ok(stepped) => stepped,
                Err(refused) => (*refused.execution, Vec::new()),
            };
            execution = next;
            for command in commands {
                self.carry_out(command, world, &execution);
            }
            if let Some(ending) = self.ending.take() {
                return Ok(Finished {
                    ending,
                    history: execution.take_history(),
                });
            }
        }
        Err(format!("no end after {STEPS_MAX} steps"))
    }

    fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let (timer, at) = self
            .timers
            .iter()
            .min_by_key(|(timer, at)| (**at, **timer))
            .map(|(timer, at)| (*timer, *at))?;
        self.timers.remove(&timer);
        self.now = self.now.max(at);
        Some(Event::TimerFired { timer })
    }

    fn carry_out(&mut self, command: Command, world: &mut World, execution: &Execution) {
        match command {
            Command::InvokeTask(request) => self.answer(&request, world),
            Command::StartTimer { timer, at } => {
                self.timers.insert(timer, at);
            }
            Command::CancelTimer(timer) => {
                self.timers.remove(&timer);
            }
            Command::StartMapRun(request) => {
                let (arn, result) = map_run::run(&request, execution.identity(), world, self.now);
                self.events.push_back(Event::MapRunStarted {
                    map_run: request.map_run,
                    arn,
                });
                self.events.push_back(Event::MapRunEnded {
                    map_run: request.map_run,
                    result,
                });
            }
            Command::CancelTask(_) | Command::StopMapRun(_) => {}
            Command::Finish(ending) => self.ending = Some(ending),
        }
    }

    fn answer(&mut self, request: &TaskRequest, world: &mut World) {
        let task = request.task;
        let Some(answers) = world.tasks.take(&request.state, &request.input_text) else {
            return self.events.push_back(unrecorded(request));
        };
        let watched = request.timeout_seconds.is_some() || request.heartbeat_seconds.is_some();
        for answer in answers {
            let event = match answer {
                Answer::Started { worker } => Event::TaskStarted { task, worker },
                Answer::Submitted(output) => Event::TaskSubmitted { task, output },
                Answer::Succeeded(output) => Event::TaskSucceeded { task, output },
                Answer::Failed { error, cause, phase } => Event::TaskFailed {
                    task,
                    phase,
                    error,
                    cause,
                },
                Answer::TimedOut { .. } if watched => continue,
                Answer::TimedOut { error, cause } => Event::TaskFailed {
                    task,
                    phase: asl::TaskPhase::TimedOut,
                    error,
                    cause,
                },
            };
            self.events.push_back(event);
        }
    }
}

/// The answer to a task that AWS never recorded: an activity that does not exist, or a child's task.
fn unrecorded(request: &TaskRequest) -> Event {
    let (phase, error, cause) = match &request.resource {
        asl::Resource::Activity(arn) => (
            asl::TaskPhase::Refused,
            "States.Runtime",
            Some(format!("The activity {arn} does not exist.")),
        ),
        asl::Resource::LambdaFunction(_) | asl::Resource::Integration(_) => {
            (asl::TaskPhase::Run, "Golden.NoRecording", None)
        }
    };
    Event::TaskFailed {
        task: request.task,
        phase,
        error: Some(error.to_owned()),
        cause,
    }
}
