//! What a ledger promises.

use bytes::Bytes;
use futures::future;

use crate::{
    Amount, Attempt, Commit, Counts, ExecutionArn, Ledger, LedgerState, Listed, MapRunArn, MapRunSettings,
    MapRunStatus, Result, ResultChunk, ResultStatus, RunFailure, SpanSet, Timestamp,
};

/// Every check, in a ledger without map runs.
pub async fn all(ledger: &dyn Ledger) -> Result<()> {
    a_state_is_kept_as_it_was_given(ledger).await?;
    results_come_back_in_the_order_of_the_commits(ledger).await?;
    forgotten_results_are_gone_and_the_state_stays(ledger).await?;
    what_did_not_succeed_is_kept_by_attempt(ledger).await?;
    map_runs_are_listed_by_their_execution(ledger).await?;
    map_runs_keep_apart(ledger).await
}

fn map_run(name: &str) -> MapRunArn {
    MapRunArn(format!(
        "arn:aws:states:us-east-1:000000000000:mapRun:manifest-map/Map:{name}"
    ))
}

fn state(low_water: u64) -> LedgerState {
    let mut done = SpanSet::default();
    for position in [low_water + 2, low_water + 3, low_water + 9] {
        done.insert(position);
    }
    let counts = Counts {
        succeeded: low_water,
        failed: 1,
        timed_out: 2,
        aborted: 3,
    };
    let amount = Amount {
        executions: 3,
        items: low_water,
    };
    LedgerState {
        execution: Some(execution("parent")),
        map: "Map".to_owned(),
        status: if low_water > 100 {
            MapRunStatus::Failed
        } else {
            MapRunStatus::Running
        },
        started: Timestamp::from_millis(1_795_307_629_120),
        stopped: (low_water > 100).then(|| Timestamp::from_millis(1_795_307_629_121)),
        settings: MapRunSettings {
            max_concurrency: low_water,
            tolerated_failure_count: (low_water > 0).then_some(low_water),
            tolerated_failure_percentage: (low_water > 0).then_some(12.5),
        },
        attempts: Vec::new(),
        redriven: None,
        pending: amount,
        pending_redrive: amount,
        not_redrivable: amount,
        results_written: amount,
        result_files: (low_water > 100).then(|| "{\"SUCCEEDED\":[]}".to_owned()),
        low_water,
        source_start: (low_water > 0).then(|| "start".to_owned()),
        source_byte: low_water * 100,
        source_item: low_water,
        source_token: (low_water > 0).then(|| format!("token {low_water}")),
        listed: (low_water > 0).then(|| Listed {
            item: low_water + 10,
            token: "further".to_owned(),
        }),
        done,
        executions: counts,
        items: counts,
        failing: None,
        failure: (low_water > 100).then(|| RunFailure {
            error: Some("States.ExceedToleratedFailureThreshold".to_owned()),
            cause: None,
        }),
    }
}

fn execution(name: &str) -> ExecutionArn {
    ExecutionArn(format!(
        "arn:aws:states:us-east-1:000000000000:execution:manifest-map:{name}"
    ))
}

