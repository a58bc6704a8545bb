//! Sessions in MongoDB, one document each. This file owns the connection and the steps of each
//! operation. Below it are the calls on single sessions (`collections`), the form of a document
//! (`document`), a commit as an update (`update`), and the choice of the sessions that stay under a
//! cap (`admission`).

mod admission;
mod collections;
mod document;
mod failure;
mod update;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use mongodb::{
    Client, Database,
    bson::{Bson, doc},
    options::ClientOptions,
};
use tokio::sync::{OnceCell, Semaphore};

use self::{
    admission::{Ticket, finish_interrupted, selector},
    collections::Collections,
    document::{CREATED, ID, LOGGED_IN, OWNER, SEEN, is_over, owner, to_record, to_time},
};
use super::{
    Cap, Commit, CommitOutcome, InsertOutcome, Listed, Namespace, PrincipalKey, Properties, Record,
    Selector, Store, StoreError, StoreFuture, StoreKey, run_to_completion::run_to_completion,
};
use crate::clock::Timestamp;

/// The collection, unless another is named.
const COLLECTION: &str = "sessions";
/// The longest time that the driver looks for a server: less than the runtime's deadline.
const SELECTION: Duration = Duration::from_secs(1);
/// The most operations that run to completion in the driver at once. Others wait here.
const AT_ONCE: usize = 64;
/// The most interrupted log-ins that one sweep finishes.
const INTERRUPTED_AT_MOST: i64 = 100;

/// Sessions in MongoDB, for any number of processes and machines.
///
/// ```no_run
/// # async fn run() -> Result<(), session_runtime::store::StoreError> {
/// use session_runtime::store::MongoStore;
///
/// let store = MongoStore::connect("mongodb://user:password@db1,db2,db3/shop?replicaSet=rs").await?;
/// # Ok(())
/// # }
/// ```
///
/// It needs MongoDB 4.2 or later: standalone, a replica set, or sharded by `_id`. It needs the
/// right to read, write and make indexes. Tested against a MongoDB-wire-compatible server.
///
/// **What is stored.** The collection `sessions` holds a document for each session, with each field
/// under a key of its own and values as they are given. `sessions_log_ins` holds a document for
/// each principal that logs in under a cap. A commit is one `findAndModify`: its filter holds the
/// preconditions, and it never inserts. A commit that adds to a field which it also changes
/// otherwise, or that meets a number beyond 2⁶³, takes two more calls.
///
/// **Durability.** Unless the URL or the handle says otherwise, a write is acknowledged once a
/// majority has it in its journal, and reads go to the primary. A failover then loses only writes
/// that were not acknowledged yet.
///
/// **Errors.** After a network error in the middle of a write, the write may have happened. On a
/// replica set, the driver repeats the write under the same number, so that it happens once. A
/// standalone server has no such numbers, so the driver reports the error. Nothing is applied
/// twice.
///
/// **Clean-up.** The runtime sweeps expired sessions. For the time when no program runs, a TTL
/// index lets the server remove them too, by its own clock, an hour later or more.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    collections: Arc<Collections>,
    prepared: Arc<OnceCell<()>>,
    permits: Arc<Semaphore>,
}

