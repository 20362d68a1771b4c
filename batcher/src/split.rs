//! From an object to its batch list.

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use manifest::request::{InlineBody, ManifestObject, Request, SuspiciousField};
use manifest::work::{Copy, Work};
use manifest::{
    BatchLines, Compression, CopyTemplate, Cut, Cutting, NameRule, OnSplitError, Source, Splitter, run_key,
};
use ports::{ObjectKey, Timestamp};

use crate::detect::{self, Kind};
use crate::error::Error;
use crate::header::{FirstWindow, RecordsStart, records_start};
use crate::limits::INLINE_BYTES_MAX;
use crate::sink::{self, Sink};
use crate::source::{Pinned, Window};
use crate::survey::{Found, Looks, Survey};
use crate::unpack::Spool;
use crate::{Config, Ports};

/// One call: what is asked, and with what it is done.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) config: &'a Config,
    pub(crate) execution: &'a str,
    pub(crate) round: u32,
    pub(crate) request: &'a Request,
    /// When to give up.
    pub(crate) deadline: Timestamp,
}

/// What has come of a manifest.
#[derive(Debug)]
pub(crate) enum Done {
    /// A batch list is written.
    Split(Split),
    /// It is an inline body.
    Inline(InlineBody),
}

/// A batch list that is written.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) totals: Totals,
    pub(crate) suspicious: Option<SuspiciousField>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) batches: u64,
    pub(crate) items: u64,
}

/// An object whose first window is read.
struct Open<'a> {
    first: Window,
    following: BoxStream<'a, Result<Window, Error>>,
}

