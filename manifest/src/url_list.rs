//! What one line of a URL list, or a JSON string, names.

use crate::{Columns, Format, Malformed, Subject, error_name};

/// What a text alone names: a URL, or for copies an object as `s3://bucket/key`.
pub(crate) fn subject(text: &str, format: &Format) -> Result<Subject, Malformed> {
    match &format.columns {
        Columns::Url { name, .. } if text.trim().is_empty() => Err(Malformed::empty(name)),
        Columns::Url { .. } => Ok(Subject::url(text, format.base_url.as_deref())),
        Columns::Object { .. } => object(text),
    }
}

fn object(text: &str) -> Result<Subject, Malformed> {
    let parts = text.strip_prefix("s3://").and_then(|path| path.split_once('/'));
    match parts {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Subject::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version: None,
        }),
        Some(_) | None => Err(Malformed::new(
            error_name::INVALID_URL,
            "expected an object as `s3://bucket/key`".to_owned(),
        )),
    }
}
