//! What people read: numbers, sizes, times and tables. People's text goes to stderr, data to stdout.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use ports::Timestamp;

use crate::exit_code::CliError;

/// The two streams of the process, and how to write to them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Data is JSON.
    pub(crate) json: bool,
    /// Only errors are said.
    pub(crate) quiet: bool,
    /// Settings are said as well.
    pub(crate) verbose: bool,
}

impl Output {
    /// A line for people.
    pub(crate) fn say(self, line: impl AsRef<str>) {
        if self.quiet {
            return;
        }
        // A closed stderr is no reason to stop the work.
        writeln!(io::stderr().lock(), "{}", line.as_ref()).unwrap_or_default();
    }

    /// A line for people who want to know more.
    pub(crate) fn detail(self, line: impl AsRef<str>) {
        if self.verbose {
            self.say(line);
        }
    }

    /// A line of data; false once its reader has gone (a closed pipe), which is no error.
    #[expect(clippy::unused_self, reason = "said through the one value that knows both streams")]
    pub(crate) fn data(self, line: impl AsRef<str>) -> Result<bool, CliError> {
        match writeln!(io::stdout().lock(), "{}", line.as_ref()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(CliError::internal(format!("failed to write to stdout: {error}"))),
        }
    }

    /// Whether a person watches.
    pub(crate) fn is_watched(self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }
}

/// `1,234,567`
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 item`, `2 items`
pub(crate) fn items(count: u64) -> String {
    format!("{} item{}", number(count), if count == 1 { "" } else { "s" })
}

/// `1.5 MiB`
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 1_023.95 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&""))
}

/// `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// `2026-11-22 00:33:49` in UTC
pub(crate) fn moment(moment: Timestamp) -> String {
    let text = moment.to_string();
    let text = text.split('.').next().unwrap_or(&text);
    text.replacen('T', " ", 1)
}

/// Rows under a header, in columns as wide as their widest cell; the last one runs on.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| {
        let widths = all.iter().filter_map(|row| row.get(column));
        widths.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.into_iter().map(line).collect()
}

/// A text cut to a width, with a mark where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Control characters made visible: a manifest's text must not move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    let visible = |character: char| {
        if character.is_control() { '\u{fffd}' } else { character }
    };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_threes() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        for (value, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn durations_are_as_exact_as_they_matter() {
        for (millis, text) in [
            (850, "850 ms"),
            (12_340, "12.3 s"),
            (245_000, "4 min 5 s"),
            (7_380_000, "2 h 3 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "bb".to_owned()],
            vec!["ccc".to_owned(), "d".to_owned()],
        ];
        assert_eq!(table(&["x", "y"], &rows), ["x    y", "a    bb", "ccc  d"]);
    }

    #[test]
    fn a_terminal_is_not_steered_by_a_manifest() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
