//! Rows of the [`ports::Table`] port in the types of a library that speaks DynamoDB's shapes, and back.
//!
//! The SDK and the table file have a type of the same shape each, with other names for some variants. The mapping is
//! written once, as a macro, since neither type can be named by the other.

/// Defines `item`, `row` and what they need for the type `Value` of a library.
///
/// `names` are the library's variants for truth values, nulls and sets; `blob` makes its bytes; `others` is a pattern for
/// what gantry's rows do not hold.
macro_rules! mapping {
    (
        names: $bool:ident $null:ident $text_set:ident $number_set:ident,
        blob: $blob:expr,
        others: $others:pat,
    ) => {
        fn value(attribute: ports::AttributeValue) -> ports::Result<Value> {
            use ports::AttributeValue as A;
            Ok(match attribute {
                A::S(text) => Value::S(text),
                A::N(number) => Value::N(number),
                A::Bool(truth) => Value::$bool(truth),
                A::Null(null) => Value::$null(null),
                A::L(list) => Value::L(list.into_iter().map(value).collect::<ports::Result<_>>()?),
                A::M(map) => Value::M(item(map)?),
                A::TextSet(texts) => Value::$text_set(texts),
                A::NumberSet(numbers) => Value::$number_set(numbers),
                A::B(text) => Value::B($blob($crate::attribute_value::decode(&text)?)),
            })
        }

        fn item(row: ports::Row) -> ports::Result<std::collections::HashMap<String, Value>> {
            let values = row
                .into_iter()
                .map(|(name, attribute)| Ok((name, value(attribute)?)));
            values.collect()
        }

        fn attribute(value: Value) -> ports::Result<ports::AttributeValue> {
            use ports::AttributeValue as A;
            Ok(match value {
                Value::S(text) => A::S(text),
                Value::N(number) => A::N(number),
                Value::$bool(truth) => A::Bool(truth),
                Value::$null(null) => A::Null(null),
                Value::L(list) => A::L(list.into_iter().map(attribute).collect::<ports::Result<_>>()?),
                Value::M(map) => A::M(row(map)?),
                Value::$text_set(texts) => A::TextSet(texts),
                Value::$number_set(numbers) => A::NumberSet(numbers),
                Value::B(bytes) => A::B($crate::attribute_value::encode(bytes)),
                other @ $others => return Err($crate::attribute_value::unknown(&other)),
            })
        }

        fn row(item: std::collections::HashMap<String, Value>) -> ports::Result<ports::Row> {
            let attributes = item
                .into_iter()
                .map(|(name, value)| Ok((name, attribute(value)?)));
            attributes.collect()
        }
    };
}

pub(crate) use mapping;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ports::{Error, ErrorKind, Result};

/// The bytes of a binary attribute, which a row holds in base64.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>> {
    STANDARD
        .decode(text)
        .map_err(|error| Error::new(ErrorKind::Malformed, "a binary attribute is not base64").because(error))
}

/// The bytes of a binary attribute in base64.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// The error of an attribute that gantry's rows do not hold, such as a set of bytes.
pub(crate) fn unknown(value: &dyn std::fmt::Debug) -> Error {
    let text = format!("an attribute has a type that gantry's rows do not hold: {value:?}");
    Error::new(ErrorKind::Malformed, text)
}
