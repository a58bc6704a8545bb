//! Records that are sealed or signed at rest: no change of one is overlooked, nothing of a sealed one
//! can be read, and above the seal a store keeps every rule that it keeps without.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::sync::Arc;

use super::{AtRest, Method, SEALED, SIGNED};
use crate::{
    clock::Timestamp,
    key::{Key, KeyRing},
    repository::Repository,
    store::{
        Check, Commit, CommitOutcome, Facts, FieldValue, KeyId, Lifetime, MemoryStore, Meta,
        Namespace, Op, Order, Page, Previous, PrincipalKey, Properties, Record, Selector, Store,
        StoreFuture, StoreKey, SweepCursor, Swept, Written, encoding::encode,
    },
    token::{Binding, Purpose, Random, RecordSealer, RecordSigner},
};

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const MARKER: &str = "Quetzalcoatlus";

fn ring(seeds: &[u8]) -> KeyRing {
    // They look random, as keys must.
    let key = |seed: &u8| {
        let byte = |n: u8| n.wrapping_mul(n).wrapping_mul(7) ^ seed.wrapping_add(n << 3);
        Key::from_bytes(&(0..32).map(byte).collect::<Vec<u8>>()).unwrap()
    };
    KeyRing::new(seeds.iter().map(key)).unwrap()
}

fn binding(purpose: Purpose) -> Binding {
    Binding::new(purpose, "cookie", "__Host-shop", "shop", "", "1")
}

fn seal(seeds: &[u8]) -> Method {
    Method::Seal(RecordSealer::new(&ring(seeds), &binding(Purpose::Record), Random::SYSTEM))
}

fn sign(seeds: &[u8]) -> Method {
    Method::Sign(RecordSigner::new(&ring(seeds), &binding(Purpose::SignedRecord)))
}

/// A store, and the same store as somebody sees it who has no key.
struct Case {
    store: AtRest,
    raw: MemoryStore,
}

impl Case {
    fn new(method: Method) -> Self {
        let raw = MemoryStore::with_limit(100);
        Self { store: AtRest::new(Arc::new(raw.clone()), method), raw }
    }

    /// Does the same with each method.
    fn each(check: impl Fn(Self)) {
        check(Self::new(seal(&[1])));
        check(Self::new(sign(&[1])));
    }

    fn insert(&self, key: &StoreKey, record: &Record) {
        let written = now(Store::insert(&self.store, key, Arc::new(record.clone())));
        assert!(matches!(written, Written::Stored { .. }), "{written:?}");
    }

    fn load(&self, key: &StoreKey) -> Option<Arc<Record>> {
        now(Store::load(&self.store, key))
    }

    fn stored(&self, key: &StoreKey) -> Record {
        Record::clone(&now(Store::load(&self.raw, key)).unwrap())
    }

    /// Puts something in a record's place, as somebody who can write to the store.
    fn plant(&self, key: &StoreKey, record: Record) {
        now(self.raw.remove(key, None));
        now(Store::insert(&self.raw, key, Arc::new(record)));
    }
}

/// Returns what is there at once.
fn now<T>(answer: StoreFuture<'_, T>) -> T {
    answer.at_once().expect("in memory").unwrap()
}

fn key(number: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([number; 16]) }
}

fn later(millis: u64) -> Timestamp {
    Timestamp::from_millis(START.as_millis() + millis)
}

/// A record with something in every part.
fn record() -> Record {
    let lifetime =
        Lifetime { idle_millis: Some(60_000), absolute_until: later(600_000), persistent: false };
    let mut meta =
        Meta::new(Check::from_bytes([1; 16]), KeyId::from_bytes([2; 4]), START, lifetime);
    meta.previous = Some(Previous {
        check: Check::from_bytes([3; 16]),
        key_id: KeyId::from_bytes([4; 4]),
        until: later(1000),
    });
    meta.set_principal(Some(PrincipalKey::new("ada")), START);
    meta.revision = 7;
    let mut record = Record::new(meta);
    record.set("cart", FieldValue::Bytes(MARKER.into()));
    record.set("visits", FieldValue::Int(-3));
    record.set("seen", FieldValue::Set([MARKER.into(), "b".into()].into()));
    record
}