impl MongoStore {
    /// Connects to `mongodb://…/database` or `mongodb+srv://…/database`, and pings the server.
    /// Looking for a server takes at most a second, unless the URL says otherwise
    /// (`serverSelectionTimeoutMS`). The driver's default for `connectTimeoutMS` stays: a server
    /// that is silent for that long counts as dead, and operations that wait for it are
    /// interrupted.
    ///
    /// # Errors
    ///
    /// A URL that is not valid or names no database, or a server that does not answer.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // The driver's own words may quote the URL, and with it the password.
        let mut options = ClientOptions::parse(url).await.map_err(|_| {
            StoreError::new(
                "the URL of MongoDB is not valid, or its host is not found; it has the form \
                 `mongodb://user:password@host:port/database`, with `%` escapes in user and \
                 password",
            )
        })?;
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.app_name.get_or_insert_with(|| "session-runtime".to_owned());
        let name = options.default_database.clone().ok_or_else(|| {
            StoreError::new(
                "the URL of MongoDB names no database; write it behind the host, as in \
                 `mongodb://host/database`",
            )
        })?;
        let client = Client::with_options(options).map_err(|_| {
            StoreError::new("the options in the URL of MongoDB contradict each other")
        })?;
        let store = Self::new(&client.database(&name));
        let ping = store.database.run_command(doc! { "ping": 1 }).await;
        ping.map_err(store.collections.failed("connect"))?;
        Ok(store)
    }

    /// Uses a database of a client of your own, with its write concern if it has one. Set the
    /// client's `server_selection_timeout` below the deadline of the session layer, which is two
    /// seconds unless set.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self::in_collection(database.clone(), COLLECTION)
    }

    /// Uses another collection than `sessions`. The collection for log-ins under a cap gets the
    /// same name with `_log_ins` appended.
    #[must_use]
    pub fn collection(self, name: &str) -> Self {
        Self::in_collection(self.database, name)
    }

    fn in_collection(database: Database, name: &str) -> Self {
        let collections = Arc::new(Collections::of(&database, name));
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { database, collections, prepared: Arc::default(), permits }
    }

    /// Makes the missing indexes. The first new session does this too, but a program that calls
    /// this at start learns at once if the right is missing. Any number of processes may call this
    /// at the same time.
    ///
    /// # Errors
    ///
    /// A server that does not answer, or that refuses.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.prepared.get_or_try_init(|| self.collections.make_indexes()).await.copied()
    }

    /// Runs `work` to completion, even if the caller is dropped meanwhile. For work that may also
    /// happen late (reading, or making or removing one session), not for commits.
    ///
    /// A dropped operation costs the driver a connection. If it was waiting for a connection, its
    /// entry stays in a queue that the driver clears at two a second while nothing else happens;
    /// after a network failure, new requests would wait behind all dropped ones. So callers are
    /// dropped here, while the driver's operations run on.
    async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let over = || StoreError::new("interrupted: the program's runtime shuts down");
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| over())?;
        let work = async move {
            let done = work.await;
            drop(permit);
            done
        };
        run_to_completion(work, over).await
    }

    /// Runs a log-in under a cap to completion. `write` gets the ticket, writes the log-in and
    /// returns whether it took place. Returns `None` if the cap refuses the log-in.
    async fn log_in<T, F>(
        &self,
        key: &StoreKey,
        (principal, cap): (&PrincipalKey, Cap),
        now: Timestamp,
        write: impl FnOnce(Arc<Collections>, StoreKey, i64) -> F + Send + 'static,
    ) -> Result<Option<(T, Vec<Selector>)>, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, bool), StoreError>> + Send,
    {
        let (collections, key) = (Arc::clone(&self.collections), key.clone());
        let owner = owner(&key.namespace, principal);
        let work = async move {
            let failed = collections.failed("log in to a session");
            let ticket = Ticket::draw(&collections, owner, &key, cap).await;
            let mut ticket = ticket.map_err(&failed)?;
            if !ticket.is_admitted(&collections, now).await.map_err(&failed)? {
                ticket.finish(&collections).await;
                return Ok(None);
            }
            if ticket.is_overdue() {
                return Err(StoreError::new("MongoDB took too long over a log-in"));
            }
            let (outcome, written) = write(Arc::clone(&collections), key, ticket.number).await?;
            let mut ended = Vec::new();
            if written {
                ended = ticket.evict(&collections, now).await.map_err(&failed)?;
            }
            ticket.finish(&collections).await;
            Ok(Some((outcome, ended)))
        };
        run_to_completion(work, || {
            StoreError::new("a log-in was interrupted: the program's runtime shuts down")
        })
        .await
    }

    async fn list_sessions(
        collections: Arc<Collections>,
        owner: Bson,
        now: Timestamp,
    ) -> Result<Vec<Listed>, StoreError> {
        let failed = collections.failed("list the sessions of a principal");
        finish_interrupted(&collections, Some(&owner), now, 1).await.map_err(&failed)?;
        let live = doc! { OWNER: owner, "$nor": [is_over(now)] };
        let listed = collections.sessions.find(live);
        let listed = listed.projection(doc! { CREATED: 1, LOGGED_IN: 1, SEEN: 1 });
        let mut listed = listed.await.map_err(&failed)?;
        let mut sessions = Vec::new();
        while listed.advance().await.map_err(&failed)? {
            let session = listed.deserialize_current().map_err(&failed)?;
            let time = |name| session.get(name).cloned().and_then(to_time);
            let selector = session.get_str(ID).ok().and_then(selector);
            let (Some(selector), Some(created)) = (selector, time(CREATED)) else { continue };
            let logged_in = time(LOGGED_IN).unwrap_or(created);
            let last_seen = time(SEEN).unwrap_or(created);
            sessions.push(Listed { selector, created, logged_in, last_seen });
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
        Ok(sessions)
    }
}

