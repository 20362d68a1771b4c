//! State machines: definitions under their digests, the machines that run them, versions and aliases.
//!
//! ```text
//!   alias ──▶ one or two versions, with weights ──▶ revision ──▶ digest ──▶ definition's text
//!   state machine ────────────── its newest ──────▶ revision ──▶ digest ──▶ definition's text
//!   execution's row ───────────────────────────────────────────▶ digest ──▶ definition's text
//! ```
//!
//! A definition's text is kept once, however many machines, versions and executions run it. It is never changed and
//! never deleted: an execution that started from it may have to be replayed.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Cursor, Error, ErrorKind, Page, Result, Timestamp};

/// Tags of a resource: values by keys.
pub type Tags = BTreeMap<String, String>;

/// Names a state machine, without a version or an alias:
/// `arn:aws:states:us-east-1:000000000000:stateMachine:manifest-map`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StateMachineArn(pub String);

impl fmt::Display for StateMachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of a definition's text, in lower-case hexadecimal digits. Empty where a row has no definition of its own.
///
/// ```
/// use ports::DefinitionDigest;
///
/// let digest = DefinitionDigest::from_text("");
/// assert_eq!(digest.as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DefinitionDigest(String);

impl DefinitionDigest {
    /// The digest of a text, byte for byte: white space counts.
    pub fn from_text(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DefinitionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which promises executions of a state machine get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateMachineType {
    /// Journalled, for up to a year.
    #[default]
    Standard,
    /// Not journalled, at least once, for up to five minutes.
    Express,
}

/// Whether a state machine can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateMachineStatus {
    /// Executions can be started.
    #[default]
    Active,
    /// Deleted as soon as its last execution has ended; none can be started.
    Deleting,
}

/// Which events of an execution are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogLevel {
    /// All events.
    All,
    /// Events that tell of an error.
    Error,
    /// Events that end the execution without success.
    Fatal,
    /// No events.
    #[default]
    Off,
}

/// What is logged of a state machine's executions, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoggingConfiguration {
    /// Which events are logged.
    pub level: LogLevel,
    /// Whether input, output and variables are logged with the events.
    pub include_execution_data: bool,
    /// ARNs of log groups. **Limit**: one, as on AWS.
    pub destinations: Vec<String>,
}

/// Whose key encrypts a state machine's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EncryptionType {
    /// A key of AWS.
    #[default]
    AwsOwnedKey,
    /// A key of the account.
    CustomerManagedKmsKey,
}

/// How a state machine's data is encrypted. It is kept and described; local records are not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EncryptionConfiguration {
    /// Whose key it is.
    #[serde(rename = "type")]
    pub kind: EncryptionType,
    /// The key's id, alias or ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// **Seconds** for which a data key is used again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_data_key_reuse_period_seconds: Option<u32>,
}

/// What an update of a state machine changes: a version is a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The digest of the definition's text.
    pub definition: DefinitionDigest,
    /// The role that executions assume.
    pub role_arn: String,
    /// What is logged, and where.
    #[serde(default)]
    pub logging: LoggingConfiguration,
    /// Whether X-Ray traces executions.
    #[serde(default)]
    pub tracing: bool,
    /// How data is encrypted.
    #[serde(default)]
    pub encryption: EncryptionConfiguration,
    /// Names the revision; `None` for the first one, as on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<String>,
}

impl Revision {
    /// Whether both run and record the same; the revisions' ids are left out.
    pub fn has_same_content(&self, other: &Self) -> bool {
        let same_settings = self.logging == other.logging && self.tracing == other.tracing;
        let same_encryption = self.encryption == other.encryption;
        self.definition == other.definition && self.role_arn == other.role_arn && same_settings && same_encryption
    }
}

/// What is known of a state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateMachineRow {
    /// Names the state machine.
    pub arn: StateMachineArn,
    /// The last part of the ARN.
    pub name: String,
    /// Standard or Express; it cannot be changed.
    #[serde(rename = "type")]
    pub kind: StateMachineType,
    /// Whether executions can be started.
    #[serde(default)]
    pub status: StateMachineStatus,
    /// When the state machine was created.
    pub created: Timestamp,
    /// When it was last updated; the creation date where it never was.
    pub updated: Timestamp,
    /// The newest revision.
    pub revision: Revision,
    /// The state machine's tags.
    #[serde(default)]
    pub tags: Tags,
}

impl StateMachineRow {
    /// Whether a request to create `other` would only repeat the one that created this machine. Role and tags may differ.
    ///
    /// **Source**: `API_CreateStateMachine.html`: name, definition, type, logging, tracing and encryption are compared.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        let revision = Revision {
            role_arn: self.revision.role_arn.clone(),
            ..other.revision.clone()
        };
        self.arn == other.arn && self.kind == other.kind && self.revision.has_same_content(&revision)
    }
}

/// A published version of a state machine: a revision that does not change any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRow {
    /// The state machine.
    pub state_machine: StateMachineArn,
    /// 1, 2, 3, … in the order of publication; a deleted version's number is not given again.
    pub number: u64,
    /// What the publisher said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was published.
    pub created: Timestamp,
    /// What it runs.
    pub revision: Revision,
}

/// A part of the executions that are started through an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The version that is run.
    pub version: u64,
    /// **Percent** of the executions.
    pub weight: u8,
}

