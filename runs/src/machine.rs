//! The state machines that runs execute: the same files that are deployed, with the names of this machine filled in.

use crate::error::{Error, ErrorKind, Result};
use crate::spec::{ACCOUNT, REGION, STATE_BUCKET, table_of};
use asl::machines::{IMAGE_DOWNLOAD, MANIFEST_MAP};
use manifest::work::Action;

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

    /// Its definition with the places for names filled in.
    ///
    /// # Errors
    /// When the state machine has a place that this crate knows no name for.
    pub fn definition(self) -> Result<String> {
        let functions = [
            ("BatcherFunctionArn", function_arn("gantry-batcher")),
            ("ProcessorFunctionArn", function_arn("gantry-processor")),
            ("ConsolidatorFunctionArn", function_arn("gantry-consolidator")),
        ];
        let (text, others) = match self {
            Self::ManifestMap => (MANIFEST_MAP, vec![("StateBucket", STATE_BUCKET.to_owned())]),
            Self::ImageDownload => {
                let table = table_of(Action::Download).name;
                (IMAGE_DOWNLOAD, vec![("TableName", table), ("TopicArn", topic_arn())])
            }
        };
        let values: Vec<_> = functions
            .iter()
            .chain(&others)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        asl::substitute(text, &values).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
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
            let text = machine.definition().unwrap();
            assert!(!text.contains("${"), "{}", machine.name());
            let parsed = asl::parse(&text);
            assert!(parsed.machine.is_some(), "{:?}", parsed.diagnostics);
            assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        }
    }
}
