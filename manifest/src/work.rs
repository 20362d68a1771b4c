//! What is done with the items of a manifest: the `work` of a request, as the processor receives it with every batch.
//!
//! [`Work`] is the only list of verbs. A further verb is one more variant of it; every `match` over [`Work`] and
//! [`Action`] then says where it is still missing.

use serde::{Deserialize, Serialize};

use crate::Checksum;

/// Requests in flight in one processor, when nobody says how many.
pub const LAMBDA_CONCUR: u32 = 5;

/// The template of file names, when nobody gives one: two URLs never share such a name.
pub const NAME_TEMPLATE: &str = "{host}/{path}";

/// The template of the names of copies, when nobody gives one.
pub const KEY_TEMPLATE: &str = "{key}";

/// What is done with the items of a batch.
///
/// ```
/// use manifest::work::Work;
///
/// let work: Work = serde_json::from_str(r#"{"action":"download","destination":{"bucket":"images"}}"#)?;
/// let Work::Download(download) = work else { unreachable!() };
/// assert_eq!((download.lambda_concur, download.name.as_str()), (5, "{host}/{path}"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Work {
    /// Fetch URLs.
    Download(Download),
    /// Copy objects.
    Copy(Copy),
}

impl Work {
    /// Requests or copies in flight in one processor, at most.
    pub const fn lambda_concur_mut(&mut self) -> &mut u32 {
        match self {
            Self::Download(download) => &mut download.lambda_concur,
            Self::Copy(copy) => &mut copy.lambda_concur,
        }
    }

    /// The execution whose claims on names count.
    pub const fn names_of(&self) -> Option<&String> {
        match self {
            Self::Download(download) => download.names_of.as_ref(),
            Self::Copy(copy) => copy.names_of.as_ref(),
        }
    }

    /// The execution whose claims on names count, to be set by a redrive.
    pub const fn names_of_mut(&mut self) -> &mut Option<String> {
        match self {
            Self::Download(download) => &mut download.names_of,
            Self::Copy(copy) => &mut copy.names_of,
        }
    }

    /// The verb alone.
    pub const fn action(&self) -> Action {
        match self {
            Self::Download(_) => Action::Download,
            Self::Copy(_) => Action::Copy,
        }
    }
}

/// The verb of a [`Work`], for what depends on nothing else of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Each item is a URL.
    Download,
    /// Each item is an object.
    Copy,
}

impl Action {
    /// The verb as it is written in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Copy => "copy",
        }
    }
}

/// A bucket, and what the keys of the objects written there begin with.
///
/// ```
/// let destination = manifest::work::Destination { bucket: "images".into(), prefix: "flags".into() };
/// assert_eq!(destination.key("ag.gif"), "flags/ag.gif");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with. A `/` is put after a prefix that does not end with one.
    #[serde(default)]
    pub prefix: String,
}

impl Destination {
    /// What everything that is written here begins with, bucket included.
    fn beginning(&self) -> String {
        [self.bucket.as_str(), "/", &self.key("")].concat()
    }

    /// The key of a name below this destination.
    pub fn key(&self, name: &str) -> String {
        let separator = if self.prefix.is_empty() || self.prefix.ends_with('/') {
            ""
        } else {
            "/"
        };
        [self.prefix.as_str(), separator, name].concat()
    }
}

/// Fetch URLs into one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Download {
    /// Where the files are written.
    pub destination: Destination,
    /// Requests in flight in one processor, at most.
    #[serde(default = "lambda_concur")]
    pub lambda_concur: u32,
    /// The template of the files' names.
    #[serde(default = "name_template")]
    pub name: String,
    /// A checksum to take of every file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// **Bytes** of the largest file; the processor's own limit when absent, and never above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_object_bytes: Option<u64>,
    /// How often each file is tried; the processor's own number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The execution whose claims on names count: the first one of those that redrive each other. Absent: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_of: Option<String>,
}

/// Copy objects to every destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// Where the copies are written.
    pub destinations: Vec<Destination>,
    /// Copies in flight in one processor, at most.
    #[serde(default = "lambda_concur")]
    pub lambda_concur: u32,
    /// The template of the copies' names; see [`crate::CopyTemplate`].
    #[serde(default = "key_template")]
    pub name: String,
    /// The execution whose claims on names count: the first one of those that redrive each other. Absent: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_of: Option<String>,
}

impl Copy {
    /// Whether two destinations share a part of a bucket or folder, so that two keys may lead to one object.
    pub fn has_overlap(&self) -> bool {
        let all: Vec<_> = self.destinations.iter().map(Destination::beginning).collect();
        all.iter().enumerate().any(|(position, one)| {
            let mut others = all.iter().skip(position + 1);
            others.any(|other| one != other && (one.starts_with(other) || other.starts_with(one)))
        })
    }
}

fn key_template() -> String {
    KEY_TEMPLATE.to_owned()
}

const fn lambda_concur() -> u32 {
    LAMBDA_CONCUR
}

fn name_template() -> String {
    NAME_TEMPLATE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_folder() {
        let key = |prefix: &str| {
            let destination = Destination {
                bucket: "b".to_owned(),
                prefix: prefix.to_owned(),
            };
            destination.key("n")
        };
        assert_eq!([key(""), key("p"), key("p/")], ["n", "p/n", "p/n"]);
    }

    #[test]
    fn destinations_overlap_where_one_begins_with_another() {
        let overlap = |destinations: &[(&str, &str)]| {
            let destination = |(bucket, prefix): &(&str, &str)| Destination {
                bucket: (*bucket).to_owned(),
                prefix: (*prefix).to_owned(),
            };
            let copy = Copy {
                destinations: destinations.iter().map(destination).collect(),
                lambda_concur: 1,
                name: KEY_TEMPLATE.to_owned(),
                names_of: None,
            };
            copy.has_overlap()
        };
        assert!(overlap(&[("a", ""), ("a", "x")]));
        assert!(overlap(&[("a", "x/"), ("b", ""), ("a", "x/y")]));
        assert!(overlap(&[("/out", ""), ("/out/sub", "")]));
        assert!(!overlap(&[("a", "x"), ("a", "x")]));
        assert!(!overlap(&[("a", "x"), ("a", "xy"), ("ab", "")]));
    }

    #[test]
    fn the_verb_is_written_as_it_is_called() {
        for action in [Action::Download, Action::Copy] {
            assert_eq!(
                serde_json::to_string(&action).unwrap(),
                format!("\"{}\"", action.name())
            );
        }
    }

    #[test]
    fn an_unknown_verb_is_refused_with_those_that_there_are() {
        let error = serde_json::from_str::<Work>(r#"{"action":"mvoe"}"#).unwrap_err();
        assert!(error.to_string().contains("expected `download` or `copy`"), "{error}");
    }
}
