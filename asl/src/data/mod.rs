//! The data that flows between states: documents, paths, templates, intrinsic functions, the context object, `JSONata`.
//!
//! Everything here is compiled once from the definition and then evaluated against an input, without I/O.

pub(crate) mod context;
pub(crate) mod document;
pub(crate) mod expression;
pub(crate) mod intrinsic;
pub(crate) mod intrinsic_call;
pub(crate) mod java;
pub(crate) mod jsonata;
mod jsonata_functions;
mod jsonata_value;
mod jsonata_variables;
pub(crate) mod path;
mod path_filter;
pub(crate) mod path_parse;
pub(crate) mod random;
pub(crate) mod template;

pub(crate) use context::Context;
pub(crate) use document::Document;
pub(crate) use expression::{Expression, Reference, Scope, Variables};
pub(crate) use path::Path;
pub(crate) use random::Random;
pub(crate) use template::Template;
