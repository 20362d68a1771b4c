//! Places in a recording: `$.a.b[0]`, `["x-y"]`, `[*]`.

/// One step of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    AnyIndex,
}

/// Reads a place; `None` for what is no place.
pub(crate) fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = parse_step(rest)?;
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

fn parse_step(text: &str) -> Option<(Step, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let (name, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
        return Some((Step::Name(name.to_owned()), rest));
    }
    let inner = text.strip_prefix('[')?;
    if let Some(quoted) = inner.strip_prefix('"') {
        let (name, rest) = quoted.split_once("\"]")?;
        return Some((Step::Name(name.replace("\\\"", "\"")), rest));
    }
    let (index, rest) = inner.split_once(']')?;
    let step = if index == "*" {
        Step::AnyIndex
    } else {
        Step::Index(index.parse().ok()?)
    };
    Some((step, rest))
}

/// Whether a pattern stands for this place.
pub(crate) fn fits(pattern: &[Step], place: &[Step]) -> bool {
    pattern.len() == place.len()
        && pattern.iter().zip(place).all(|(pattern, step)| match (pattern, step) {
            (Step::AnyIndex, Step::Index(_)) => true,
            (pattern, step) => pattern == step,
        })
}

#[test]
fn places_are_read() {
    let steps = parse("$.a[0][\"x-y\"][*]").unwrap();
    assert_eq!(
        steps,
        [
            Step::Name("a".into()),
            Step::Index(0),
            Step::Name("x-y".into()),
            Step::AnyIndex
        ]
    );
}
