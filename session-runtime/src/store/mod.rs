//! Where sessions are kept: the [`Store`] trait, what it is asked for and what it answers. Stores
//! see opaque field values and check values; they know nothing of HTTP, tokens, keys or the
//! session type. [`MemoryStore`] is the reference.

mod memory;
mod op;
mod record;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

pub use memory::MemoryStore;
pub use op::{
    Commit, CommitOutcome, Expected, FieldName, FieldValue, InsertOutcome, Lifetime, Op, Rotation,
};
pub(crate) use record::Standing;
pub use record::{Meta, Previous, Record};
use subtle::ConstantTimeEq;

use crate::clock::Timestamp;

/// The public half of a credential: 16 random bytes, stable for the session's life. Its hex form
/// is the handle id; it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(pub(crate) [u8; 16]);

impl Selector {
    /// From its 16 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its hex form: exactly 32 digits in lower case.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Selector {
    /// 32 hex digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({self})")
    }
}

/// What a record keeps to recognise a credential: half of a keyed hash over it. Useless as a
/// credential itself. Compared in constant time.
#[derive(Clone, Copy)]
pub struct Check(pub(crate) [u8; 16]);

impl Check {
    /// From its 16 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes, for a store to write down.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Check {}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check(<redacted>)")
    }
}

/// The public name of a key in a ring: 4 bytes derived from its secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

impl KeyId {
    /// From its 4 bytes, as a store wrote them down.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Its 4 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({:08x})", u32::from_be_bytes(self.0))
    }
}

/// Which session types share records: the session's name and the deployment's audience.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// A namespace of this name. Names are tokens of RFC 9110, so they hold no `:` or `/`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.0)
    }
}

/// The name of a record: namespace and selector. `Display` writes `namespace:selector-in-hex`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey {
    /// Two session types never share one.
    pub namespace: Namespace,
    /// Which session.
    pub selector: Selector,
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace.as_str(), self.selector)
    }
}

/// A principal as stores index it: the JSON text of the value (`"ada"`, `42`). Printed redacted,
/// since it may be a person's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalKey(Arc<str>);

impl PrincipalKey {
    /// From the text a store wrote down.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The index key of a principal, or why it does not serialise.
    pub(crate) fn of(principal: &impl serde::Serialize) -> Result<Self, String> {
        serde_json::to_string(principal)
            .map(|json| Self::new(&json))
            .map_err(|error| error.to_string())
    }

    /// The text to index by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrincipalKey(<redacted>)")
    }
}

/// One live session of a principal, as [`Store::list`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Which session.
    pub selector: Selector,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last used, up to the touch throttle.
    pub last_seen: Timestamp,
}

impl Listed {
    /// An entry of a list.
    #[must_use]
    pub const fn new(selector: Selector, created: Timestamp, last_seen: Timestamp) -> Self {
        Self { selector, created, last_seen }
    }
}

/// What a store is, as far as the runtime's start-up checks need to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Properties {
    /// Other processes see the same records.
    pub shared: bool,
    /// Records outlive this process.
    pub durable: bool,
}

impl Properties {
    /// A store in this process' memory: neither shared nor durable.
    pub const IN_PROCESS: Self = Self { shared: false, durable: false };
    /// A store that survives a restart, on one machine.
    pub const DURABLE: Self = Self { shared: false, durable: true };
    /// A store that many processes reach, and that survives a restart.
    pub const SHARED: Self = Self { shared: true, durable: true };
}

/// A store that could not do what it was asked: down, full, or broken. Never "not found".
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    message: Arc<str>,
    #[source]
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error that a message says all about. Put no value of a record into it.
    #[must_use]
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn with_source(
        message: impl Into<Arc<str>>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { message: message.into(), source: Some(Arc::new(source)) }
    }
}

/// The answer of a store: ready at once, or a boxed future. A store in memory answers without an
/// allocation; one that does I/O returns `StoreFuture::new(async move { … })`.
#[must_use = "futures do nothing unless awaited"]
pub struct StoreFuture<'a, T>(Inner<'a, T>);

enum Inner<'a, T> {
    Ready(Option<Result<T, StoreError>>),
    Boxed(Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>),
}

impl<'a, T> StoreFuture<'a, T> {
    /// The answer of `future`.
    pub fn new(future: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Self {
        Self(Inner::Boxed(Box::pin(future)))
    }

    /// An answer that is there already.
    pub const fn ready(answer: Result<T, StoreError>) -> Self {
        Self(Inner::Ready(Some(answer)))
    }

    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.0, Inner::Ready(_))
    }
}

impl<T: Unpin> Future for StoreFuture<'_, T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Ready(answer) => answer.take().map_or_else(
                // As std's own `Ready` does: polling a finished future is the caller's mistake.
                || Poll::Ready(Err(StoreError::new("a store's answer was awaited twice"))),
                Poll::Ready,
            ),
            Inner::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for StoreFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFuture")
    }
}

/// A place that keeps sessions.
///
/// The rules that every store obeys:
///
/// 1. [`commit`](Self::commit) never creates. A record that is missing or over at `commit.now` is
///    [`CommitOutcome::Gone`].
/// 2. A commit applies whole or not at all, atomically with its preconditions, as
///    [`Record::apply`] does it; commits on one record are serialised.
/// 3. [`insert`](Self::insert) never overwrites a record.
/// 4. The principal index holds at least every live record of a principal: added before the
///    record, removed after it.
/// 5. A record that is over need not be returned by [`load`](Self::load), but may be: the runtime
///    checks every record it gets.
/// 6. An operation whose future is dropped has happened whole or not at all.
pub trait Store: Send + Sync + 'static {
    /// What kind of store this is.
    fn properties(&self) -> Properties;

    /// The record under `key`, if there is one.
    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>>;

    /// Stores a new record; an existing one stays as it is.
    fn insert<'a>(&'a self, key: &'a StoreKey, record: Record) -> StoreFuture<'a, InsertOutcome>;

    /// Applies a commit to an existing record.
    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome>;

    /// Removes a record; whether there was one. Idempotent.
    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool>;

    /// The sessions of a principal that are live at `now`, the newest first.
    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>>;

    /// Removes every session of a principal except one; how many there were.
    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64>;

    /// Removes up to `limit` records that are over at `now`; how many it removed.
    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn properties(&self) -> Properties {
        (**self).properties()
    }

    fn load<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<Arc<Record>>> {
        (**self).load(key)
    }

    fn insert<'a>(&'a self, key: &'a StoreKey, record: Record) -> StoreFuture<'a, InsertOutcome> {
        (**self).insert(key, record)
    }

    fn commit<'a>(
        &'a self,
        key: &'a StoreKey,
        commit: &'a Commit,
    ) -> StoreFuture<'a, CommitOutcome> {
        (**self).commit(key, commit)
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, bool> {
        (**self).delete(key)
    }

    fn list<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        now: Timestamp,
    ) -> StoreFuture<'a, Vec<Listed>> {
        (**self).list(namespace, principal, now)
    }

    fn delete_all<'a>(
        &'a self,
        namespace: &'a Namespace,
        principal: &'a PrincipalKey,
        except: Option<Selector>,
    ) -> StoreFuture<'a, u64> {
        (**self).delete_all(namespace, principal, except)
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> StoreFuture<'_, u64> {
        (**self).sweep(now, limit)
    }
}
