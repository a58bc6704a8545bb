//! Sessions in Redis or Valkey: one server, a Cluster, or a master that Sentinels name. This file
//! owns the store as its users see it. Below it are the way to the servers (`connection`), the form
//! of a session and of an index (`layout`, `index`), and the steps of a log-in (`login`,
//! `admission`).

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
/// **What is stored.** A session is one hash, `session:NAMESPACE:SELECTOR`. A principal's index is
/// another hash, `session:principal:NAMESPACE:HASH`. In a session's hash, the field `r` holds the
/// whole session in `MessagePack`, except values of more than 1,024 bytes: each of these has a
/// field of its own, which is written only when the value changes. Each change of a session is one
/// script on its hash, so the change applies whole or not at all. In a Cluster a script uses one
/// key; elsewhere the script of a log-in uses the index too. The store uses no keyspace events, no
/// `SCAN` and no expiry of single fields. Commands of requests that run at the same time are sent
/// in one write.
///
/// **A proxy that spreads keys over several servers must refuse a command with keys on two of
/// them** (`CROSSSLOT`), as the proxy of Redis Enterprise does. A proxy that sends the command to
/// either server would lose entries of an index.
///
/// **Round trips.** Load: 1. Commit, touch: 1; after a load, 2 if another request has changed the
/// session since. Log-in: 1, in a Cluster 2 (the index, then the session), and 1 more if the
/// session had another principal before. A log-in that finds as many sessions as the cap allows: 6
/// (the index, all sessions in it at once, the index, the session, all evicted sessions at once,
/// the index). A longer life for a session that has a principal: 3. List: 2, and 1 more if a
/// session in the index is gone. Delete: 1, and 2 if the session has a principal. Delete all: 3.
/// The first run of each script on a server costs 1 more.
///
/// **Expiry.** The runtime's clock decides when a session has expired. The server removes the
/// session half a minute to a minute later. It is told a span and not a date, so its clock may be
/// wrong. [`sweep`](Store::sweep) has nothing to do. An index lives an hour longer than the longest
/// session in it.
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
/// better than refusing new sessions. The `allkeys-…` policies, `volatile-lru` and
/// `volatile-random` may evict a principal's index while its sessions live; "end all my sessions"
/// would then miss them. `volatile-ttl` removes the keys that expire soonest, as far as its
/// sampling finds them, and an index outlives its sessions. With `noeviction`, a full server
/// refuses writes, which are errors here; requests that change nothing still work.
///
/// **Sizing**, as measured on Redis 7.0: 410 bytes for an anonymous session without fields, 570
/// with three fields of 40 bytes, 760 with one field of 300 bytes. With a principal, index
/// included: 700 without fields, 890 with three fields of 40 bytes.
///
/// **Rights.** The store needs only the rights below. [`connect`](Self::connect) fails at once if a
/// load or a commit is not allowed.
///
/// ```text
/// ACL SETUSER shop on >secret ~session:* resetchannels -@all +hgetall +hmget +hget +hlen
///     +hset +hsetnx +hdel +hrandfield +exists +del +persist +pexpire +pttl +evalsha +eval
/// ```
///
/// In a Cluster also `+cluster|slots +ping +asking`; under Sentinels `+role`.
///
/// **Failures.** Each operation ends within the runtime's two seconds. After a connection breaks,
/// the next request opens a new one. A command is sent again only if the server said that it did
/// not carry it out, or if carrying it out twice has the same effect as once. A commit without an
/// answer is an error; it may or may not have been applied. A log-in runs to completion even if
/// nobody waits for it any more. If its process dies, the principal's next log-in finishes or
/// undoes its remaining steps.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    connection: Connection,
    keys: Keys,
    /// The milliseconds for which a principal's index is kept when a log-in does not say how long
    /// the session lives.
    usual_millis: AtomicU64,
}

const DAY_MILLIS: u64 = 24 * 3_600_000;

/// The most times that a list is read while log-ins of the principal keep changing the index.
const MOST_LOOKS: u32 = 8;

impl RedisStore {
    /// Connects to the servers of a URL, and tries a load and a commit.
    ///
    /// - `redis://[user:password@]host[:port][/database]`: one server
    /// - `redis+cluster://[user:password@]host[:port],host[:port],…`: a Cluster, by some nodes
    /// - `redis+sentinel://[user:password@]host[:port],…/master-name[/database]`: the master of
    ///   that name; the hosts are Sentinels, user and password are the master's
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
    /// wrong password, a missing right. The message names the server, and never the password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        let connection = Connection::open(&target).await?;
        let keys = Keys::new(&target.prefix);
        let inner = Inner { connection, keys, usual_millis: AtomicU64::new(DAY_MILLIS) };
        inner.check_rights().await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Runs an operation of several steps to completion, even if nobody waits for it any more.
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
    /// Prints the servers and the prefix of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("place", &self.0.connection.place())
            .field("prefix", &self.0.keys.prefix())
            .finish()
    }
}

impl Inner {
    /// Tries a load and a commit on a session that nobody has: a missing right or a wrong prefix
    /// shows when the program starts.
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
        // A session that a completed log-in has evicted is not listed. The log-in is about to
        // remove it, or its process died.
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

    /// Reads a principal's index and the heads of the sessions in it. If a session is missing, it
    /// may have been evicted for another one while the index was on its way, so the index is read
    /// again.
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

    /// Returns the time until which a session lives, as far as earlier log-ins have shown.
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
        // The server removes expired sessions.
        StoreFuture::ready(Ok(0))
    }
}
