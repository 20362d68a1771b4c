//! What one field of a state may hold besides plain JSON: a path, an expression, or a fixed value.

use crate::Text;
use crate::data::jsonata::Query;
use crate::data::{Expression, Path, Reference};

/// `InputPath`, `OutputPath`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Filter {
    /// `$`.
    #[default]
    Whole,
    /// `null`: an empty object.
    Nothing,
    Select(Reference),
}

/// `ResultPath`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum ResultPath {
    /// `$`: the result is the output.
    #[default]
    Replace,
    /// `null`: the input is the output.
    Discard,
    Insert {
        text: Text,
        path: Path,
    },
}

/// A number, text or other value that may be fixed, or found when the state runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Setting<T> {
    Fixed(T),
    Path(Reference),
    Query(Query),
}

/// Text that may be fixed, or found when the state runs: `Error`, `Cause`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextSetting {
    Fixed(Text),
    Expression(Expression),
    Query(Query),
}

/// Where a state leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    State(usize),
    End,
}
