//! Maps that read nothing, or read their input where the item was meant.

use crate::data::Template;
use crate::data::expression::Root;
use crate::data::jsonata::QueryTemplate;
use crate::definition::map::{Map, Payload, Reader};
use crate::report::Report;
use serde_json::Value;

pub(super) fn check(map: &Map, place: &str, root: &Value, report: &mut Report) {
    if let Some(reader) = map
        .distributed
        .as_ref()
        .and_then(|distributed| distributed.reader.as_ref())
    {
        check_reader(reader, place, report);
    }
    if let Some(Payload::Paths(template)) = &map.selector
        && root.pointer(&format!("{place}/Parameters")).is_some()
        && reads_input_only(template)
    {
        let message = "in a Map's Parameters '$' is the Map's input; the item is '$$.Map.Item.Value'";
        report.warn(format!("{place}/Parameters"), message.to_owned());
    }
}

fn check_reader(reader: &Reader, place: &str, report: &mut Report) {
    let wanted: &[&str] = if reader.resource.ends_with(":getObject") {
        &["Bucket", "Key"]
    } else {
        &["Bucket"]
    };
    for name in wanted {
        if !reader
            .arguments
            .as_ref()
            .is_some_and(|arguments| has_member(arguments, name))
        {
            report.warn(
                format!("{place}/ItemReader"),
                format!("ItemReader has no '{name}' and will fail"),
            );
        }
    }
}

/// Whether a template makes an object with that member, as far as can be said.
fn has_member(payload: &Payload, name: &str) -> bool {
    match payload {
        Payload::Paths(Template::Object { plain, evaluated }) => {
            plain.iter().any(|(other, _)| other == name) || evaluated.iter().any(|(other, _)| other == name)
        }
        Payload::Query(QueryTemplate::Object(members)) => members.iter().any(|(other, _)| other == name),
        Payload::Query(QueryTemplate::Query(_)) => true,
        Payload::Paths(Template::Constant(value)) | Payload::Query(QueryTemplate::Constant(value)) => {
            value.as_object().is_some_and(|members| members.contains_key(name))
        }
        Payload::Paths(Template::Array(_)) | Payload::Query(QueryTemplate::Array(_)) => false,
    }
}

/// Whether it looks at the input, and at no item.
fn reads_input_only(template: &Template) -> bool {
    let (mut input, mut item) = (false, false);
    template.expressions(&mut |expression| {
        expression.references(&mut |reference| {
            input |= reference.root == Root::Input;
            item |= reference.root == Root::Context;
        });
    });
    input && !item
}
