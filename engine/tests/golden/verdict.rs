//! How far our answer to a case agrees with AWS's.

use crate::case::Case;
use crate::compare::{Compared, Rules};
use crate::normal::{dated, normal};
use crate::paths::Step;
use crate::replay::{Finished, World, identity, run};
use crate::{static_kinds, test_state};
use asl::{Ending, Value};
use serde_json::json;

/// The four levels, each with its first difference.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Compared,
    pub(crate) types: Compared,
    pub(crate) events: Compared,
    pub(crate) strict: Compared,
}

impl Verdict {
    /// The same for every level.
    pub(crate) fn all(compared: Compared) -> Self {
        Self {
            outcome: compared.clone(),
            types: compared.clone(),
            events: compared.clone(),
            strict: compared,
        }
    }
}

/// Replays a case and compares.
pub(crate) fn of(case: &Case) -> Verdict {
    match case.kind() {
        "execution" | "sync_execution" => of_execution(case),
        "test_state" => Verdict::all(test_state::compare(case)),
        _ => Verdict::all(static_kinds::compare(case)),
    }
}

fn of_execution(case: &Case) -> Verdict {
    let kind = if case.is_express() {
        asl::ExecutionType::Express
    } else {
        asl::ExecutionType::Standard
    };
    let parsed = asl::parse_for(case.text("definition"), kind);
    let Some(machine) = parsed.machine else {
        return Verdict::all(Err(format!(
            "the definition was refused: {:?}",
            parsed
                .diagnostics
                .first()
                .map(|first| (&first.message, &first.location))
        )));
    };
    match run(&machine, identity(case), case.input(), &mut World::of(case)) {
        Err(reason) => Verdict::all(Err(reason)),
        Ok(finished) => compare_execution(case, &finished),
    }
}

fn compare_execution(case: &Case, finished: &Finished) -> Verdict {
    let rules = Rules::of(case);
    let outcome = compare_final(case, &finished.ending, &rules);
    if case.events().is_none() {
        return Verdict {
            types: outcome.clone(),
            events: outcome.clone(),
            strict: outcome.clone(),
            outcome,
        };
    }
    let ours = ours(finished);
    let types = outcome.clone().and_then(|()| compare_types(case, &ours));
    let events = types.clone().and_then(|()| compare_events(case, &ours, &rules));
    let rules = rules.strict();
    let strict = events
        .clone()
        .and_then(|()| compare_final(case, &finished.ending, &rules))
        .and_then(|()| compare_strictly(case, &ours, &rules));
    Verdict {
        outcome,
        types,
        events,
        strict,
    }
}

fn ours(finished: &Finished) -> Vec<Value> {
    let events = finished
        .history
        .iter()
        .map(|event| serde_json::to_value(event).unwrap());
    events.map(|event| normal(&event)).collect()
}

fn compare_final(case: &Case, ending: &Ending, rules: &Rules) -> Compared {
    let Some(expected) = case.expect().get("final") else {
        return Ok(());
    };
    let failure = |status: &str, failure: &asl::StateError| {
        let mut made = json!({ "status": status });
        let members = [("error", &failure.error), ("cause", &failure.cause)];
        for (name, text) in members {
            if let Some(text) = text {
                made[name] = Value::from(&**text);
            }
        }
        made
    };
    let actual = match ending {
        Ending::Succeeded { output } => {
            let output: Value = serde_json::from_str(output).unwrap();
            json!({"status": "SUCCEEDED", "output": dated(&output)})
        }
        Ending::Failed(error) => normal(&failure("FAILED", error)),
        Ending::TimedOut(error) => {
            let mut made = normal(&failure("TIMED_OUT", error));
            // DescribeExecution told neither in older recordings.
            for name in ["error", "cause"].iter().filter(|name| expected.get(**name).is_none()) {
                made.as_object_mut().unwrap().shift_remove(*name);
            }
            made
        }
        Ending::Aborted(error) => normal(&failure("ABORTED", error)),
    };
    rules.compare(expected, &actual, &mut vec![Step::Name("final".into())])
}

/// Types that recordings with unordered branches have lost.
const LOST: [&str; 3] = ["ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateAborted"];

fn is_kept(case: &Case, event: &Value) -> bool {
    !(case.has_unordered_branches() && LOST.iter().any(|lost| event["type"] == *lost))
}

fn compare_types(case: &Case, ours: &[Value]) -> Compared {
    let types = |events: &[Value]| {
        let mut types: Vec<String> = events
            .iter()
            .filter(|event| is_kept(case, event))
            .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
            .collect();
        types.sort();
        types
    };
    let (expected, actual) = (types(case.events().unwrap()), types(ours));
    if expected == actual {
        return Ok(());
    }
    let missing = less(&expected, &actual);
    let surplus = less(&actual, &expected);
    Err(format!("event types: missing {missing:?}, too many {surplus:?}"))
}

fn less(all: &[String], without: &[String]) -> Vec<String> {
    let mut without = without.to_vec();
    all.iter()
        .filter(|one| match without.iter().position(|other| other == *one) {
            Some(at) => {
                without.swap_remove(at);
                false
            }
            None => true,
        })
        .cloned()
        .collect()
}

fn bare(event: &Value) -> Value {
    let mut event = event.clone();
    for name in ["id", "previousEventId", "timestamp"] {
        event.as_object_mut().unwrap().shift_remove(name);
    }
    event
}

fn event_place(at: usize) -> Vec<Step> {
    vec![
        Step::Name("history".into()),
        Step::Name("events".into()),
        Step::Index(at),
    ]
}

fn compare_events(case: &Case, ours: &[Value], rules: &Rules) -> Compared {
    let mut left: Vec<Value> = ours.iter().filter(|event| is_kept(case, event)).map(bare).collect();
    for (at, event) in case
        .events()
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(_, event)| is_kept(case, event))
    {
        let wanted = bare(event);
        let partner = left
            .iter()
            .position(|other| rules.compare(&wanted, other, &mut event_place(at)).is_ok());
        match partner {
            Some(partner) => drop(left.remove(partner)),
            None => return Err(no_partner(&wanted, &left, rules, at)),
        }
    }
    Ok(())
}

fn no_partner(wanted: &Value, left: &[Value], rules: &Rules, at: usize) -> String {
    let same = left.iter().find(|other| other["type"] == wanted["type"]);
    let nearest = same.and_then(|other| rules.compare(wanted, other, &mut event_place(at)).err());
    format!("no partner for {}: {}", wanted["type"], nearest.unwrap_or_default())
}

/// A recording as AWS would make it today: until the middle of 2024, `MapStateExited` of a distributed Map followed the end
/// of the map run, and since November 2024 it follows the run's start.
fn of_today(events: &[Value]) -> Vec<Value> {
    let mut events = events.to_vec();
    let ends: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "MapRunSucceeded")
        .map(|event| (event["id"].clone(), event["previousEventId"].clone()))
        .collect();
    for event in events.iter_mut().filter(|event| event["type"] == "MapStateExited") {
        if let Some((_, start)) = ends.iter().find(|(end, _)| *end == event["previousEventId"]) {
            event["previousEventId"] = start.clone();
        }
    }
    events
}

fn compare_strictly(case: &Case, ours: &[Value], rules: &Rules) -> Compared {
    let expected = of_today(case.events().unwrap());
    for (at, (wanted, found)) in expected.iter().zip(ours).enumerate() {
        let mut found = found.clone();
        found["timestamp"] = wanted["timestamp"].clone();
        rules.compare(wanted, &found, &mut event_place(at))?;
    }
    Ok(())
}
