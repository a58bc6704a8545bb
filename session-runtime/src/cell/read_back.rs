//! Checks that a written value reads back as the same value: builds with debug assertions do so at
//! every commit. Knows bytes, and no fields.

use serde_json::Value;

use crate::{codec::CodecError, store::FieldValue};

/// Returns an error if what was written of a value reads back as another one: `again` reads and writes
/// the value once more. Does nothing in a build without debug assertions.
pub(super) fn check(
    written: &FieldValue,
    again: impl FnOnce() -> Result<FieldValue, CodecError>,
) -> Result<(), CodecError> {
    if !cfg!(debug_assertions) || is_same(written, &again()?) {
        return Ok(());
    }
    Err(CodecError::new("it reads back as another value"))
}

/// Returns true if two stored forms differ by no more than the order of what is in them: collections
/// without an order are inside of many types.
fn is_same(one: &FieldValue, other: &FieldValue) -> bool {
    let (FieldValue::Bytes(bytes), FieldValue::Bytes(others)) = (one, other) else {
        return one == other;
    };
    if bytes == others {
        return true;
    }
    let json = |bytes| serde_json::from_slice::<Value>(bytes).map(|value| ordered(&value));
    match (json(bytes), json(others)) {
        (Ok(one), Ok(other)) => one == other,
        // Another format, of which no more is known.
        _ => sorted(bytes) == sorted(others),
    }
}

/// Returns the text of a JSON value with everything in it in one order.
fn ordered(value: &Value) -> String {
    let join = |open, mut parts: Vec<String>, close| {
        parts.sort_unstable();
        format!("{open}{}{close}", parts.join(","))
    };
    match value {
        Value::Array(items) => join('[', items.iter().map(ordered).collect(), ']'),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{name:?}:{}", ordered(value));
            join('{', members.iter().map(member).collect(), '}')
        }
        other => other.to_string(),
    }
}

fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.sort_unstable();
    bytes
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{FieldValue, is_same};

    #[test]
    fn only_the_order_may_differ() {
        let of = |bytes: &'static [u8]| FieldValue::Bytes(Bytes::from_static(bytes));
        for (one, other, same) in [
            (&b"[1,2]"[..], &b"[2,1]"[..], true),
            (b"[1,2]", b"[1]", false),
            (b"[1,2]", b"[1,1]", false),
            (br#"{"a":[1,2],"b":null}"#, br#"{"b":null,"a":[2,1]}"#, true),
            (br#"{"a":null}"#, b"{}", false),
            (br#"{"a":1,"b":2}"#, br#"{"a":2,"b":1}"#, false),
            (b"1", b"1.0", false),
            (b"\xff\x01", b"\x01\xff", true),
            (b"\xff\x01", b"\xff", false),
        ] {
            assert_eq!(is_same(&of(one), &of(other)), same, "{one:?} {other:?}");
        }
        assert!(!is_same(&of(b"1"), &FieldValue::Int(1)));
    }
}
