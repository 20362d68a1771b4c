//! Takes secrets out of text that people and logs get to see.

use std::borrow::Cow;

/// Query parameters whose values are secrets, in lower case: of S3 (also in its second version) and `CloudFront`, of Google's and
/// Azure's storage, of OAuth (RFC 6750, 2.3; RFC 6749, 2.3.1), and what GitHub, GitLab and others call theirs.
const PARAMETERS: [&str; 17] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "signature",
    "security-token",
    "x-goog-signature",
    "x-goog-credential",
    "sig",
    "access_token",
    "refresh_token",
    "client_secret",
    "private_token",
    "auth_token",
    "token",
    "password",
    "api_key",
    "apikey",
];

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// The text without signatures, tokens, passwords in URLs and `Authorization` headers.
///
/// ```
/// use manifest::redact;
///
/// assert_eq!(redact("GET https://me:pw@h/a?x=1&sig=abc&y=2"), "GET https://***@h/a?x=1&sig=***&y=2");
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
    text.bytes().any(|byte| matches!(byte, b'@' | b'=')) || find(text, "authorization").is_some()
}

/// Where `needle` (in lower case) stands in the text, whatever its case.
fn find(text: &str, needle: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(needle.len());
    windows
        .enumerate()
        .find(|(_, window)| window.eq_ignore_ascii_case(needle.as_bytes()))
        .map(|(at, _)| at)
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')')
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

/// `?sig=secret&x=1` becomes `?sig=***&x=1`.
fn hide_parameters(text: &str) -> Cow<'_, str> {
    if !text.contains('=') {
        return Cow::Borrowed(text);
    }
    let is_edge = |c: char| matches!(c, '&' | '?' | ';' | '#' | ',') || is_end(c);
    let mut hidden = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_edge) {
        let edge = piece.chars().next_back().filter(|c| is_edge(*c));
        let parameter = piece.strip_suffix(is_edge).unwrap_or(piece);
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                hidden.extend([name, "=", HIDDEN]);
                hidden.extend(edge);
            }
            _ => hidden.push_str(piece),
        }
    }
    Cow::Owned(hidden)
}

fn is_secret(name: &str) -> bool {
    PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
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
}
