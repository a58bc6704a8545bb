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
    waiting: Mutex<Batch>,
}

type Batch = Vec<(Cmd, oneshot::Sender<RedisResult<Value>>)>;

impl Batches {
    pub(super) fn new(connection: MultiplexedConnection) -> Self {
        Self(Arc::new(Shared { connection, waiting: Mutex::default() }))
    }

    /// Sends one command, together with others that arrive now. Dropping the future does not
    /// disturb the others.
    pub(super) async fn send(&self, command: Cmd) -> RedisResult<Value> {
        let (sender, answer) = oneshot::channel();
        self.push([(command, sender)]);
        answer.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Sends commands directly after each other, with nobody's commands between them.
    pub(super) async fn send_all(
        &self,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> RedisResult<Vec<Value>> {
        let (batch, answers): (Batch, Vec<_>) = commands
            .into_iter()
            .map(|command| {
                let (sender, answer) = oneshot::channel();
                ((command, sender), answer)
            })
            .unzip();
        self.push(batch);
        let mut values = Vec::with_capacity(answers.len());
        for answer in answers {
            values.push(answer.await.unwrap_or_else(|_| Err(ending()))?);
        }
        Ok(values)
    }

    fn push(&self, commands: impl IntoIterator<Item = (Cmd, oneshot::Sender<RedisResult<Value>>)>) {
        let is_first = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = waiting.is_empty();
            waiting.extend(commands);
            is_first
        };
        if is_first {
            let this = self.clone();
            // Runs in a task of its own: a caller that is dropped must not keep the others from
            // being sent.
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                this.flush().await;
            });
        }
    }

    async fn flush(&self) {
        let batch = mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut pipeline = Pipeline::with_capacity(batch.len());
        let mut senders = Vec::with_capacity(batch.len());
        for (command, sender) in batch {
            pipeline.add_command(command);
            senders.push(sender);
        }
        let mut connection = self.0.connection.clone();
        let answers = connection.req_packed_commands(&pipeline, 0, senders.len()).await;
        // A caller that no longer waits gets no answer.
        match answers {
            Ok(answers) => {
                for (sender, answer) in senders.into_iter().zip(answers) {
                    let _ = sender.send(Ok(answer));
                }
            }
            Err(error) => {
                for sender in senders {
                    let _ = sender.send(Err(error.clone()));
                }
            }
        }
    }
}

fn ending() -> RedisError {
    RedisError::from((ErrorKind::Io, "the program is ending"))
}
