//! Downloads what a manifest lists, through the library: `cargo run -p gantry-runs --example download -- urls.txt images`.
//!
//! Run again after an interruption, it resumes where it was. Progress is read once a second.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example that speaks")]

use std::time::Duration;

use runs::{Download, Progress, Run, RunEnd, State, Stop};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(manifest), Some(to)) = (words.next(), words.next()) else {
        eprintln!("usage: download MANIFEST DIRECTORY");
        return Ok(());
    };
    let state = State::open_exclusive(".gantry")?;
    let mut download = Download::new(manifest, to);
    download.run.concurrency = Some(8);
    let run = Run::start_or_resume(&state, download.prepare(&state)?).await?;
    println!(
        "{} {}",
        if run.is_resumed() { "resuming" } else { "starting" },
        run.name()
    );

    let stop = Stop::default();
    let end = tokio::select! {
        end = run.run(&stop) => end?,
        () = watch(&state, run.progress()) => return Ok(()),
    };
    match end {
        RunEnd::Ended(ended) => {
            let counts = ended.summary.counts;
            println!("{} of {} items succeeded", counts.succeeded, ended.summary.items);
        }
        RunEnd::Stopped => println!("stopped; the same command resumes the run"),
    }
    Ok(())
}

/// Prints the counts for as long as it is polled.
async fn watch(state: &State, progress: Progress) {
    loop {
        let now = state.clock.now();
        state.clock.sleep_until(now.plus(Duration::from_secs(1))).await;
        let reading = progress.read();
        println!("{} done, {} of them failed", reading.done(), reading.failed);
    }
}
