//! The bus of a store: notices that sessions are to be looked at again, for whoever watches. It owns
//! the form of a notice and the channel within this process. What is published is decided elsewhere.

use std::{fmt, mem, sync::OnceLock};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{Namespace, Selector, StoreKey};

/// The most notices that wait for a slow watcher. One who is behind by more looks at everything.
pub(super) const CAPACITY: usize = 1024;

/// The text of [`Notice::Everything`], which is no namespace.
const EVERYTHING: &str = ":";

/// The news that sessions may have changed, without the change itself: whoever keeps something of
/// these sessions asks the store for them again. A notice holds nothing secret.
///
/// The text form is `NAMESPACE:SESSION_ID` for a session, `NAMESPACE` for a namespace, and `:` for
/// everything.
///
/// ```
/// use session_runtime::store::{Namespace, Notice};
///
/// let notice = Notice::Namespace(Namespace::new("shop"));
/// assert_eq!(Notice::parse(&notice.to_string()), Some(notice));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// Look at this session again.
    Session(StoreKey),
    /// Look at every session of this namespace again.
    Namespace(Namespace),
    /// Look at everything again: notices may have been missed.
    Everything,
}

impl Notice {
    /// Reads a notice from its text form. Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == EVERYTHING {
            return Some(Self::Everything);
        }
        match text.rsplit_once(':') {
            Some((namespace, id)) => {
                let (namespace, selector) = (Namespace::new(namespace), Selector::from_hex(id)?);
                Some(Self::Session(StoreKey { namespace, selector }))
            }
            None if text.is_empty() => None,
            None => Some(Self::Namespace(Namespace::new(text))),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(key) => key.fmt(f),
            Self::Namespace(namespace) => f.write_str(namespace.as_str()),
            Self::Everything => f.write_str(EVERYTHING),
        }
    }
}

/// The moment of a watch's first notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// At once: no later notice gets lost.
    Now,
    /// When the connection to the server is there.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    WhenConnected,
}

/// The notices of a store, from now on: see [`Store::watch`](super::Store::watch).
///
/// The first notice is [`Notice::Everything`], as soon as no later notice gets lost. It comes again
/// whenever notices may have been missed, before anything later: a connection was lost, or more than
/// a thousand notices were waiting. A dropped watch frees what it took.
#[derive(Debug)]
pub struct Watch {
    notices: broadcast::Receiver<Notice>,
    /// True if everything is to be looked at before the next notice.
    is_behind: bool,
}

impl Watch {
    /// Makes a watch that begins with [`Notice::Everything`] at once, or when that is sent.
    pub(super) fn new(sender: &broadcast::Sender<Notice>, begins: Begins) -> Self {
        Self { notices: sender.subscribe(), is_behind: begins == Begins::Now }
    }

    /// Waits for the next notice. Returns `None` when the store has ended, or the runtime in which it
    /// listens. A wait that is dropped loses nothing.
    pub async fn next(&mut self) -> Option<Notice> {
        if mem::take(&mut self.is_behind) {
            return Some(Notice::Everything);
        }
        match self.notices.recv().await {
            Ok(notice) => Some(notice),
            Err(RecvError::Lagged(_)) => Some(Notice::Everything),
            Err(RecvError::Closed) => None,
        }
    }
}

/// A bus within this process, for a store whose records belong to one process. Costs next to nothing
/// while nobody watches.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use session_runtime::store::{Bus, Namespace, Notice};
///
/// let bus = Bus::new();
/// let mut watch = bus.watch();
/// let notice = Notice::Namespace(Namespace::new("shop"));
/// bus.publish(&notice);
/// assert_eq!(watch.next().await, Some(Notice::Everything));
/// assert_eq!(watch.next().await, Some(notice));
/// drop(bus);
/// assert_eq!(watch.next().await, None);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Bus(OnceLock<broadcast::Sender<Notice>>);

impl Bus {
    /// Makes a bus that nobody watches.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Passes a notice on to everybody who watches. Waits for nobody.
    pub fn publish(&self, notice: &Notice) {
        if let Some(sender) = self.0.get() {
            // An error means that nobody watches any more.
            let _ = sender.send(notice.clone());
        }
    }

    /// Watches the bus from now on, until the bus is dropped.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(self.0.get_or_init(|| broadcast::Sender::new(CAPACITY)), Begins::Now)
    }
}
