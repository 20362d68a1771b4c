//! The names under which items fail. They are API: `--only error=NAME`, reports and `Retry` match on them.

/// A record with fewer fields than the column that is read; as a note, with more or fewer fields than the header.
pub const WRONG_FIELD_COUNT: &str = "WrongFieldCount";
/// The item's cell is empty.
pub const EMPTY_CELL: &str = "EmptyCell";
/// A quote inside an unquoted field, or text after a closing quote.
pub const BARE_QUOTE: &str = "BareQuote";
/// A quoted field that never closes.
pub const UNCLOSED_QUOTE: &str = "UnclosedQuote";
/// Bytes that are not UTF-8.
pub const INVALID_UTF8: &str = "InvalidUtf8";
/// A line or element that is not JSON.
pub const INVALID_JSON: &str = "InvalidJson";
/// A JSON item without the member that names its URL, or with another type in it.
pub const MISSING_MEMBER: &str = "MissingMember";
/// A record that an earlier round could not read.
pub const INVALID_RECORD: &str = "InvalidRecord";
/// A record over the size limit.
pub const RECORD_TOO_LONG: &str = "RecordTooLong";

/// Not a URL.
pub const INVALID_URL: &str = "InvalidUrl";
/// A URL that is neither `http` nor `https`.
pub const SCHEME_NOT_ALLOWED: &str = "SchemeNotAllowed";
/// A private, loopback, link-local or metadata address.
pub const ADDRESS_REFUSED: &str = "AddressRefused";
/// A port that is not on the list.
pub const PORT_REFUSED: &str = "PortRefused";
/// A name or key that would not be safe to write: `..`, absolute, NUL, backslash, a device name.
pub const UNSAFE_NAME: &str = "UnsafeName";
/// A name or key that is too long.
pub const NAME_TOO_LONG: &str = "NameTooLong";

/// The host has no address.
pub const NO_SUCH_HOST: &str = "NoSuchHost";
/// No connection could be made.
pub const CONNECTION_FAILED: &str = "ConnectionFailed";
/// TLS failed: a wrong name, an unknown issuer, an expired certificate.
pub const TLS_FAILED: &str = "TlsFailed";
/// The connection ended before the body did, or the length was a lie.
pub const TRUNCATED: &str = "Truncated";
/// No answer, or not all of it, in time.
pub const TIMEOUT: &str = "Timeout";
/// More redirects than allowed, or a loop of them.
pub const TOO_MANY_REDIRECTS: &str = "TooManyRedirects";
/// A redirect to nowhere.
pub const INVALID_REDIRECT: &str = "InvalidRedirect";
/// A body over the size limit.
pub const TOO_LARGE: &str = "TooLarge";
/// A compressed body that grows beyond the ratio limit.
pub const DECOMPRESSION_BOMB: &str = "DecompressionBomb";
/// A compressed body that cannot be decompressed.
pub const DECODE_FAILED: &str = "DecodeFailed";

/// A note: a body in a content coding that nobody knows was stored as it came.
pub const UNKNOWN_CODING: &str = "UnknownCoding";

/// 404 or 410; for a copy, no such object.
pub const NOT_FOUND: &str = "NotFound";
/// 401 or 403.
pub const DENIED: &str = "Denied";
/// 429, or 503 with `Retry-After`.
pub const THROTTLED: &str = "Throttled";
/// Another 4xx.
pub const CLIENT_ERROR: &str = "ClientError";
/// A 5xx.
pub const SERVER_ERROR: &str = "ServerError";
/// A status that is neither success nor error, such as 304.
pub const UNEXPECTED_STATUS: &str = "UnexpectedStatus";

/// Another item of the run has the name already.
pub const NAME_TAKEN: &str = "NameTaken";
/// A newer version of the same object goes to the same name.
pub const VERSION_SUPERSEDED: &str = "VersionSuperseded";
/// The object to copy is not the one that the manifest meant.
pub const CONFLICT: &str = "Conflict";
/// The destination could not be written.
pub const WRITE_FAILED: &str = "WriteFailed";

/// Not reached before the deadline of its round.
pub const NOT_REACHED: &str = "NotReached";
/// Its processor ended without saying what became of it.
pub const PROCESSOR_FAILED: &str = "ProcessorFailed";
