//! Task results out of a recorded history, to be given again.

use crate::case::Case;
use crate::compare::Rules;
use crate::normal::normal;
use serde_json::Value;

/// What AWS recorded for one scheduled task.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    state: Option<String>,
    input: Value,
    pub(crate) answers: Vec<Answer>,
    used: bool,
}

/// One thing that happened to a task.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Started {
        worker: Option<String>,
    },
    Submitted(String),
    Succeeded(String),
    Failed {
        error: Option<String>,
        cause: Option<String>,
        phase: asl::TaskPhase,
    },
    TimedOut {
        error: Option<String>,
        cause: Option<String>,
    },
}

/// All tasks of a recording.
#[derive(Debug)]
pub(crate) struct Tasks {
    all: Vec<Recorded>,
    rules: Rules,
}

impl Tasks {
    pub(crate) fn of(case: &Case) -> Self {
        let events = case.events().cloned().unwrap_or_default();
        let scheduled = events.iter().enumerate().filter(|(_, event)| is_scheduled(kind(event)));
        let mut all: Vec<Recorded> = Vec::new();
        let mut taken = Vec::new();
        let strings = Strings::of(case.expect());
        for (at, event) in scheduled {
            let answers = if case.has_unordered_branches() {
                loose_answers(&events, at, &mut taken)
            } else {
                chained_answers(&events, event)
            };
            all.push(Recorded {
                state: state_of(&events, event),
                input: details(event)
                    .and_then(|details| details.get("parameters").or_else(|| details.get("input")))
                    .cloned()
                    .unwrap_or_default(),
                answers: answers
                    .into_iter()
                    .map(|answer| strings.with_own_text(answer))
                    .collect(),
                used: false,
            });
        }
        Self {
            all,
            rules: Rules::of(case),
        }
    }

    /// The recording that fits a call: by state and input, then by state alone.
    pub(crate) fn take(&mut self, state: &str, input: &str) -> Option<Vec<Answer>> {
        let input = normal(&serde_json::json!({ "input": input }))["input"].clone();
        let of_state = |task: &Recorded| !task.used && task.state.as_deref().is_none_or(|known| known == state);
        let exact = self
            .all
            .iter()
            .position(|task| of_state(task) && self.rules.compare(&task.input, &input, &mut Vec::new()).is_ok());
        let at = exact.or_else(|| self.all.iter().position(of_state))?;
        self.all[at].used = true;
        Some(self.all[at].answers.clone())
    }
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

fn is_scheduled(kind: &str) -> bool {
    matches!(kind, "TaskScheduled" | "LambdaFunctionScheduled" | "ActivityScheduled")
}

fn details(event: &Value) -> Option<&Value> {
    event
        .as_object()?
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"))
        .map(|(_, details)| details)
}

fn state_of(events: &[Value], event: &Value) -> Option<String> {
    let mut current = event.clone();
    for _ in 0..events.len() {
        let previous = &current["previousEventId"];
        let found = events.iter().find(|other| &other["id"] == previous)?.clone();
        if kind(&found) == "TaskStateEntered" {
            return details(&found)?.get("name")?.as_str().map(str::to_owned);
        }
        current = found;
    }
    None
}

/// Follows the ids from the scheduled event to the end of the task.
fn chained_answers(events: &[Value], scheduled: &Value) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut id = scheduled["id"].clone();
    loop {
        let next = events
            .iter()
            .find(|event| event["previousEventId"] == id && answer(event).is_some());
        let Some(next) = next else { return answers };
        answers.extend(answer(next));
        id = next["id"].clone();
    }
}

/// Without ids: the next events of the same resource that nobody took.
fn loose_answers(events: &[Value], scheduled: usize, taken: &mut Vec<usize>) -> Vec<Answer> {
    let resource = |event: &Value| {
        details(event).map(|details| (details.get("resource").cloned(), details.get("resourceType").cloned()))
    };
    let wanted = resource(&events[scheduled]);
    let mut answers = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Some(answer) = answer(event) else { continue };
        let same = details(event).is_none_or(|_| resource(event) == wanted) || !kind(event).starts_with("Task");
        if taken.contains(&at) || !same {
            continue;
        }
        if matches!(answer, Answer::Started { .. })
            && answers.iter().any(|other| matches!(other, Answer::Started { .. }))
        {
            continue;
        }
        let ends = !matches!(answer, Answer::Started { .. } | Answer::Submitted(_));
        if ends
            && answers.iter().any(|other| {
                matches!(
                    other,
                    Answer::Succeeded(_) | Answer::Failed { .. } | Answer::TimedOut { .. }
                )
            })
        {
            continue;
        }
        taken.push(at);
        answers.push(answer);
    }
    answers.sort_by_key(|answer| match answer {
        Answer::Started { .. } => 0,
        Answer::Submitted(_) => 1,
        Answer::Succeeded(_) | Answer::Failed { .. } | Answer::TimedOut { .. } => 2,
    });
    answers
}

fn answer(event: &Value) -> Option<Answer> {
    let kind = kind(event);
    let details = details(event);
    let text = |name: &str| details.and_then(|details| details.get(name)).map(as_text);
    match kind {
        "TaskStarted" | "LambdaFunctionStarted" | "ActivityStarted" => Some(Answer::Started {
            worker: text("workerName"),
        }),
        "TaskSubmitted" => text("output").map(Answer::Submitted),
        "TaskSucceeded" | "LambdaFunctionSucceeded" | "ActivitySucceeded" => text("output").map(Answer::Succeeded),
        "TaskTimedOut" | "LambdaFunctionTimedOut" | "ActivityTimedOut" => Some(Answer::TimedOut {
            error: text("error"),
            cause: text("cause"),
        }),
        "TaskFailed" | "LambdaFunctionFailed" | "ActivityFailed" => {
            Some(failed(text("error"), text("cause"), asl::TaskPhase::Run))
        }
        "TaskStartFailed" | "LambdaFunctionStartFailed" => {
            Some(failed(text("error"), text("cause"), asl::TaskPhase::Start))
        }
        "TaskSubmitFailed" => Some(failed(text("error"), text("cause"), asl::TaskPhase::Submit)),
        _ => None,
    }
}

fn failed(error: Option<String>, cause: Option<String>, phase: asl::TaskPhase) -> Answer {
    Answer::Failed { error, cause, phase }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Strings of a recording that hold JSON objects. Where the recording shows an error's cause as an object, its own text
/// often survives elsewhere, white space included.
struct Strings(Vec<(Value, String)>);

impl Strings {
    fn of(expect: &Value) -> Self {
        let mut found = Vec::new();
        collect_objects(expect, &mut found);
        Self(found)
    }

    fn with_own_text(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Failed { error, cause, phase } => Answer::Failed {
                error,
                cause: cause.map(|cause| self.own_text(cause)),
                phase,
            },
            other
            @ (Answer::Started { .. } | Answer::Submitted(_) | Answer::Succeeded(_) | Answer::TimedOut { .. }) => other,
        }
    }

    fn own_text(&self, cause: String) -> String {
        let Ok(value) = serde_json::from_str::<Value>(&cause) else {
            return cause;
        };
        self.0
            .iter()
            .find(|(known, _)| *known == value)
            .map_or(cause, |(_, text)| text.clone())
    }
}

fn collect_objects(value: &Value, found: &mut Vec<(Value, String)>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| collect_objects(member, found)),
        Value::Array(elements) => elements.iter().for_each(|element| collect_objects(element, found)),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(object @ Value::Object(_)) = serde_json::from_str(text) {
                found.push((object, text.clone()));
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
