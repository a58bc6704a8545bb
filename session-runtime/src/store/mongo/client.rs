//! The driver's client, which works in the runtime that it was made in and in no other. This file owns
//! when a client is made again.

use std::sync::{Arc, Mutex, PoisonError};

use mongodb::{Client, Database, error::Result, options::ClientOptions};

use super::sessions::Sessions;
use crate::store::home::Home;

/// The clients of a store, one after the other.
pub(super) struct Clients {
    /// The options that clients are made from; `None` if the client is the user's own.
    options: Option<ClientOptions>,
    collection: String,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    database: Database,
    sessions: Arc<Sessions>,
    /// The runtime that the client was made in; `None` for the user's own.
    home: Option<Arc<Home>>,
}

impl Clients {
    /// Makes a client.
    pub(super) fn new(options: ClientOptions, database: &str, collection: &str) -> Result<Self> {
        let current = Mutex::new(Current::make(options.clone(), database, collection)?);
        Ok(Self { options: Some(options), collection: collection.to_owned(), current })
    }

    /// Uses a client that is there already, and never makes another.
    pub(super) fn of(database: Database, collection: &str) -> Self {
        let current = Mutex::new(Current::of(database, collection));
        Self { options: None, collection: collection.to_owned(), current }
    }

    /// Uses another collection.
    pub(super) fn in_collection(&self, name: &str) -> Self {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        current.sessions = Arc::new(Sessions::of(&current.database, name));
        let (options, collection) = (self.options.clone(), name.to_owned());
        Self { options, collection, current: Mutex::new(current) }
    }

    /// Returns the sessions, by way of the client that works at present.
    pub(super) fn sessions(&self) -> Arc<Sessions> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(options) = &self.options
            && current.home.as_ref().is_some_and(|home| home.has_ended())
            // The options were right before. Should they not be, the old client says that it fails.
            && let Ok(made) =
                Current::make(options.clone(), current.database.name(), &self.collection)
        {
            *current = made;
        }
        Arc::clone(&current.sessions)
    }
}

impl Current {
    fn make(options: ClientOptions, database: &str, collection: &str) -> Result<Self> {
        let database = Client::with_options(options)?.database(database);
        Ok(Self { home: Some(Arc::new(Home::current())), ..Self::of(database, collection) })
    }

    fn of(database: Database, collection: &str) -> Self {
        let sessions = Arc::new(Sessions::of(&database, collection));
        Self { database, sessions, home: None }
    }
}