/// A name for one version of a state machine, or for two among which executions are divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AliasRow {
    /// The state machine.
    pub state_machine: StateMachineArn,
    /// The alias's name: the last part of `…:stateMachine:manifest-map:PROD`.
    pub name: String,
    /// What the alias is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The versions, with weights that make 100 together.
    pub routes: Vec<Route>,
    /// When the alias was created.
    pub created: Timestamp,
    /// When it was last updated; the creation date where it never was.
    pub updated: Timestamp,
}

impl AliasRow {
    /// Checks the routes.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] unless one or two different versions have weights that make 100 together.
    pub fn check(&self) -> Result<()> {
        let weights: u32 = self.routes.iter().map(|route| u32::from(route.weight)).sum();
        let well_formed = match &*self.routes {
            [_] => weights == 100,
            [one, two] => weights == 100 && one.version != two.version,
            _ => false,
        };
        if well_formed {
            return Ok(());
        }
        let text = format!(
            "the routes of alias `{}` must name one or two versions with weights that make 100, found {} with {weights}",
            self.name,
            self.routes.len()
        );
        Err(Error::new(ErrorKind::Malformed, text))
    }

    /// Whether a request to create `other` would only repeat the one that created this alias.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        let same_name = self.state_machine == other.state_machine && self.name == other.name;
        same_name && self.description == other.description && self.routes == other.routes
    }
}

/// State machines that outlive the process.
///
/// What a method has written when it returns survives the death of the process; each method is one transaction.
#[async_trait]
pub trait StateMachines: Send + Sync + fmt::Debug {
    /// Keeps a definition's text and returns its digest. A text that is there already stays as it is.
    async fn put_definition(&self, text: &str) -> Result<DefinitionDigest>;

    /// The text under a digest. [`ErrorKind::NotFound`] when there is none.
    async fn definition(&self, digest: &DefinitionDigest) -> Result<String>;

    /// Creates a state machine and returns its row; its definition must have been kept before.
    ///
    /// When there is one with this ARN that [`StateMachineRow::is_repeated_by`] the request, that one's row is returned
    /// unchanged; another content, or a machine that is being deleted, is an [`ErrorKind::Conflict`].
    async fn create_state_machine(&self, row: StateMachineRow) -> Result<StateMachineRow>;

    /// One state machine. [`ErrorKind::NotFound`] when there is none.
    async fn state_machine(&self, arn: &StateMachineArn) -> Result<StateMachineRow>;

    /// Replaces the row: revision, status, tags. [`ErrorKind::NotFound`] when there is none.
    async fn update_state_machine(&self, row: StateMachineRow) -> Result<()>;

    /// Deletes a state machine with its versions and aliases; nothing happens when there is none. Definitions stay.
    async fn delete_state_machine(&self, arn: &StateMachineArn) -> Result<()>;

    /// A page of at most `limit` state machines, the newest first.
    async fn state_machines(&self, after: Option<Cursor>, limit: usize) -> Result<Page<StateMachineRow>>;

    /// Publishes the newest revision as a version.
    ///
    /// When the latest version is of this very revision and has the same description, it is returned; another
    /// description is an [`ErrorKind::Conflict`]. So is a revision that is not `expected`, where one is expected; the
    /// first revision is expected as `INITIAL`. [`ErrorKind::NotFound`] when there is no such machine.
    async fn publish_version(
        &self,
        state_machine: &StateMachineArn,
        expected: Option<&str>,
        description: Option<String>,
        now: Timestamp,
    ) -> Result<VersionRow>;

    /// One version. [`ErrorKind::NotFound`] when there is none.
    async fn version(&self, state_machine: &StateMachineArn, number: u64) -> Result<VersionRow>;

    /// Deletes a version; nothing happens when there is none. [`ErrorKind::Conflict`] while an alias routes to it.
    async fn delete_version(&self, state_machine: &StateMachineArn, number: u64) -> Result<()>;

    /// A page of at most `limit` versions of a state machine, the newest first. The cursor holds the version's number.
    async fn versions(
        &self,
        state_machine: &StateMachineArn,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<VersionRow>>;

    /// Creates an alias and returns its row.
    ///
    /// When there is one of this name that [`AliasRow::is_repeated_by`] the request, that one's row is returned
    /// unchanged; another content is an [`ErrorKind::Conflict`]. [`ErrorKind::NotFound`] when a version that it routes to
    /// is not there, [`ErrorKind::Malformed`] when [`AliasRow::check`] refuses it.
    async fn create_alias(&self, row: AliasRow) -> Result<AliasRow>;

    /// One alias. [`ErrorKind::NotFound`] when there is none.
    async fn alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<AliasRow>;

    /// Replaces the row of an alias, under the conditions of [`Self::create_alias`]. [`ErrorKind::NotFound`] when there
    /// is none.
    async fn update_alias(&self, row: AliasRow) -> Result<()>;

    /// Deletes an alias. [`ErrorKind::NotFound`] when there is none.
    async fn delete_alias(&self, state_machine: &StateMachineArn, name: &str) -> Result<()>;

    /// A page of at most `limit` aliases of a state machine, all or those that route to a version, the newest first.
    async fn aliases(
        &self,
        state_machine: &StateMachineArn,
        version: Option<u64>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<AliasRow>>;
}
