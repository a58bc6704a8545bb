//! Sessions in Redis or Valkey: one server, a Cluster, or a master that Sentinels name. This file
//! owns the store as its users see it. Below it are the way to the servers (`connection`), the form
//! of a session and of an index's entry (`session`, `entry`), and the operations of several steps
//! (`write`, `list`).

mod connection;
mod entry;
mod index;
mod join_all;
mod key;
mod list;
mod script;
mod server_clock;
mod session;
#[cfg(test)]
mod tests;
pub(in crate::store) mod url;
mod write;

use std::{fmt, sync::Arc};

use redis::Cmd;

use self::{
    connection::{CommandError, Connection, Retry},
    index::Index,
    key::{Keys, Owner},
    server_clock::ServerClock,
    url::Target,
};
use super::{
    Cursor, Facts, Namespace, Notice, Order, Page, PrincipalKey, Properties, Record, Store,
    StoreError, StoreFuture, StoreKey, SweepCursor, Swept, Watch, Written, check, feed::Feed,
};
use crate::clock::Timestamp;

/// Sessions in Redis (6.2 or newer) or Valkey: on one server, in a Cluster, or on the master that
/// Sentinels name. Clones share the connection.
///
/// ```no_run
/// # async fn start() -> Result<(), session_runtime::store::StoreError> {
/// use session_runtime::store::RedisStore;
///
/// let store = RedisStore::connect("rediss://shop:secret@cache.example:6379/0").await?;
/// # Ok(()) }
/// ```
///
/// **What is stored.** A session is one value, `session:NAMESPACE:SELECTOR`: first, as text, its
/// version, the time at which the session was last seen, and the record's entry in the index of its
/// principal; then the whole record in bytes. A new session is one `SET` with `NX`; a change is one
/// script on that value, which compares the version, so a write applies whole or not at all. A
/// principal's index is a sorted set, `session:principal:NAMESPACE:HASH`, with an entry for each
/// log-in. On one server, the entry and the session of a log-in travel in one transaction; otherwise
/// the entry is made first. So the index has every session before anybody has its token. No script
/// uses two keys. The store uses no keyspace events, no `SCAN` and no expiry of single fields.
/// Commands of requests that run at the same time are sent in one write.
///
/// **A proxy that spreads keys over several servers must refuse a transaction with keys on two of
/// them** (`CROSSSLOT`), as the proxy of Redis Enterprise does. If the proxy sends the commands to
/// either server, an index may lose entries.
///
/// **Round trips.** Load: 1. Insert: 1. Commit, touch: 1 after a load; 2 without one, or 3 after
/// another request has changed the session since the load. Log-in: 1, in a Cluster 3 (the entry, the
/// session, the count of entries); 1 more if the session had a principal before; 2 more, now and
/// then, if the principal has more than 32 entries. A log-in that finds more sessions than the cap
/// allows: 2 more, and 2 for each session that gives way. List: 2 for 64 sessions, and 1 more if an
/// entry's session is gone. Delete: 1, and 2 if the session has a principal. A later absolute end for
/// a session that has a principal: as a log-in to such a session. The first run of each script on a
/// server costs 1 more.
///
/// **Expiry.** The runtime's clock decides when a session has expired. The server removes the
/// session half a minute to a minute later. It is told a span and not a date, so its clock may be
/// wrong. [`sweep`](Store::sweep) has nothing to do. An index lives an hour longer than the
/// longest session in it. Entries of sessions that are gone are removed by lists, and by log-ins of
/// principals that have many.
///
/// **Clocks.** In a Cluster, the clocks of the servers must not differ by more than 30 seconds. The
/// clock of the machine that the program runs on does not matter.
///
/// **Never let a master without `appendonly` restart by itself under Sentinels:** its replicas
/// would copy the empty data set, and every session would be lost.
///
/// **Durability** is the server's. With `appendonly yes`, a crash loses no acknowledged write under
/// `appendfsync always`, and up to a second of them under `everysec`. Without `appendonly`, a
/// restart logs everybody out. Replication is asynchronous: a replica that takes over may lack the
/// last acknowledged commits, including log-outs and entries of an index. `min-replicas-to-write 1`
/// with `min-replicas-max-lag` bounds the loss; if no log-out may be lost, use a database instead.
/// The store does not use `WAIT`, which would cost a round trip and does not prevent the loss
/// either.
///
/// **`maxmemory-policy` must be `noeviction`**, or `volatile-ttl` if logging people out early is
/// better than refusing new sessions (not as a
/// [`revocation`](crate::SessionLayerBuilder::revocation) store: there it is refused). The `allkeys-…` policies, `volatile-lru` and
/// `volatile-random` may evict a principal's index while its sessions live; "end all my sessions"
/// would then miss them. `volatile-ttl` removes the keys that expire soonest, as far as its
/// sampling finds them, and an index outlives its sessions. With `noeviction`, a full server
/// refuses writes, which are errors here; requests that change nothing still work.
///
/// **Sizing**, as measured on Redis 7.0: 280 bytes for an anonymous session without fields, 490 with
/// three fields of 40 bytes, 620 with one field of 300 bytes. With a principal, index included: 640
/// without fields, 800 with three fields of 40 bytes.
///
/// **Rights.** The store needs the rights below and no others. [`connect`](Self::connect) fails at
/// once if a right is missing that each request needs.
///
/// ```text
/// ACL SETUSER shop on >secret ~session:* resetchannels &session:bus -@all
///     +get +getrange +set +setrange +del +time +persist +pexpire +pttl
///     +zadd +zcard +zrange +zrandmember +zrem +evalsha +eval +multi +exec +publish +subscribe
/// ```
///
/// With a database other than 0 also `+select`; in a Cluster also `+cluster|slots +ping +asking`, and
/// not `+multi +exec`; under Sentinels `+role`; as a revocation store `+info`, which tells
/// `maxmemory-policy`. Without `&session:bus`, `+publish` and `+subscribe` there is no bus.
///
/// **Bus.** A log-out, an end from elsewhere, an eviction and a change of the principal are published
/// on the channel `session:bus`, as the session's key; nobody waits for that. Whoever
/// [watches](Store::watch) takes one more connection, whatever the number of watches. In a Cluster,
/// every node passes on what is published at any other.
///
/// **Failures.** Each operation ends within the runtime's two seconds. After a connection breaks,
/// the next request opens a new one; so it does after the answers `READONLY`, `LOADING` and
/// `MASTERDOWN`. A command is sent again only if the server said that it did not carry it out, or
/// if carrying it out twice has the same effect as once. An error has the server's own code and
/// words. A write without an answer is an error; it may or may not have been applied. An operation
/// that nobody waits for any more has happened whole or not at all; it may leave an entry of no
/// session in an index, which readers pass over and remove later.
///
/// **Runtimes.** Each async runtime that uses the store has a connection of its own, so a store may be
/// a `static` of a program's tests.
///
/// **Proxies** must know RESP3.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connection: Connection,
    keys: Keys,
    clock: ServerClock,
    evicts: bool,
    feed: Feed,
}

