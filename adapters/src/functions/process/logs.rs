//! What a function writes to stdout and stderr, line by line, beside the lines that Lambda adds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use ports::{Clock, FunctionArn, TaskFailure, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is kept in one piece: what a log event of `CloudWatch` holds.
const LINE_BYTES_MAX: usize = 256 * 1_024;

/// Where the lines of one process go, as on AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogStream {
    /// `/aws/lambda/NAME`
    pub(super) group: String,
    /// `2026/11/28/[$LATEST]` and 32 hexadecimal digits
    pub(super) stream: String,
}

impl LogStream {
    pub(super) fn new(arn: &FunctionArn, now: Timestamp, id: uuid::Uuid) -> Self {
        let moment = now.to_string();
        let date = moment.split('T').next().unwrap_or_default().replace('-', "/");
        Self {
            group: format!("/aws/lambda/{}", arn.name()),
            stream: format!("{date}/[$LATEST]{}", id.simple()),
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The log group: `/aws/lambda/NAME`.
    pub group: String,
    /// The log stream: one for each process.
    pub stream: String,
    /// When it was read.
    pub at: Timestamp,
    /// The line without its line feed.
    pub text: String,
}

/// Takes the lines of functions.
pub trait LogSink: Send + Sync + fmt::Debug {
    /// Takes one line. It is called on the task that reads the process's output, so it must not wait.
    fn write(&self, line: LogLine);
}

/// Writes the lines of one process.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) sink: Arc<dyn LogSink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stream: Arc<LogStream>,
}

impl Log {
    pub(super) fn write(&self, text: impl Into<String>) {
        self.sink.write(LogLine {
            group: self.stream.group.clone(),
            stream: self.stream.stream.clone(),
            at: self.clock.now(),
            text: text.into(),
        });
    }

    /// Writes what comes through a pipe until it is closed.
    pub(super) async fn copy(self, mut pipe: impl AsyncRead + Unpin) {
        let mut buffer = BytesMut::new();
        while let Ok(1..) = pipe.read_buf(&mut buffer).await {
            while let Some(line) = take_line(&mut buffer) {
                self.write(line);
            }
        }
        if !buffer.is_empty() {
            self.write(String::from_utf8_lossy(&buffer));
        }
    }

    /// The lines that end an invocation.
    pub(super) fn end(&self, report: &Report<'_>) {
        self.write(format!("END RequestId: {}", report.request_id));
        self.write(report.line());
    }
}

/// The first line of the buffer, once it is there; a part of one that is too long.
fn take_line(buffer: &mut BytesMut) -> Option<String> {
    let feed = buffer.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
    let line = match feed {
        Some(at) => {
            let line = buffer.split_to(at + 1);
            line.strip_suffix(b"\n").map(BytesMut::from).unwrap_or_default()
        }
        None if buffer.len() >= LINE_BYTES_MAX => buffer.split_to(LINE_BYTES_MAX),
        None => return None,
    };
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// What an invocation has cost.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) request_id: &'a str,
    pub(super) duration: Duration,
    /// How long the process took to ask for its first event, if this was its first.
    pub(super) init: Option<Duration>,
    pub(super) memory_mib: u32,
    pub(super) failure: Option<&'a TaskFailure>,
}

impl Report<'_> {
    fn line(&self) -> String {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        let duration = millis(self.duration);
        let init = self.init.map(|init| format!("Init Duration: {:.2} ms\t", millis(init)));
        let status = match self.failure {
            Some(failure) if failure.error == super::failure::TIMED_OUT => "Status: timeout".to_owned(),
            Some(failure) => format!("Status: error\tError Type: {}", failure.error),
            None => String::new(),
        };
        format!(
            "REPORT RequestId: {}\tDuration: {duration:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\t{}{status}",
            self.request_id,
            duration.ceil(),
            self.memory_mib,
            init.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_long_ones_in_pieces() {
        let mut buffer = BytesMut::from(&b"one\n\nthree"[..]);
        assert_eq!(take_line(&mut buffer).as_deref(), Some("one"));
        assert_eq!(take_line(&mut buffer).as_deref(), Some(""));
        assert_eq!(take_line(&mut buffer), None);
        buffer.extend_from_slice(&vec![b'x'; LINE_BYTES_MAX]);
        assert_eq!(take_line(&mut buffer).map(|line| line.len()), Some(LINE_BYTES_MAX));
        assert_eq!(buffer.len(), "three".len());
    }

    #[test]
    fn a_report_reads_as_lambdas() {
        let report = Report {
            request_id: "00000000-0000-0000-0000-000000000001",
            duration: Duration::from_micros(12_346),
            init: Some(Duration::from_millis(100)),
            memory_mib: 128,
            failure: None,
        };
        assert_eq!(
            report.line(),
            "REPORT RequestId: 00000000-0000-0000-0000-000000000001\tDuration: 12.35 ms\tBilled Duration: 13 ms\t\
             Memory Size: 128 MB\tInit Duration: 100.00 ms\t"
        );
    }

    #[test]
    fn a_stream_is_named_by_date_and_id() {
        let now = Timestamp::from_millis(1_795_307_629_120);
        let stream = LogStream::new(&"arn:aws:lambda:r:1:function:f".into(), now, uuid::Uuid::nil());
        assert_eq!(stream.group, "/aws/lambda/f");
        assert_eq!(stream.stream, "2026/11/22/[$LATEST]00000000000000000000000000000000");
    }
}
