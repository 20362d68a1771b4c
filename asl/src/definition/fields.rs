//! Reads the members of one JSON object of a definition, and keeps account of what was wrong and what was left over.
//!
//! Every fault is reported and reading goes on, so that all of them are found at once.

mod values;

use crate::report::{Finding, MISSING_TRANSITION_TARGET, Report, SCHEMA_VALIDATION_FAILED, SUSPICIOUS, escape};
use crate::{Severity, Text};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How expressions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

impl QueryLanguage {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "JSONPath" => Some(Self::JsonPath),
            "JSONata" => Some(Self::Jsonata),
            _ => None,
        }
    }
}

/// Fields that only `JSONPath` states have.
const PATH_FIELDS: [&str; 16] = [
    "InputPath",
    "OutputPath",
    "ResultPath",
    "Parameters",
    "ResultSelector",
    "ItemsPath",
    "MaxConcurrencyPath",
    "Variable",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "ErrorPath",
    "CausePath",
];
/// Fields that only `JSONata` states have.
const QUERY_FIELDS: [&str; 4] = ["Arguments", "Output", "Items", "Condition"];

/// The members of one object.
#[derive(Debug)]
pub(crate) struct Fields<'a, 'r> {
    members: &'a Map<String, Value>,
    pointer: String,
    language: QueryLanguage,
    /// Names of the states that `Next` may lead to, in order.
    siblings: &'r [&'r str],
    read: BTreeSet<&'a str>,
    faults_before: usize,
    report: &'r mut Report,
}

