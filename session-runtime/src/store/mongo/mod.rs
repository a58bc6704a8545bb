//! Sessions in MongoDB, one document each. This file owns which operations go on after their caller
//! has gone. Below it are the driver's client (`client`), the calls (`sessions`), the form of a
//! document (`document`), the parameters of a URL (`url`), and the wording of errors (`failure`).

mod client;
mod document;
mod failure;
mod sessions;
pub(in crate::store) mod url;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use mongodb::{Database, options::ClientOptions};
use tokio::sync::Semaphore;

use self::client::Clients;
use super::{
    Cursor, Facts, Namespace, Order, Page, PrincipalKey, Properties, Record, Store, StoreError,
    StoreFuture, StoreKey, SweepCursor, Swept, Written, check,
    run_to_completion::run_to_completion,
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
/// It needs MongoDB 4.2 or later: standalone, a replica set, or sharded by `_id`. Tested against a
/// MongoDB-wire-compatible server.
///
/// **Rights.** A user needs the actions `find`, `insert`, `update`, `remove` and `createIndex` on the
/// collection, as the role `readWrite` of the database has them. [`connect`](Self::connect) does once
/// what requests do ([`check`]), so a right that is missing is an error at start.
///
/// **What is stored.** The collection `sessions` holds a document for each session: the record in a
/// compact encoding, and beside it only what the server compares or sorts by (the version, the
/// place in the list of the session's principal, the last use and the end). There are no
/// transactions and no other collection.
///
/// **Round trips.** A load, a new session, a commit and the end of a session take one each. A log-in
/// takes one more, which counts the sessions of the principal, up to 10,000: **a cap above 10,000 is
/// not kept.** A log-in that exceeds its cap then lists the oldest sessions and ends them, one round
/// trip for each. With `RefuseNew`, a log-in takes four more, for the lease and a count. A list takes
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
/// After a server says that it is no longer the primary, the driver tries once more, on a replica set
/// and after at most a second. An error has the server's code and its name, and never the server's
/// words, which may quote a document.
///
/// **Runtimes.** A store that has [connected](Self::connect) by itself may outlive its async runtime:
/// it then makes another client. A client of your own works in the runtime that it was made in.
///
/// **Clean-up.** The runtime sweeps expired sessions. For the time when no program runs, a TTL
/// index lets the server remove them too, by its own clock, an hour later or more.
#[derive(Clone)]
pub struct MongoStore {
    clients: Arc<Clients>,
    permits: Arc<Semaphore>,
}

impl MongoStore {
    /// Connects to `mongodb://…/database` or `mongodb+srv://…/database`, makes the indexes that are
    /// missing, and does once what requests do. Looking for a server takes at most a second, unless the URL says otherwise
    /// (`serverSelectionTimeoutMS`). The driver's default for `connectTimeoutMS` stays: a server
    /// that is silent for that long counts as dead, and operations that wait for it are
    /// interrupted. Beside the driver's options, such as `maxPoolSize`, the URL may name the
    /// `collection`.
    ///
    /// # Errors
    ///
    /// A URL that is not valid or names no database, a server that does not answer, a missing right.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let (url, collection) = url::split(url)?;
        // The driver's own words may quote the URL, and with it the password.
        let mut options = ClientOptions::parse(&url).await.map_err(|_| {
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
        let clients = Clients::new(options, &name, collection.as_deref().unwrap_or(COLLECTION))
            .map_err(|_| {
                StoreError::new("the options in the URL of MongoDB contradict each other")
            })?;
        let store = Self::with(clients);
        store.clients.sessions().ping().await?;
        check(&store).await?;
        Ok(store)
    }

    /// Uses a database of a client of your own, with its write concern if it has one. Set the
    /// client's `server_selection_timeout` below the deadline of the session layer, which is two
    /// seconds unless set.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self::with(Clients::of(database.clone(), COLLECTION))
    }

    /// Uses another collection than `sessions`.
    #[must_use]
    pub fn collection(self, name: &str) -> Self {
        Self::with(self.clients.in_collection(name))
    }

    fn with(clients: Clients) -> Self {
        Self { clients: Arc::new(clients), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Makes the missing indexes. The first new session does this too, but a program that calls
    /// this at start learns at once if the right is missing. Any number of processes may call this
    /// at the same time.
    ///
    /// # Errors
    ///
    /// A server that does not answer, or that refuses.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.clients.sessions().prepare().await
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

    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        let (clients, key) = (Arc::clone(&self.clients), key.clone());
        StoreFuture::new(self.complete(async move { clients.sessions().load(&key).await }))
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Arc<Record>) -> StoreFuture<'a, Written> {
        StoreFuture::new(async move {
            let (sessions, owned_key) = (self.clients.sessions(), key.clone());
            if record.meta.principal.is_none() {
                return self
                    .complete(async move {
                        sessions.prepare().await?;
                        sessions.insert(&owned_key, &record).await
                    })
                    .await;
            }
            let prepared = Arc::clone(&sessions);
            self.complete(async move { prepared.prepare().await }).await?;
            sessions.insert(key, &record).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        version: u64,
        record: Arc<Record>,
    ) -> StoreFuture<'a, Written> {
        StoreFuture::new(
            async move { self.clients.sessions().replace(key, version, &record).await },
        )
    }

    fn touch<'a>(
        &'a self,
        key: &'a StoreKey,
        last_seen: Timestamp,
        clean_after: Timestamp,
    ) -> StoreFuture<'a, bool> {
        let (clients, key) = (Arc::clone(&self.clients), key.clone());
        StoreFuture::new(
            self.complete(
                async move { clients.sessions().touch(&key, last_seen, clean_after).await },
            ),
        )
    }

    fn remove<'a>(&'a self, key: &'a StoreKey, version: Option<u64>) -> StoreFuture<'a, bool> {
        let (clients, key) = (Arc::clone(&self.clients), key.clone());
        StoreFuture::new(
            self.complete(async move { clients.sessions().remove(&key, version).await }),
        )
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        order: Order,
        after: Option<Cursor>,
        limit: usize,
    ) -> StoreFuture<'a, Page> {
        let clients = Arc::clone(&self.clients);
        let (namespace, principal) = (namespace.clone(), principal.clone());
        StoreFuture::new(self.complete(async move {
            clients.sessions().list(&namespace, &principal, order, after, limit).await
        }))
    }

    fn count<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
    ) -> StoreFuture<'a, u64> {
        let clients = Arc::clone(&self.clients);
        let (namespace, principal) = (namespace.clone(), principal.clone());
        StoreFuture::new(
            self.complete(async move { clients.sessions().count(&namespace, &principal).await }),
        )
    }

    fn sweep(
        &self,
        before: Timestamp,
        after: Option<SweepCursor>,
        limit: usize,
    ) -> StoreFuture<'_, Swept> {
        let clients = Arc::clone(&self.clients);
        StoreFuture::new(
            self.complete(async move { clients.sessions().sweep(before, after, limit).await }),
        )
    }

    fn probe(&self) -> StoreFuture<'_, Facts> {
        let clients = Arc::clone(&self.clients);
        StoreFuture::new(self.complete(async move { clients.sessions().facts().await }))
    }
}

impl fmt::Debug for MongoStore {
    /// Prints the collection only: a client's options may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MongoStore").field(&self.clients.sessions().name()).finish()
    }
}
