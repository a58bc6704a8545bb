//! What the tests of the redis store share: stores on the groups of servers that all tests use, and
//! sessions made from small numbers.

use std::{
    sync::{Arc, LazyLock},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

use session_runtime::{
    clock::Timestamp,
    policy::OnMaxSessions,
    store::{
        Cap, Check, Commit, Cursor, Facts, FieldValue, KeyId, Lifetime, Meta, Namespace, Notice,
        Op, Order, Page, PrincipalKey, Properties, Record, RedisStore, Selector, Store, StoreError,
        StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written,
    },
};
use tests::backend::redis::{Cluster, Redis, Sentinels};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// A group of servers: many tests use it, or one that kills some of them.
static CLUSTER: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);
static SENTINELS: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

pub(crate) const START: u64 = 1_767_225_600_000;
pub(crate) const CHECK: Check = Check::from_bytes([7; 16]);
pub(crate) const KEY_ID: KeyId = KeyId::from_bytes([1, 2, 3, 4]);

/// Nobody else uses the group until this is dropped.
pub(crate) async fn cluster_alone() -> (&'static Cluster, OwnedRwLockWriteGuard<()>) {
    let alone = Arc::clone(&CLUSTER).write_owned().await;
    (on_its_own_thread(Cluster::shared).await, alone)
}

/// Nobody else uses the group until this is dropped.
pub(crate) async fn sentinels_alone() -> (&'static Sentinels, OwnedRwLockWriteGuard<()>) {
    let alone = Arc::clone(&SENTINELS).write_owned().await;
    (on_its_own_thread(Sentinels::shared).await, alone)
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

pub(crate) fn key(namespace: &str, number: u64) -> StoreKey {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    StoreKey { namespace: Namespace::new(namespace), selector: Selector::from_bytes(bytes) }
}

/// A session that lives for an hour, with half an hour of idle time.
pub(crate) fn record(millis: u64) -> Record {
    let lifetime = Lifetime {
        idle_millis: Some(1_800_000),
        absolute_until: at(millis + 3_600_000),
        persistent: false,
    };
    Record::new(Meta::new(CHECK, KEY_ID, at(millis), lifetime))
}

pub(crate) fn owned(millis: u64, who: &str) -> Record {
    let mut record = record(millis);
    record.meta.set_principal(Some(PrincipalKey::new(who)), at(millis));
    record
}

pub(crate) fn touch(millis: u64) -> Commit {
    Commit::touch(at(millis), CHECK, KEY_ID)
}

pub(crate) fn commit(millis: u64, ops: impl Into<Vec<Op>>) -> Commit {
    let mut commit = touch(millis);
    commit.ops = ops.into();
    commit
}

pub(crate) fn log_in(millis: u64, who: &str, cap: Option<Cap>) -> Commit {
    let mut commit = touch(millis);
    commit.principal = Some(Some(PrincipalKey::new(who)));
    commit.lifetime = Some(record(millis).meta.lifetime);
    commit.cap = cap;
    commit
}

pub(crate) fn add(by: i64) -> Op {
    Op::Add { field: "n".into(), by, min: i64::MIN, max: i64::MAX }
}

pub(crate) fn bytes(text: &str) -> FieldValue {
    FieldValue::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) const END_OLDEST: OnMaxSessions = OnMaxSessions::EndOldest;
pub(crate) const REFUSE_NEW: OnMaxSessions = OnMaxSessions::RefuseNew;

pub(crate) const fn cap(sessions: u32, on_max: OnMaxSessions) -> Cap {
    Cap::new(sessions, on_max)
}

/// An error and its causes, as a log would have it.
pub(crate) fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A store on servers that nobody kills while it is there.
pub(crate) struct Held {
    store: RedisStore,
    _whole: OwnedRwLockReadGuard<()>,
}

impl Held {
    pub(crate) const fn store(&self) -> &RedisStore {
        &self.store
    }
}

pub(crate) async fn cluster() -> Held {
    let whole = Arc::clone(&CLUSTER).read_owned().await;
    let url = on_its_own_thread(|| Cluster::shared().url()).await;
    Held { store: connect(&url).await, _whole: whole }
}

pub(crate) async fn sentinels() -> Held {
    let whole = Arc::clone(&SENTINELS).read_owned().await;
    let url = on_its_own_thread(|| Sentinels::shared().url()).await;
    Held { store: connect(&url).await, _whole: whole }
}

pub(crate) async fn connect(url: &str) -> RedisStore {
    RedisStore::connect(url).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Servers take their time to start, and their helpers know nothing of `async`.
pub(crate) async fn on_its_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    tokio::task::spawn_blocking(work).await.expect("servers that do what they are told")
}

impl Store for Held {
    fn properties(&self) -> Properties {
        self.store.properties()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        self.store.load(key)
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        self.store.insert(key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        self.store.replace(key, version, record)
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        self.store.touch(key, last_seen, clean_after)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        self.store.remove(key, version)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        self.store.list(namespace, principal, order, after, limit)
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        self.store.count(namespace, principal)
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        self.store.sweep(before, after, limit)
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        self.store.probe()
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        self.store.publish(notice)
    }

    fn watch(&self) -> Option<Watch> {
        self.store.watch()
    }
}

/// An entry of a session in an index, made so many seconds ago, for a log-in at this time.
pub(crate) fn entry(key: &StoreKey, millis: u64, age: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    format!("{:016x}{}{:08x}89abcdef", START + millis, key.selector, now - age)
}

/// The entry that a session's record names, as the index has it.
pub(crate) fn entry_of(server: &Redis, key: &StoreKey) -> String {
    let head = server.text(&["GETRANGE", &format!("session:{key}"), "0", "111"]);
    let named = &head[32..];
    format!("{}{}{}", &named[32..48], key.selector, &named[64..])
}

/// The entries of the one index that is on a server.
pub(crate) fn entries(server: &Redis) -> Vec<String> {
    let all = server.ask(&["ZRANGE", &index_of(server), "0", "-1"]);
    redis::from_redis_value(all).expect("entries")
}

/// The key of the index of the one principal that has sessions on a server.
pub(crate) fn index_of(server: &Redis) -> String {
    server.text(&["EVAL", "return redis.call('KEYS', 'session:principal:*')[1]", "0"])
}

/// How often a server has been asked for a command, which it has been once at least.
pub(crate) fn calls(server: &Redis, command: &str) -> u32 {
    let statistics = server.text(&["INFO", "commandstats"]);
    let line = statistics.split_once(&format!("cmdstat_{command}:calls="));
    let calls = line.and_then(|(_, line)| line.split(',').next()?.parse().ok());
    calls.unwrap_or_else(|| panic!("`{command}` is in {statistics}"))
}
