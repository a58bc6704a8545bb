//! The options of the policy: how long sessions live, and what they do at each turn. Plain setters;
//! what is wrong with them together is `policy`'s to say.

use std::time::Duration;

use super::SessionLayerBuilder;
use crate::{
    cell::model::SessionType,
    engine::policy::TouchOn,
    layer::preset::Preset,
    schema::{CommitOn, Create, OnEnd, OnStale, OnStoreError, Resend},
    store::{Cap, OnMaxSessions},
};

impl<T: SessionType> SessionLayerBuilder<T> {
    /// How long a session lives without use, instead of the struct's `idle`.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.policy.idle = Some(idle);
        self.idle_is_ours = true;
        self
    }

    /// How long a session lives at all, instead of the struct's `absolute`.
    ///
    /// Where it is shorter than the struct's `idle`, it is the idle limit too.
    pub fn absolute(mut self, absolute: Duration) -> Self {
        if !self.idle_is_ours {
            self.policy.idle = self.policy.idle.map(|idle| idle.min(absolute));
        }
        self.policy.absolute = Some(absolute);
        self
    }

    /// Gives a session a new credential when its present one is this old. The old one still passes
    /// for 30 seconds, so requests on their way survive.
    pub fn rotate_every(mut self, every: Duration) -> Self {
        self.policy.rotate_every = Some(every);
        self
    }

    /// How many live sessions one principal may have, counted by the store at each log-in, and
    /// what happens at the next one: the session with the earliest log-in ends, or the log-in
    /// fails with [`is_too_many_sessions`](crate::Error::is_too_many_sessions) (403). Needs
    /// `payload = "server"` and a field marked `principal` (ASVS 7.1.2).
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, OnMaxSessions, Session, SessionLayer};
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
        self.policy.max_sessions = Some(Cap { sessions, on_max });
        self
    }

    /// How long one store operation may take (2 seconds by default), whatever it does: sets both
    /// [`load_deadline`](Self::load_deadline) and [`commit_deadline`](Self::commit_deadline).
    pub fn deadline(self, deadline: Duration) -> Self {
        self.load_deadline(deadline).commit_deadline(deadline)
    }

    /// How long the store may take to read: a load, a list of sessions. Later is an
    /// [unavailable](crate::Error::is_unavailable) store.
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

    /// How long the store may take to write: an insert, a commit, a deletion. Whether a write that
    /// took longer happened is unknown.
    pub fn commit_deadline(mut self, deadline: Duration) -> Self {
        self.policy.commit_deadline = deadline;
        self
    }

    /// Which requests keep a session alive: those that extract it, or any that presents its token.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Session, SessionLayer, TouchOn, store::MemoryStore};
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

    /// Sets all the knobs of a [`Preset`]; what is called after it overrides single ones.
    ///
    /// ```
    /// # use session_runtime::{Error, KeyRing, Preset, Session, SessionLayer, store::MemoryStore};
    /// # use session_runtime::schema::OnEnd;
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

    /// When a session comes into being, instead of the struct's `create`.
    pub fn create(mut self, create: Create) -> Self {
        self.policy.create = create;
        self
    }

    /// When a token is sent again, instead of the struct's `resend`.
    pub fn resend(mut self, resend: Resend) -> Self {
        self.policy.resend = resend;
        self
    }

    /// What a stale token leads to, instead of the struct's `on_stale`.
    pub fn on_stale(mut self, on_stale: OnStale) -> Self {
        self.policy.on_stale = on_stale;
        self
    }

    /// What a store error leads to, instead of the struct's `on_store_error`.
    pub fn on_store_error(mut self, on_store_error: OnStoreError) -> Self {
        self.policy.on_store_error = on_store_error;
        self
    }

    /// Which responses commit, instead of the struct's `commit_on`.
    pub fn commit_on(mut self, commit_on: CommitOn) -> Self {
        self.policy.commit_on = commit_on;
        self
    }

    /// What the client is told at the end, instead of the struct's `on_end`.
    pub fn on_end(mut self, on_end: OnEnd) -> Self {
        self.policy.on_end = on_end;
        self
    }
}
