//! Takes secrets out of text that people and logs get to see.
//!
//! The values of a URL's query are hidden unless they look harmless: nobody can list the names of all secrets. A
//! parameter with the name of a secret is hidden wherever it stands, whatever its value.

use std::borrow::Cow;
use std::sync::OnceLock;

use percent_encoding::percent_decode_str;

/// Words in the names of parameters whose values are secrets: of S3 (also in its second version) and `CloudFront`, of
/// Google's, Azure's and Akamai's storage, of OAuth (RFC 6750, 2.3; RFC 6749, 2.3.1), and what others call theirs.
const SECRET_WORDS: [&str; 33] = [
    "acl",
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "code",
    "cookie",
    "credential",
    "credentials",
    "csrf",
    "hash",
    "hdnea",
    "hdntl",
    "hdnts",
    "hmac",
    "jwt",
    "key",
    "otp",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "policy",
    "pwd",
    "secret",
    "sess",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "ticket",
];

/// Endings of names that are written in one word, such as `authtoken` and `phpsessid`.
const SECRET_ENDINGS: [&str; 6] = ["token", "secret", "password", "signature", "sessid", "apikey"];

/// Names of parameters whose values are shown although they look like secrets: of signed URLs and of S3's requests.
const HARMLESS_NAMES: [&str; 20] = [
    "expires",
    "key-pair-id",
    "partnumber",
    "response-content-disposition",
    "response-content-type",
    "se",
    "sp",
    "spr",
    "sr",
    "st",
    "sv",
    "versionid",
    "x-amz-algorithm",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-goog-algorithm",
    "x-goog-date",
    "x-goog-expires",
    "x-goog-signedheaders",
];

/// Letters and digits up to which a value is shown: too short to be a secret.
const SHORT_VALUE: usize = 3;
/// Characters up to which a number is shown: sizes, pages and dates, but no account's number.
const SHORT_NUMBER: usize = 8;
/// Characters from which a query without a name is taken for a secret.
const LONG_FLAG: usize = 16;

/// What is shown instead of a secret.
const HIDDEN: &str = "***";

/// Names that the user has allowed.
static SHOWN: OnceLock<Vec<String>> = OnceLock::new();

/// Shows the values of these parameters too, whatever they look like, for the rest of the process. False when that was
/// said before: the first call counts.
pub fn show_parameters(names: impl IntoIterator<Item = String>) -> bool {
    let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    SHOWN.set(names).is_ok()
}

/// The text without signatures, tokens, passwords in URLs and `Authorization` headers.
///
/// ```
/// use manifest::redact;
///
/// assert_eq!(redact("GET https://me:pw@h/a?x=1&sig=abc&y=2"), "GET https://***@h/a?x=1&sig=***&y=2");
/// assert_eq!(redact("https://h/a?w=640&hdnts=exp=1~hmac=9f"), "https://h/a?w=640&hdnts=***");
/// ```
pub fn redact<'t>(text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
    let text = text.into();
    if !may_hold_secrets(&text) {
        return text;
    }
    let hidden = hide_userinfo(&text);
    let hidden = hide_parameters(&hidden);
    Cow::Owned(hide_authorization(&hidden).into_owned())
}

/// A secret stands behind one of these; most texts have none of them.
fn may_hold_secrets(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'@' | b'=' | b'?')) || find(text, "authorization").is_some()
}

/// Where `needle` (in lower case) stands in the text, whatever its case.
fn find(text: &str, needle: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(needle.len());
    windows
        .enumerate()
        .find(|(_, window)| window.eq_ignore_ascii_case(needle.as_bytes()))
        .map(|(at, _)| at)
}

/// `//user:password@host` becomes `//***@host`.
fn hide_userinfo(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let (mut hidden, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, from)) = authority_start(rest).and_then(|at| rest.split_at_checked(at)) {
        // Passwords may have quotes and parentheses in them.
        let end = from.find(|c: char| matches!(c, '/' | '?' | '#' | '\\') || c.is_whitespace());
        let (authority, after) = from.split_at(end.unwrap_or(from.len()));
        hidden.push_str(before);
        match authority.rsplit_once('@') {
            Some((_, host)) => hidden.extend([HIDDEN, "@", host]),
            None => hidden.push_str(authority),
        }
        rest = after;
    }
    hidden.push_str(rest);
    Cow::Owned(hidden)
}

/// Where the first authority begins. The URL standard takes any number of slashes, either way round, also none.
fn authority_start(text: &str) -> Option<usize> {
    let after = |start: &str| find(text, start).map(|at| at + start.len());
    let at = ["//", "http:", "https:"].into_iter().filter_map(after).min()?;
    let slashes = text.bytes().skip(at).take_while(|byte| matches!(byte, b'/' | b'\\'));
    Some(at + slashes.count())
}

