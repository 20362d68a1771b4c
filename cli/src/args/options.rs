//! From arguments to what the library of runs is asked for.

use runs::{FetchOptions, ManifestOptions, RedriveOptions, RunOptions};

use super::{CopyArgs, DownloadArgs, FetchArgs, ManifestArgs, RedriveArgs, RunArgs};

impl ManifestArgs {
    fn options(&self) -> ManifestOptions {
        ManifestOptions {
            manifest: self.manifest.clone(),
            format: self.format,
            delimiter: self.delimiter,
            quote: self.quote,
            header: self.header.clone(),
            skip_malformed: self.skip_malformed,
            strict: self.strict,
            batch_items: self.batch_items,
        }
    }
}

impl RunArgs {
    fn options(&self) -> RunOptions {
        RunOptions {
            concurrency: self.concurrency,
            max_concurrency: self.max_concurrency,
            tolerate: self.tolerate,
            max_rounds: self.max_rounds,
            buckets: self.buckets.clone(),
            new: self.new,
        }
    }
}

impl FetchArgs {
    fn options(&self) -> FetchOptions {
        FetchOptions {
            allow_private: self.allow_private,
            max_object_bytes: self.max_object_bytes,
            attempts: self.attempts,
            head_timeout: self.head_timeout,
            idle_timeout: self.idle_timeout,
            request_timeout: self.request_timeout,
        }
    }
}

impl RedriveArgs {
    /// What the redrive does otherwise than the run.
    pub(crate) fn options(&self) -> RedriveOptions {
        RedriveOptions {
            fetch: self.fetch.options(),
            concurrency: self.concurrency,
            max_concurrency: self.max_concurrency,
            tolerate: self.tolerate,
            max_rounds: self.max_rounds,
        }
    }
}

impl DownloadArgs {
    /// What the library is asked for.
    pub(crate) fn download(&self) -> runs::Download {
        runs::Download {
            manifest: self.manifest.options(),
            column: self.column.clone(),
            base_url: self.base_url.clone(),
            name: self.name.clone(),
            checksum: self.checksum,
            hash_urls: self.hash_urls,
            fetch: self.fetch.options(),
            run: self.run.options(),
            ..runs::Download::new("", &self.to)
        }
    }
}

impl CopyArgs {
    /// What the library is asked for.
    pub(crate) fn copy(&self) -> runs::Copy {
        runs::Copy {
            manifest: self.manifest.options(),
            to: self.to.clone(),
            columns: self.columns.clone(),
            name: self.name.clone(),
            url_encoded_keys: self.url_encoded_keys,
            run: self.run.options(),
        }
    }
}
