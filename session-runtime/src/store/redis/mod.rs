//! Sessions in Redis or Valkey: one server, a Cluster, or a master that Sentinels name. This file
//! owns the store as its users see it; below it are the way to the servers (`connection`), the form of
//! a session and of an index (`layout`, `index`), and the steps of a log-in (`login`, `admission`).

mod admission;
mod assignment;
mod commit;
mod connection;
mod index;
mod join_all;
mod key;
mod layout;
mod login;
mod pack;
mod put;
mod script;
#[cfg(test)]
mod tests;
mod url;

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ::redis::Cmd;

use self::{
    admission::{OLD, SessionHeads},
    connection::{Connection, Retry},
    index::{Index, Listing},
    key::Keys,
    url::Target,
};
use super::{
    Cap, Check, Commit, CommitOutcome, InsertOutcome, KeyId, Listed, Namespace, PrincipalKey,
    Properties, Record, Selector, Store, StoreError, StoreFuture, StoreKey,
    run_to_completion::run_to_completion,
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
/// **What lies there.** A session is one hash, `session:NAMESPACE:SELECTOR`; a principal's index is
/// another, `session:principal:NAMESPACE:HASH`. In a session's hash, `r` is all of it in
/// `MessagePack`, but for values of more than 1,024 bytes: each of them lies apart, and is written
/// only when it changes. Each change of a session is one script on its hash, so it applies whole or
/// not at all. In a Cluster a script sees one key; elsewhere that of a log-in sees the index, too. No
/// keyspace event, no `SCAN`, no expiry of single fields is used. Commands of requests that run at
/// the same time are sent in one write. A proxy that spreads keys over several servers must refuse a
/// command with keys of two (`CROSSSLOT`), as that of Redis Enterprise does; one that sends it to
/// either of them would lose entries of an index.
///
/// **Round trips.** Load: 1. Commit, touch: 1; after a load, 2 if another request has changed the
/// session since. Log-in: 1, in a Cluster 2 (the index, then the session), and 1 more if the session
/// was somebody's before. A log-in that finds as many sessions as the cap allows: 6 (the index, the
/// sessions in it at once, the index, the session, those evicted at once, the index). A longer
/// life for a session that is somebody's: 3. List: 2, and 1 more if a session in it is not there any
/// more. Delete: 1, of somebody's session 2. Delete all: 3. The first run of each script on a server
/// costs 1 more.
///
/// **Expiry.** Whether a session is over is decided by the runtime's time. The server removes it half
/// a minute to a minute after its end, by a span and not a date, so its clock may be wrong;
/// [`sweep`](Store::sweep) has nothing to do. An index lives an hour longer than the longest
/// session in it.
///
/// **Durability** is the server's. With `appendonly yes`, `appendfsync always` loses nothing that
/// was acknowledged in a crash, and `everysec` up to a second; without `appendonly`, a restart
/// logs everybody out. *Never let a master without `appendonly` restart by itself under
/// Sentinels*: its replicas would copy its emptiness. Replication is asynchronous: when a replica
/// takes over, it may lack the last commits that were acknowledged, log-outs and entries of an
/// index among them. `min-replicas-to-write 1` with `min-replicas-max-lag` bounds how much; a store
/// that must not lose a log-out has to be a database. `WAIT` is not used: it would cost a round
/// trip, and does not make a failover lossless either.
///
/// **`maxmemory-policy`** must be `noeviction`, or `volatile-ttl` if logging people out early is
/// better than refusing new ones. Each `allkeys-…` policy, `volatile-lru` and `volatile-random` may
/// evict the index of a principal while its sessions live, and "end all my sessions" would miss
/// them. `volatile-ttl` removes what ends soonest, as far as its sampling finds it, and an index
/// outlives its sessions. With `noeviction`, a full server refuses writes, as errors; requests that
/// change nothing still work.
///
/// **Sizing**, as measured on Redis 7.0: 410 bytes for an anonymous session without fields, 570
/// with three fields of 40 bytes, 760 with one of 300; 700 and 890 with a principal and none or
/// three of 40, its index included.
///
/// **Rights.** The store needs no more than this; [`connect`](Self::connect) fails at once if a
/// load or a commit is not allowed:
///
/// ```text
/// ACL SETUSER shop on >secret ~session:* resetchannels -@all +hgetall +hmget +hget +hlen
///     +hset +hsetnx +hdel +hrandfield +exists +del +persist +pexpire +pttl +evalsha +eval
/// ```
///
/// In a Cluster also `+cluster|slots +ping +asking`; under Sentinels `+role`.
///
/// **Failures.** Each operation ends within the runtime's two seconds. A connection that breaks is
/// made again by the next request. A command is sent again only if the server said that it did not
/// carry it out, or if carrying it out twice is the same as once; a commit without an answer is an
/// error, and has taken place or not. A log-in runs to its end also if nobody waits for it any
/// more; what it leaves undone when its process ends, the next log-in of the principal puts right.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connection: Connection,
    keys: Keys,
    /// For how many milliseconds the index of a principal is kept when a log-in does not say how
    /// long the session lives.
    usual_millis: AtomicU64,
}

