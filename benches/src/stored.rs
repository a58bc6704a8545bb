//! Sessions as a store sees them, for what is measured below tokens and handles: keys, records with
//! one field, and commits that write it. Knows no store.

use bytes::Bytes;
use session_runtime::{
    clock::Timestamp,
    store::{
        Check, Commit, FieldValue, KeyId, Lifetime, Meta, Namespace, Op, Record, Selector, StoreKey,
    },
};

/// What is in the one field of a session.
pub const BYTES: usize = 300;

const FIELD: &str = "data";
const NOW: Timestamp = Timestamp::from_millis(1);
const CHECK: Check = Check::from_bytes([1; 16]);
const KEY_ID: KeyId = KeyId::from_bytes([1; 4]);

/// Keys that nobody else has.
pub fn keys(count: usize) -> Vec<StoreKey> {
    let namespace = Namespace::new("session");
    let key = |()| {
        let mut selector = [0; 16];
        getrandom::fill(&mut selector).expect("random bytes");
        StoreKey { namespace: namespace.clone(), selector: Selector::from_bytes(selector) }
    };
    std::iter::repeat_n((), count).map(key).collect()
}

/// A value that differs from those of other numbers: who is given the bytes that are there already
/// may leave them alone.
pub fn value(number: usize) -> Bytes {
    let mut bytes = format!("{number:<BYTES$}").into_bytes();
    bytes.truncate(BYTES);
    bytes.into()
}

/// A session of nobody.
pub fn record(value: Bytes) -> Record {
    let lifetime =
        Lifetime { idle_millis: None, absolute_until: Timestamp::MAX, persistent: false };
    let mut record = Record::new(Meta::new(CHECK, KEY_ID, NOW, lifetime));
    record.set(FIELD, FieldValue::Bytes(value));
    record
}

/// What a request sends that writes the field, and nothing else.
pub fn write(value: Bytes) -> Commit {
    let mut commit = Commit::touch(NOW, CHECK, KEY_ID);
    commit.ops.push(Op::Set { field: FIELD.into(), value: FieldValue::Bytes(value) });
    commit
}
