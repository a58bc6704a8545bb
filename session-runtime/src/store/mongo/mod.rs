//! Sessions in MongoDB, one document each. This file owns the connection, and which operations go on
//! after their caller has gone. Below it are the calls (`sessions`), the form of a document
//! (`document`), and the wording of errors (`failure`).

mod document;
mod failure;
mod sessions;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use mongodb::{Client, Database, bson::doc, options::ClientOptions};
use tokio::sync::Semaphore;

use self::sessions::Sessions;
use super::{
    Cursor, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreError,
    StoreFuture, StoreKey, Written, run_to_completion::run_to_completion,
};
use crate::clock::Timestamp;

/// The collection, unless another is named.
const COLLECTION: &str = "sessions";
/// The longest time that the driver looks for a server: less than the runtime's deadline.
const SELECTION: Duration = Duration::from_secs(1);
/// The most operations that run to completion in the driver at once. Others wait here.
const AT_ONCE: usize = 64;

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
/// **What is stored.** The collection `sessions` holds a document for each session: the record in a
/// compact encoding, and beside it only what the server compares or sorts by (the version, the
/// place in the list of the session's principal, the last use and the end). There are no
/// transactions and no other collection.
///
/// **Round trips.** A load, a new session, a commit and the end of a session take one each. A log-in
/// takes one more, which counts the sessions of the principal, up to 10,000: **a cap above 10,000 is
/// not kept.** A log-in that exceeds its cap then lists the oldest sessions and ends them, one round
/// trip for each. With `RefuseNew`, a log-in takes five more, for the lease and a list. A list takes
/// one for every 64 sessions. A commit that another request has
/// overtaken takes two more for each try.
///
/// **Durability.** Unless the URL or the handle says otherwise, a write is acknowledged once a
/// majority has it in its journal, and reads go to the primary. A failover then loses only writes
/// that were not acknowledged yet. With a weaker write concern a failover may also lose a log-in
/// that another log-in has counted, or the other way round, so that one session too many stays.
///
/// **Errors.** After a network error in the middle of a write, the write may have happened. On a
/// replica set, the driver sends the write again under the same number; a server that has carried
/// out that number gives the first answer again. A standalone server has no such numbers, so the
/// driver reports the error, and so does `retryWrites=false`. Nothing is applied twice, and nothing
/// that was applied is answered as if it were not.
///
/// **Clean-up.** The runtime sweeps expired sessions. For the time when no program runs, a TTL
/// index lets the server remove them too, by its own clock, an hour later or more.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    sessions: Arc<Sessions>,
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
        ping.map_err(store.sessions.failed("connect"))?;
        Ok(store)
    }

    /// Uses a database of a client of your own, with its write concern if it has one. Set the
    /// client's `server_selection_timeout` below the deadline of the session layer, which is two
    /// seconds unless set.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self::in_collection(database.clone(), COLLECTION)
    }

    /// Uses another collection than `sessions`.
    #[must_use]
    pub fn collection(self, name: &str) -> Self {
        Self::in_collection(self.database, name)
    }

    fn in_collection(database: Database, name: &str) -> Self {
        let sessions = Arc::new(Sessions::of(&database, name));
        Self { database, sessions, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Makes the missing indexes. The first new session does this too, but a program that calls
    /// this at start learns at once if the right is missing. Any number of processes may call this
    /// at the same time.
    ///
    /// # Errors
    ///
    /// A server that does not answer, or that refuses.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.sessions.prepare().await
    }

    /// Runs `work` to completion, even if the caller is dropped meanwhile. For work that may also
    /// happen late: reading, removing, or storing a session that nobody can use yet. A commit or a
    /// log-in that happens long after its caller was told of an error would surprise.
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
}

impl Store for MongoStore {
    fn properties(&self) -> Properties {
        Properties::SHARED
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        let (sessions, key) = (Arc::clone(&self.sessions), key.clone());
        StoreFuture::new(self.complete(async move { sessions.load(&key).await }))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let (sessions, owned_key) = (Arc::clone(&self.sessions), key.clone());
            if record.meta.principal.is_none() {
                return self
                    .complete(async move {
                        sessions.prepare().await?;
                        sessions.insert(&owned_key, &record).await
                    })
                    .await;
            }
            self.complete(async move { sessions.prepare().await }).await?;
            self.sessions.insert(key, &record).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move { self.sessions.replace(key, version, &record).await })
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        let (sessions, key) = (Arc::clone(&self.sessions), key.clone());
        StoreFuture::new(
            self.complete(async move { sessions.touch(&key, last_seen, clean_after).await }),
        )
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        let (sessions, key) = (Arc::clone(&self.sessions), key.clone());
        StoreFuture::new(self.complete(async move { sessions.remove(&key, version).await }))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        let sessions = Arc::clone(&self.sessions);
        let (namespace, principal) = (namespace.clone(), principal.clone());
        StoreFuture::new(self.complete(async move {
            sessions.list(&namespace, &principal, order, after, limit).await
        }))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        let sessions = Arc::clone(&self.sessions);
        let (namespace, principal) = (namespace.clone(), principal.clone());
        StoreFuture::new(self.complete(async move { sessions.count(&namespace, &principal).await }))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        let sessions = Arc::clone(&self.sessions);
        StoreFuture::new(self.complete(async move { sessions.sweep(now, limit).await }))
    }
}

impl fmt::Debug for MongoStore {
    /// Prints the collection only: a client's options may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MongoStore").field(&self.sessions.name()).finish()
    }
}
