//! `gantry validate`: everything there is to say about definitions, before anything runs.

use std::fs::File;
use std::io::Read;

use asl::{Diagnostic, ExecutionType, Severity};
use serde_json::{Value, json};

use crate::args::{MachineType, ValidateArgs};
use crate::exit_code::{CliError, Exit};
use crate::output::{self, Output};

/// **Bytes** that are read of a file: one more than a definition may have, so that the parser can refuse it.
const READ_BYTES_MAX: u64 = (1 << 20) + 1;

#[derive(Debug, Default)]
struct Counts {
    errors: usize,
    warnings: usize,
    unreadable: usize,
    placeholders: usize,
}

pub(crate) fn execute(output: Output, args: &ValidateArgs) -> Result<Exit, CliError> {
    let mut counts = Counts::default();
    for name in &args.files {
        match read(name) {
            Ok(text) => {
                let (open, findings) = findings(&text, args.machine_type);
                counts.placeholders += open;
                tell(output, name, &findings, &mut counts)?;
            }
            Err(reason) => {
                output.say(format!(
                    "gantry: failed to read `{}`: {reason}",
                    output::printable(name)
                ));
                counts.unreadable += 1;
            }
        }
    }
    output.say(counts.summary(args.files.len()));
    Ok(counts.exit())
}

/// A whole file, or stdin for `-`; the reason if there is none.
fn read(name: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if name == "-" {
        std::io::stdin().lock().take(READ_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        File::open(name).and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut bytes))
    };
    read.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}

/// What there is to say, and of how many values it cannot be said: what stands for them is filled in when the definition is
/// deployed.
fn findings(text: &str, machine_type: MachineType) -> (usize, Vec<Diagnostic>) {
    let execution_type = match machine_type {
        MachineType::Standard => ExecutionType::Standard,
        MachineType::Express => ExecutionType::Express,
    };
    let findings = asl::parse_for(text, execution_type).diagnostics;
    let definition: Value = serde_json::from_str(text).unwrap_or_default();
    let is_open = |finding: &Diagnostic| {
        let value = definition.pointer(&finding.pointer).and_then(Value::as_str);
        value.is_some_and(is_placeholder)
    };
    let (open, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_open);
    (open.len(), findings)
}

/// Whether it stands for a value.
///
/// **Source**: `DefinitionSubstitutions` in aws-resource-stepfunctions-statemachine.html of the `CloudFormation` guide.
fn is_placeholder(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn tell(output: Output, name: &str, findings: &[Diagnostic], counts: &mut Counts) -> Result<(), CliError> {
    for finding in findings {
        counts.add(finding.severity);
        let line = if output.json {
            as_json(name, finding).to_string()
        } else {
            as_line(name, finding)
        };
        if !output.data(line)? {
            break;
        }
    }
    Ok(())
}

fn as_line(name: &str, finding: &Diagnostic) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Diagnostic {
        line,
        column,
        code,
        message,
        pointer,
        ..
    } = finding;
    // One line for each, though AWS breaks the text of a syntax error.
    let message = message.replace('\n', "");
    output::printable(&format!(
        "{name}:{line}:{column}: {severity} {code} {message} ({pointer})"
    ))
}

fn as_json(name: &str, finding: &Diagnostic) -> Value {
    json!({
        "file": name, "line": finding.line, "column": finding.column, "pointer": finding.pointer,
        "severity": finding.severity, "code": finding.code, "message": finding.message,
        "location": finding.location, "ours": finding.ours,
    })
}

impl Counts {
    const fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
    }

    fn summary(&self, files: usize) -> String {
        let mut parts = vec![count(self.errors, "error"), count(self.warnings, "warning")];
        if self.unreadable > 0 {
            parts.push(format!("{} not read", self.unreadable));
        }
        if self.placeholders > 0 {
            parts.push(format!("{} not checked", count(self.placeholders, "placeholder")));
        }
        format!("{}: {}", count(files, "file"), parts.join(", "))
    }

    const fn exit(&self) -> Exit {
        if self.errors + self.unreadable > 0 {
            Exit::Usage
        } else {
            Exit::Success
        }
    }
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