#[test]
fn what_goes_in_comes_out() {
    Case::each(|case| {
        case.insert(&key(1), &record());
        assert_eq!(case.load(&key(1)).as_deref(), Some(&record()));
        let empty = Record::new(record().meta);
        case.insert(&key(2), &empty);
        assert_eq!(case.load(&key(2)).as_deref(), Some(&empty));
        assert_eq!(case.load(&key(3)), None);
    });
}

#[test]
fn a_sealed_record_shows_neither_names_nor_values_and_a_signed_one_both() {
    for (method, shows) in [(seal(&[1]), false), (sign(&[1]), true)] {
        let case = Case::new(method);
        case.insert(&key(1), &record());
        let stored = case.stored(&key(1));
        let bytes = encode(&stored);
        for text in [MARKER, "cart", "visits", "seen"] {
            let is_there = bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert_eq!(is_there, shows, "{text}");
        }
        let added = usize::from(shows) * 3 + 1;
        assert_eq!(stored.fields().len(), added);
    }
}

#[test]
fn every_changed_bit_of_the_content_is_found_out() {
    Case::each(|case| {
        case.insert(&key(1), &record());
        let stored = case.stored(&key(1));
        for (name, value) in stored.fields() {
            let others: Vec<FieldValue> = match value {
                FieldValue::Bytes(bytes) => (0..bytes.len() * 8)
                    .map(|bit| {
                        let mut changed = bytes.to_vec();
                        changed[bit / 8] ^= 1 << (bit % 8);
                        FieldValue::Bytes(changed.into())
                    })
                    .chain([FieldValue::Bytes(bytes.slice(1..))])
                    .chain([FieldValue::Bytes(bytes.slice(..bytes.len() - 1))])
                    .collect(),
                FieldValue::Int(number) => {
                    vec![FieldValue::Int(number + 1), FieldValue::Bytes("-3".into())]
                }
                FieldValue::Set(members) => {
                    vec![FieldValue::Set(members.iter().skip(1).cloned().collect())]
                }
            };
            for change in others {
                let mut changed = stored.clone();
                changed.set(name.to_owned(), change);
                case.plant(&key(1), changed);
                assert_eq!(case.load(&key(1)), None, "{name}");
            }
            let mut without = stored.clone();
            without.remove(name);
            case.plant(&key(1), without);
            assert_eq!(case.load(&key(1)), None, "without {name}");
        }
        let mut with = stored.clone();
        with.set("admin", FieldValue::Bytes("true".into()));
        case.plant(&key(1), with);
        assert_eq!(case.load(&key(1)), None, "one more field");
        case.plant(&key(1), stored);
        assert!(case.load(&key(1)).is_some());
    });
}

/// A change of a record's fixed part.
type Change = fn(&mut Meta);

#[test]
fn every_change_of_the_fixed_part_but_the_last_use_is_found_out() {
    let parts: [(&str, Change); 18] = [
        ("check", |it| it.check = Check::from_bytes([9; 16])),
        ("key id", |it| it.key_id = KeyId::from_bytes([9; 4])),
        ("former keys", |it| it.former_keys = vec![KeyId::from_bytes([9; 4])]),
        ("no previous", |it| it.previous = None),
        ("previous check", |it| {
            it.previous.as_mut().unwrap().check = Check::from_bytes([9; 16]);
        }),
        ("previous key id", |it| {
            it.previous.as_mut().unwrap().key_id = KeyId::from_bytes([9; 4]);
        }),
        ("previous until", |it| it.previous.as_mut().unwrap().until = later(9)),
        ("created", |it| it.created = later(9)),
        ("rotated", |it| it.rotated = later(9)),
        ("idle", |it| it.lifetime.idle_millis = Some(9)),
        ("no idle", |it| it.lifetime.idle_millis = None),
        ("absolute", |it| it.lifetime.absolute_until = Timestamp::MAX),
        ("persistent", |it| it.lifetime.persistent = true),
        ("principal", |it| it.principal = Some(PrincipalKey::new("eve"))),
        ("nobody", |it| it.set_principal(None, START)),
        ("logged in", |it| it.logged_in = Some(later(9))),
        ("no log-in", |it| it.logged_in = None),
        ("revision", |it| it.revision += 1),
    ];
    Case::each(|case| {
        case.insert(&key(1), &record());
        let stored = case.stored(&key(1));
        for (part, change) in parts {
            let mut changed = stored.clone();
            change(&mut changed.meta);
            case.plant(&key(1), changed);
            assert_eq!(case.load(&key(1)), None, "{part}");
        }
        let mut used = stored;
        used.meta.last_seen = later(5);
        case.plant(&key(1), used);
        assert_eq!(case.load(&key(1)).unwrap().meta.last_seen, later(5));
    });
}

