//! The sessions of one type in one store, without the type: to list, show and end them. Owns what an
//! administrator may do to them; how pages of records and the end of all sessions come about is the
//! repository's business, here as for `Sessions<T>`.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    cell::model::SessionType,
    clock::{Clock as _, SystemClock, Timestamp},
    engine::{Engine, backend::Backend, floor::Floor},
    error::{Error, Kind},
    event,
    handle::session_page::{EndedSessions, SessionCursor},
    key::KeyInfo,
    layer::SessionLayer,
    repository::{at_rest, deadline::DeadlineStore},
    store::{
        Meta, Namespace, Order, PrincipalKey, Properties, Record, Store, StoreKey,
        session_id::SessionId,
    },
    token::Random,
};

/// The time after which an operation counts as failed, unless [`StoredSessions::deadline`] says
/// otherwise. Longer than a request's: a person waits.
const DEADLINE: Duration = Duration::from_secs(10);

/// The sessions of one session type in one store, by the names that the store has for them: for
/// tools that do not know the type. [`Sessions<T>`](crate::Sessions) is for programs that do.
///
/// ```
/// use std::sync::Arc;
/// use session_runtime::{admin::{StoredSessions, principal_key}, store::MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), session_runtime::Error> {
/// let sessions = StoredSessions::new(Arc::new(MemoryStore::default()), "shop", "")?;
/// let page = sessions.list(&principal_key("ada"), None).await?;
/// assert!(page.sessions.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StoredSessions {
    name: Arc<str>,
    namespace: Namespace,
    store: DeadlineStore,
    floor: Arc<Floor>,
    /// Knows the clock of the layer, and the keys under which the store hides principals.
    engine: Option<Arc<Engine>>,
}

/// A page of a principal's sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredPage {
    /// The live sessions, the latest log-in first. There may be fewer than fit a page, even none,
    /// before the list ends.
    pub sessions: Vec<(SessionId, Arc<Record>)>,
    /// The place where the list goes on; `None` at its end.
    pub next: Option<SessionCursor>,
}

impl StoredSessions {
    /// Creates the view of a store's sessions from the name of their type (`#[session(namespace)]`;
    /// by default the struct's name in kebab case) and the audience of the deployment, which is empty
    /// unless the layer's builder sets one.
    ///
    /// The store is asked directly. If the layer has
    /// [`encrypt_at_rest`](crate::SessionLayerBuilder::encrypt_at_rest), the fields are one sealed
    /// blob and the principals are hidden: then a session is found by its id alone. A view
    /// [of the layer](Self::of) finds and reads everything.
    ///
    /// # Errors
    ///
    /// Returns an error for a name or an audience that no layer can have.
    pub fn new(store: Arc<dyn Store>, name: &str, audience: &str) -> Result<Self, Error> {
        let namespace = Namespace::of(name, audience).filter(|_| is_name(name));
        let namespace = namespace.ok_or_else(|| {
            Error::config(
                "the name of a session type has up to 64 ASCII letters, digits, `-`, `.` and `_`, \
                 and an audience has no other characters",
            )
        })?;
        let store = DeadlineStore::new(store, namespace.clone(), DEADLINE, DEADLINE, usize::MAX);
        let floor = floor(&store, &namespace);
        Ok(Self { name: name.into(), namespace, store, floor, engine: None })
    }

    /// Creates the view of a layer's sessions, with the deadlines, the clock and the keys of the
    /// layer.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload travels in the token: such sessions are in no store.
    pub fn of<T: SessionType>(layer: &SessionLayer<T>) -> Result<Self, Error> {
        let engine = &layer.engine;
        let Backend::Stored(stored) = &engine.backend else {
            return Err(Error::new(Kind::NotListable));
        };
        Ok(Self {
            name: engine.name().into(),
            namespace: engine.namespace.clone(),
            store: stored.store.clone(),
            floor: Arc::clone(&stored.floor),
            engine: Some(Arc::clone(engine)),
        })
    }

