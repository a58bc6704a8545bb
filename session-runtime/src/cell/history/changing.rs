//! The thread that runs a change at the moment, by which a change that writes to its own cell is
//! known.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The thread that runs a change; 0 if none does.
#[derive(Default)]
pub(super) struct ChangingThread(AtomicUsize);

/// Notes the thread that runs a change, until it is dropped.
pub(super) struct Changing<'a>(&'a AtomicUsize);

impl ChangingThread {
    /// Notes that this thread runs a change.
    pub(super) fn begin(&self) -> Changing<'_> {
        self.0.store(this_thread(), Ordering::SeqCst);
        Changing(&self.0)
    }

    /// Returns whether this thread runs a change.
    pub(super) fn is_this(&self) -> bool {
        let changing = self.0.load(Ordering::SeqCst);
        changing != 0 && changing == this_thread()
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

/// Returns a number that no other thread has at this time.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
