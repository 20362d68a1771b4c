//! What a ledger promises.

use bytes::Bytes;
use futures::future;

use crate::{Commit, Counts, Ledger, LedgerState, MapRunArn, Result, ResultChunk, ResultStatus, SpanSet};

/// Every check, in a ledger without map runs.
pub async fn all(ledger: &dyn Ledger) -> Result<()> {
    a_state_is_kept_as_it_was_given(ledger).await?;
    results_come_back_in_the_order_of_the_commits(ledger).await?;
    forgotten_results_are_gone_and_the_state_stays(ledger).await?;
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
    LedgerState {
        low_water,
        source_byte: low_water * 100,
        source_item: low_water,
        source_token: (low_water > 0).then(|| format!("token {low_water}")),
        done,
        executions: counts,
        items: counts,
        failure: None,
        closed: low_water > 100,
    }
}

fn commit(low_water: u64, chunks: &[(ResultStatus, &'static str)]) -> Commit {
    let results = chunks.iter().map(|(status, lines)| ResultChunk {
        status: *status,
        lines: Bytes::from_static(lines.as_bytes()),
    });
    Commit {
        state: state(low_water),
        results: results.collect(),
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
    ledger.forget_results(&run).await?;
    ledger
        .commit(&run, commit(5, &[(ResultStatus::Succeeded, "x\n")]))
        .await?;
    ledger.forget_results(&run).await?;
    assert!(results(ledger, &run, ResultStatus::Succeeded).await?.is_empty());
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