/// `?sig=secret&x=1` becomes `?sig=***&x=1`, in each word of the text.
fn hide_parameters(text: &str) -> Cow<'_, str> {
    if !text.contains(['=', '?']) {
        return Cow::Borrowed(text);
    }
    let mut hidden = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        // What a sentence puts around a URL is no part of it.
        let is_around =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')' | ',' | '.' | ';' | ':');
        let word = piece.trim_end_matches(is_around);
        let around = piece.strip_prefix(word).unwrap_or_default();
        match word.find(['?', '#']) {
            Some(at) if is_url(word) => hide_query(word.split_at(at), &mut hidden),
            Some(_) | None => hide_named(word, &mut hidden),
        }
        hidden.push_str(around);
    }
    Cow::Owned(hidden)
}

/// Whether a word with a `?` or `#` is a URL or a path, and not the end of a sentence.
fn is_url(word: &str) -> bool {
    word.contains('/') || word.contains('=')
}

/// The parameters of a query or fragment, separated by `&`, `;` or `#`.
fn hide_query((path, query): (&str, &str), hidden: &mut String) {
    hidden.push_str(path);
    let (mut was_hidden, mut before) = (false, "");
    let is_edge = |c: char| matches!(c, '?' | '&' | ';' | '#');
    for piece in query.split_inclusive(is_edge) {
        let parameter = piece.strip_suffix(is_edge).unwrap_or(piece);
        let edge = piece.strip_prefix(parameter).unwrap_or_default();
        match parameter.split_once('=') {
            Some((name, value)) => {
                was_hidden = !is_harmless(name, value, path);
                let shown = if was_hidden { HIDDEN } else { value };
                hidden.extend([name, "=", shown, edge]);
            }
            // What follows a separator inside of a secret belongs to the secret.
            None if was_hidden && before == ";" => hidden.push_str(edge),
            None if is_long_flag(parameter) => hidden.extend([HIDDEN, edge]),
            None => hidden.extend([parameter, edge]),
        }
        before = edge;
    }
}

/// Text outside of a URL: only what has the name of a secret is hidden.
fn hide_named(word: &str, hidden: &mut String) {
    let is_edge = |c: char| {
        matches!(
            c,
            '&' | ';' | ',' | '"' | '\'' | '`' | '<' | '>' | ')' | '(' | '{' | '}'
        )
    };
    for piece in word.split_inclusive(is_edge) {
        let parameter = piece.strip_suffix(is_edge).unwrap_or(piece);
        let edge = piece.strip_prefix(parameter).unwrap_or_default();
        match parameter.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => hidden.extend([name, "=", HIDDEN, edge]),
            Some(_) | None => hidden.push_str(piece),
        }
    }
}

fn is_harmless(name: &str, value: &str, path: &str) -> bool {
    let plain = decode(name).to_ascii_lowercase();
    let allowed = SHOWN.get().is_some_and(|names| names.contains(&plain));
    if allowed || HARMLESS_NAMES.contains(&plain.as_str()) {
        return true;
    }
    !is_secret(name) && looks_harmless(&decode(value), path)
}

fn looks_harmless(value: &str, path: &str) -> bool {
    let is_short = value.len() <= SHORT_VALUE && value.chars().all(char::is_alphanumeric);
    let is_number = value.len() <= SHORT_NUMBER
        && value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".,-x".contains(&byte));
    let is_truth = ["true", "false", "none", "null"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    is_short || is_number || is_truth || is_word_of(value, path)
}

/// Whether a value repeats a word of the path, such as a file's name or extension.
fn is_word_of(value: &str, path: &str) -> bool {
    let mut words = path.split(|c: char| !c.is_alphanumeric());
    words.any(|word| word.eq_ignore_ascii_case(value)) || path.split('/').any(|segment| segment == value)
}

fn is_long_flag(parameter: &str) -> bool {
    let has_digit = parameter.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = parameter.bytes().any(|byte| byte.is_ascii_alphabetic());
    parameter.len() >= LONG_FLAG && has_digit && has_letter
}

/// Whether a parameter's name is that of a secret: `my_token`, `X-Amz-Signature`, `clientSecret`, `%74oken`.
fn is_secret(name: &str) -> bool {
    let name = decode(name);
    let plain = name.to_ascii_lowercase();
    if HARMLESS_NAMES.contains(&plain.as_str()) {
        return false;
    }
    SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending))
        || words(&name).any(|word| SECRET_WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
}

