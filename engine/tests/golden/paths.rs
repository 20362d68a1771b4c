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
        let end = name.find(['.', '[']).unwrap_or(name.len());
        return Some((Step::Name(name[..end].to_owned()), &name[end..]));
    }
    let inner = text.strip_prefix('[')?;
    if inner.starts_with('"') {
        let end = inner[1..].find("\"]")? + 1;
        let name: String = serde_json::from_str(&inner[..=end]).ok()?;
        return Some((Step::Name(name), &inner[end + 2..]));
    }
    let (index, after) = inner.split_once(']')?;
    let step = if index == "*" {
        Step::AnyIndex
    } else {
        Step::Index(index.parse().ok()?)
    };
    Some((step, after))
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
