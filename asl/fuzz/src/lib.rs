//! What the targets share: an execution with a world that answers from the fuzzer's bytes.

use asl::{
    Command, Event, Execution, ExecutionType, Identity, MapRunResult, Moment, Recording, StateMachine, TaskPhase,
    Timestamp, parse, parse_for, step,
};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// Events after which an execution that waits again and again is left alone.
const EVENTS_MAX: usize = 200;

/// The parts of an input: text before the first line feed, and after it.
pub fn halves(bytes: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(bytes).ok()?.split_once('\n')
}

/// Parses the way both kinds of machine are parsed, and holds what a caller relies on.
pub fn read(text: &str) -> Option<Arc<StateMachine>> {
    let express = parse_for(text, ExecutionType::Express);
    assert!(express.machine.is_some() || !express.diagnostics.is_empty());
    let standard = parse(text);
    assert!(standard.machine.is_some() || !standard.diagnostics.is_empty());
    for diagnostic in &standard.diagnostics {
        assert!(diagnostic.line > 0 && diagnostic.column > 0);
    }
    standard.machine
}

/// A machine of one Pass state with these fields.
pub fn pass(fields: Value, query_language: &str) -> Value {
    let mut state = fields;
    if let Some(members) = state.as_object_mut() {
        members.insert("Type".into(), "Pass".into());
        members.insert("End".into(), true.into());
    }
    json!({"StartAt": "A", "QueryLanguage": query_language, "States": {"A": state}})
}

/// Runs the definition over the input until it ends or waits for what does not come.
pub fn run(definition: &Value, input: &str) {
    if let Some(machine) = parse(&definition.to_string()).machine {
        walk(machine, input, &[]);
    }
}

/// Feeds an execution with answers that the bytes choose.
pub fn walk(machine: Arc<StateMachine>, input: &str, choices: &[u8]) {
    let mut execution = Execution::new(machine, Identity::example(ExecutionType::Standard), Recording::Full);
    let mut events = VecDeque::from([Event::Start {
        input: input.to_owned(),
    }]);
    let mut choices = choices.iter().copied();
    for at in 0..EVENTS_MAX {
        let Some(event) = events.pop_front() else { return };
        let millis = i64::try_from(at).unwrap_or_default() * 1_000;
        let moment = Moment {
            now: Timestamp::from_millis(millis),
            jitter: 0.5,
        };
        match step(execution, event, moment) {
            Ok((next, commands)) => {
                execution = next;
                for command in commands {
                    answer(&command, choices.next().unwrap_or_default(), &mut events);
                }
            }
            Err(refused) => execution = *refused.execution,
        }
        for pair in execution.take_history().windows(2) {
            assert!(pair[0].id < pair[1].id);
            assert!(serde_json::to_string(&pair[0]).is_ok());
        }
    }
}

fn answer(command: &Command, choice: u8, events: &mut VecDeque<Event>) {
    match command {
        Command::InvokeTask(request) => events.push_back(task_answer(request.task, &request.input_text, choice)),
        Command::StartTimer { timer, .. } => events.push_back(Event::TimerFired { timer: *timer }),
        Command::StartMapRun(request) => {
            let map_run = request.map_run;
            if let Ok(item) = request.select_item(0, "STATE_DATA", json!({"a": 1})) {
                std::hint::black_box(request.batch_input(vec![item]));
            }
            events.push_back(Event::MapRunStarted {
                map_run,
                arn: "arn".into(),
            });
            let result = match choice % 3 {
                0 => MapRunResult::Succeeded { output: "[1]".into() },
                1 => MapRunResult::Failed {
                    error: Some("E".into()),
                    cause: None,
                },
                _ => MapRunResult::Aborted,
            };
            events.push_back(Event::MapRunEnded { map_run, result });
        }
        // Once more from where it failed.
        Command::Finish(_) if choice % 2 == 1 => events.push_back(Event::Redrive),
        Command::CancelTask(_) | Command::CancelTimer(_) | Command::StopMapRun(_) | Command::Finish(_) => {}
    }
}

fn task_answer(task: asl::TaskId, input: &str, choice: u8) -> Event {
    let failed = |phase| Event::TaskFailed {
        task,
        phase,
        error: Some("E".into()),
        cause: Some("c".into()),
    };
    match choice % 8 {
        0 | 1 => Event::TaskSucceeded {
            task,
            output: input.to_owned(),
        },
        2 => Event::TaskSucceeded {
            task,
            output: "no json".into(),
        },
        3 => failed(TaskPhase::Run),
        4 => failed(TaskPhase::Start),
        5 => failed(TaskPhase::Refused),
        6 => Event::TaskHeartbeat { task },
        _ => Event::Stop {
            error: None,
            cause: None,
        },
    }
}
