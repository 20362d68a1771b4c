//! Two habits of Java that show in AWS's answers: how maps print, and in which order a hash map holds its keys.

use serde_json::Value;

/// A value as `String.valueOf` prints it: `{Arg1=1, Arg2=[]}`, strings without quotes.
pub(crate) fn print(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => format!("[{}]", joined(elements.iter().map(print))),
        Value::Object(members) => {
            format!(
                "{{{}}}",
                joined(members.iter().map(|(name, value)| format!("{name}={}", print(value))))
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// The position of a key in a `HashMap` of so many keys; keys in one bucket keep their order of insertion.
pub(crate) fn bucket(key: &str, count: usize) -> u32 {
    let hash = key
        .encode_utf16()
        .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    let mut buckets = 16_u32;
    while count > (buckets / 4 * 3) as usize && buckets < 1 << 30 {
        buckets *= 2;
    }
    (hash ^ (hash >> 16)) & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_print_with_equals_signs() {
        assert_eq!(
            print(&json!({"Arg1": 1, "Arg2": [], "s": "x"})),
            "{Arg1=1, Arg2=[], s=x}"
        );
    }

    #[test]
    fn keys_fall_into_the_buckets_of_a_java_hash_map() {
        // "a".hashCode() is 97, "Aa" and "BB" are the classic collision.
        assert_eq!(bucket("a", 1), 0x61 & 15);
        assert_eq!(bucket("Aa", 1), bucket("BB", 1));
        assert_eq!(bucket("a", 13), 0x61 & 31);
    }
}