fn commit(low_water: u64, chunks: &[(ResultStatus, &'static str)]) -> Commit {
    let results = chunks.iter().map(|(status, lines)| ResultChunk {
        status: *status,
        lines: Bytes::from_static(lines.as_bytes()),
    });
    Commit {
        state: state(low_water),
        results: results.collect(),
        unsuccessful: Bytes::new(),
    }
}

async fn results(ledger: &dyn Ledger, map_run: &MapRunArn, status: ResultStatus) -> Result<Vec<Bytes>> {
    let mut found = Vec::new();
    while let Some(lines) = ledger.result(map_run, status, found.len() as u64).await? {
        found.push(lines);
    }
    Ok(found)
}

/// Nothing before the first commit, then always the newest state.
pub async fn a_state_is_kept_as_it_was_given(ledger: &dyn Ledger) -> Result<()> {
    let run = map_run("state");
    assert_eq!(ledger.state(&run).await?, None);
    for low_water in [0, 7, 1_000_000_000_000] {
        ledger.commit(&run, commit(low_water, &[])).await?;
        assert_eq!(ledger.state(&run).await?, Some(state(low_water)));
    }
    Ok(())
}

/// Each status has its own sequence.
pub async fn results_come_back_in_the_order_of_the_commits(ledger: &dyn Ledger) -> Result<()> {
    use ResultStatus::{Failed, Pending, Succeeded};
    let run = map_run("results");
    ledger
        .commit(&run, commit(1, &[(Succeeded, "{\"a\":1}\n"), (Failed, "{\"b\":1}\n")]))
        .await?;
    ledger.commit(&run, commit(2, &[])).await?;
    ledger
        .commit(
            &run,
            commit(3, &[(Succeeded, "{\"a\":2}\n{\"a\":3}\n"), (Succeeded, "{\"a\":4}\n")]),
        )
        .await?;
    let succeeded = results(ledger, &run, Succeeded).await?;
    assert_eq!(succeeded, ["{\"a\":1}\n", "{\"a\":2}\n{\"a\":3}\n", "{\"a\":4}\n"]);
    assert_eq!(results(ledger, &run, Failed).await?, ["{\"b\":1}\n"]);
    assert!(results(ledger, &run, Pending).await?.is_empty());
    assert_eq!(ledger.result(&run, Succeeded, u64::MAX).await?, None);
    Ok(())
}

/// What has been written elsewhere need not stay.
pub async fn forgotten_results_are_gone_and_the_state_stays(ledger: &dyn Ledger) -> Result<()> {
    let run = map_run("forgotten");
    ledger.forget_results(&run, ResultStatus::Succeeded).await?;
    let both = [(ResultStatus::Succeeded, "x\n"), (ResultStatus::Failed, "z\n")];
    for _ in 0..200 {
        ledger.commit(&run, commit(5, &both)).await?;
    }
    ledger.forget_results(&run, ResultStatus::Succeeded).await?;
    assert!(results(ledger, &run, ResultStatus::Succeeded).await?.is_empty());
    assert_eq!(results(ledger, &run, ResultStatus::Failed).await?.len(), 200);
    assert_eq!(ledger.state(&run).await?, Some(state(5)));
    ledger
        .commit(&run, commit(6, &[(ResultStatus::Succeeded, "y\n")]))
        .await?;
    assert_eq!(
        results(ledger, &run, ResultStatus::Succeeded).await?,
        ["y\n"],
        "numbers begin at 0 again"
    );
    Ok(())
}

/// And survives that the results are forgotten.
pub async fn what_did_not_succeed_is_kept_by_attempt(ledger: &dyn Ledger) -> Result<()> {
    let run = map_run("unsuccessful");
    let attempt = |number: usize, lines: &'static str| {
        let mut commit = commit(1, &[(ResultStatus::Failed, "x\n")]);
        commit.state.attempts = vec![Attempt::default(); number];
        commit.unsuccessful = Bytes::from_static(lines.as_bytes());
        commit
    };
    assert_eq!(ledger.unsuccessful(&run, 0, 0).await?, None);
    for (number, lines) in [(0, "a\n"), (0, ""), (0, "b\n"), (1, "c\n")] {
        ledger.commit(&run, attempt(number, lines)).await?;
    }
    ledger.forget_results(&run, ResultStatus::Failed).await?;
    let mut found = Vec::new();
    for (number, position) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)] {
        found.push(ledger.unsuccessful(&run, number, position).await?);
    }
    let text = |lines: &'static str| Some(Bytes::from_static(lines.as_bytes()));
    assert_eq!(found, [text("a\n"), text("b\n"), None, text("c\n"), None, None]);
    Ok(())
}

/// The newest first, with skip and limit.
pub async fn map_runs_are_listed_by_their_execution(ledger: &dyn Ledger) -> Result<()> {
    for (name, of) in [("z", "lists"), ("y", "other"), ("a", "lists"), ("z", "lists")] {
        let mut commit = commit(1, &[]);
        commit.state.execution = Some(execution(of));
        ledger.commit(&map_run(name), commit).await?;
    }
    let names = async |of: &str, skip, limit| -> Result<Vec<MapRunArn>> {
        let runs = ledger.map_runs(&execution(of), skip, limit).await?;
        assert!(
            runs.iter()
                .all(|(_, state)| state.execution == Some(execution(of)) && state.low_water == 1)
        );
        Ok(runs.into_iter().map(|(arn, _)| arn).collect())
    };
    assert_eq!(names("lists", 0, 10).await?, [map_run("a"), map_run("z")]);
    assert_eq!(names("lists", 1, 1).await?, [map_run("z")]);
    assert_eq!(names("other", 0, 10).await?, [map_run("y")]);
    assert!(names("none", 0, 10).await?.is_empty());
    Ok(())
}

/// Commits of many map runs at the same time.
pub async fn map_runs_keep_apart(ledger: &dyn Ledger) -> Result<()> {
    let runs: Vec<MapRunArn> = (0..32).map(|number| map_run(&format!("apart-{number}"))).collect();
    let chunks = [(ResultStatus::Failed, "x\n")];
    let commits = (0..)
        .zip(&runs)
        .map(|(number, run)| ledger.commit(run, commit(number, &chunks)));
    future::try_join_all(commits).await?;
    for (number, run) in (0..).zip(&runs) {
        assert_eq!(ledger.state(run).await?, Some(state(number)));
        assert_eq!(results(ledger, run, ResultStatus::Failed).await?.len(), 1);
    }
    Ok(())
}