const DAY_MILLIS: u64 = 24 * 3_600_000;

/// How often a list is begun anew while the principal's log-ins keep changing it.
const MOST_LOOKS: u32 = 8;

impl RedisStore {
    /// Connects, and tries a load and a commit.
    ///
    /// - `redis://[user:password@]host[:port][/database]`: one server
    /// - `redis+cluster://[user:password@]host[:port],host[:port],…`: a Cluster, by some nodes
    /// - `redis+sentinel://[user:password@]host[:port],…/master-name[/database]`: the master of
    ///   that name; the hosts are Sentinels, user and password the master's
    ///
    /// `rediss`, `rediss+cluster` and `rediss+sentinel` are the same over TLS. Behind a `?`:
    ///
    /// - `prefix`: what every key begins with; `session:` if not given
    /// - `ca`: a PEM file with the authorities to trust, instead of the public ones
    /// - `cert` and `key`: PEM files to identify the client by
    /// - `sentinel_user` and `sentinel_password`: for the Sentinels, which have users of their own
    ///
    /// What would end a part of the URL is percent-encoded, as in `p%40ss` for `p@ss`.
    ///
    /// # Errors
    ///
    /// A URL that cannot be used, a file that cannot be read, a server that does not answer, a
    /// wrong password, a right that is missing. The message says where, and never the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        let connection = Connection::open(&target).await?;
        let keys = Keys::new(&target.prefix);
        let inner = Inner { connection, keys, usual_millis: AtomicU64::new(DAY_MILLIS) };
        inner.check_rights().await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Runs an operation of several steps to its end, even if nobody waits for it any more.
    fn complete<'a, T, F>(
        &self,
        operation: impl FnOnce(Arc<Inner>) -> F + Send + 'a,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        StoreFuture::new(async move {
            let connection = inner.connection.clone();
            run_to_completion(operation(inner), || connection.ending()).await
        })
    }
}

impl fmt::Debug for RedisStore {
    /// Prints where it is and the prefix of its keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("place", &self.0.connection.place())
            .field("prefix", &self.0.keys.prefix())
            .finish()
    }
}

impl Inner {
    /// Tries what each request will do, on a session that nobody has: a missing right or a wrong
    /// prefix shows when the program starts.
    async fn check_rights(&self) -> Result<(), StoreError> {
        let namespace = Namespace::new("check");
        let key = StoreKey { namespace, selector: Selector::from_bytes([0; 16]) };
        self.load(&key).await?;
        let (check, key_id) = (Check::from_bytes([0; 16]), KeyId::from_bytes([0; 4]));
        let touch = Commit::touch(Timestamp::default(), check, key_id);
        self.send(&key, &touch, Timestamp::default()).await?;
        Ok(())
    }

    async fn load(&self, key: &StoreKey) -> Result<Option<Arc<Record>>, StoreError> {
        let name = self.keys.session(key);
        let mut command = Cmd::with_capacity(2, "HGETALL".len() + name.len());
        command.arg("HGETALL").arg(name);
        let hash = self.connection.ask(&command, Retry::Idempotent).await?;
        let record = layout::read(hash).map_err(|damaged| self.damaged(key, damaged))?;
        Ok(record.map(Arc::new))
    }

    async fn delete(&self, key: &StoreKey) -> Result<bool, StoreError> {
        let removed = self.remove(key, None).await?;
        let was_there = removed.is_some();
        self.leave_former(key, removed.flatten()).await;
        Ok(was_there)
    }

