//! The policy options: the lifetime of sessions, and the reactions to events of their life. Plain
//! setters; the engine's `policy` checks the combination.

use std::time::{Duration, SystemTime};

use super::SessionLayerBuilder;
use crate::{
    cell::model::SessionType,
    engine::policy::TouchOn,
    layer::preset::Preset,
    schema::options::{CommitOn, Create, OnEnd, OnLost, OnStale, OnStoreError, Resend},
    store::{Cap, OnMaxSessions},
};

impl<T: SessionType> SessionLayerBuilder<T> {
    /// Sets the time that a session lives without use, instead of the struct's `idle`.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.policy.idle = Some(idle);
        self.idle_is_ours = true;
        self
    }

    /// Sets the time that a session lives in all, instead of the struct's `absolute`.
    ///
    /// If `absolute` is shorter than the struct's `idle`, it is the idle limit, too.
    pub fn absolute(mut self, absolute: Duration) -> Self {
        if !self.idle_is_ours {
            self.policy.idle = self.policy.idle.map(|idle| idle.min(absolute));
        }
        self.policy.absolute = Some(absolute);
        self
    }

    /// Gives a session a new credential when its present one is `every` old. The old credential is
    /// accepted for 30 more seconds, so that requests under way succeed.
    pub fn rotate_every(mut self, every: Duration) -> Self {
        self.policy.rotate_every = Some(every);
        self
    }

    /// Sets the time for which a key that is not in the ring may be one that other processes of the
    /// deployment have already: 15 minutes by default, after the start, after each
    /// [reload](crate::KeyRing::reload) of the keys, and after the first token under the key. Meanwhile
    /// the client of such a token counts as nobody
    /// and keeps the token. A write, and a log-out, fail with
    /// [`is_unknown_key`](crate::Error::is_unknown_key) (503, with `Retry-After`); a log-in begins a
    /// session of its own. Afterwards the token is stale, like any other that is no live session. With
    /// [`Duration::ZERO`], it is so at once.
    ///
    /// So no session is lost while processes get a new key one after the other. To avoid the 503s, too,
    /// give the new key to every process before one of them writes with it
    /// ([`Key::read_only`](crate::Key::read_only)).
    pub fn unknown_key_grace(mut self, grace: Duration) -> Self {
        self.policy.unknown_key_grace = grace;
        self
    }

    /// Ends every session that began before `time`: that was created before, or whose principal logged in
    /// before, if somebody is logged in. Such sessions do not count under
    /// [`max_sessions`](Self::max_sessions). [`build`](Self::build) refuses a time in the future.
    ///
    /// This is a setting of one layer, which does not change. To end the sessions of all processes while
    /// they run, use [`Sessions::end_everything`](crate::Sessions::end_everything).
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .not_before(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.policy.not_before = time.into();
        self
    }

    /// Limits the number of live sessions of one principal (ASVS 7.1.2), 100 with `EndOldest` by
    /// default. They are counted at each log-in. At the limit, the session with the earliest log-in
    /// is evicted, or the log-in fails with
    /// [`is_too_many_sessions`](crate::Error::is_too_many_sessions) (403). Needs
    /// `payload = "server"` and a field marked `principal`; without those, there is no limit.
    ///
    /// ```
    /// # use session_runtime::{policy::OnMaxSessions, Error, KeyRing, Session, SessionLayer};
    /// # use session_runtime::store::MemoryStore;
    /// # #[derive(Session)]
    /// # struct Shop { #[session(principal)] user: Option<u64> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .max_sessions(3, OnMaxSessions::EndOldest)
    ///     .build()
    /// # }
    /// ```
    pub fn max_sessions(mut self, sessions: u32, on_max: OnMaxSessions) -> Self {
        self.policy.max_sessions = Some(Cap::new(sessions, on_max));
        self
    }

    /// Removes the limit on the number of sessions of a principal. **A principal's sessions then
    /// gather until they expire**: of an account that a program logs in to at each run, say. Prefer a
    /// larger [`max_sessions`](Self::max_sessions).
    pub fn unlimited_sessions(mut self) -> Self {
        self.policy.max_sessions = None;
        self
    }

    /// Limits the size of a session in a store, 64 KiB by default: the bytes of the names and of
    /// the values as they are encoded. A request that makes a session larger than that fails with
    /// [`is_too_large`](crate::Error::is_too_large) (422), and stores nothing; the error names the
    /// fields and their sizes. A session that is larger already, since an older setting allowed more,
    /// can be read and made smaller. Needs `payload = "server"`.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .max_session_bytes(16 * 1024)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.policy.max_session_bytes = Some(bytes);
        self
    }

    /// Removes the limit on the size of a session. **If a client decides how much a field holds, one
    /// client can then fill the store.** Prefer a larger
    /// [`max_session_bytes`](Self::max_session_bytes).
    pub fn unlimited_session_bytes(mut self) -> Self {
        self.policy.max_session_bytes = None;
        self
    }

    /// Sets the time limit of each store operation, 2 seconds by default. Sets both
    /// [`load_deadline`](Self::load_deadline) and [`commit_deadline`](Self::commit_deadline).
    pub fn deadline(self, deadline: Duration) -> Self {
        self.load_deadline(deadline).commit_deadline(deadline)
    }

    /// Sets the time limit of a read: a load, a list of sessions. After it, the store counts as
    /// [unavailable](crate::Error::is_unavailable).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .load_deadline(Duration::from_millis(300))
    ///     .commit_deadline(Duration::from_secs(5))
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn load_deadline(mut self, deadline: Duration) -> Self {
        self.policy.load_deadline = deadline;
        self
    }

    /// Sets the time limit of a write: an insert, a commit, a deletion. **A write that took longer
    /// may or may not have happened.**
    pub fn commit_deadline(mut self, deadline: Duration) -> Self {
        self.policy.commit_deadline = deadline;
        self
    }

    /// Limits the number of operations of this layer that wait for the store at one time, 1024 by
    /// default. Those beyond are refused at once (503,
    /// [`is_not_tried`](crate::Error::is_not_tried)): while a store is slow, the requests of one
    /// deadline would otherwise all be in memory. A request has one operation at a time.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .max_waiting(256)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn max_waiting(mut self, operations: usize) -> Self {
        self.policy.max_waiting = operations;
        self
    }

    /// Sets the requests that touch a session: those that extract it, or all that present its
    /// token.
    ///
    /// ```
    /// # use session_runtime::{store::MemoryStore, Error, KeyRing, Session, SessionLayer};
    /// # use session_runtime::policy::TouchOn;
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .touch_on(TouchOn::AnyRequest)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn touch_on(mut self, touch_on: TouchOn) -> Self {
        self.policy.touch_on = touch_on;
        self
    }

    /// Sets all the options of a [`Preset`]. Later calls override single options.
    ///
    /// ```
    /// # use session_runtime::{store::MemoryStore, Error, KeyRing, Session, SessionLayer};
    /// # use session_runtime::policy::Preset;
    /// # use session_runtime::policy::OnEnd;
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .preset(Preset::Rolling)
    ///     .on_end(OnEnd::ExpireToken)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn preset(mut self, preset: Preset) -> Self {
        preset.apply(&mut self.policy);
        self
    }

    /// Sets the moment when a session is created, instead of the struct's `create`.
    pub fn create(mut self, create: Create) -> Self {
        self.policy.create = create;
        self
    }

    /// Sets the occasions on which a token is sent again, instead of the struct's `resend`.
    pub fn resend(mut self, resend: Resend) -> Self {
        self.policy.resend = resend;
        self
    }

    /// Sets the reaction to a stale token, instead of the struct's `on_stale`.
    pub fn on_stale(mut self, on_stale: OnStale) -> Self {
        self.policy.on_stale = on_stale;
        self
    }

    /// Sets the reaction to a store error, instead of the struct's `on_store_error`.
    pub fn on_store_error(mut self, on_store_error: OnStoreError) -> Self {
        self.policy.on_store_error = on_store_error;
        self
    }

    /// Sets the responses that commit, instead of the struct's `commit_on`.
    pub fn commit_on(mut self, commit_on: CommitOn) -> Self {
        self.policy.commit_on = commit_on;
        self
    }

    /// Sets the answer to a request whose changes are lost because its session was over before the
    /// commit, instead of the struct's `on_lost`. By default the request keeps its own answer, since the
    /// user has logged out meanwhile.
    ///
    /// ```
    /// # use session_runtime::{policy::OnLost, Error, KeyRing, Session, SessionLayer};
    /// # use session_runtime::store::MemoryStore;
    /// # #[derive(Session)]
    /// # struct Shop { cart: Vec<u32> }
    /// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
    /// SessionLayer::<Shop>::builder(keys)
    ///     .store(MemoryStore::default())
    ///     .on_lost(OnLost::Conflict)
    ///     .build()
    /// # }
    /// # layer(KeyRing::ephemeral().unwrap()).unwrap();
    /// ```
    pub fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.policy.on_lost = on_lost;
        self
    }

    /// Sets the response to a client whose session ends, instead of the struct's `on_end`.
    pub fn on_end(mut self, on_end: OnEnd) -> Self {
        self.policy.on_end = on_end;
        self
    }
}
