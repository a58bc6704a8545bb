//! Tests of the store contract, in memory: what names what, what a commit does to a record, what the in-memory store
//! answers, and that its index holds when threads race. Here is what they share: records, keys and
//! commits made from small numbers.

mod bus;
#[cfg(any(feature = "embedded", feature = "file"))]
mod encoding;
mod id;
mod limit;
mod memory;
mod parallel;
#[cfg(all(
    feature = "mongodb",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
mod parameters;
mod record;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{
    Check, Commit, CommitOutcome, FieldName, FieldValue, KeyId, Lifetime, MemoryStore, Meta,
    Namespace, Op, PrincipalKey, Record, Rotation, Selector, StoreError, StoreFuture, StoreKey,
};
use crate::clock::Timestamp;

const START: u64 = 1_767_225_600_000;
const MINUTE: u64 = 60_000;
const IDLE: u64 = 30 * MINUTE;
const ABSOLUTE: u64 = 12 * 60 * MINUTE;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn check(number: u8) -> Check {
    Check::from_bytes([number; 16])
}

fn key_id(number: u8) -> KeyId {
    KeyId::from_bytes([number; 4])
}

fn shop() -> Namespace {
    Namespace::new("shop")
}

fn selector(number: u64) -> Selector {
    // Spread over the shards as random ones would be: the odd multiplier permutes all numbers.
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed);
    Selector::from_bytes(bytes)
}

fn key(number: u64) -> StoreKey {
    StoreKey { namespace: shop(), selector: selector(number) }
}

fn principal(name: &str) -> PrincipalKey {
    PrincipalKey::new(&format!("{name:?}"))
}

fn lifetime() -> Lifetime {
    Lifetime {
        idle_millis: Some(IDLE),
        absolute_until: Timestamp::from_millis(START + ABSOLUTE),
        persistent: false,
    }
}

/// A record of credential 1 under key 1, created and last seen at `millis`.
fn anonymous(millis: u64) -> Record {
    Record::new(Meta::new(check(1), key_id(1), at(millis), lifetime()))
}

fn owned(millis: u64, name: &str) -> Record {
    let mut record = anonymous(millis);
    record.meta.principal = Some(principal(name));
    record
}

/// A commit at `millis` with credential 1 under key 1.
fn touch(millis: u64) -> Commit {
    Commit::touch(at(millis), check(1), key_id(1))
}

fn ops(millis: u64, ops: impl Into<Vec<Op>>) -> Commit {
    Commit { ops: ops.into(), ..touch(millis) }
}

fn becomes(millis: u64, new: Option<&str>) -> Commit {
    Commit { principal: Some(new.map(principal)), ..touch(millis) }
}

fn rotation(number: u8, grace_until: Option<u64>) -> Rotation {
    let grace_until = grace_until.map(at);
    Rotation { check: check(number), key_id: key_id(number), grace_until }
}

fn bytes(text: &'static str) -> FieldValue {
    FieldValue::Bytes(text.into())
}

fn set(field: &'static str, value: FieldValue) -> Op {
    Op::Set { field: field.into(), value }
}

fn add(field: &'static str, by: i64) -> Op {
    Op::Add { field: field.into(), by, min: i64::MIN, max: i64::MAX }
}

fn committed(revision: u64) -> CommitOutcome {
    CommitOutcome::committed(revision, false)
}

fn conflict(field: &'static str) -> CommitOutcome {
    CommitOutcome::Conflict { field: FieldName::from(field) }
}

fn names(record: &Record) -> Vec<&str> {
    record.fields().map(|(name, _)| name).collect()
}

/// The answer of a store that never waits.
fn answer<T: Unpin>(mut future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the in-memory store never waits"),
    }
}

/// The same, where the store cannot fail.
fn ok<T: Unpin>(future: StoreFuture<'_, T>) -> T {
    answer(future).expect("only an insert can fail, and only when the store is full")
}