    async fn list(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        let index_key = self.keys.index(namespace, principal);
        let index = Index { connection: &self.connection, key: &index_key };
        let (listing, mut heads) = self.look(namespace, index).await?;
        // Some are evicted by a log-in that took place: whoever logged in is about to end them, or
        // is no more.
        let marks = listing.eviction_marks.iter().filter(|(_, (winner, token))| {
            let winner = heads.get(winner).and_then(Option::as_ref);
            winner.is_some_and(|winner| winner.token == *token)
        });
        let marks: Vec<_> = marks.collect();
        for (evicted, (winner, token)) in marks {
            heads.remove(evicted);
            if token.age() > OLD {
                let removed = self.remove_all(namespace, principal, [*evicted]).await?;
                index.forget(&removed, Some((*winner, token)), &[*evicted]).await?;
            }
        }
        let mut live: Vec<Listed> = heads
            .into_values()
            .flatten()
            .filter(|head| head.principal == *principal && !head.is_expired(now))
            .map(|head| head.listed)
            .collect();
        live.sort_by_key(|session| std::cmp::Reverse(session.created));
        Ok(live)
    }

    /// A principal's index and the sessions in it. One that is not there may have given way to
    /// another while the index was on its way, so the index is read again then.
    async fn look(
        &self,
        namespace: &Namespace,
        index: Index<'_>,
    ) -> Result<(Listing, SessionHeads), StoreError> {
        let mut listing = index.read().await?;
        let mut looks = 1;
        loop {
            let sessions: BTreeSet<Selector> = listing.sessions().collect();
            let asked = sessions.into_iter().map(|session| (session, Vec::new()));
            let heads = self.heads(namespace, asked).await?;
            if heads.values().all(Option::is_some) || looks == MOST_LOOKS {
                return Ok((listing, heads));
            }
            let again = index.read().await?;
            if again == listing {
                return Ok((listing, heads));
            }
            listing = again;
            looks += 1;
        }
    }

    async fn delete_all(
        &self,
        namespace: &Namespace,
        principal: &PrincipalKey,
        except: Option<Selector>,
    ) -> Result<u64, StoreError> {
        let index_key = self.keys.index(namespace, principal);
        let index = Index { connection: &self.connection, key: &index_key };
        let listing = index.read().await?;
        let sessions = listing.entries.keys().copied().filter(|session| Some(*session) != except);
        let removed = self.remove_all(namespace, principal, sessions).await?;
        if !removed.is_empty() {
            index.forget(&removed, None, &[]).await?;
        }
        Ok(removed.len() as u64)
    }

    /// Until when a session lives, as far as log-ins before have shown.
    fn usual_end(&self, now: Timestamp) -> Timestamp {
        let millis = self.usual_millis.load(Ordering::Relaxed);
        Timestamp::from_millis(now.as_millis().saturating_add(millis))
    }

    fn learn_end(&self, now: Timestamp, end: Timestamp) {
        let millis = end.as_millis().saturating_sub(now.as_millis());
        self.usual_millis.fetch_max(millis, Ordering::Relaxed);
    }
}

impl Store for RedisStore {
    fn properties(&self) -> Properties {
        Properties { wants_loaded: true, ..Properties::SHARED }
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        StoreFuture::new(self.0.load(key))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        if record.meta.principal.is_none() {
            return StoreFuture::new(async move { self.0.insert(key, &record, None).await });
        }
        let key = key.clone();
        self.complete(move |inner| async move { inner.insert(&key, &record, cap).await })
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        if commit.principal.is_none() && commit.lifetime.is_none() {
            return StoreFuture::new(self.0.change(key, commit));
        }
        let (key, commit) = (key.clone(), commit.clone());
        self.complete(move |inner| async move {
            match &commit.principal {
                Some(Some(principal)) => inner.log_in(&key, &commit, principal).await,
                _ => inner.change(&key, &commit).await,
            }
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        let key = key.clone();
        self.complete(move |inner| async move { inner.delete(&key).await })
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        StoreFuture::new(self.0.list(namespace, principal, now))
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        let (namespace, principal) = (namespace.clone(), principal.clone());
        self.complete(
            move |inner| async move { inner.delete_all(&namespace, &principal, except).await },
        )
    }

    fn sweep(&self, _: Timestamp, _: usize) -> StoreFuture<'_, u64> {
        // The server removes what is over.
        StoreFuture::ready(Ok(0))
    }
}