impl RedisStore {
    /// Connects to the servers of a URL, and does once what requests do ([`check`]).
    ///
    /// - `redis://[user:password@]host[:port][/database]`: one server
    /// - `redis+cluster://[user:password@]host[:port],host[:port],…`: a Cluster, by some nodes
    /// - `redis+sentinel://[user:password@]host[:port],…/master-name[/database]`: the master of
    ///   that name; the hosts are Sentinels, user and password are the master's
    /// - `redis+unix:///path/of/the/socket` or `unix:///…`: a server on this machine, with the
    ///   parameters `db`, `user` and `pass`
    ///
    /// `rediss`, `rediss+cluster` and `rediss+sentinel` are the same over TLS. Parameters follow a
    /// `?`:
    ///
    /// - `prefix`: the beginning of every key; `session:` if not given
    /// - `ca`: a PEM file with the authorities to trust, instead of the public ones
    /// - `cert` and `key`: PEM files to identify the client by
    /// - `sentinel_user` and `sentinel_password`: for the Sentinels, which have users of their own
    ///
    /// Characters that would end a part of the URL are percent-encoded: `p%40ss` for `p@ss`.
    ///
    /// # Errors
    ///
    /// A URL that cannot be used, a file that cannot be read, a server that does not answer, a
    /// wrong password, a missing right, a replica, a node of a Cluster under `redis://`. The message
    /// names the server, and never the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        let connection = Connection::open(&target).await?;
        let keys = Keys::new(&target.prefix);
        // By a script: a user who may run none is refused before anything is written.
        let clock = ServerClock::at(server_clock::ask(&connection, &keys).await?);
        let evicts = connection.evicts().await;
        let store =
            Self(Arc::new(Inner { connection, keys, clock, evicts, feed: Feed::default() }));
        check(&store).await?;
        Ok(store)
    }
}

