//! The notices of a server: one task a store that listens while somebody watches. It owns the life of
//! that task, its new attempts after a break, and how watchers join; the connection is the store's.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::broadcast::{Sender, WeakSender},
    task::AbortHandle,
    time::sleep,
};

use super::{
    Notice, Watch,
    bus::{Begins, CAPACITY},
};

/// The pause before another attempt to listen.
const PAUSE: Duration = Duration::from_millis(500);
/// The time between two looks whether a silent connection still works.
pub(super) const SILENCE: Duration = Duration::from_secs(10);
/// The longest wait for an answer while listening.
#[cfg(feature = "postgres")]
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The listening task of a store, if somebody watches. The task ends with the feed.
#[derive(Default)]
pub(super) struct Feed(Shared);

type Shared = Arc<Mutex<Option<Listening>>>;

struct Listening {
    /// The task has the sender. So a watch ends whenever the task does, for whatever reason.
    sender: WeakSender<Notice>,
    is_connected: Arc<AtomicBool>,
    task: AbortHandle,
}

/// Passes on what the listening task hears. Clones are the same.
#[derive(Clone)]
pub(super) struct Heard {
    sender: Sender<Notice>,
    is_connected: Arc<AtomicBool>,
}

impl Feed {
    /// Watches what `listen` hears on one connection, until that breaks, and then again. This begins if
    /// nobody else watches already, in the current runtime. Returns `None` outside of a runtime.
    pub(super) fn watch<F>(&self, listen: impl Fn(Heard) -> F + Send + 'static) -> Option<Watch>
    where
        F: Future + Send + 'static,
    {
        let runtime = Handle::try_current().ok()?;
        let mut listening = lock(&self.0);
        if let Some(there) = &*listening
            && let Some(sender) = there.sender.upgrade()
        {
            let is_connected = there.is_connected.load(Ordering::SeqCst);
            let begins = if is_connected { Begins::Now } else { Begins::WhenConnected };
            return Some(Watch::new(&sender, begins));
        }
        let heard = Heard { sender: Sender::new(CAPACITY), is_connected: Arc::default() };
        let watch = Watch::new(&heard.sender, Begins::WhenConnected);
        let (sender, is_connected) = (heard.sender.downgrade(), Arc::clone(&heard.is_connected));
        let (closing, shared) = (heard.sender.clone(), Arc::clone(&self.0));
        let task =
            runtime.spawn(listen_while_watched(again_and_again(heard, listen), shared, closing));
        *listening = Some(Listening { sender, is_connected, task: task.abort_handle() });
        Some(watch)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(listening) = lock(&self.0).take() {
            listening.task.abort();
        }
    }
}

impl Heard {
    /// Notes that from now on no notice gets lost. Those who watch look at everything first.
    pub(super) fn connected(&self) {
        // The order matters: who begins to watch in between looks at everything twice, and not never.
        self.is_connected.store(true, Ordering::SeqCst);
        let _ = self.sender.send(Notice::Everything);
    }

    /// Passes on the text of a notice. Another text is passed over: a later version may have written it.
    pub(super) fn heard(&self, text: &str) {
        if let Some(notice) = Notice::parse(text) {
            // An error means that nobody watches any more.
            let _ = self.sender.send(notice);
        }
    }
}

/// Listens on one connection after the other, for ever: a watcher that asks the store from time to time
/// misses nothing but speed. So an error of connecting, or a right that is missing, is told to nobody.
async fn again_and_again<F: Future>(heard: Heard, listen: impl Fn(Heard) -> F) {
    loop {
        let _ = listen(heard.clone()).await;
        // From now on notices may get lost.
        heard.is_connected.store(false, Ordering::SeqCst);
        sleep(PAUSE).await;
    }
}

/// Listens until nobody watches any more.
async fn listen_while_watched(
    work: impl Future<Output = ()>,
    shared: Shared,
    sender: Sender<Notice>,
) {
    let unwatched = async {
        loop {
            sender.closed().await;
            let mut listening = lock(&shared);
            // Nobody begins to watch while this is locked.
            if sender.receiver_count() == 0 {
                *listening = None;
                return;
            }
        }
    };
    let (mut work, mut unwatched) = (pin!(work), pin!(unwatched));
    poll_fn(|cx| {
        if work.as_mut().poll(cx).is_ready() || unwatched.as_mut().poll(cx).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

fn lock(shared: &Shared) -> MutexGuard<'_, Option<Listening>> {
    // Under this lock a value is replaced whole.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
