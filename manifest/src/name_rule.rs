//! What is known of the names of a run's copies before the first of them is made.

use serde::{Deserialize, Serialize};

use crate::work::Copy;
use crate::{CopyTemplate, Item, Subject};

/// Whether two sources of a run can meet at one name, and what is done about it. The batcher writes it once, in the
/// first round; whoever finds none assumes the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameRule {
    /// No two sources share a name.
    Free,
    /// Each source claims its name; the second one fails.
    Claimed,
    /// Several versions of one key may share a name, too; the newest remains.
    #[default]
    Versioned,
}

impl NameRule {
    /// The rule that needs no look at the items, if there is one.
    pub fn without_items(copy: &Copy, template: &CopyTemplate, has_versions: bool) -> Option<Self> {
        let may_have_versions = has_versions && !template.tells_versions_apart();
        let must_claim = !template.tells_keys_apart() || copy.has_overlap();
        match (must_claim, may_have_versions) {
            (true, false) => Some(Self::Claimed),
            (false, false) if template.tells_buckets_apart() => Some(Self::Free),
            (_, _) => None,
        }
    }

    /// The rule for these sources.
    pub fn for_sources(copy: &Copy, template: &CopyTemplate, sources: &Sources) -> Self {
        let meet = sources.has_several_buckets && !template.tells_buckets_apart();
        if sources.has_versions && !template.tells_versions_apart() {
            Self::Versioned
        } else if meet || !template.tells_keys_apart() || copy.has_overlap() {
            Self::Claimed
        } else {
            Self::Free
        }
    }
}

/// What the items of a manifest are copied from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    bucket: Option<String>,
    has_several_buckets: bool,
    has_versions: bool,
}

impl Sources {
    /// Takes one item.
    pub fn add(&mut self, item: &Item) {
        let Subject::Object { bucket, version, .. } = &item.subject else {
            return;
        };
        self.has_versions |= version.is_some();
        match &self.bucket {
            Some(first) => self.has_several_buckets |= first != bucket,
            None => self.bucket = Some(bucket.clone()),
        }
    }

    /// Takes what was found in another part of the manifest.
    pub fn merge(&mut self, other: Self) {
        self.has_versions |= other.has_versions;
        self.has_several_buckets |= other.has_several_buckets;
        match (&self.bucket, other.bucket) {
            (Some(first), Some(bucket)) => self.has_several_buckets |= *first != bucket,
            (None, bucket) => self.bucket = bucket,
            (Some(_), None) => {}
        }
    }

    /// Whether more items change nothing.
    pub const fn is_settled(&self) -> bool {
        self.has_several_buckets && self.has_versions
    }
}
