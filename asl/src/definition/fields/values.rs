//! Members that are more than JSON: paths, templates, expressions, and settings that may be any of them.

use super::Fields;
use crate::Text;
use crate::data::jsonata::{Query, QueryTemplate};
use crate::data::{Expression, Path, Reference, Template};
use crate::definition::setting::{Filter, ResultPath, Setting, TextSetting};
use crate::report::SCHEMA_VALIDATION_FAILED;
use serde_json::Value;

impl<'a> Fields<'a, '_> {
    pub(crate) fn reference(&mut self, name: &str) -> Option<Reference> {
        let text = self.text(name)?;
        let reference = Reference::parse(text);
        if reference.is_err() {
            self.refuse_at(name, "Value is not a valid JSONPath");
        }
        reference.ok()
    }

    pub(crate) fn required_reference(&mut self, name: &str) -> Option<Reference> {
        self.require(name);
        self.reference(name)
    }

    /// `InputPath`, `OutputPath`.
    pub(crate) fn filter(&mut self, name: &str) -> Filter {
        if self.members.get(name) == Some(&Value::Null) {
            self.value(name);
            return Filter::Nothing;
        }
        match self.reference(name) {
            Some(reference) if reference.is_whole_input() => Filter::Whole,
            Some(reference) => Filter::Select(reference),
            None => Filter::Whole,
        }
    }

    pub(crate) fn result_path(&mut self, name: &str) -> ResultPath {
        if self.members.get(name) == Some(&Value::Null) {
            self.value(name);
            return ResultPath::Discard;
        }
        let Some(text) = self.text(name) else {
            return ResultPath::Replace;
        };
        match Path::parse(text) {
            Ok(path) if path.segments.is_empty() => ResultPath::Replace,
            Ok(path) if path.is_reference() => ResultPath::Insert {
                text: text.into(),
                path,
            },
            Ok(_) | Err(_) => {
                self.refuse_at(name, "Value is not a Reference Path");
                ResultPath::Replace
            }
        }
    }

    /// A payload template of `JSONPath`.
    pub(crate) fn template(&mut self, name: &str) -> Option<Template> {
        let value = self.value(name)?;
        let mut faults = Vec::new();
        let template = Template::compile(value, &self.place(name), &mut faults);
        for fault in faults {
            self.add(SCHEMA_VALIDATION_FAILED, fault.message, fault.pointer);
        }
        Some(template)
    }

    /// A template of `JSONata`.
    pub(crate) fn query_template(&mut self, name: &str) -> Option<QueryTemplate> {
        let value = self.value(name)?;
        let mut faults = Vec::new();
        let template = QueryTemplate::compile(value, &self.place(name), &mut |place, reason| {
            faults.push((place.to_owned(), reason));
        });
        for (place, reason) in faults {
            self.add(
                SCHEMA_VALIDATION_FAILED,
                format!("Value is not a valid JSONata expression: {reason}"),
                place,
            );
        }
        Some(template)
    }

    /// An expression, or whatever else stands there.
    pub(crate) fn query_or_value(&mut self, name: &str) -> Option<Result<Query, &'a Value>> {
        let value = self.value(name)?;
        match value.as_str().and_then(Query::parse) {
            None => Some(Err(value)),
            Some(Ok(query)) => Some(Ok(query)),
            Some(Err(reason)) => {
                self.refuse_at(name, &format!("Value is not a valid JSONata expression: {reason}"));
                None
            }
        }
    }

    /// A value that is fixed under `name`, an expression under `name`, or a path under `path_name`.
    fn setting<T>(
        &mut self,
        name: &str,
        path_name: &str,
        fixed: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Setting<T>> {
        if !self.is_jsonata() && self.has(path_name) {
            if self.has(name) {
                self.refuse(&format!("You cannot specify both {name} and {path_name}"));
            }
            return self.reference(path_name).map(Setting::Path);
        }
        let is_query = self
            .members
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| text.starts_with("{%"));
        if self.is_jsonata() && is_query {
            return self.query_or_value(name)?.ok().map(Setting::Query);
        }
        fixed(self).map(Setting::Fixed)
    }

    pub(crate) fn integer_setting(&mut self, name: &str, path_name: &str) -> Option<Setting<i64>> {
        self.setting(name, path_name, |fields| fields.integer(name, 0, i64::MAX))
    }

    /// **Seconds**, at least one.
    pub(crate) fn seconds_setting(&mut self, name: &str, path_name: &str, most: i64) -> Option<Setting<i64>> {
        self.setting(name, path_name, |fields| fields.integer(name, 1, most))
    }

    /// **Percent**, from 0 to 100.
    pub(crate) fn percentage_setting(&mut self, name: &str, path_name: &str) -> Option<Setting<f64>> {
        self.setting(name, path_name, |fields| fields.number(name, 0.0, 100.0))
    }

    /// `Timestamp`, `TimestampPath`.
    pub(crate) fn timestamp_setting(&mut self) -> Option<Setting<Text>> {
        self.setting("Timestamp", "TimestampPath", |fields| {
            let text = fields.text("Timestamp")?;
            if crate::timestamp::parse_nanos(text).is_none() {
                fields.refuse_at("Timestamp", "String does not match RFC3339 timestamp");
            }
            Some(text.into())
        })
    }

    /// `Error` or `ErrorPath`, `Cause` or `CausePath`.
    pub(crate) fn text_setting(&mut self, name: &str, path_name: &str) -> Option<TextSetting> {
        if !self.is_jsonata() && self.has(path_name) {
            if self.has(name) {
                self.refuse(&format!("You cannot specify both {name} and {path_name}"));
            }
            let text = self.text(path_name)?;
            let expression = Expression::parse(text);
            if expression.is_err() {
                self.refuse_at(path_name, "Value is not a valid JSONPath or intrinsic function call");
            }
            return expression.ok().map(TextSetting::Expression);
        }
        if self.is_jsonata()
            && let Some(Ok(query)) = self.query_or_value(name)
        {
            return Some(TextSetting::Query(query));
        }
        self.text(name).map(|text| TextSetting::Fixed(text.into()))
    }
}