impl Store for MongoStore {
    fn properties(&self) -> Properties {
        Properties::SHARED
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        let (collections, key) = (Arc::clone(&self.collections), key.clone());
        StoreFuture::new(self.complete(async move {
            let document = collections.find(&key).await?;
            document.map(|document| to_record(document).map(Arc::new)).transpose()
        }))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: Record,
        cap: Option<Cap>,
    ) -> StoreFuture<'a, InsertOutcome> {
        StoreFuture::new(async move {
            let this = self.clone();
            let (Some(cap), Some(principal)) = (cap, record.meta.principal.clone()) else {
                let key = key.clone();
                let insert = async move {
                    this.prepare().await?;
                    this.collections.insert(&key, &record, None).await
                };
                return self.complete(insert).await;
            };
            self.complete(async move { this.prepare().await }).await?;
            let now = record.meta.last_seen;
            let write = move |collections: Arc<Collections>, key, ticket| async move {
                let outcome = collections.insert(&key, &record, Some(ticket)).await?;
                let written = outcome == InsertOutcome::inserted();
                Ok((outcome, written))
            };
            Ok(match self.log_in(key, (&principal, cap), now, write).await? {
                Some((InsertOutcome::Inserted { .. }, ended)) => InsertOutcome::Inserted { ended },
                Some((outcome, _)) => outcome,
                None => InsertOutcome::Full,
            })
        })
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        StoreFuture::new(async move {
            let (Some(cap), Some(Some(principal))) = (commit.cap, &commit.principal) else {
                return self.collections.commit(key, commit, None).await;
            };
            let log_in = commit.clone();
            let write = move |collections: Arc<Collections>, key, ticket| async move {
                let outcome = collections.commit(&key, &log_in, Some(ticket)).await?;
                let written = matches!(outcome, CommitOutcome::Committed { .. });
                Ok((outcome, written))
            };
            Ok(match self.log_in(key, (principal, cap), commit.now, write).await? {
                Some((CommitOutcome::Committed { revision, rotated, .. }, ended)) => {
                    CommitOutcome::Committed { revision, rotated, ended }
                }
                Some((outcome, _)) => outcome,
                None => CommitOutcome::Full,
            })
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        let (collections, id) = (Arc::clone(&self.collections), key.to_string());
        StoreFuture::new(self.complete(async move {
            let deleted = collections.sessions.delete_one(doc! { ID: id }).await;
            let deleted = deleted.map_err(collections.failed("end a session"))?;
            Ok(deleted.deleted_count > 0)
        }))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        let (collections, owner) = (Arc::clone(&self.collections), owner(namespace, principal));
        StoreFuture::new(self.complete(Self::list_sessions(collections, owner, now)))
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        StoreFuture::new(async move {
            let except = except.map_or(Bson::Null, |selector| {
                StoreKey { namespace: namespace.clone(), selector }.to_string().into()
            });
            let theirs = doc! { OWNER: owner(namespace, principal), ID: { "$ne": except } };
            let deleted = self.collections.sessions.delete_many(theirs).await;
            let failed = self.collections.failed("end the sessions of a principal");
            Ok(deleted.map_err(failed)?.deleted_count)
        })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        let collections = Arc::clone(&self.collections);
        StoreFuture::new(self.complete(async move {
            let finished = finish_interrupted(&collections, None, now, INTERRUPTED_AT_MOST);
            finished.await.map_err(collections.failed("sweep sessions"))?;
            collections.sweep(now, limit).await
        }))
    }
}

impl fmt::Debug for MongoStore {
    /// Prints the collection only: a client's options may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MongoStore")
            .field(&self.collections.sessions.namespace().to_string())
            .finish()
    }
}