#[test]
fn what_belongs_elsewhere_or_to_another_time_is_found_out() {
    Case::each(|case| {
        let mut other = record();
        other.set("cart", FieldValue::Bytes("other".into()));
        case.insert(&key(1), &record());
        case.insert(&key(2), &other);
        let (first, second) = (case.stored(&key(1)), case.stored(&key(2)));
        let elsewhere = StoreKey { namespace: Namespace::new("shop2"), ..key(1) };
        for (place, planted) in [(key(1), &second), (key(2), &first), (elsewhere, &first)] {
            case.plant(&place, planted.clone());
            assert_eq!(case.load(&place), None);
        }

        // The content of before a commit, in the record of after it.
        case.plant(&key(1), first.clone());
        let loaded = case.load(&key(1)).unwrap();
        let set = Op::Set { field: "cart".into(), value: FieldValue::Bytes("new".into()) };
        let commit = Commit {
            ops: vec![set],
            ..Commit::touch(later(1), loaded.meta.check, loaded.meta.key_id)
        };
        let committed = now(Repository::commit(&case.store, &key(1), &commit));
        assert!(matches!(committed, CommitOutcome::Committed { revision: 8, .. }));
        let after = case.stored(&key(1));
        let mut mixed = Record::new(after.meta.clone());
        mixed.extend(first.clone().into_fields());
        case.plant(&key(1), mixed);
        assert_eq!(case.load(&key(1)), None);
        // A whole record of before is not to be told from the present one.
        case.plant(&key(1), first);
        assert_eq!(case.load(&key(1)), Some(loaded));
    });
}

#[test]
fn a_record_that_was_never_sealed_or_signed_does_not_open() {
    let (sealed, signed) = (Case::new(seal(&[1])), Case::new(sign(&[1])));
    for case in [&sealed, &signed] {
        case.plant(&key(1), record());
        case.plant(&key(2), Record::new(record().meta));
        assert_eq!((case.load(&key(1)), case.load(&key(2))), (None, None));
    }
    // Nor does one that the other method has written.
    sealed.insert(&key(3), &record());
    signed.insert(&key(3), &record());
    let (from_sealed, from_signed) = (sealed.stored(&key(3)), signed.stored(&key(3)));
    sealed.plant(&key(3), from_signed);
    signed.plant(&key(3), from_sealed);
    assert_eq!((sealed.load(&key(3)), signed.load(&key(3))), (None, None));
}

#[test]
fn nothing_is_written_over_a_record_that_does_not_open() {
    Case::each(|case| {
        case.plant(&key(1), record());
        let there = case.stored(&key(1));
        let write = Commit {
            ops: vec![Op::Unset { field: "cart".into() }],
            ..Commit::touch(later(1), there.meta.check, there.meta.key_id)
        };
        for loaded in [None, Some(Arc::new(record()))] {
            // Whoever opened the record before it was changed has read an older one.
            let mut loaded = loaded;
            if let Some(loaded) = &mut loaded {
                Arc::make_mut(loaded).meta.revision = 6;
            }
            let commit = Commit { loaded, ..write.clone() };
            assert_eq!(
                now_or_later(Repository::commit(&case.store, &key(1), &commit)),
                CommitOutcome::Gone
            );
        }
        let again = now(Store::insert(&case.store, &key(1), Arc::new(record())));
        assert_eq!(again, Written::Not);
        assert_eq!(case.stored(&key(1)), there);

        // The principal's other sessions are listed, and all of them are ended.
        case.insert(&key(2), &record());
        let ada = PrincipalKey::new("ada");
        let shop = Namespace::new("shop");
        let Page { sessions, unreadable, .. } =
            now(Store::list(&case.store, &shop, &ada, Order::Oldest, None, 10));
        assert_eq!((sessions.len(), unreadable), (1, vec![key(1).selector]));
        assert_eq!(now_or_later(Repository::end_all(&case.store, &shop, &ada, None)), 2);
        assert!(case.raw.is_empty());
    });
}

