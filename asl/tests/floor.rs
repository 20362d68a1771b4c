//! The floor that holds everywhere: `fixtures/machines/*.json`, definitions of our own with recorded task answers, and what
//! must come out, written by hand from AWS's documentation (each file names the page).
//!
//! `tasks` are answers by state, in turn: `succeeds`, `fails` or `hangs`, `after` so many **seconds**, with `started`,
//! `submitted` and `heartbeats` before; `input`, where it is there, is what the task must be called with. `seconds` is what
//! the clock must have moved. `{"$repeat": [text, count]}` in an input is that text so often.
#![cfg(test)]

use asl::{
    Command, Ending, Event, Execution, ExecutionType, Identity, Moment, Recording, StateMachine, TaskId, TaskPhase,
    TaskRequest, TimerId, Timestamp, parse, step,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// 2026-01-01T00:00:00Z, **milliseconds**.
const START: i64 = 1_767_225_600_000;
/// Steps after which a run counts as hanging.
const STEPS_MAX: usize = 10_000;

/// What came out of a run, in the words of the fixtures.
struct Finished {
    result: Map<String, Value>,
    events: Vec<String>,
    seconds: f64,
    unused: usize,
}

struct Runner {
    answers: BTreeMap<String, VecDeque<Value>>,
    /// What will happen, by time and order.
    agenda: BTreeMap<(i64, u64), Event>,
    timers: BTreeMap<TimerId, (i64, u64)>,
    planned: u64,
    now: i64,
    ending: Option<Ending>,
    complaints: Vec<String>,
}

#[test]
fn definitions_of_our_own_do_what_the_documentation_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/machines");
    let mut misses = Vec::new();
    let (mut files, mut runs) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let fixture: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        files += 1;
        for (at, run) in fixture["runs"].as_array().unwrap().iter().enumerate() {
            runs += 1;
            if let Err(miss) = check(&fixture, run) {
                misses.push(format!("{name}#{at}: {miss}"));
            }
        }
    }
    println!("{} of {runs} runs of {files} definitions", runs - misses.len());
    assert!(misses.is_empty(), "{}", misses.join("\n"));
    assert!(files >= 50 && runs >= 190, "fixtures are missing");
}

fn check(fixture: &Value, run: &Value) -> Result<(), String> {
    let parsed = parse(&fixture["definition"].to_string());
    let machine = parsed.machine.ok_or_else(|| format!("{:?}", parsed.diagnostics))?;
    let finished = Runner::of(run).run(&machine, run)?;
    let expected = run["expect"].as_object().ok_or("no expectation")?;
    for (name, value) in expected.iter().filter(|(name, _)| *name != "seconds") {
        let found = finished.result.get(name).unwrap_or(&Value::Null);
        if !equal(value, found) {
            return Err(format!("{name}: expected {value}, found {:?}", finished.result));
        }
    }
    if expected["status"] == "FAILED" && !expected.contains_key("error") && finished.result.contains_key("error") {
        return Err(format!("expected no error, found {:?}", finished.result));
    }
    if let Some(seconds) = expected.get("seconds").and_then(Value::as_f64)
        && (seconds - finished.seconds).abs() > 0.000_5
    {
        return Err(format!("expected {seconds} s, found {} s", finished.seconds));
    }
    let events = run.get("events").unwrap_or(&fixture["events"]);
    if *events != json!(finished.events) {
        return Err(format!("expected {events}\n   found {:?}", finished.events));
    }
    (finished.unused == 0)
        .then_some(())
        .ok_or_else(|| format!("{} answers were not asked for", finished.unused))
}

/// Numbers by value: `1` is `1.0`.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

