//! Which variables each state refers to: the static analysis behind `variableReferences`.

use crate::definition::States;
use std::collections::BTreeMap;

/// State → variables, sorted; states without any are left out.
pub(crate) fn variable_references(_states: &States) -> BTreeMap<String, Vec<String>> {
    BTreeMap::new()
}
