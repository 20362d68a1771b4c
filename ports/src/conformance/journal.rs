//! What a journal promises.

use futures::future;

use super::assert_kind;
use crate::{
    ChildOf, Cursor, ErrorKind, ExecutionArn, ExecutionFilter, ExecutionRow, ExecutionStatus, ExecutionsOf, Journal,
    JournalRecord, MapRunArn, Result, Timestamp,
};

/// Every check, in a journal without executions.
pub async fn all(journal: &dyn Journal) -> Result<()> {
    executions_are_listed_newest_first(journal).await?;
    executions_are_listed_by_machine_and_status(journal).await?;
    children_are_listed_by_their_map_run(journal).await?;
    an_execution_is_kept_as_it_was_given(journal).await?;
    an_arn_can_be_taken_once(journal).await?;
    records_follow_each_other_without_a_gap(journal).await?;
    of_two_writers_one_gets_the_number(journal).await?;
    what_was_never_created_is_not_found(journal).await
}

/// An execution with every optional member absent.
pub fn row(name: &str, started: i64) -> ExecutionRow {
    ExecutionRow {
        arn: arn(name),
        name: name.to_owned(),
        state_machine: "manifest-map".to_owned(),
        definition: "{\"StartAt\":\"Batch\"}".to_owned(),
        input: " { \"a\" : 1 } ".to_owned(),
        interpreter: 1,
        identity: None,
        rerun_of: None,
        item_subset: None,
        child_of: None,
        composition: None,
        status: ExecutionStatus::Running,
        started: Timestamp::from_millis(started),
        stopped: None,
        output: None,
        error: None,
        cause: None,
        redrive_count: 0,
        redrivable: false,
    }
}

fn arn(name: &str) -> ExecutionArn {
    ExecutionArn(format!(
        "arn:aws:states:us-east-1:000000000000:execution:manifest-map:{name}"
    ))
}

fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<JournalRecord> {
    let records = numbers.into_iter().map(|sequence| JournalRecord {
        sequence,
        record: format!("{{\"event\":{sequence}}}"),
    });
    records.collect()
}

async fn names(
    journal: &dyn Journal,
    filter: &ExecutionFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<String>, Option<Cursor>)> {
    let page = journal.executions(filter, after, limit).await?;
    Ok((page.items.into_iter().map(|row| row.name).collect(), page.next))
}

/// In the order of their creation, each once, also when one is created between two pages.
pub async fn executions_are_listed_newest_first(journal: &dyn Journal) -> Result<()> {
    for (name, started) in [("first", 10), ("second", 20), ("third", 30), ("fourth", 30)] {
        journal.create(row(name, started)).await?;
    }
    let all = ExecutionFilter::default();
    let (found, next) = names(journal, &all, None, 10).await?;
    assert_eq!(
        (found, next),
        (["fourth", "third", "second", "first"].map(str::to_owned).into(), None)
    );
    let (found, next) = names(journal, &all, None, 2).await?;
    assert_eq!(found, ["fourth", "third"]);
    assert!(next.is_some(), "there is another page");
    journal.create(row("fifth", 40)).await?;
    let (found, next) = names(journal, &all, next, 2).await?;
    assert_eq!((found, next), (["second", "first"].map(str::to_owned).into(), None));
    Ok(())
}

/// By the name of their state machine and by their status, alone and together.
pub async fn executions_are_listed_by_machine_and_status(journal: &dyn Journal) -> Result<()> {
    let of = ExecutionsOf::StateMachine("by-machine".to_owned());
    let mine = ExecutionFilter { of, status: None };
    for (name, machine) in [
        ("a", "by-machine"),
        ("b", "by-another"),
        ("c", "by-machine"),
        ("d", "by-machine"),
    ] {
        let of_machine = ExecutionRow {
            state_machine: machine.to_owned(),
            ..row(&format!("of-machine-{name}"), 50)
        };
        journal.create(of_machine).await?;
    }
    let mut ended = journal.execution(&arn("of-machine-c")).await?;
    ended.status = ExecutionStatus::Aborted;
    journal.update(ended).await?;
    let (found, next) = names(journal, &mine, None, 2).await?;
    assert_eq!(found, ["of-machine-d", "of-machine-c"]);
    assert_eq!(
        names(journal, &mine, next, 2).await?,
        (vec!["of-machine-a".to_owned()], None)
    );
    let running = mine.clone().with_status(ExecutionStatus::Running);
    assert_eq!(
        names(journal, &running, None, 2).await?.0,
        ["of-machine-d", "of-machine-a"]
    );
    let aborted = mine.with_status(ExecutionStatus::Aborted);
    assert_eq!(
        names(journal, &aborted, None, 2).await?,
        (vec!["of-machine-c".to_owned()], None)
    );
    Ok(())
}