/// The input as it is given, with texts repeated.
fn spelled_out(input: &Value) -> Value {
    match input {
        Value::Object(members) => match members.get("$repeat").and_then(Value::as_array) {
            Some(repeat) => {
                let count = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
                repeat[0].as_str().unwrap().repeat(count).into()
            }
            None => members
                .iter()
                .map(|(name, member)| (name.clone(), spelled_out(member)))
                .collect::<Map<_, _>>()
                .into(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => input.clone(),
    }
}

impl Runner {
    fn of(run: &Value) -> Self {
        let tasks = run.get("tasks").and_then(Value::as_object).cloned().unwrap_or_default();
        Self {
            answers: tasks
                .into_iter()
                .map(|(state, answers)| (state, answers.as_array().unwrap().iter().cloned().collect()))
                .collect(),
            agenda: BTreeMap::new(),
            timers: BTreeMap::new(),
            planned: 0,
            now: START,
            ending: None,
            complaints: Vec::new(),
        }
    }

    fn run(mut self, machine: &Arc<StateMachine>, run: &Value) -> Result<Finished, String> {
        let mut execution = Execution::new(machine.clone(), identity(), Recording::Full);
        let jitter = run.get("jitter").and_then(Value::as_f64).unwrap_or_default();
        let input = spelled_out(&run["input"]).to_string();
        self.plan(START, Event::Start { input });
        let mut events = Vec::new();
        for _ in 0..STEPS_MAX {
            let ((at, _), event) = self.agenda.pop_first().ok_or("nothing more happens")?;
            self.now = at;
            let now = Timestamp::from_millis(at);
            let (next, commands) = match step(execution, event, Moment { now, jitter }) {
                Ok(stepped) => stepped,
                // Too late: nobody waits for it any more.
                Err(refused) => (*refused.execution, Vec::new()),
            };
            execution = next;
            events.extend(
                execution
                    .take_history()
                    .iter()
                    .map(|event| event.kind.as_str().to_owned()),
            );
            for command in commands {
                self.carry_out(command);
            }
            if let Some(complaint) = self.complaints.pop() {
                return Err(complaint);
            }
            if let Some(ending) = self.ending.take() {
                return Ok(self.finish(&ending, events));
            }
        }
        Err(format!("no end after {STEPS_MAX} steps"))
    }

    fn finish(&self, ending: &Ending, events: Vec<String>) -> Finished {
        let failure = |status: &str, failure: &asl::StateError| {
            let mut result = Map::from_iter([("status".to_owned(), status.into())]);
            let members = [("error", &failure.error), ("cause", &failure.cause)];
            result.extend(members.into_iter().filter_map(|(name, text)| {
                let text = text.as_deref()?;
                Some((name.to_owned(), text.into()))
            }));
            result
        };
        let result = match ending {
            Ending::Succeeded { output } => Map::from_iter([
                ("status".to_owned(), "SUCCEEDED".into()),
                ("output".to_owned(), serde_json::from_str(output).unwrap()),
            ]),
            Ending::Failed(error) => failure("FAILED", error),
            Ending::TimedOut(error) => failure("TIMED_OUT", error),
            Ending::Aborted(error) => failure("ABORTED", error),
        };
        #[expect(clippy::cast_precision_loss, reason = "a few minutes in milliseconds")]
        let seconds = (self.now - START) as f64 / 1_000.0;
        Finished {
            result,
            events,
            seconds,
            unused: self.answers.values().map(VecDeque::len).sum(),
        }
    }

    fn plan(&mut self, at: i64, event: Event) -> (i64, u64) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), event);
        (at, self.planned)
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::InvokeTask(request) => self.answer(&request),
            Command::StartTimer { timer, at } => {
                let place = self.plan(at.as_millis().max(self.now), Event::TimerFired { timer });
                self.timers.insert(timer, place);
            }
            Command::CancelTimer(timer) => {
                let place = self.timers.remove(&timer);
                place.and_then(|place| self.agenda.remove(&place));
            }
            Command::Finish(ending) => self.ending = Some(ending),
            Command::CancelTask(_) | Command::StopMapRun(_) => {}
            Command::StartMapRun(_) => self.complaints.push("no map run is foreseen".to_owned()),
        }
    }

    fn answer(&mut self, request: &TaskRequest) {
        let answers = self.answers.get_mut(&*request.state);
        let Some(answer) = answers.and_then(VecDeque::pop_front) else {
            return self
                .complaints
                .push(format!("no answer for `{}` is left", request.state));
        };
        if let Some(input) = answer.get("input")
            && !equal(input, &request.input)
        {
            let state = &request.state;
            return self
                .complaints
                .push(format!("`{state}` was called with {}, expected {input}", request.input));
        }
        self.plan_answer(request.task, &answer);
    }

    fn plan_answer(&mut self, task: TaskId, answer: &Value) {
        let now = self.now;
        let seconds = |value: &Value| value.as_i64().unwrap_or_default() * 1_000;
        if let Some(worker) = answer.get("started").and_then(Value::as_str) {
            let worker = Some(worker.to_owned());
            self.plan(now, Event::TaskStarted { task, worker });
        }
        if let Some(output) = answer.get("submitted") {
            let output = output.to_string();
            self.plan(now, Event::TaskSubmitted { task, output });
        }
        for at in answer.get("heartbeats").and_then(Value::as_array).into_iter().flatten() {
            self.plan(now + seconds(at), Event::TaskHeartbeat { task });
        }
        let end = now + seconds(&answer["after"]);
        if let Some(output) = answer.get("succeeds") {
            let output = output.to_string();
            self.plan(end, Event::TaskSucceeded { task, output });
        }
        if let Some(failure) = answer.get("fails") {
            let text = |name: &str| failure[name].as_str().map(str::to_owned);
            let (error, cause) = (text("error"), text("cause"));
            self.plan(
                end,
                Event::TaskFailed {
                    task,
                    phase: TaskPhase::Run,
                    error,
                    cause,
                },
            );
        }
    }
}

fn identity() -> Identity {
    Identity {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:machine:run".into(),
        name: "run".into(),
        role_arn: "arn:aws:iam::000000000000:role/role".into(),
        start_time: Timestamp::from_millis(START),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
        execution_type: ExecutionType::Standard,
        redrive_count: 0,
        synchronous: false,
        redrive_time: None,
        map_run_arn: None,
        token_prefix: "token-".into(),
    }
}