impl Call<'_> {
    /// Where the batch list goes.
    pub(crate) fn batch_list(&self) -> ObjectKey {
        ObjectKey::new(
            &self.config.state_bucket,
            run_key::batch_list(self.execution, self.round),
        )
    }

    /// Splits an object into the batch list.
    pub(crate) async fn split(&self, manifest: &ManifestObject) -> Result<Done, Error> {
        let at = ObjectKey::new(&manifest.bucket, &manifest.key);
        let found = Pinned::find(&*self.ports.store, at, manifest.version_id.clone()).await?;
        let open = self.open(&found).await?;
        let compression = detect::compression(manifest, &start(&open.first));
        if compression == Compression::None {
            return self.split_plain(manifest, &found, open).await;
        }
        drop(open);
        let spooled = Box::pin(self.spool().unpack(&found, compression)).await?;
        let open = self.open(&spooled).await?;
        self.split_plain(manifest, &spooled, open).await
    }

    fn spool(&self) -> Spool<'_> {
        Spool {
            ports: self.ports,
            bucket: &self.config.state_bucket,
            execution: self.execution,
            bytes_max: self.request.max_expanded_bytes,
            deadline: self.deadline,
        }
    }

    async fn open<'a>(&'a self, object: &'a Pinned) -> Result<Open<'a>, Error> {
        let mut following = object.windows(&*self.ports.store);
        let first = following.try_next().await?.unwrap_or_default();
        Ok(Open { first, following })
    }

    async fn split_plain(&self, manifest: &ManifestObject, object: &Pinned, open: Open<'_>) -> Result<Done, Error> {
        let text = start(&open.first);
        let first = FirstWindow {
            manifest,
            action: self.request.work.action(),
            bytes: &text,
            complete: text.len() as u64 == object.size,
        };
        if let Some(found) = detect::not_text(&text) {
            let manifest = object.manifest.clone();
            return Err(Error::UnsupportedFormat { manifest, found });
        }
        let layout = match detect::kind(manifest, first.action, &text) {
            Kind::Inline => return inline(object, open).await.map(Done::Inline),
            Kind::Records(layout) => layout,
        };
        let records_start = if text.trim_ascii().is_empty() && first.complete {
            None
        } else {
            records_start(first, layout)?
        };
        drop(text);
        let Some(records_start) = records_start else {
            return self
                .write_lines(Vec::new())
                .await
                .map(|()| Done::Split(Split::default()));
        };
        let names = self.names(&records_start)?;
        let (totals, found) = self.write_list(object, open, records_start, names.as_ref()).await?;
        if let Some(names) = names {
            self.write_rule(names.rule(&found)).await?;
        }
        Ok(Done::Split(Split {
            totals,
            suspicious: found.suspicious,
        }))
    }

    /// What has to be known of the names of copies; `None` where an earlier round or run has settled it.
    fn names(&self, start: &RecordsStart) -> Result<Option<Names<'_>>, Error> {
        let Work::Copy(copy) = &self.request.work else {
            return Ok(None);
        };
        let template = CopyTemplate::parse(&copy.name).map_err(|reason| Error::InvalidRequest { reason })?;
        let is_first = self.round == 0 && copy.names_of.is_none();
        let settled = NameRule::without_items(copy, &template, start.may_have_versions());
        Ok(is_first.then_some(Names {
            copy,
            template,
            settled,
        }))
    }

    async fn write_rule(&self, rule: NameRule) -> Result<(), Error> {
        let at = ObjectKey::new(&self.config.state_bucket, run_key::name_rule(self.execution));
        let json = serde_json::to_vec(&rule).map_err(|error| Error::InvalidRequest {
            reason: error.to_string(),
        })?;
        let written = self
            .ports
            .store
            .put(&at, json.into(), ports::PutOptions::default())
            .await;
        written
            .map(drop)
            .map_err(crate::error::while_doing(format!("write `{at}`")))
    }

    /// Writes a batch list that is at hand.
    pub(crate) async fn write_lines(&self, lines: Vec<u8>) -> Result<(), Error> {
        let at = self.batch_list();
        let written = self
            .ports
            .store
            .put(&at, lines.into(), ports::PutOptions::default())
            .await;
        written
            .map(drop)
            .map_err(crate::error::while_doing(format!("write `{at}`")))
    }

    /// Writes a batch list while the manifest is read.
    async fn write_list(
        &self,
        object: &Pinned,
        open: Open<'_>,
        records_start: RecordsStart,
        names: Option<&Names<'_>>,
    ) -> Result<(Totals, Found), Error> {
        let looks = Looks {
            strict: self.request.strict,
            sources: names.is_some_and(|names| names.settled.is_none()),
        };
        let (mut sink, body) = Sink::new();
        let make = async {
            let made = self.send_lines(object, open, (records_start, looks), &mut sink).await;
            (sink, made)
        };
        sink::write(&*self.ports.store, &self.batch_list(), body, make).await
    }

    async fn send_lines(
        &self,
        object: &Pinned,
        open: Open<'_>,
        (records_start, looks): (RecordsStart, Looks),
        sink: &mut Sink,
    ) -> Result<(Totals, Found), Error> {
        let mut splitter = Splitter::new(&records_start.format, self.cutting(&records_start));
        let skip = records_start.format.data_start;
        let mut list = List::new(object, records_start, looks)?;
        let mut window = without_beginning(open.first, skip);
        let mut windows = open.following;
        let mut read = skip;
        loop {
            read += window.iter().map(|piece| piece.len() as u64).sum::<u64>();
            let pieces: Vec<_> = window.iter().map(AsRef::as_ref).collect();
            let cuts = splitter.push(&pieces).map_err(|error| list.split_error(error))?;
            drop(pieces);
            sink.send(list.take(window, &cuts)?).await?;
            if self.ports.clock.now() >= self.deadline {
                let (manifest, size) = (object.manifest.clone(), object.size);
                return Err(Error::DeadlineTooClose { manifest, read, size });
            }
            match windows.try_next().await? {
                Some(next) => window = next,
                None => break,
            }
        }
        let cuts = splitter.finish().map_err(|error| list.split_error(error))?;
        sink.send(list.take(Window::new(), &cuts)?).await?;
        list.finish()
    }

    fn cutting(&self, records_start: &RecordsStart) -> Cutting {
        Cutting {
            items: self.request.batch_items.unwrap_or(self.config.batch_items),
            line: records_start.line,
            on_error: if self.request.skip_malformed {
                OnSplitError::Keep
            } else {
                OnSplitError::Refuse
            },
        }
    }
}

