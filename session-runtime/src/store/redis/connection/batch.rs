//! Sending the commands of many requests in one write. A connection's own task wakes as soon as
//! there is one command, and writes that command alone. Here, commands gather until all tasks that
//! are ready have run. This file owns that wait and does not know what a command is.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use redis::{
    Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
};
use tokio::sync::oneshot;

/// A connection to one server. Clones share it.
#[derive(Clone)]
pub(super) struct Batches(Arc<Shared>);

struct Shared {
    connection: MultiplexedConnection,
    waiting: Mutex<Vec<Batch>>,
}

/// The most callers whose commands are sent together: all of them wait for the last answer, while the
/// server would wait for the next command.
const AT_ONCE: usize = 8;

#[derive(Default)]
struct Batch {
    commands: Pipeline,
    senders: Vec<Sender>,
}

struct Sender {
    /// The number of commands whose answers are for this caller.
    commands: usize,
    sender: oneshot::Sender<RedisResult<Value>>,
}

impl Batches {
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self(Arc::new(Shared { connection, waiting: Mutex::default() }))
    }

    /// Sends one command, together with others that arrive now. Dropping the future does not
    /// disturb the others.
    pub(super) async fn send(&self, command: Cmd) -> RedisResult<Value> {
        self.send_all([command]).await
    }

    /// Sends commands directly after each other, with nobody's commands between them. Returns the
    /// first refusal, or else the last answer.
    pub(super) async fn send_all(
        &self,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> RedisResult<Value> {
        let (sender, answer) = oneshot::channel();
        self.push(commands, sender);
        answer.await.unwrap_or_else(|_| Err(ending()))
    }

    fn push(
        &self,
        commands: impl IntoIterator<Item = Cmd>,
        sender: oneshot::Sender<RedisResult<Value>>,
    ) {
        let is_first = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = waiting.is_empty();
            if waiting.last().is_none_or(|batch| batch.senders.len() == AT_ONCE) {
                waiting.push(Batch::default());
            }
            if let Some(batch) = waiting.last_mut() {
                let before = batch.commands.len();
                for command in commands {
                    batch.commands.add_command(command);
                }
                let commands = batch.commands.len() - before;
                batch.senders.push(Sender { commands, sender });
            }
            is_first
        };
        if is_first {
            let this = self.clone();
            // Runs in a task of its own: a caller that is dropped must not keep the others from
            // being sent.
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                this.flush();
            });
        }
    }

    fn flush(&self) {
        let waiting =
            mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for batch in waiting {
            tokio::spawn(batch.send(self.0.connection.clone()));
        }
    }
}

impl Batch {
    async fn send(self, mut connection: MultiplexedConnection) {
        let count = self.commands.len();
        let answers = connection.req_packed_commands(&self.commands, 0, count).await;
        // A caller that no longer waits gets no answer.
        match answers {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for Sender { commands, sender } in self.senders {
                    let _ = sender.send(last_of(answers.by_ref().take(commands)));
                }
            }
            Err(error) => {
                for Sender { sender, .. } in self.senders {
                    let _ = sender.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Takes all answers, also those after a refusal: what follows is for somebody else.
fn last_of(answers: impl Iterator<Item = Value>) -> RedisResult<Value> {
    let last = answers.fold(None, |before, answer| match before {
        None => Some(Ok(answer)),
        Some(Ok(before)) => Some(before.extract_error().map(|_| answer)),
        refused => refused,
    });
    last.unwrap_or_else(|| Err((ErrorKind::Parse, "a command has no answer").into()))
}

fn ending() -> RedisError {
    RedisError::from((ErrorKind::Io, "the program is ending"))
}
