//! Names that two sources of a run could want: the first one claims the name, the second one fails.
//!
//! The batcher has looked at the sources and written down whether two of them can meet at all; where they cannot, nothing
//! is claimed. A claim is an object that is only ever created, so it holds across batches, rounds, redrives and crashes.
//!
//! Versions of one key are one source. Each of them leaves a record that sorts by age before it is copied; whoever finds
//! a newer record does not copy, and whoever finds one after its own copy copies the newest once more. So the newest
//! remains, whatever came between.

use bytes::Bytes;
use futures::TryStreamExt;
use manifest::work::Copy;
use manifest::{CopyTemplate, NameRule, error_name as names, run_key};
use ports::{ErrorKind, GetOptions, ObjectBody, ObjectKey, PutOptions};

use crate::copy::{Transfer, broken, source_text};
use crate::failure::{AttemptError, Broken};
use crate::{Error, Scope, name};

/// How the copies of a run come by their names.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    /// The execution whose claims count.
    execution: &'a str,
    /// Whether versions of one key share a name.
    in_order: bool,
}

impl<'a> Claims<'a> {
    /// The claims that this run needs; `None` where no two sources can meet.
    pub(crate) async fn read(
        work: &'a Copy,
        template: &CopyTemplate,
        scope: &Scope<'a>,
    ) -> Result<Option<Self>, Error> {
        let Some(execution) = work.names_of.as_deref().or(scope.execution) else {
            return Ok(None);
        };
        let at = ObjectKey::new(&scope.config.state_bucket, run_key::name_rule(execution));
        let rule = match read(&at, scope).await {
            Ok(Some(json)) => serde_json::from_slice(&json)?,
            Ok(None) => NameRule::default(),
            Err(error) => return Err(Error::store("read", &at, error)),
        };
        Ok(match rule {
            NameRule::Free => None,
            NameRule::Claimed | NameRule::Versioned => Some(Self {
                execution,
                in_order: rule == NameRule::Versioned && !template.tells_versions_apart(),
            }),
        })
    }

    /// Copies the object if its name is to be had.
    pub(crate) async fn copy(&self, transfer: &Transfer, scope: &Scope<'_>) -> Result<u64, Broken> {
        let hash = name::hash(&transfer.to.to_string());
        let at = ObjectKey::new(&scope.config.state_bucket, run_key::name_claim(self.execution, &hash));
        // Versions that share a name are one source, unless the template was to tell them apart.
        let version = transfer.version.as_deref().filter(|_| !self.in_order);
        let owner = name::hash(&source_text(&transfer.from, version));
        if !claim(&at, &owner, scope).await? {
            return Err(taken(transfer).into());
        }
        if self.in_order {
            self.copy_in_order(transfer, &hash, scope).await
        } else {
            transfer.copy(scope).await
        }
    }

    async fn copy_in_order(&self, transfer: &Transfer, hash: &str, scope: &Scope<'_>) -> Result<u64, Broken> {
        let prefix = run_key::version_records(self.execution, hash);
        let own = format!("{prefix}{}", age(transfer, scope).await?);
        let at = ObjectKey::new(&scope.config.state_bucket, &own);
        let is_first = claim_once(&at, transfer.version.as_deref().unwrap_or_default(), scope).await?;
        // An attempt before this one may have copied already, after the newest one did.
        let mut copied = if is_first && newest(&prefix, scope).await? != own {
            return Err(superseded(transfer).into());
        } else {
            None
        };
        let mut bytes = 0;
        loop {
            let key = newest(&prefix, scope).await?;
            if copied.as_ref() == Some(&key) {
                break;
            }
            let at = ObjectKey::new(&scope.config.state_bucket, &key);
            let version = read(&at, scope).await.map_err(Broken::Store)?.unwrap_or_default();
            let version = String::from_utf8_lossy(&version).into_owned();
            bytes = transfer
                .copy_version(Some(version).filter(|version| !version.is_empty()), scope)
                .await?;
            copied = Some(key);
        }
        if copied == Some(own) {
            Ok(bytes)
        } else {
            Err(superseded(transfer).into())
        }
    }
}

/// What sorts a version among the others of its key: when it was made, whether it is the present one, which it is.
/// Two versions of one second are told apart by the second part alone where S3 tells no more.
async fn age(transfer: &Transfer, scope: &Scope<'_>) -> Result<String, Broken> {
    let store = scope.ports.store.as_ref();
    let present = store.head(&transfer.from).await;
    let Some(version) = &transfer.version else {
        let modified = present.map_err(broken)?.modified.as_millis();
        return Ok(format!("{modified:015}-1"));
    };
    let options = GetOptions {
        version: Some(version.clone()),
        ..GetOptions::default()
    };
    let (info, _body) = store.get(&transfer.from, options).await.map_err(broken)?;
    let is_present = present.is_ok_and(|present| present.version.as_ref() == Some(version));
    let modified = info.modified.as_millis();
    Ok(format!(
        "{modified:015}-{}-{}",
        u8::from(is_present),
        name::hash(version)
    ))
}

/// The record of the newest version. There is one at least: the caller has written its own.
async fn newest(prefix: &str, scope: &Scope<'_>) -> Result<String, Broken> {
    let (store, bucket) = (&scope.ports.store, &scope.config.state_bucket);
    let (mut newest, mut continuation) = (String::new(), None);
    loop {
        let page = store.list(bucket, prefix, continuation).await.map_err(Broken::Store)?;
        if let Some(last) = page.objects.into_iter().next_back() {
            newest = last.key;
        }
        continuation = page.continuation;
        if continuation.is_none() {
            return Ok(newest);
        }
    }
}

/// Claims a name, or finds that it is claimed already by the same owner.
async fn claim(at: &ObjectKey, owner: &str, scope: &Scope<'_>) -> Result<bool, Broken> {
    if claim_once(at, owner, scope).await? {
        return Ok(true);
    }
    let found = read(at, scope).await.map_err(Broken::Store)?;
    Ok(found.is_some_and(|found| found == owner.as_bytes()))
}

/// Creates an object; false when there is one.
async fn claim_once(at: &ObjectKey, content: &str, scope: &Scope<'_>) -> Result<bool, Broken> {
    let options = PutOptions {
        if_none_match: true,
        content_type: None,
    };
    let body = ObjectBody::Bytes(Bytes::copy_from_slice(content.as_bytes()));
    match scope.ports.store.put(at, body, options).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        Err(error) => Err(Broken::Store(error)),
    }
}

async fn read(at: &ObjectKey, scope: &Scope<'_>) -> ports::Result<Option<Bytes>> {
    match scope.ports.store.get(at, GetOptions::default()).await {
        Ok((_, body)) => {
            let pieces: Vec<Bytes> = body.try_collect().await?;
            Ok(Some(pieces.concat().into()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn taken(transfer: &Transfer) -> AttemptError {
    let message = format!(
        "another object of this run is copied to `{}`; a name such as `{{bucket}}/{{key}}` tells them apart",
        transfer.to
    );
    AttemptError::refused(names::NAME_TAKEN, message)
}

fn superseded(transfer: &Transfer) -> AttemptError {
    let message = format!(
        "a newer version of the same object is copied to `{}`; a name such as `{{version}}/{{key}}` keeps both",
        transfer.to
    );
    AttemptError::refused(names::VERSION_SUPERSEDED, message)
}