    /// Sets the time after which an operation counts as failed. Ending all sessions of a principal
    /// takes at most half of that time a call.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.store = self.store.with_deadline(deadline);
        if self.engine.is_none() {
            self.floor = floor(&self.store, &self.namespace);
        }
        self
    }

    /// Returns the namespace that the sessions have in the store: the name of the type, and the
    /// audience if there is one.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns a page of the live sessions of a principal, the latest log-in first: the first page,
    /// or the one after `after`, which the page before it has named. A page has up to 64 sessions.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is [unavailable](Error::is_unavailable).
    pub async fn list(
        &self,
        principal: &PrincipalKey,
        after: Option<SessionCursor>,
    ) -> Result<StoredPage, Error> {
        let (principals, after) = (self.keys_of(principal), after.map(|after| after.0));
        let (found, next) = if let Some(engine) = &self.engine {
            engine.page(&principals, Order::Newest, after).await?
        } else {
            let now = self.present_time().await?;
            let page = self.store.page(&self.namespace, &principals, now, Order::Newest, after);
            let (mut found, next) = page.await?;
            found.retain(|(_, _, record)| !self.is_over(&record.meta, now));
            (found, next)
        };
        let sessions = found.into_iter().map(|(_, selector, record)| (SessionId(selector), record));
        Ok(StoredPage { sessions: sessions.collect(), next: next.map(SessionCursor) })
    }

    /// Returns the number of sessions of a principal, at least of those that are live: sessions
    /// that are over count until the store has removed them.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn count(&self, principal: &PrincipalKey) -> Result<u64, Error> {
        self.store.count(&self.namespace, &self.keys_of(principal)).await
    }

    /// Returns the record of a session as the store has it now; `None` if there is no such session, or
    /// if the session is over.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn find(&self, session: &SessionId) -> Result<Option<Arc<Record>>, Error> {
        let record = self.store.load_latest(&self.key(session)).await?;
        let now = self.present_time().await?;
        Ok(record.filter(|record| !self.is_over(&record.meta, now)))
    }

    /// Ends a session, whoever the principal is. Returns whether the session existed.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end(&self, session: &SessionId) -> Result<bool, Error> {
        let ended = self.store.remove(&self.key(session)).await?;
        if ended {
            event::ended(&self.name, session.0);
        }
        Ok(ended)
    }

    /// Ends every session of a principal, or as many as half of the [deadline](Self::deadline)
    /// allows. Call this again until [`is_done`](EndedSessions::is_done) says so.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end_all(&self, principal: &PrincipalKey) -> Result<EndedSessions, Error> {
        let principals = self.keys_of(principal);
        let ended = self.store.end_all(&self.namespace, &principals, None).await?;
        event::ended_many(&self.name, Some(ended.sessions));
        Ok(ended.into())
    }

    /// Ends every session of the type and the audience: what
    /// [`Sessions::end_everything`](crate::Sessions::end_everything) does. Of a store of
    /// [`revocation`](crate::SessionLayerBuilder::revocation), ends every session whose payload travels in
    /// the token.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn end_everything(&self) -> Result<(), Error> {
        self.raise_floor(None).await
    }

    /// Ends every session of the type and the audience that began before a time: what
    /// [`Sessions::end_before`](crate::Sessions::end_before) does.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). Returns an error for a time that is more than a minute in the future.
    pub async fn end_before(&self, time: SystemTime) -> Result<(), Error> {
        self.raise_floor(Some(time.into())).await
    }

    async fn raise_floor(&self, to: Option<Timestamp>) -> Result<(), Error> {
        match &self.engine {
            Some(engine) => engine.raise_floor(to).await,
            None => self.floor.raise(&self.name, to, self.servers_time().await?).await,
        }
    }

    /// Does once what requests do, as [`store::check`](crate::store::check): tells whether the store
    /// works now.
    ///
    /// # Errors
    ///
    /// Returns the first error of the store, or an error if the check takes longer than the deadline.
    pub async fn check(&self) -> Result<(), Error> {
        self.store.check().await
    }

    /// Returns the properties of the store.
    #[must_use]
    pub fn properties(&self) -> Properties {
        self.store.properties()
    }

    /// Returns the keys of the layer's ring, the writing key first; none for a view that was made
    /// without a layer.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        match self.engine.as_deref().map(|engine| &engine.backend) {
            Some(Backend::Stored(stored)) => stored.codec.keys(),
            _ => Vec::new(),
        }
    }

    /// Returns the time by which sessions are judged.
    #[cfg(feature = "admin")]
    pub(super) fn now(&self) -> Timestamp {
        self.engine.as_ref().map_or_else(|| SystemClock.now(), |engine| engine.now())
    }

    /// Returns the time to judge by that something is over: that of the store's server. Knows the floor
    /// afterwards.
    async fn present_time(&self) -> Result<Timestamp, Error> {
        let Some(engine) = &self.engine else {
            let now = self.servers_time().await?;
            self.floor.look(now).await?;
            return Ok(now);
        };
        engine.present_time().await
    }

    async fn servers_time(&self) -> Result<Timestamp, Error> {
        Ok(self.store.probe().await?.time.unwrap_or_else(|| SystemClock.now()))
    }

    /// Returns whether a session is over, as far as that can be known without its layer.
    fn is_over(&self, meta: &Meta, now: Timestamp) -> bool {
        match &self.engine {
            Some(engine) => engine.is_over(meta, now).is_some(),
            None => meta.is_expired(now) || meta.began() < self.floor.before(),
        }
    }

    fn key(&self, session: &SessionId) -> StoreKey {
        StoreKey { namespace: self.namespace.clone(), selector: session.0 }
    }

    /// Returns the keys under which the store may have indexed a principal's sessions.
    fn keys_of(&self, principal: &PrincipalKey) -> Vec<PrincipalKey> {
        match &self.engine {
            Some(engine) => engine.index_keys(principal.clone()),
            None => vec![principal.clone()],
        }
    }
}