impl fmt::Debug for RedisStore {
    /// Prints the servers and the prefix of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("place", &self.0.connection.place())
            .field("prefix", &self.0.keys.prefix())
            .finish()
    }
}

impl Inner {
    async fn load(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
        let command = session::asking(&self.keys.session(key));
        let answer = self.connection.ask(&command, Retry::Idempotent).await?;
        let Some(stored) = session::read(answer) else { return Ok(None) };
        let record = stored.record.ok_or_else(|| self.damaged(key))?;
        Ok(Some(Arc::new(record)))
    }

    fn index(&self, namespace: &Namespace, owner: &Owner) -> Index<'_> {
        Index { connection: &self.connection, key: self.keys.index(namespace, owner) }
    }

    /// Makes the error of a session that does not read back.
    fn damaged(&self, key: &StoreKey) -> CommandError {
        let name = self.keys.session(key);
        let what = format!("{name} holds no session that this program wrote; delete it");
        CommandError::unknown(self.connection.error(&what))
    }
}

impl Store for RedisStore {
    fn properties(&self) -> Properties {
        Properties { evicts: self.0.evicts, ..Properties::SHARED }
    }

    fn name(&self) -> &'static str {
        "redis"
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(self.0.load(key))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move { self.0.write(key, None, &record).await })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move { self.0.write(key, Some(version), &record).await })
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        StoreFuture::new(self.0.touch(key, last_seen, clean_after))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        StoreFuture::new(self.0.remove(key, version))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        StoreFuture::new(self.0.list(namespace, principal, order, after, limit))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::new(async move {
            Ok(self.0.index(namespace, &Owner::of(principal)).count().await?)
        })
    }

    fn sweep(&self, _: Timestamp, _: Option<SweepCursor>, _: usize) -> StoreFuture<'_, Swept> {
        // The server removes expired sessions.
        StoreFuture::ready(Ok(Swept::default()))
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        StoreFuture::new(async move {
            let time = server_clock::ask(&self.0.connection, &self.0.keys).await?;
            self.0.clock.set(time);
            Ok(Facts::at(time))
        })
    }

    fn publish<'a>(&'a self, notice: &'a Notice) -> StoreFuture<'a, ()> {
        StoreFuture::new(async move {
            let mut command = Cmd::new();
            command.arg("PUBLISH").arg(self.0.keys.bus()).arg(notice.to_string());
            // A notice that comes twice says the same.
            self.0.connection.ask(&command, Retry::Idempotent).await?;
            Ok(())
        })
    }

    fn watch(&self) -> Option<Watch> {
        let (connection, channel) = (self.0.connection.clone(), self.0.keys.bus());
        self.0.feed.watch(move |heard| connection.clone().listen(channel.clone(), heard))
    }
}
