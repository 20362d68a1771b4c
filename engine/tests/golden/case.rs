//! One recorded case, as it lies on disk.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// A case: its file, mostly left as JSON.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) json: Value,
}

impl Case {
    /// Every case below a folder, by name.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let mut files: Vec<PathBuf> = entries(folder)
            .iter()
            .filter(|path| path.is_dir())
            .flat_map(|path| entries(path))
            .collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        assert!(!files.is_empty(), "cases lie in {}", folder.display());
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        Self {
            json: serde_json::from_str(&text).unwrap(),
        }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.json.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn category(&self) -> &str {
        self.text("category")
    }

    pub(crate) fn kind(&self) -> &str {
        self.text("kind")
    }

    pub(crate) fn input(&self) -> &str {
        self.json.get("input").and_then(Value::as_str).unwrap_or("{}")
    }

    pub(crate) fn expect(&self) -> &Value {
        &self.json["expect"]
    }

    pub(crate) fn is_express(&self) -> bool {
        self.text("type") == "EXPRESS"
    }

    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.json
            .get(name)
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.json.get(name).and_then(Value::as_bool)
    }

    /// Recorded events, if there are any.
    pub(crate) fn events(&self) -> Option<&Vec<Value>> {
        self.expect().get("history")?.get("events")?.as_array()
    }

    /// Whether the history can be compared at all.
    pub(crate) fn has_reliable_history(&self) -> bool {
        self.events().is_some() && self.flag("history_reliable") != Some(false)
    }

    pub(crate) fn has_unordered_branches(&self) -> bool {
        self.flag("unordered_branches") == Some(true)
    }

    /// Whether order and ids can be compared.
    pub(crate) fn is_strict_eligible(&self) -> bool {
        let features = self.list("features");
        let concurrent = features.contains(&"Parallel")
            || (features.contains(&"Map")
                && !self.text("definition").contains("\"MaxConcurrency\": 1")
                && !self.text("definition").contains("\"MaxConcurrency\":1"));
        self.has_reliable_history() && !self.has_unordered_branches() && !concurrent
    }

    /// Whether tasks would have to be answered without anything recorded to answer with.
    pub(crate) fn is_unreplayable(&self) -> bool {
        let needs = self.list("needs");
        let calls = needs
            .iter()
            .any(|need| *need != "s3" || self.text("definition").contains("aws-sdk:s3"));
        match self.kind() {
            "execution" | "sync_execution" => calls && self.events().is_none(),
            "test_state" => {
                !needs.is_empty() && self.flag("mocked") != Some(true) && self.expect().get("error").is_none()
            }
            _ => false,
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
