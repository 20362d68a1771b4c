//! Reads a JSONPath: text in, segments or the place of the fault out.

use super::path::{DEPTH_MAX, Function, Path, Segment};
use super::path_filter::{Filter, Operand, Operator};
use serde_json::{Number, Value};

/// Why a path cannot be read, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What was expected.
    pub(crate) reason: &'static str,
    /// **Byte** in the text, from 0.
    pub(crate) at: usize,
}

type Read<T> = Result<T, Malformed>;

impl Path {
    /// Reads a whole path, which starts with `$`.
    pub(crate) fn parse(text: &str) -> Read<Self> {
        let mut reader = Reader::new(text);
        reader.take('$').ok_or_else(|| reader.fault("a path starts with `$`"))?;
        let path = reader.path()?;
        reader.end()?;
        Ok(path)
    }

    /// Reads the rest of a path after its `$` or name, as in `$$.Execution.Id` or `$name.field`.
    pub(crate) fn parse_tail(text: &str) -> Read<Self> {
        let mut reader = Reader::new(text);
        let path = reader.path()?;
        reader.end()?;
        Ok(path)
    }
}

/// A place in the text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text,
            depth: 0,
        }
    }

    fn fault(&self, reason: &'static str) -> Malformed {
        Malformed {
            reason,
            at: self.text.len() - self.rest.len(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn take_text(&mut self, wanted: &str) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char, reason: &'static str) -> Read<()> {
        self.space();
        self.take(wanted).ok_or_else(|| self.fault(reason))
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self
            .rest
            .find(|character| !accept(character))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn end(&self) -> Read<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault("unexpected text after the path"))
        }
    }

    /// Segments as long as there are any.
    fn path(&mut self) -> Read<Path> {
        let mut segments = Vec::new();
        while let Some(segment) = self.segment()? {
            segments.push(segment);
            if segments.len() > DEPTH_MAX {
                return Err(self.fault("the path has too many steps"));
            }
        }
        match segments.last() {
            Some(Segment::Scan) => Err(self.fault("a path cannot end with `.`")),
            _ => Ok(Path { segments }),
        }
    }

    fn segment(&mut self) -> Read<Option<Segment>> {
        if self.take_text("..") {
            return Ok(Some(Segment::Scan)).inspect(|_| self.rewind_for_name());
        }
        match self.peek() {
            Some('.') => self.dotted().map(Some),
            Some('[') => self.bracketed().map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// After `..` a bare name follows; a dot in front makes it an ordinary segment.
    fn rewind_for_name(&mut self) {
        if self.peek().is_some_and(|next| next != '[') {
            let start = self.text.len() - self.rest.len() - 1;
            self.rest = self.text.get(start..).unwrap_or(self.rest);
        }
    }

    fn dotted(&mut self) -> Read<Segment> {
        self.rest = self.rest.strip_prefix('.').unwrap_or(self.rest);
        if self.peek() == Some('[') {
            return self.bracketed();
        }
        if self.take('*').is_some() {
            return Ok(Segment::Wildcard);
        }
        let name = self.take_while(is_name);
        if name.is_empty() {
            return Err(self.fault("a name is missing after `.`"));
        }
        if self.take_text("()") {
            self.function(name)
        } else {
            Ok(Segment::Names(vec![name.into()]))
        }
    }

    fn function(&self, name: &str) -> Read<Segment> {
        let function = Function::ALL.into_iter().find(|function| function.name() == name);
        function
            .map(Segment::Function)
            .ok_or_else(|| self.fault("unknown function"))
    }

    fn bracketed(&mut self) -> Read<Segment> {
        self.expect('[', "`[` expected")?;
        self.space();
        let segment = match self.peek() {
            Some('*') => self.wildcard(),
            Some('?') => self.filter_segment()?,
            Some('\'' | '"') => self.names()?,
            Some(_) | None => self.indexes()?,
        };
        self.expect(']', "`]` expected")?;
        Ok(segment)
    }

    fn wildcard(&mut self) -> Segment {
        self.rest = self.rest.strip_prefix('*').unwrap_or(self.rest);
        Segment::Wildcard
    }

    fn names(&mut self) -> Read<Segment> {
        let mut names = vec![self.quoted()?];
        self.space();
        while self.take(',').is_some() {
            self.space();
            names.push(self.quoted()?);
            self.space();
        }
        Ok(Segment::Names(names))
    }

    fn quoted(&mut self) -> Read<String> {
        let quote = self.peek().filter(|quote| matches!(quote, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.fault("a quoted name is expected"))?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    let (_, next) = characters.next().ok_or_else(|| self.fault("unfinished escape"))?;
                    if next != quote && next != '\\' {
                        text.push('\\');
                    }
                    text.push(next);
                }
                end if end == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err(self.fault("the quoted name does not end"))
    }

    fn indexes(&mut self) -> Read<Segment> {
        let first = self.integer()?;
        self.space();
        if self.take(':').is_some() {
            self.space();
            return Ok(Segment::Slice(first, self.integer()?));
        }
        let mut indexes = vec![first.ok_or_else(|| self.fault("an index, a name, `*` or `?` is expected"))?];
        while self.take(',').is_some() {
            self.space();
            indexes.push(self.integer()?.ok_or_else(|| self.fault("an index is expected"))?);
            self.space();
        }
        Ok(Segment::Indexes(indexes))
    }

    fn integer(&mut self) -> Read<Option<i64>> {
        let digits = self.take_while(|character| character == '-' || character.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        digits
            .parse()
            .map(Some)
            .map_err(|_unused| self.fault("the index is no integer"))
    }

    fn filter_segment(&mut self) -> Read<Segment> {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        self.expect('(', "`(` expected after `?`")?;
        let filter = self.either()?;
        self.expect(')', "`)` expected")?;
        Ok(Segment::Filter(Box::new(filter)))
    }

    fn either(&mut self) -> Read<Filter> {
        self.nest()?;
        let mut terms = vec![self.both()?];
        while self.spaced("||") {
            terms.push(self.both()?);
        }
        self.depth -= 1;
        Ok(single_or(terms, Filter::Or))
    }

    fn nest(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            Err(self.fault("the filter is nested too deeply"))
        } else {
            Ok(())
        }
    }

    fn both(&mut self) -> Read<Filter> {
        let mut terms = vec![self.term()?];
        while self.spaced("&&") {
            terms.push(self.term()?);
        }
        Ok(single_or(terms, Filter::And))
    }

    fn spaced(&mut self, wanted: &str) -> bool {
        self.space();
        self.take_text(wanted)
    }

    fn term(&mut self) -> Read<Filter> {
        if self.spaced("!") {
            self.nest()?;
            let term = self.term()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(term)));
        }
        if self.take('(').is_some() {
            let inner = self.either()?;
            self.expect(')', "`)` expected")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read<Filter> {
        let left = self.operand()?;
        match self.operator() {
            None => Ok(Filter::Exists(left)),
            Some(operator) => Filter::compare(left, operator, self.operand()?)
                .ok_or_else(|| self.fault("the regular expression cannot be read")),
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        self.space();
        Operator::ALL
            .into_iter()
            .find(|operator| self.take_text(operator.text()))
    }

    fn operand(&mut self) -> Read<Operand> {
        self.space();
        match self.peek() {
            Some('@') => self.path_operand('@').map(Operand::Current),
            Some('$') => self.path_operand('$').map(Operand::Root),
            Some('\'' | '"') => self.quoted().map(Value::String).map(Operand::Literal),
            Some('/') => self.regex(),
            Some('[') => self.list().map(Operand::Literal),
            Some(_) | None => self.literal().map(Operand::Literal),
        }
    }

    fn path_operand(&mut self, lead: char) -> Read<Path> {
        self.rest = self.rest.strip_prefix(lead).unwrap_or(self.rest);
        self.nest()?;
        let path = self.path()?;
        self.depth -= 1;
        Ok(path)
    }

    fn regex(&mut self) -> Read<Operand> {
        self.rest = self.rest.strip_prefix('/').unwrap_or(self.rest);
        let end = unescaped_slash(self.rest).ok_or_else(|| self.fault("the regular expression does not end"))?;
        let (pattern, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('/').unwrap_or(rest);
        let flags = self.take_while(|character| character.is_ascii_lowercase());
        let prefix = if flags.contains('i') { "(?i)" } else { "" };
        Ok(Operand::Literal(Value::String(format!(
            "{prefix}{}",
            pattern.replace("\\/", "/")
        ))))
    }

    fn list(&mut self) -> Read<Value> {
        self.expect('[', "`[` expected")?;
        let mut values = Vec::new();
        self.space();
        while self.peek() != Some(']') {
            match self.operand()? {
                Operand::Literal(value) => values.push(value),
                Operand::Current(_) | Operand::Root(_) => return Err(self.fault("a literal is expected")),
            }
            self.space();
            if self.take(',').is_none() {
                break;
            }
            self.space();
        }
        self.expect(']', "`]` expected")?;
        Ok(Value::Array(values))
    }

    /// A word that is neither a number nor a constant is a string without quotes: `[?(@.status==Failure)]` runs on AWS.
    fn literal(&mut self) -> Read<Value> {
        let word = self
            .take_while(|character| character.is_alphanumeric() || matches!(character, '.' | '-' | '+' | '_' | ':'));
        match word {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            "" => Err(self.fault("a value is expected")),
            word => Ok(word.parse::<Number>().map_or_else(|_unused| word.into(), Value::Number)),
        }
    }
}

fn is_name(character: char) -> bool {
    !matches!(
        character,
        '.' | '[' | ']' | '(' | ')' | ' ' | ',' | '=' | '<' | '>' | '!' | '&' | '|' | '\'' | '"' | '?' | '@'
    )
}

fn unescaped_slash(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let ends = character == '/' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn single_or(mut terms: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    if terms.len() == 1 {
        terms.swap_remove(0)
    } else {
        many(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_is_jayways() {
        for (text, canonical) in [
            ("$.a.b[0]", "$['a']['b'][0]"),
            ("$..x", "$..['x']"),
            ("$['a b'].*", "$['a b'][*]"),
        ] {
            assert_eq!(Path::parse(text).unwrap().canonical(), canonical);
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for text in [
            "",
            "a",
            "$.",
            "$..",
            "$[",
            "$['a",
            "$[?(@.a ==)]",
            "$.a b",
            "$[?(@.a =~ /(/)]",
            "$.f()",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert_eq!(Path::parse("$.a]").unwrap_err().at, 3);
        assert!(Path::parse(&format!("$[?({}@.a)]", "!".repeat(100_000))).is_err());
    }
}
