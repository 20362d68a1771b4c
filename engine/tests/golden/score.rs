//! Counts verdicts by category, prints the table, and holds the floor.

use crate::case::Case;
use crate::verdict::Verdict;
use std::collections::BTreeMap;

/// The least that must be reached, in permille.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) outcome: usize,
    pub(crate) types: usize,
    pub(crate) events: usize,
    pub(crate) strict: usize,
}

/// One line of the table.
#[derive(Debug, Default, Clone)]
struct Line {
    cases: usize,
    outcome: usize,
    with_history: usize,
    types: usize,
    events: usize,
    strict: usize,
    strict_eligible: usize,
}

/// All lines, the misses and what could not be replayed.
#[derive(Debug, Default)]
pub(crate) struct Score {
    lines: BTreeMap<String, Line>,
    all: Line,
    misses: Vec<String>,
    unreplayable: Vec<String>,
}

impl Score {
    pub(crate) fn add(&mut self, case: &Case, verdict: &Verdict) {
        if case.is_unreplayable() && verdict.outcome.is_err() {
            return self.unreplayable.push(case.id().to_owned());
        }
        let line = self.lines.entry(case.category().to_owned()).or_default();
        for line in [line, &mut self.all] {
            line.count(case, verdict);
        }
        if let Some((level, difference)) = first_miss(case, verdict) {
            self.misses.push(format!("MISS {} [{level}] {difference}", case.id()));
        }
    }

    pub(crate) fn print(&self) {
        self.misses.iter().for_each(|miss| println!("{miss}"));
        self.unreplayable.iter().for_each(|id| println!("UNREPLAYABLE {id}"));
        println!(
            "{:<24} {:>5} {:>7} {:>12} {:>5} {:>6} {:>6} {:>15}",
            "category", "cases", "outcome", "with-history", "types", "events", "strict", "strict-eligible"
        );
        self.lines.iter().for_each(|(name, line)| line.print(name));
        self.all.print("ALL");
    }

    pub(crate) fn hold(&self, floor: &Floor) {
        let permille = |part: usize, whole: usize| (part * 1_000).checked_div(whole).unwrap_or(1_000);
        let all = &self.all;
        assert!(
            permille(all.outcome, all.cases) >= floor.outcome,
            "outcome fell below {}‰",
            floor.outcome
        );
        assert!(
            permille(all.types, all.with_history) >= floor.types,
            "types fell below {}‰",
            floor.types
        );
        assert!(
            permille(all.events, all.with_history) >= floor.events,
            "events fell below {}‰",
            floor.events
        );
        assert!(
            permille(all.strict, all.strict_eligible) >= floor.strict,
            "strict fell below {}‰",
            floor.strict
        );
    }
}

impl Line {
    fn count(&mut self, case: &Case, verdict: &Verdict) {
        self.cases += 1;
        self.outcome += usize::from(verdict.outcome.is_ok());
        if case.has_reliable_history() {
            self.with_history += 1;
            self.types += usize::from(verdict.types.is_ok());
            self.events += usize::from(verdict.events.is_ok());
        }
        if case.is_strict_eligible() {
            self.strict_eligible += 1;
            self.strict += usize::from(verdict.strict.is_ok());
        }
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<24} {:>5} {:>7} {:>12} {:>5} {:>6} {:>6} {:>15}",
            self.cases, self.outcome, self.with_history, self.types, self.events, self.strict, self.strict_eligible
        );
    }
}

fn first_miss<'a>(case: &Case, verdict: &'a Verdict) -> Option<(&'static str, &'a String)> {
    let levels = [
        ("outcome", Some(&verdict.outcome)),
        ("types", Some(&verdict.types).filter(|_| case.has_reliable_history())),
        ("events", Some(&verdict.events).filter(|_| case.has_reliable_history())),
        ("strict", Some(&verdict.strict).filter(|_| case.is_strict_eligible())),
    ];
    levels
        .into_iter()
        .find_map(|(level, compared)| Some((level, compared?.as_ref().err()?)))
}