/// What a copy's names depend on.
struct Names<'a> {
    copy: &'a Copy,
    template: CopyTemplate,
    /// The rule, where it needs no look at the items.
    settled: Option<NameRule>,
}

impl Names<'_> {
    fn rule(&self, found: &Found) -> NameRule {
        self.settled
            .unwrap_or_else(|| NameRule::for_sources(self.copy, &self.template, &found.sources))
    }
}

/// The batch list as it grows.
struct List {
    source: Source,
    manifest: ObjectKey,
    lines: BatchLines,
    totals: Totals,
    survey: Survey,
}

impl List {
    fn new(object: &Pinned, records_start: RecordsStart, looks: Looks) -> Result<Self, Error> {
        let start = records_start.format.data_start;
        let source = Source {
            bucket: object.at.bucket.clone(),
            key: object.at.key.clone(),
            etag: Some(object.etag.clone()),
            version: object.version.clone(),
            format: records_start.format,
        };
        let lines = BatchLines::new(&source).map_err(|error| Error::InvalidRequest {
            reason: error.to_string(),
        })?;
        Ok(Self {
            source,
            manifest: object.manifest.clone(),
            lines,
            totals: Totals::default(),
            survey: Survey::new(start, looks),
        })
    }

    /// The lines of the batches that have closed with a window.
    fn take(&mut self, window: Window, cuts: &[Cut]) -> Result<Vec<u8>, Error> {
        let mut lines = Vec::new();
        for cut in cuts {
            self.lines.write(cut, &mut lines);
            self.totals.batches += 1;
            self.totals.items += cut.items;
        }
        if self.survey.take(window, &self.source, cuts) {
            self.check()?;
        }
        Ok(lines)
    }

    fn finish(mut self) -> Result<(Totals, Found), Error> {
        self.check()?;
        Ok((self.totals, self.survey.found))
    }

    fn check(&mut self) -> Result<(), Error> {
        let faults = std::mem::take(&mut self.survey.found.faults);
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::MalformedItems {
            manifest: self.manifest.clone(),
            faults,
        })
    }

    fn split_error(&self, error: manifest::SplitError) -> Error {
        Error::Split {
            manifest: self.manifest.clone(),
            kind: error.kind,
            position: error.position,
        }
    }
}

/// A window in one piece.
fn start(window: &[Bytes]) -> Bytes {
    match window {
        [only] => only.clone(),
        pieces => pieces.concat().into(),
    }
}

/// A manifest's first window without the bytes before its records.
fn without_beginning(window: Window, skip: u64) -> Window {
    let mut left = usize::try_from(skip).unwrap_or(usize::MAX);
    let cut = |mut piece: Bytes| {
        let skipped = piece.split_to(left.min(piece.len()));
        left -= skipped.len();
        piece
    };
    window.into_iter().map(cut).collect()
}

async fn inline(object: &Pinned, open: Open<'_>) -> Result<InlineBody, Error> {
    if object.size > INLINE_BYTES_MAX {
        return Err(Error::LimitExceeded {
            manifest: object.manifest.clone(),
            what: "an inline body",
            limit: INLINE_BYTES_MAX,
            hint: "make it a list with one URL a line",
        });
    }
    let mut text = start(&open.first).to_vec();
    let following: Vec<_> = open.following.try_collect().await?;
    text.extend(following.iter().flatten().flatten());
    let text = text.strip_prefix(manifest::BYTE_ORDER_MARK).unwrap_or(&text);
    serde_json::from_slice(text).map_err(|error| Error::InvalidJson {
        manifest: object.manifest.clone(),
        reason: format!("expected an object with `baseUrl` and `resourcePaths`: {error}"),
    })
}
