//! How many states a core walks per second: `cargo bench -p gantry-asl`.
//!
//! Each execution loops over its states a thousand times; throughput counts state transitions.

#![expect(
    missing_docs,
    reason = "the macros of criterion make functions without documentation"
)]

use asl::{
    Command, Event, Execution, ExecutionType, Identity, Moment, Recording, StateMachine, Timestamp, parse, step,
};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use std::hint::black_box;
use std::sync::Arc;

/// Rounds of the loop in one execution; two transitions each.
const ROUNDS: u64 = 1_000;

fn machine(work: &str) -> Arc<StateMachine> {
    let text = format!(
        r#"{{"StartAt":"More","States":{{
            "More":{{"Type":"Choice","Choices":[{{"Variable":"$.count","NumericLessThan":{ROUNDS},"Next":"Work"}}],"Default":"Done"}},
            "Work":{work},
            "Done":{{"Type":"Succeed"}}}}}}"#
    );
    let parsed = parse(&text);
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
    parsed.machine.unwrap_or_else(|| unreachable!("asserted"))
}

fn chain(count: usize) -> Arc<StateMachine> {
    let states = (0..count).map(|at| format!(r#""S{at}":{{"Type":"Pass","Next":"S{}"}}"#, at + 1));
    let states = states.collect::<Vec<_>>().join(",");
    let parsed = parse(&format!(
        r#"{{"StartAt":"S0","States":{{{states},"S{count}":{{"Type":"Succeed"}}}}}}"#
    ));
    assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
    parsed.machine.unwrap_or_else(|| unreachable!("asserted"))
}

fn run(machine: &Arc<StateMachine>, input: &str, recording: Recording) -> usize {
    let execution = Execution::new(machine.clone(), Identity::example(ExecutionType::Standard), recording);
    let moment = Moment {
        now: Timestamp::from_millis(0),
        jitter: 0.0,
    };
    let stepped = step(
        execution,
        Event::Start {
            input: input.to_owned(),
        },
        moment,
    );
    let Ok((mut execution, commands)) = stepped else {
        unreachable!("the first event is Start")
    };
    assert!(
        matches!(commands.last(), Some(Command::Finish(asl::Ending::Succeeded { .. }))),
        "{commands:?}"
    );
    execution.take_history().len()
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    machine: &Arc<StateMachine>,
    input: &str,
    transitions: u64,
) {
    group.throughput(Throughput::Elements(transitions));
    for (suffix, recording) in [("recorded", Recording::Full), ("unrecorded", Recording::Off)] {
        group.bench_function(format!("{name}/{suffix}"), |bencher| {
            bencher.iter(|| black_box(run(machine, input, recording)));
        });
    }
}

fn interpret(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interpret");
    measure(
        &mut group,
        "pass",
        &chain(2_000),
        r#"{"bucket":"b","key":"k","size":1}"#,
        2_001,
    );
    let template = r#"{"Type":"Pass","Parameters":{"count.$":"States.MathAdd($.count, 1)","a.$":"$.a","b.$":"$.b","c.$":"$.c.d","e":"x",
        "f.$":"$$.Execution.Name","g":{"h.$":"$.a"},"i.$":"$.b","j":1,"k":null},"ResultSelector":null,"ResultPath":"$.made","OutputPath":"$","Next":"Copy"}"#;
    let template = template.replace(
        r#""ResultSelector":null,"ResultPath":"$.made","OutputPath":"$","Next":"Copy""#,
        r#""Next":"More""#,
    );
    let template = template.replace(r#""c.$":"$.c.d""#, r#""c":{"d.$":"$.c.d"}"#);
    measure(
        &mut group,
        "choice_template",
        &machine(&template),
        r#"{"count":0,"a":"text","b":[1,2],"c":{"d":true}}"#,
        2 * ROUNDS,
    );
    let query = r#"{"Type":"Pass","QueryLanguage":"JSONata","Output":{"count":"{% $states.input.count + 1 %}","name":"{% $states.input.name %}"},"Next":"More"}"#;
    measure(
        &mut group,
        "jsonata",
        &machine(query),
        r#"{"count":0,"name":"n"}"#,
        2 * ROUNDS,
    );
    group.finish();
}

criterion_group!(benches, interpret);
criterion_main!(benches);
