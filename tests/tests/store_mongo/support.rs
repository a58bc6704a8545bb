//! What the tests of the mongo store share: records, commits, and a store in a collection of its
//! own whose documents and commands can be looked at.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use mongodb::{
    Client, Collection,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    event::{EventHandler, command::CommandEvent},
    options::{ClientOptions, DatabaseOptions},
};
use session_runtime::testing::conformance::Repository as _;
use session_runtime::{
    clock::Timestamp,
    store::{
        Check, Commit, CommitOutcome, InsertOutcome, KeyId, Lifetime, Meta, MongoStore, Namespace,
        PrincipalKey, Record, Selector, Store, StoreKey,
    },
};
use tests::backend::mongo::Mongo;

pub(crate) const KEY_ID: KeyId = KeyId::from_bytes([7; 4]);
/// When the records of these tests were made: long before the server's present.
pub(crate) const START: u64 = 1_000_000_000_000;
pub(crate) const IDLE: u64 = 1_800_000;

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

pub(crate) fn check(number: u8) -> Check {
    Check::from_bytes([number; 16])
}

pub(crate) fn key(number: u8) -> StoreKey {
    StoreKey { namespace: Namespace::new("shop"), selector: Selector::from_bytes([number; 16]) }
}

pub(crate) fn ada() -> PrincipalKey {
    PrincipalKey::new("\"ada\"")
}

pub(crate) fn record() -> Record {
    let lifetime =
        Lifetime { idle_millis: Some(IDLE), absolute_until: at(43_200_000), persistent: false };
    Record::new(Meta::new(check(1), KEY_ID, at(0), lifetime))
}

pub(crate) fn touch(millis: u64) -> Commit {
    Commit::touch(at(millis), check(1), KEY_ID)
}

pub(crate) fn log_in(millis: u64) -> Commit {
    let mut commit = touch(millis);
    commit.principal = Some(Some(ada()));
    commit
}

pub(crate) fn is_committed(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Committed { .. })
}

pub(crate) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// A store in a collection of its own on the shared server.
pub(crate) struct Own {
    pub(crate) store: MongoStore,
    pub(crate) sessions: Collection<Document>,
    commands: Arc<Mutex<Vec<Document>>>,
}

impl Own {
    pub(crate) async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::named(&format!("own_{number}")).await
    }

    /// Another client of a collection that may be there already.
    pub(crate) async fn named(name: &str) -> Self {
        Self::with(name, DatabaseOptions::default()).await
    }

    /// The same, with settings of the user's own.
    pub(crate) async fn with(name: &str, settings: DatabaseOptions) -> Self {
        let commands: Arc<Mutex<Vec<Document>>> = Arc::default();
        let seen = Arc::clone(&commands);
        let mut options = ClientOptions::parse(Mongo::shared().url()).await.expect("a valid URL");
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(event) = event {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(event.command);
            }
        }));
        let database = options.default_database.clone().expect("in the URL");
        let client = Client::with_options(options).expect("a client");
        let database = client.database_with_options(&database, settings);
        let plain = Mongo::shared().database().await;
        Self {
            store: MongoStore::new(&database).collection(name),
            sessions: plain.collection(name),
            commands,
        }
    }

    pub(crate) async fn insert(&self, number: u8, record: Record) {
        let outcome = self.store.insert_capped(&key(number), record, None).await.expect("inserts");
        assert_eq!(outcome, InsertOutcome::inserted());
    }

    pub(crate) async fn commit(&self, number: u8, commit: &Commit) -> CommitOutcome {
        self.store.commit(&key(number), commit).await.expect("commits")
    }

    pub(crate) async fn load(&self, number: u8) -> Option<Arc<Record>> {
        self.store.load(&key(number)).await.expect("loads")
    }

    /// The document of a session, as others see it.
    pub(crate) async fn document(&self, number: u8) -> Document {
        let found = self.sessions.find_one(doc! { "_id": key(number).to_string() }).await;
        found.expect("the server answers").expect("the session is there")
    }

    /// What the store has sent since the last time.
    pub(crate) fn commands(&self) -> Vec<Document> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same by name only.
    pub(crate) fn command_names(&self) -> Vec<String> {
        let name = |command: &Document| command.keys().next().cloned().unwrap_or_default();
        self.commands().iter().map(name).collect()
    }
}