impl<'a, 'r> Fields<'a, 'r> {
    pub(crate) fn new(
        members: &'a Map<String, Value>,
        pointer: String,
        language: QueryLanguage,
        siblings: &'r [&'r str],
        report: &'r mut Report,
    ) -> Self {
        let faults_before = report.findings.len();
        Self {
            members,
            pointer,
            language,
            siblings,
            read: BTreeSet::new(),
            faults_before,
            report,
        }
    }

    pub(crate) fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }

    /// Whether anything was wrong with this object so far.
    pub(crate) fn is_faulty(&self) -> bool {
        self.report.findings.len() > self.faults_before
    }

    /// Reads the machine's `QueryLanguage`, which holds for every state that names none, at any depth.
    pub(crate) fn read_machine_language(&mut self) {
        self.language = self.named_language().unwrap_or_default();
        self.report.jsonata = self.is_jsonata();
    }

    /// Reads a state's `QueryLanguage`. The states inside of it do not inherit it: theirs is the machine's.
    ///
    /// A state of a `JSONata` machine cannot go back to `JSONPath`. **Source**: transforming-data.html, and what
    /// `ValidateStateMachineDefinition` answers.
    pub(crate) fn read_state_language(&mut self) {
        self.language = self.machine_language();
        let named = self.named_language();
        if self.report.jsonata && named == Some(QueryLanguage::JsonPath) {
            self.refuse("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine");
        }
        self.language = named.unwrap_or(self.language);
    }

    fn machine_language(&self) -> QueryLanguage {
        if self.report.jsonata {
            QueryLanguage::Jsonata
        } else {
            QueryLanguage::JsonPath
        }
    }

    fn named_language(&mut self) -> Option<QueryLanguage> {
        let language = self.text("QueryLanguage").map(QueryLanguage::from_name)?;
        if language.is_none() {
            self.refuse_at(
                "QueryLanguage",
                "Value should be one of the following: [JSONPath, JSONata]",
            );
        }
        language
    }

    /// The place of a member.
    fn place(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, escape(name))
    }

    /// Reports a fault of the whole object.
    pub(crate) fn refuse(&mut self, message: &str) {
        self.add(SCHEMA_VALIDATION_FAILED, message.to_owned(), self.pointer.clone());
    }

    /// Reports a fault of one member.
    pub(crate) fn refuse_at(&mut self, name: &str, message: &str) {
        self.add(SCHEMA_VALIDATION_FAILED, message.to_owned(), self.place(name));
    }

    fn add(&mut self, code: &'static str, message: String, pointer: String) {
        self.report.add(Finding {
            severity: Severity::Error,
            code,
            message,
            pointer,
            ours: false,
        });
    }

    /// Warns of what AWS takes but probably nobody means.
    pub(crate) fn warn_at(&mut self, name: &str, message: String) {
        let pointer = self.place(name);
        self.report.add(Finding {
            severity: Severity::Warning,
            code: SUSPICIOUS,
            message,
            pointer,
            ours: true,
        });
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Names that nobody asked for yet, in order.
    pub(crate) fn unread(&self) -> Vec<String> {
        self.members
            .keys()
            .filter(|name| !self.read.contains(name.as_str()))
            .cloned()
            .collect()
    }

    /// Warns of what nobody asked for.
    pub(crate) fn report_unread(&mut self) {
        for name in self.unread() {
            self.warn_at(&name, format!("field '{name}' is not known here and has no effect"));
        }
    }

    /// Refuses the fields of the other language, with AWS's words.
    pub(crate) fn refuse_path_fields(&mut self) {
        for name in PATH_FIELDS {
            self.refuse_foreign(name, "JSONata", "JSONPath");
        }
    }

    /// Refuses the fields of the other language, with AWS's words.
    pub(crate) fn refuse_query_fields(&mut self) {
        for name in QUERY_FIELDS {
            self.refuse_foreign(name, "JSONPath", "JSONata");
        }
    }

    fn refuse_foreign(&mut self, name: &'static str, ours: &str, theirs: &str) {
        if self.value(name).is_some() {
            self.refuse(&format!(
                "The QueryLanguage is set to '{ours}', but field '{name}' is only supported for the '{theirs}' QueryLanguage"
            ));
        }
    }

    /// Refuses fields that this kind of state does not have.
    pub(crate) fn refuse_fields(&mut self, names: &[&str]) {
        for name in names {
            if self.value(name).is_some() {
                self.refuse(&format!("Field '{name}' is not supported"));
            }
        }
    }

    /// The member as it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<&'a Value> {
        let (name, value) = self.members.get_key_value(name)?;
        self.read.insert(name);
        Some(value)
    }

    /// Reports it when the member is missing.
    pub(crate) fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.refuse(&format!("These fields are required: [{name}]"));
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.value(name)?;
        if !value.is_string() {
            self.refuse_at(name, "Expected value of type String");
        }
        value.as_str()
    }

    pub(crate) fn required_text(&mut self, name: &str) -> Option<&'a str> {
        self.require(name);
        self.text(name)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        if !value.is_boolean() {
            self.refuse_at(name, "Expected value of type Boolean");
        }
        value.as_bool()
    }

    pub(crate) fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.value(name)?;
        let Some(integer) = value.as_i64() else {
            self.refuse_at(name, "Expected value of type Integer");
            return None;
        };
        if integer < least {
            self.refuse_at(name, &format!("Value is less than the minimum {least}"));
        } else if integer > most {
            self.refuse_at(name, &format!("Value is greater than the maximum {most}"));
        }
        Some(integer)
    }

    pub(crate) fn number(&mut self, name: &str, least: f64, most: f64) -> Option<f64> {
        let number = self.value(name)?.as_f64();
        match number {
            None => self.refuse_at(name, "Expected value of type Number"),
            Some(number) if number < least => {
                self.refuse_at(name, &format!("Value is less than the minimum {least:?}"));
            }
            Some(number) if number > most => {
                self.refuse_at(name, &format!("Value is greater than the maximum {most:?}"));
            }
            Some(_) => {}
        }
        number
    }

    pub(crate) fn one_of(&mut self, name: &str, words: &[&str]) -> Option<&'a str> {
        let word = self.text(name)?;
        if words.contains(&word) {
            return Some(word);
        }
        self.refuse_at(
            name,
            &format!("Value should be one of the following: [{}]", words.join(", ")),
        );
        None
    }

    /// A word that stands for a value.
    pub(crate) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let found = self.one_of(name, &names)?;
        words.iter().find(|(word, _)| *word == found).map(|(_, value)| *value)
    }

    /// An array of strings.
    pub(crate) fn texts(&mut self, name: &str, required: bool) -> Option<Vec<Text>> {
        if required {
            self.require(name);
        }
        let elements = self.value(name)?.as_array();
        let texts = elements.and_then(|elements| {
            elements
                .iter()
                .map(|element| element.as_str().map(Text::from))
                .collect()
        });
        if texts.is_none() {
            self.refuse_at(name, "Expected an array of strings");
        }
        texts
    }

    pub(crate) fn member_names(&mut self, name: &str) -> Option<Vec<String>> {
        let members = self.value(name)?.as_object();
        if members.is_none() {
            self.refuse_at(name, "Expected value of type Object");
        }
        Some(members?.keys().cloned().collect())
    }

    /// Reads a member that is an object.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'a, '_>) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        let place = self.place(name);
        self.nested(value, place, read)
    }

    /// Reads a member that is an array of objects; broken ones are left out.
    pub(crate) fn objects<T>(&mut self, name: &str, read: impl Fn(&mut Fields<'a, '_>) -> Option<T>) -> Vec<T> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let Some(elements) = value.as_array() else {
            self.refuse_at(name, "Expected value of type Array");
            return Vec::new();
        };
        if elements.is_empty() && !matches!(name, "Retry" | "Catch") {
            self.refuse_at(name, "Array is too short (minimum 1)");
        }
        let numbered = elements.iter().enumerate();
        numbered
            .filter_map(|(at, element)| self.nested(element, format!("{}/{at}", self.place(name)), &read))
            .collect()
    }

    fn nested<T>(
        &mut self,
        value: &'a Value,
        pointer: String,
        read: impl FnOnce(&mut Fields<'a, '_>) -> Option<T>,
    ) -> Option<T> {
        let Some(members) = value.as_object() else {
            self.add(
                SCHEMA_VALIDATION_FAILED,
                "Expected value of type Object".to_owned(),
                pointer,
            );
            return None;
        };
        read(&mut Fields::new(
            members,
            pointer,
            self.language,
            self.siblings,
            self.report,
        ))
    }

    /// Switches the rules of Express executions on if `express` says so; returns whether they held before.
    pub(crate) const fn enter_express(&mut self, express: bool) -> bool {
        let before = self.report.express;
        self.report.express |= express;
        before
    }

    /// Goes back to what [`Self::enter_express`] returned.
    pub(crate) const fn leave_express(&mut self, before: bool) {
        self.report.express = before;
    }

    pub(crate) fn members(&self) -> &'a Map<String, Value> {
        self.members
    }

    /// Reads one state under its own pointer.
    pub(crate) fn sub<T>(
        &mut self,
        value: &'a Value,
        path: &[&str],
        siblings: &[&str],
        read: impl FnOnce(&mut Fields<'a, '_>) -> Option<T>,
    ) -> Option<T> {
        let pointer = path.iter().fold(self.pointer.clone(), |pointer, step| {
            format!("{pointer}/{}", escape(step))
        });
        let Some(members) = value.as_object() else {
            self.add(
                SCHEMA_VALIDATION_FAILED,
                "Expected value of type Object".to_owned(),
                pointer,
            );
            return None;
        };
        read(&mut Fields::new(members, pointer, self.language, siblings, self.report))
    }

    /// The number of the state that the member names.
    pub(crate) fn target(&mut self, name: &str, required: bool) -> Option<usize> {
        if required {
            self.require(name);
        }
        let target = self.text(name)?;
        self.target_named(name, target)
    }

    fn target_named(&mut self, name: &str, target: &str) -> Option<usize> {
        let at = self.siblings.iter().position(|sibling| *sibling == target);
        if at.is_none() {
            let pointer = self.place(name);
            self.add(
                MISSING_TRANSITION_TARGET,
                format!("Missing '{name}' target: {target}"),
                pointer,
            );
        }
        at
    }

    /// `StartAt`, among these states.
    pub(crate) fn start_among(&mut self, siblings: &[&str]) -> Option<usize> {
        let target = self.text("StartAt")?;
        let at = siblings.iter().position(|sibling| *sibling == target);
        if at.is_none() {
            let pointer = self.place("StartAt");
            self.add(
                MISSING_TRANSITION_TARGET,
                format!("Missing 'StartAt' target: {target}"),
                pointer,
            );
        }
        at
    }

    /// Warns of what fails in an Express machine, or in Express children, when it runs.
    pub(crate) fn warn_in_express(&mut self, name: &str, message: &str) {
        if self.report.express {
            self.warn_at(name, message.to_owned());
        }
    }

    /// Refuses what an Express machine, or Express children, may not do.
    pub(crate) fn refuse_in_express(&mut self, name: &str, what: &str) {
        if self.report.express {
            self.refuse_at(name, &format!("Express state machine does not support {what}"));
        }
    }
}