/// And not among the others.
pub async fn children_are_listed_by_their_map_run(journal: &dyn Journal) -> Result<()> {
    let all = journal.executions(&ExecutionFilter::default(), None, 100).await?;
    let run = |name: &str| {
        MapRunArn(format!(
            "arn:aws:states:us-east-1:000000000000:mapRun:manifest-map/Map:{name}"
        ))
    };
    for (position, (name, of)) in (7..).zip([("one", "left"), ("two", "right"), ("three", "left")]) {
        let child_of = ChildOf {
            map_run: run(of),
            position,
            items: 100,
            attempt: 2,
        };
        let child = ExecutionRow {
            child_of: Some(child_of),
            ..row(name, 40)
        };
        journal.create(child.clone()).await?;
        assert_eq!(journal.execution(&child.arn).await?, child);
    }
    let left = ExecutionFilter::children_of(&run("left"));
    assert_eq!(names(journal, &left, None, 10).await?.0, ["three", "one"]);
    let (first, next) = names(journal, &left, None, 1).await?;
    assert_eq!(first, ["three"]);
    assert_eq!(names(journal, &left, next, 1).await?, (vec!["one".to_owned()], None));
    let right = ExecutionFilter::children_of(&run("right"));
    assert_eq!(names(journal, &right, None, 10).await?.0, ["two"]);
    let neither = ExecutionFilter::children_of(&run("neither"));
    assert!(names(journal, &neither, None, 10).await?.0.is_empty());
    let mut ended = journal.execution(&arn("three")).await?;
    ended.status = ExecutionStatus::TimedOut;
    journal.update(ended).await?;
    let running = left.clone().with_status(ExecutionStatus::Running);
    assert_eq!(names(journal, &running, None, 10).await?.0, ["one"]);
    let timed_out = left.with_status(ExecutionStatus::TimedOut);
    assert_eq!(names(journal, &timed_out, None, 10).await?.0, ["three"]);
    assert_eq!(journal.executions(&ExecutionFilter::default(), None, 100).await?, all);
    Ok(())
}

/// Every member, before and after an update.
pub async fn an_execution_is_kept_as_it_was_given(journal: &dyn Journal) -> Result<()> {
    let mut one = row("kept", 1_795_307_629_120);
    journal.create(one.clone()).await?;
    assert_eq!(journal.execution(&one.arn).await?, one);
    let endings = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
    ];
    for status in endings {
        one.status = status;
        one.identity = Some("sha256:ünïcødé".to_owned());
        one.rerun_of = Some(arn("first"));
        one.composition = Some("{\"to\":\"./images\"}".to_owned());
        one.stopped = Some(Timestamp::from_millis(1_795_307_629_121));
        one.output = Some("{\"items\":3}".to_owned());
        one.error = Some("Gantry.ItemsFailed".to_owned());
        one.cause = Some("one or more".to_owned());
        one.redrive_count = 3;
        one.redrivable = true;
        journal.update(one.clone()).await?;
        assert_eq!(journal.execution(&one.arn).await?, one);
    }
    Ok(())
}

/// The second execution with an ARN is a conflict and changes nothing.
pub async fn an_arn_can_be_taken_once(journal: &dyn Journal) -> Result<()> {
    let one = row("taken", 1);
    journal.create(one.clone()).await?;
    let mut other = one.clone();
    other.input.push(' ');
    assert_kind(journal.create(other).await, ErrorKind::Conflict, "the same ARN");
    assert_eq!(journal.execution(&one.arn).await?, one);
    Ok(())
}

/// Numbers from 0 on; all records of a call or none; reads from anywhere.
pub async fn records_follow_each_other_without_a_gap(journal: &dyn Journal) -> Result<()> {
    let one = row("records", 1);
    journal.create(one.clone()).await?;
    assert!(journal.read(&one.arn, 0, 10).await?.is_empty());
    for refused in [records([1]), records([0, 2]), records([0, 0])] {
        let answer = journal.append(&one.arn, refused).await;
        assert_kind(answer, ErrorKind::Conflict, "a gap or a number twice");
    }
    assert!(
        journal.read(&one.arn, 0, 10).await?.is_empty(),
        "a refused call leaves nothing"
    );
    journal.append(&one.arn, records(0..3)).await?;
    journal.append(&one.arn, Vec::new()).await?;
    journal.append(&one.arn, records(3..250)).await?;
    for taken in [records([2]), records([249, 250]), records([251])] {
        let answer = journal.append(&one.arn, taken).await;
        assert_kind(answer, ErrorKind::Conflict, "a number that is taken, or a gap");
    }
    assert_eq!(journal.read(&one.arn, 0, 1_000).await?, records(0..250));
    assert_eq!(journal.read(&one.arn, 247, 2).await?, records(247..249));
    assert!(journal.read(&one.arn, 250, 10).await?.is_empty());
    assert!(journal.read(&one.arn, u64::MAX, 10).await?.is_empty());
    let other = row("other-records", 1);
    journal.create(other.clone()).await?;
    journal.append(&other.arn, records([0])).await?;
    assert_eq!(
        journal.read(&one.arn, 0, 1_000).await?.len(),
        250,
        "executions keep apart"
    );
    Ok(())
}

/// Appends at the same time: to one execution one wins, to many all do.
pub async fn of_two_writers_one_gets_the_number(journal: &dyn Journal) -> Result<()> {
    let one = row("writers", 1);
    journal.create(one.clone()).await?;
    let answers = future::join_all((0..8).map(|_| journal.append(&one.arn, records([0])))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let many: Vec<ExecutionRow> = (0..32).map(|number| row(&format!("many-{number}"), 1)).collect();
    future::try_join_all(many.iter().map(|row| journal.create(row.clone()))).await?;
    future::try_join_all(many.iter().map(|row| journal.append(&row.arn, records(0..5)))).await?;
    for row in &many {
        assert_eq!(journal.read(&row.arn, 0, 10).await?.len(), 5);
    }
    Ok(())
}

/// Every operation on an execution that does not exist; its journal is empty.
pub async fn what_was_never_created_is_not_found(journal: &dyn Journal) -> Result<()> {
    let missing = row("missing", 1);
    assert_kind(journal.execution(&missing.arn).await, ErrorKind::NotFound, "execution");
    assert_kind(journal.update(missing.clone()).await, ErrorKind::NotFound, "update");
    assert_kind(
        journal.append(&missing.arn, records([0])).await,
        ErrorKind::NotFound,
        "append",
    );
    assert!(
        journal.read(&missing.arn, 0, 1).await?.is_empty(),
        "nothing has happened to it"
    );
    Ok(())
}
