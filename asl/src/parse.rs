//! Definition text in; machine and every diagnostic out, each with its pointer, line and column.

use crate::definition::StateMachine;
use crate::definition::fields::{Fields, QueryLanguage};
use crate::definition::states::read_states;
use crate::identity::ExecutionType;
use crate::locate::{java_syntax_error, locate};
use crate::report::{Finding, Report, SCHEMA_VALIDATION_FAILED};
use crate::{Diagnostic, Severity, validate};
use serde_json::Value;
use std::sync::Arc;

/// What became of a definition: the machine if AWS would create it, and everything there is to say about it.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The machine; `None` if any diagnostic is an error.
    pub machine: Option<Arc<StateMachine>>,
    /// All findings, errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// **Bytes** of a definition. AWS: 1 MB.
const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// Reads a definition for an execution type, which decides what is allowed in it.
pub(crate) fn parse(text: &str, execution_type: ExecutionType) -> Parsed {
    if text.len() > DEFINITION_BYTES_MAX {
        return refused("Definition is larger than 1048576 bytes");
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => read(text, &Value::Object(members), execution_type),
        Ok(_) => refused("Definition must be a valid JSON object"),
        Err(_) if text.trim().is_empty() => refused("Definition must be a valid JSON object"),
        Err(error) => Parsed {
            machine: None,
            diagnostics: vec![java_syntax_error(text, &error)],
        },
    }
}

fn refused(message: &str) -> Parsed {
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        code: SCHEMA_VALIDATION_FAILED.to_owned(),
        message: message.to_owned(),
        location: String::new(),
        pointer: String::new(),
        line: 1,
        column: 1,
        ours: false,
    };
    Parsed {
        machine: None,
        diagnostics: vec![diagnostic],
    }
}

fn read(text: &str, root: &Value, execution_type: ExecutionType) -> Parsed {
    let mut report = Report {
        findings: Vec::new(),
        express: execution_type == ExecutionType::Express,
        jsonata: false,
    };
    let machine = root.as_object().and_then(|members| {
        let mut fields = Fields::new(members, String::new(), QueryLanguage::JsonPath, &[], &mut report);
        read_machine(&mut fields)
    });
    if let Some(machine) = &machine {
        validate::check(machine, root, &mut report);
    }
    let mut diagnostics: Vec<_> = report
        .findings
        .iter()
        .map(|finding| diagnostic(text, finding))
        .collect();
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    let sound = diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity != Severity::Error);
    Parsed {
        machine: machine.filter(|_| sound).map(Arc::new),
        diagnostics,
    }
}

fn diagnostic(text: &str, finding: &Finding) -> Diagnostic {
    let (line, column) = locate(text, &finding.pointer);
    let location = if finding.pointer.is_empty() {
        "/".to_owned()
    } else {
        finding.pointer.clone()
    };
    Diagnostic {
        severity: finding.severity,
        code: finding.code.to_owned(),
        message: finding.message.clone(),
        location,
        pointer: finding.pointer.clone(),
        line,
        column,
        ours: finding.ours,
    }
}

fn read_machine(fields: &mut Fields<'_, '_>) -> Option<StateMachine> {
    fields.text("Comment");
    fields.text("Version");
    fields.read_machine_language();
    let timeout_seconds = fields.integer("TimeoutSeconds", 1, 99_999_999);
    let states = read_states(fields);
    fields.report_unread();
    // What could not be read has been reported: no machine comes of it.
    let states = Arc::new(states?);
    let variable_references = validate::variable_references(&states);
    Some(StateMachine {
        states,
        timeout_seconds,
        variable_references,
    })
}

/// Reads a single state, as `TestState` takes it: `Next` may name anything.
pub(crate) fn parse_state(text: &str, name: &str) -> Parsed {
    let Ok(state) = serde_json::from_str::<Value>(text) else {
        return parse(text, ExecutionType::Standard);
    };
    let mut names = vec![name.to_owned()];
    collect_targets(&state, &mut names);
    let mut states = serde_json::Map::new();
    states.insert(name.to_owned(), state);
    for other in names.iter().skip(1) {
        states
            .entry(other.clone())
            .or_insert_with(|| serde_json::json!({"Type": "Succeed"}));
    }
    let machine = serde_json::json!({"StartAt": name, "States": states});
    parse(&machine.to_string(), ExecutionType::Standard)
}

/// Names in `Next` and `Default` of the state itself and of its rules and catchers.
fn collect_targets(state: &Value, names: &mut Vec<String>) {
    let rules = ["Choices", "Catch"]
        .into_iter()
        .filter_map(|name| state.get(name)?.as_array())
        .flatten();
    for place in std::iter::once(state).chain(rules) {
        let targets = ["Next", "Default"]
            .into_iter()
            .filter_map(|name| place.get(name)?.as_str());
        names.extend(targets.map(str::to_owned));
    }
}
