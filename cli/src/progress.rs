//! How a run goes, while it goes: a line that is redrawn on a terminal, a line now and then in a log.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::{Clock, Timestamp};
use runs::{Progress, ProgressReading};

use crate::output::{self, Output};

/// Between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// Between two lines in a log.
const LINE: Duration = Duration::from_secs(10);

/// Shows progress until it is dropped.
pub(crate) struct ProgressLine {
    pub(crate) progress: Progress,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Output,
}

impl ProgressLine {
    /// Never returns: the caller drops it when the work is done.
    pub(crate) async fn show(self) -> Infallible {
        if self.output.is_watched() {
            self.redraw().await
        } else {
            self.write_lines().await
        }
    }

    async fn redraw(self) -> Infallible {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let _cleared = ClearOnDrop(bar.clone());
        let started = self.clock.now();
        loop {
            let now = self.clock.now();
            self.clock.sleep_until(now.plus(REDRAW)).await;
            self.draw(&bar, started);
        }
    }

    fn draw(&self, bar: &ProgressBar, started: Timestamp) {
        let reading = self.progress.read();
        let template = if let Some(items) = reading.items {
            bar.set_length(items);
            "{bar:24} {pos}/{len} {msg}"
        } else {
            "{spinner} {pos} {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_position(reading.done());
        bar.set_message(self.describe(reading, started));
        bar.tick();
    }

    async fn write_lines(self) -> Infallible {
        let started = self.clock.now();
        loop {
            let now = self.clock.now();
            self.clock.sleep_until(now.plus(LINE)).await;
            let reading = self.progress.read();
            let done = output::number(reading.done());
            let of = reading.items.map(|items| format!(" of {}", output::number(items)));
            let line = format!(
                "{done}{} items  {}",
                of.unwrap_or_default(),
                self.describe(reading, started)
            );
            self.output.say(line);
        }
    }

    /// `1,234 items/s  5.6 MiB/s  3 failed  ETA 4 min 5 s`: the pace is that of this process.
    fn describe(&self, reading: ProgressReading, started: Timestamp) -> String {
        let elapsed = self.clock.now().since(started);
        let done = reading.done() - reading.earlier;
        let mut parts = vec![
            format!("{} items/s", output::number(per_second(done, elapsed))),
            format!("{}/s", output::bytes(per_second(reading.bytes, elapsed))),
            format!("{} failed", output::number(reading.failed)),
        ];
        let left = reading.items.and_then(|items| items.checked_sub(reading.done()));
        if let Some(time) = left.and_then(|left| time_left(left, done, elapsed)) {
            parts.push(format!("ETA {}", output::duration(time)));
        }
        parts.join("  ")
    }
}

struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

/// How long so many items take, when so many others have taken that long.
fn time_left(left: u64, done: u64, elapsed: Duration) -> Option<Duration> {
    let per_item = elapsed.checked_div(u32::try_from(done).ok()?)?;
    let whole = per_item.as_nanos().checked_mul(u128::from(left))?;
    Some(Duration::from_secs(u64::try_from(whole / 1_000_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let left = time_left(200, 100, Duration::from_secs(10));
        assert_eq!(left, Some(Duration::from_secs(20)));
        assert_eq!(time_left(300, 0, Duration::from_secs(10)), None);
        assert_eq!(per_second(50, Duration::from_secs(10)), 5);
    }
}
