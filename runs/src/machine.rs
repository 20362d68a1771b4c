//! The state machines that runs execute: the same files that are deployed, with the names of this machine filled in.

use manifest::work::Action;

use crate::spec::{ACCOUNT, REGION, STATE_BUCKET, table_of};

/// Which state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// `manifest-map`: a manifest of any size, by batches in rounds.
    ManifestMap,
    /// `image-download`: a few paths in the execution's input.
    ImageDownload,
}

impl Machine {
    /// The state machine's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManifestMap => "manifest-map",
            Self::ImageDownload => "image-download",
        }
    }

    /// Its definition with the placeholders filled in.
    pub fn definition(self) -> String {
        let values = [
            ("BatcherFunctionArn", function_arn("gantry-batcher")),
            ("ProcessorFunctionArn", function_arn("gantry-processor")),
            ("ConsolidatorFunctionArn", function_arn("gantry-consolidator")),
            ("StateBucket", STATE_BUCKET.to_owned()),
            ("TableName", table_of(Action::Download).name),
            ("TopicArn", topic_arn()),
        ];
        let template = match self {
            Self::ManifestMap => include_str!("../../asl/machines/manifest-map.asl.json"),
            Self::ImageDownload => include_str!("../../asl/machines/image-download.asl.json"),
        };
        values.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value)
        })
    }
}

/// The ARN of one of the stages' functions.
pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The ARN of the topic that is told about failures.
pub(crate) fn topic_arn() -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:gantry-failures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left_and_the_language_takes_the_definitions() {
        for machine in [Machine::ManifestMap, Machine::ImageDownload] {
            let text = machine.definition();
            assert!(!text.contains("${"), "{}", machine.name());
            let parsed = asl::parse(&text);
            assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
            assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        }
    }
}
