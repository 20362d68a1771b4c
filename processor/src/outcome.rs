//! Outcomes: what is written down about each item, and what the meter hears.

use manifest::{ErrorClass, Item, ItemError, Outcome, Status, Subject, error_name as names};
use ports::Meter;

use crate::failure::AttemptError;
use crate::schedule::JobReport;

/// The outcome of an item that nothing was done about.
pub(crate) fn pending(item: Item) -> Outcome {
    let position = matches!(item.subject, Subject::Record { .. }).then_some(item.position);
    Outcome {
        index: item.index,
        subject: item.subject,
        status: Status::Pending,
        status_code: None,
        error: None,
        bytes: 0,
        checksum: None,
        attempts: 0,
        milliseconds: 0,
        destination: None,
        filename: None,
        note: item.note,
        position,
    }
}

/// The same, failed.
pub(crate) fn failed(mut outcome: Outcome, error: ItemError) -> Outcome {
    outcome.status = Status::Failed;
    outcome.error = Some(error);
    outcome
}

/// The same as its job ended; `succeeded` adds what was done.
pub(crate) fn settled<T>(
    mut outcome: Outcome,
    progress: &JobReport<T>,
    succeeded: impl FnOnce(&mut Outcome, &T),
) -> Outcome {
    outcome.attempts = progress.attempts;
    outcome.milliseconds = progress.milliseconds();
    match &progress.end {
        Some(Ok(done)) => {
            outcome.status = Status::Succeeded;
            succeeded(&mut outcome, done);
        }
        Some(Err(failure)) => {
            outcome.status = Status::Failed;
            outcome.status_code = failure.status;
            outcome.error = Some(failure.clone().into_error());
        }
        None => {
            outcome.status = Status::Pending;
            outcome.status_code = progress.last.as_ref().and_then(|failure| failure.status);
            outcome.error = Some(not_reached(progress.last.as_ref()));
        }
    }
    outcome
}

fn not_reached(last: Option<&AttemptError>) -> ItemError {
    let mut message = "not done before the deadline".to_owned();
    if let Some(failure) = last {
        message.extend(["; the last attempt: ", &failure.message]);
    }
    ItemError {
        name: names::NOT_REACHED.to_owned(),
        class: ErrorClass::Retryable,
        message,
    }
}

/// The outcome of an item whose URL stood in the batch before: the same, but it cost nothing.
pub(crate) fn as_follower(mut outcome: Outcome) -> Outcome {
    outcome.attempts = 0;
    outcome.milliseconds = 0;
    outcome
}

/// What an item is about, if it is what the work expects.
pub(crate) fn check_subject<'i, T>(
    item: &'i Item,
    expected: impl FnOnce(&'i Subject) -> Option<T>,
) -> Result<T, ItemError> {
    let error = |name: &str, message: &str| ItemError {
        name: name.to_owned(),
        class: ErrorClass::Permanent,
        message: message.to_owned(),
    };
    if let Some(malformed) = &item.malformed {
        return Err(error(&malformed.error, &malformed.message));
    }
    expected(&item.subject).ok_or_else(|| {
        error(
            names::MISSING_MEMBER,
            "the item is not of the kind that the work is about",
        )
    })
}

/// Tells the meter how a job ended.
pub(crate) fn count(meter: &Meter, end: Result<u64, &AttemptError>) {
    match end {
        Ok(bytes) => meter.add_succeeded(bytes),
        Err(_failed) => meter.add_failed(),
    }
}
