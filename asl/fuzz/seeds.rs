//! Writes the first inputs of every target: `cargo run --example seeds -- FOLDER…`.
//!
//! Each folder is searched for JSON with a `States` member, itself or in a `definition`; the expressions in what is found
//! seed the other targets. Nothing of it is kept in the repository.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Default)]
struct Seeds {
    definitions: BTreeSet<(String, String)>,
    paths: BTreeSet<String>,
    calls: BTreeSet<String>,
    templates: BTreeSet<String>,
    queries: BTreeSet<String>,
}

const INPUTS: [&str; 3] = [
    "{}",
    r#"{"a":[1,2.5,{"b":"c"},null,true],"b":{"c":{"d":"x"}},"Value":"2020-01-01T00:00:00Z","list":[{"n":1},{"n":2}]}"#,
    r#"["Hello", "World", 3]"#,
];

fn main() {
    let mut seeds = Seeds::default();
    for folder in std::env::args().skip(1) {
        for file in files(Path::new(&folder)) {
            seeds.take_file(&file);
        }
    }
    seeds.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            path => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}

impl Seeds {
    fn take_file(&mut self, file: &Path) {
        let Ok(text) = std::fs::read_to_string(file) else {
            return;
        };
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            return;
        };
        let input = match &value["input"] {
            Value::String(input) => input.replace('\n', " "),
            Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        match &value["definition"] {
            Value::String(definition) => self.take_definition(definition, input),
            Value::Object(definition) => self.take_definition(&Value::from(definition.clone()).to_string(), input),
            _ if value.get("States").is_some() => self.take_definition(&text, input),
            _ => {}
        }
    }

    fn take_definition(&mut self, definition: &str, input: String) {
        if let Ok(value) = serde_json::from_str::<Value>(definition) {
            self.take_expressions(&value);
        }
        self.definitions.insert((definition.to_owned(), input));
    }

    fn take_expressions(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                if members.keys().any(|name| name.ends_with(".$")) {
                    self.templates.insert(value.to_string());
                }
                members.values().for_each(|member| self.take_expressions(member));
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.take_expressions(element)),
            Value::String(text) => self.take_text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn take_text(&mut self, text: &str) {
        let query = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
        if let Some(query) = query {
            self.queries.insert(query.trim().replace('\n', " "));
        } else if text.starts_with('$') {
            self.paths.insert(text.to_owned());
        } else if text.starts_with("States.") && text.contains('(') {
            self.calls.insert(text.to_owned());
        }
    }

    fn write(&self, corpus: &Path) {
        let definitions = self.definitions.iter().map(|(definition, _)| definition.clone());
        save(&corpus.join("definition"), definitions);
        let walked = self.definitions.iter().enumerate().map(|(at, (definition, input))| {
            let choices = ["", "\u{1}\u{3}\u{3}", "\u{6}\u{0}\u{2}"][at % 3];
            format!("{choices}\n{input}\n{definition}")
        });
        save(&corpus.join("steps"), walked);
        save(&corpus.join("path"), over_inputs(&self.paths));
        save(&corpus.join("jsonata"), over_inputs(&self.queries));
        save(
            &corpus.join("template"),
            over_inputs(&self.calls).chain(over_inputs(&self.templates)),
        );
    }
}

fn over_inputs(written: &BTreeSet<String>) -> impl Iterator<Item = String> {
    written
        .iter()
        .flat_map(|text| INPUTS.map(|input| format!("{text}\n{input}")))
}

fn save(folder: &Path, seeds: impl Iterator<Item = String>) {
    std::fs::create_dir_all(folder).expect("a folder for the corpus");
    let mut count = 0;
    for seed in seeds {
        std::fs::write(folder.join(format!("seed-{count}")), seed).expect("a seed");
        count += 1;
    }
    println!("{}: {count} seeds", folder.display());
}
