//! What a test writes: its `tracing` events, or whatever it puts in.

use std::{
    cell::RefCell,
    io::Write,
    sync::{Arc, Mutex, Once, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    /// Where the events of this thread go, once somebody has asked for them.
    static OF_THREAD: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// A text that grows; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Every event of the calling thread from now on, at every level; a second call on it gives the
    /// same log. A test on a current-thread runtime has a thread of its own, and so a log of its own.
    ///
    /// # Panics
    ///
    /// If something else in this process collects its events.
    #[must_use]
    pub fn of_this_thread() -> Self {
        static LISTENING: Once = Once::new();
        // One subscriber for the process: with one for each thread, a test beside the caller would
        // settle, per event, that nobody listens.
        LISTENING.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_writer(|| OF_THREAD.with(|log| log.borrow().clone().unwrap_or_default()))
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
        });
        OF_THREAD.with(|log| log.borrow_mut().get_or_insert_default().clone())
    }

    /// All of it so far.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