impl fmt::Debug for StoredSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSessions").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Returns the floor of the sessions in a store. That sessions name it is for their layer to say.
fn floor(store: &DeadlineStore, namespace: &Namespace) -> Arc<Floor> {
    Arc::new(Floor::new(store.clone(), namespace, Random::SYSTEM, false))
}

/// Returns true if a session type can have this name.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// Returns the index key of a principal that a person has typed: the JSON text of the principal's id
/// (`42`, `"ada"`). A text that is no JSON (`ada`) stands for the JSON string.
///
/// ```
/// use session_runtime::admin::principal_key;
///
/// assert_eq!(principal_key("42").as_str(), "42");
/// assert_eq!(principal_key("ada").as_str(), "\"ada\"");
/// assert_eq!(principal_key(r#""42""#).as_str(), "\"42\"");
/// ```
#[must_use]
pub fn principal_key(typed: &str) -> PrincipalKey {
    match serde_json::from_str::<serde_json::Value>(typed) {
        // Written as the library writes the text: one character may have several spellings.
        Ok(serde_json::Value::String(text)) => string_key(&text),
        Ok(_) => PrincipalKey::new(typed.trim_ascii()),
        Err(_) => string_key(typed),
    }
}

fn string_key(text: &str) -> PrincipalKey {
    PrincipalKey::new(&serde_json::Value::from(text).to_string())
}

/// Returns true if the fields of a record are one sealed blob, as
/// [`encrypt_at_rest`](crate::SessionLayerBuilder::encrypt_at_rest) stores them. The principal in
/// such a record is a keyed hash.
#[must_use]
pub fn is_sealed(record: &Record) -> bool {
    at_rest::is_sealed(record)
}
