//! What a work prints: rows under a header, for people and programs.

use serde::Serialize;

/// Figures in rows.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) work: String,
    pub(crate) header: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    /// What to know about the figures.
    pub(crate) notes: Vec<String>,
}

impl Table {
    /// As a Markdown table.
    pub(crate) fn render(&self) -> String {
        let mut lines = vec![
            self.work.clone(),
            String::new(),
            format!("| {} |", self.header.join(" | ")),
            format!("|{}", "---|".repeat(self.header.len())),
        ];
        lines.extend(self.rows.iter().map(|row| format!("| {} |", row.join(" | "))));
        lines.push(String::new());
        lines.extend(self.notes.iter().cloned());
        lines.join("\n")
    }
}
