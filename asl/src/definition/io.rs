//! What a state does to its data: the path fields of JSONPath, or the query fields of `JSONata`.

use super::fields::Fields;
use super::setting::{Filter, ResultPath};
use crate::data::Template;
use crate::data::jsonata::QueryTemplate;

/// The data flow of a state.
#[derive(Debug)]
pub(crate) enum Io {
    Paths(Box<PathIo>),
    Query(Box<QueryIo>),
}

/// `InputPath` → Parameters → the state → `ResultSelector` → `ResultPath` → `OutputPath`.
#[derive(Debug, Default)]
pub(crate) struct PathIo {
    pub(crate) input: Filter,
    pub(crate) parameters: Option<Template>,
    pub(crate) selector: Option<Template>,
    pub(crate) result: ResultPath,
    pub(crate) output: Filter,
    pub(crate) assign: Option<Template>,
}

/// Arguments → the state → Output.
#[derive(Debug, Default)]
pub(crate) struct QueryIo {
    pub(crate) arguments: Option<QueryTemplate>,
    pub(crate) output: Option<QueryTemplate>,
    pub(crate) assign: Option<QueryTemplate>,
}

/// Which of the fields a kind of state has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Has {
    pub(crate) parameters: bool,
    pub(crate) selector: bool,
    pub(crate) result: bool,
}

impl Io {
    /// Reads the fields that every state may have, and those that `has` allows.
    pub(crate) fn read(fields: &mut Fields<'_, '_>, has: Has) -> Self {
        if fields.is_jsonata() {
            fields.refuse_path_fields();
            return Self::Query(Box::new(QueryIo {
                arguments: has.selector.then(|| fields.query_template("Arguments")).flatten(),
                output: fields.query_template("Output"),
                assign: fields.query_template("Assign"),
            }));
        }
        fields.refuse_query_fields();
        Self::Paths(Box::new(PathIo {
            input: fields.filter("InputPath"),
            parameters: has.parameters.then(|| fields.template("Parameters")).flatten(),
            selector: has.selector.then(|| fields.template("ResultSelector")).flatten(),
            result: if has.result {
                fields.result_path("ResultPath")
            } else {
                ResultPath::default()
            },
            output: fields.filter("OutputPath"),
            assign: fields.template("Assign"),
        }))
    }
}
