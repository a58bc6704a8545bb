//! Noticing that an async runtime has ended. A connection ends with the runtime that it was made in,
//! while a store may be used in another runtime afterwards. This file knows no connection.

use tokio::sync::oneshot;

/// A runtime, as far as it matters to what was made in it.
pub(super) struct Home(oneshot::Sender<()>);

impl Home {
    /// Returns the current runtime.
    pub(super) fn current() -> Self {
        let (sender, dropped) = oneshot::channel();
        // A runtime that ends drops its tasks, and with this one the receiver.
        tokio::spawn(dropped);
        Self(sender)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.is_closed()
    }
}