/// Returns the answer of a future that waits for nothing but itself.
fn now_or_later<T: Unpin>(answer: StoreFuture<'_, T>) -> T {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    let mut answer = pin!(answer);
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer.unwrap();
        }
    }
}

#[test]
fn a_record_under_an_older_key_opens_and_the_next_write_uses_the_first_key() {
    for (method, newer, gone, field) in [
        (seal(&[1]), seal(&[2, 1]), seal(&[2]), SEALED),
        (sign(&[1]), sign(&[2, 1]), sign(&[2]), SIGNED),
    ] {
        let old = Case::new(method);
        old.insert(&key(1), &record());
        old.insert(&key(2), &record());
        let new = Case { store: AtRest::new(Arc::new(old.raw.clone()), newer), raw: old.raw };
        let key_id = |number| {
            let Some(FieldValue::Bytes(blob)) = new.stored(&key(number)).get(field).cloned() else {
                panic!("a blob")
            };
            blob.slice(2..6)
        };
        let before = key_id(1);
        assert_eq!(new.load(&key(1)).as_deref(), Some(&record()));
        let write = Commit {
            ops: vec![Op::Unset { field: "cart".into() }],
            ..Commit::touch(later(1), record().meta.check, record().meta.key_id)
        };
        let committed = now(Repository::commit(&new.store, &key(1), &write));
        assert!(matches!(committed, CommitOutcome::Committed { .. }));
        assert_ne!(key_id(1), before);
        assert_eq!(key_id(2), before);

        let after = AtRest::new(Arc::new(new.raw.clone()), gone);
        assert!(now(Store::load(&after, &key(1))).is_some());
        assert_eq!(now(Store::load(&after, &key(2))), None, "its key is gone");
    }
}

#[test]
fn without_random_bytes_nothing_is_stored() {
    let sealer = RecordSealer::new(&ring(&[1]), &binding(Purpose::Record), Random::BROKEN);
    let (case, key) = (Case::new(Method::Seal(sealer)), key(1));
    let inserted = Store::insert(&case.store, &key, Arc::new(record()));
    assert!(inserted.at_once().unwrap().is_err());
    let replaced = case.store.replace(&key, 7, Arc::new(record()));
    assert!(replaced.at_once().unwrap().is_err());
    assert!(case.raw.is_empty());
}

/// A cache whose copy is the record under key 2, and whose records are those under key 1.
struct Cache(MemoryStore);

impl Store for Cache {
    fn properties(&self) -> Properties {
        Properties::IN_PROCESS
    }

    fn load<'a>(&'a self, _key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(async { Store::load(&self.0, &key(2)).await })
    }

    fn reload<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, Option<Arc<Record>>>> {
        Some(Store::load(&self.0, key))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        Store::insert(&self.0, key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        self.0.replace(key, version, record)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.0.remove(key, version)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<crate::store::Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        Store::list(&self.0, namespace, principal, order, after, limit)
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.0.count(namespace, principal)
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        Store::sweep(&self.0, before, after, limit)
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        Store::probe(&self.0)
    }
}

#[test]
fn a_damaged_copy_in_a_cache_logs_nobody_out() {
    let case = Case::new(seal(&[1]));
    case.insert(&key(1), &record());
    case.plant(&key(2), record());
    let cached = AtRest::new(Arc::new(Cache(case.raw)), seal(&[1]));
    assert_eq!(now_or_later(Store::load(&cached, &key(1))).as_deref(), Some(&record()));
    let reloaded = now(Store::reload(&cached, &key(1)).unwrap());
    assert_eq!(reloaded.as_deref(), Some(&record()));
}

#[cfg(feature = "conformance")]
mod conformance {
    use super::*;

    async fn sealed() -> AtRest {
        AtRest::new(Arc::new(MemoryStore::default()), seal(&[1]))
    }

    async fn signed() -> AtRest {
        AtRest::new(Arc::new(MemoryStore::default()), sign(&[1]))
    }

    mod sealed_in_memory {
        mod store {
            crate::store_conformance!(super::super::sealed);
        }

        mod repository {
            crate::repository_conformance!(super::super::sealed);
        }
    }

    mod signed_in_memory {
        mod store {
            crate::store_conformance!(super::super::signed);
        }

        mod repository {
            crate::repository_conformance!(super::super::signed);
        }
    }
}