/// The words of a name in `snake_case`, `kebab-case` or `camelCase`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    parts.flat_map(|part| {
        let humps = part.char_indices().zip(part.chars().skip(1));
        let starts = humps.filter(|((_, before), c)| before.is_lowercase() && c.is_uppercase());
        let ends = starts
            .map(|((at, before), _)| at + before.len_utf8())
            .chain([part.len()]);
        ends.scan(0, move |from, end| {
            let word = part.get(*from..end);
            *from = end;
            word
        })
    })
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Everything on a line after `Authorization:` or `Authorization=`.
fn hide_authorization(text: &str) -> Cow<'_, str> {
    const NAME: &str = "authorization";
    if find(text, NAME).is_none() {
        return Cow::Borrowed(text);
    }
    let hide = |line: &str| -> String {
        let end = find(line, NAME).map(|at| at + NAME.len());
        match end.and_then(|end| line.split_at_checked(end)) {
            Some((head, value)) if value.trim_start().starts_with([':', '=']) => format!("{head}: {HIDDEN}"),
            _ => line.to_owned(),
        }
    };
    Cow::Owned(text.split('\n').map(hide).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let cases = [
            ("Could not find: http://h/a.gif", "Could not find: http://h/a.gif"),
            ("at https://u:p@h/x", "at https://***@h/x"),
            ("at https://u@h", "at https://***@h"),
            ("at `https://u:p)'\"`<w@h/x`", "at `https://***@h/x`"),
            ("https:u:p@h/x and HTTP:\\u:p@h", "https:***@h/x and HTTP:\\***@h"),
            ("///u:p@h//v:p@h", "///***@h//***@h"),
            ("a@b.c wrote", "a@b.c wrote"),
            ("https://h/a@b?c=d", "https://h/a@b?c=d"),
            (
                "https://h/k?X-Amz-Algorithm=A&X-Amz-Credential=AK%2F1&X-Amz-Security-Token=t&X-Amz-Signature=5f",
                "https://h/k?X-Amz-Algorithm=A&X-Amz-Credential=***&X-Amz-Security-Token=***&X-Amz-Signature=***",
            ),
            (
                "`https://h/k?sv=1&SIG=a%2Fb` failed",
                "`https://h/k?sv=1&SIG=***` failed",
            ),
            ("x?design=1", "x?design=1"),
            (
                "x?Expires=1&Signature=a~_&Key-Pair-Id=K",
                "x?Expires=1&Signature=***&Key-Pair-Id=K",
            ),
            ("x?access_token=a#b", "x?access_token=***#b"),
            ("x?token=a&password=b&tokens=2", "x?token=***&password=***&tokens=2"),
            ("authorization: Bearer abc def", "authorization: ***"),
            ("sent Authorization=Basic eA==\nnext", "sent Authorization: ***\nnext"),
            (
                "HTTP error 401 - authorization needed",
                "HTTP error 401 - authorization needed",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn secrets_have_many_names() {
        for name in [
            "secret",
            "key",
            "pwd",
            "auth",
            "jwt",
            "code",
            "ticket",
            "sessionid",
            "PHPSESSID",
            "hdnts",
            "my_token",
            "%74oken",
            "clientSecret",
            "x-api-key",
            "authToken",
            "id_token",
            "SAMLart-session",
            "pin",
        ] {
            let url = format!("https://h/a.gif?{name}=1&x=2");
            assert_eq!(redact(url), format!("https://h/a.gif?{name}=***&x=2"), "{name}");
        }
    }

    #[test]
    fn values_that_do_not_look_harmless_are_hidden_whatever_their_name() {
        let cases = [
            ("https://h/a?u=Zm9vYmFy", "https://h/a?u=***"),
            ("https://h/a?w=640&h=480&q=0.75", "https://h/a?w=640&h=480&q=0.75"),
            (
                "https://h/flags/ag.gif?name=ag.gif&ext=gif",
                "https://h/flags/ag.gif?name=ag.gif&ext=gif",
            ),
            ("https://h/a?n=123456789012", "https://h/a?n=***"),
            ("https://h/a?download=true&lang=en", "https://h/a?download=true&lang=en"),
            ("https://h/a?hdnts=exp=1~acl=/*~hmac=9f;x", "https://h/a?hdnts=***;"),
            ("https://h/a?x=ab'cd)ef", "https://h/a?x=***"),
            ("https://h/a?deadbeefdeadbeef01", "https://h/a?***"),
            ("https://h/a?versions", "https://h/a?versions"),
            ("https://h/a#id_token=abcdef", "https://h/a#id_token=***"),
            ("{\"url\":\"https://h/a?x=abcdef\"}", "{\"url\":\"https://h/a?x=***"),
            ("is it? yes, a=bcdef", "is it? yes, a=bcdef"),
            ("expected a column, pwd=abc given", "expected a column, pwd=*** given"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected, "{text}");
        }
    }
}
