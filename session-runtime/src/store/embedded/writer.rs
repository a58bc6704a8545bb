//! The one thread that writes: it takes the queued jobs, does all of them in one transaction, syncs
//! once, and answers. It owns the grouping and the answers; each job itself knows what it does to
//! the tables.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::sync::{mpsc, oneshot};

use super::{database::Database, failure::Failure, tables::Tables};
use crate::store::StoreError;

/// The most jobs in one transaction: enough to make the sync cheap, and few enough that the first
/// job does not wait long for the last.
const MOST_JOBS: usize = 256;
/// The number of written bytes after which a transaction takes no further job, for the same reason:
/// values may be large.
const MOST_BYTES: usize = 8 << 20;

/// The result of one job. The inner error concerns this job alone; the outer error is a failure of
/// the database, which fails the whole transaction.
pub(super) type Worked<T> = Result<Result<T, StoreError>, Failure>;

/// A change that waits for the writer, together with its caller.
pub(super) trait Job: Send {
    fn work(&mut self, tables: &mut Tables<'_>) -> Result<(), Failure>;

    /// Answers the caller. `written` says whether the transaction is durable.
    fn answer(self: Box<Self>, written: &Result<(), StoreError>);
}

/// A job made of a function.
pub(super) struct Ask<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Ask<T, W> {
    pub(super) const fn new(work: W, caller: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { work: Some(work), outcome: None, caller }
    }
}

impl<T: Send, W: FnOnce(&mut Tables<'_>) -> Worked<T> + Send> Job for Ask<T, W> {
    fn work(&mut self, tables: &mut Tables<'_>) -> Result<(), Failure> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(tables)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, written: &Result<(), StoreError>) {
        let Self { outcome, caller, .. } = *self;
        let answer = match written {
            Ok(()) => outcome,
            Err(error) => Some(Err(error.clone())),
        };
        if let Some(answer) = answer {
            // An error means that nobody waits any more: the request reached its deadline.
            let _ = caller.send(answer);
        }
    }
}

/// Starts the thread, which ends when every sender of the queue is gone and the queue is empty.
pub(super) fn start(
    database: Arc<Database>,
    queue: mpsc::Receiver<Box<dyn Job>>,
) -> Result<JoinHandle<()>, StoreError> {
    let path = database.path().to_owned();
    thread::Builder::new()
        .name("session-store".to_owned())
        .spawn(move || run(&database, queue))
        .map_err(|error| {
            let path = path.display();
            StoreError::with_source(
                format!("the session store {path} cannot start its writer thread"),
                error,
            )
        })
}

fn run(database: &Database, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        // The database is sound after a panic, since a transaction that is not committed has no
        // effect; it is reopened nevertheless.
        let written = catch_unwind(AssertUnwindSafe(|| {
            database.write(|tables| work(tables, &mut batch, &mut queue))
        }))
        .unwrap_or_else(|_| {
            Err(database
                .error("the work panicked; nothing of it was written, and the file may be damaged"))
        });
        for job in batch {
            job.answer(&written);
        }
        if written.is_err() {
            database.reopen();
        }
    }
}

/// Does the jobs of `batch`, and those that are queued by then.
fn work(
    tables: &mut Tables<'_>,
    batch: &mut Vec<Box<dyn Job>>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<(), Failure> {
    let mut next = 0;
    while let Some(job) = batch.get_mut(next) {
        job.work(tables)?;
        next += 1;
        if batch.len() < MOST_JOBS && tables.bytes_written() < MOST_BYTES {
            batch.extend(queue.try_recv().ok());
        }
    }
    Ok(())
}
