//! The way to the servers: one connection that all requests share and that is made again when it
//! breaks, and the retries of a command. This file owns the deadline of an answer. Below it are the
//! connections themselves (`connect`, `batch`), the one that hears what others publish (`listen`),
//! and the meaning of a failure (`failure`). It knows neither sessions nor the contents of scripts.

mod batch;
mod connect;
mod failure;
mod listen;

use std::{
    slice,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, ErrorKind, ServerErrorKind, Value};
use tokio::{
    runtime::{Handle, Id},
    sync::Mutex,
    time::Instant,
};

use self::{
    connect::{Connector, RawConnection},
    failure::{FailureKind, SILENT},
};
use super::url::{Kind, Target};
use crate::store::{StoreError, run_to_completion::run_to_completion};

/// The longest time for one operation with all its retries; below the runtime's 2 s.
const PATIENCE: Duration = Duration::from_millis(1600);
/// The first pause before a retry; each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// The age from which a connection is dropped when its answers do not come. A new connection is
/// kept: a server that is merely slow must not be asked for new connections as well.
const YOUNG: Duration = Duration::from_secs(5);

/// A command that failed.
#[derive(Debug)]
pub(super) struct CommandError {
    pub(super) error: StoreError,
    pub(super) applied: Applied,
}

impl CommandError {
    /// Makes the error of a command that may have been carried out.
    pub(super) fn unknown(error: StoreError) -> Self {
        Self { error, applied: Applied::Unknown }
    }
}

/// The state of a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// The command was not carried out, and never will be.
    No,
    /// The command may have been carried out.
    Unknown,
}

impl From<CommandError> for StoreError {
    fn from(CommandError { error, applied }: CommandError) -> Self {
        match applied {
            Applied::No => error.not_applied(),
            Applied::Unknown => error,
        }
    }
}

/// The condition for sending a command again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Sent again after any failure: it reads, or changes nothing the second time.
    Idempotent,
    /// Sent again only if it certainly was not carried out.
    AtMostOnce,
}

/// The connection to the servers. Clones share it.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    place: String,
    /// The connection of each runtime: a connection does nothing while its runtime does not run.
    current: RwLock<Vec<(Id, RawConnection)>>,
    is_one_server: AtomicBool,
    /// The number of attempts to connect.
    attempts: AtomicU64,
    connector: Mutex<Connecting>,
    /// Makes the connections that listen, one at a time. Requests need not wait for them.
    listener: Mutex<Connector>,
}

struct Connecting {
    connector: Connector,
    failure: Option<StoreError>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: &Target) -> Result<Self, StoreError> {
        let (connector, listener) = (Connector::new(target)?, Connector::new(target)?);
        let connection = Self(Arc::new(Shared {
            place: target.to_string(),
            current: RwLock::default(),
            is_one_server: AtomicBool::new(!matches!(target.kind, Kind::Cluster)),
            attempts: AtomicU64::new(0),
            connector: Mutex::new(Connecting { connector, failure: None }),
            listener: Mutex::new(listener),
        }));
        connection.working_or_new().await?;
        Ok(connection)
    }

    /// Returns the servers' name, for messages.
    pub(super) fn place(&self) -> &str {
        &self.0.place
    }

    /// Returns whether one transaction may have several keys: there is no Cluster behind the
    /// connection, nor a proxy that has refused two keys.
    pub(super) fn is_one_server(&self) -> bool {
        self.0.is_one_server.load(Ordering::SeqCst)
    }

    /// Returns whether a server removes keys that live on when its memory is full. One that does not
    /// tell may.
    pub(super) async fn evicts(&self) -> bool {
        let mut command = Cmd::new();
        command.arg("INFO").arg("memory");
        match self.ask(&command, Retry::Idempotent).await {
            Ok(told) => !keeps_all(&told),
            Err(_) => true,
        }
    }

    /// Makes an error that names the servers.
    pub(super) fn error(&self, what: &str) -> StoreError {
        StoreError::new(format!("{}: {what}", self.0.place))
    }

    /// Makes the error of an operation that the end of the program has cut short.
    pub(super) fn ending(&self) -> StoreError {
        self.error("the program is ending")
    }

    /// Sends a command and returns the answer.
    pub(super) async fn ask(&self, command: &Cmd, retry: Retry) -> Result<Value, CommandError> {
        self.ask_or(slice::from_ref(command), None, retry).await
    }

    /// Sends a command, or several as one transaction, and returns the answer, or those of all. If
    /// a server does not know a script that `commands` run, sends `with_script` instead.
    pub(super) async fn ask_or(
        &self,
        commands: &[Cmd],
        with_script: Option<&(dyn Fn() -> Vec<Cmd> + Sync)>,
        retry: Retry,
    ) -> Result<Value, CommandError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        let (mut full, mut reason) = (None, None);
        let mut applied = Applied::No;
        loop {
            let commands = full.as_deref().unwrap_or(commands);
            let answer = tokio::time::timeout_at(deadline, self.attempt(commands)).await;
            let failure = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure {
                    // The answer to an earlier attempt tells more.
                    error: reason.take().unwrap_or_else(|| self.error(SILENT).unreachable()),
                    kind: FailureKind::Unknown,
                },
            };
            let again = match failure.kind {
                FailureKind::SendScript => {
                    if let (None, Some(with_script)) = (&full, with_script) {
                        full = Some(with_script());
                        continue;
                    }
                    false
                }
                FailureKind::NotApplied => true,
                FailureKind::Unknown => retry == Retry::Idempotent,
                FailureKind::Refused => false,
            };
            // Of several attempts, the first may have been carried out.
            if failure.kind == FailureKind::Unknown {
                applied = Applied::Unknown;
            }
            if !again || Instant::now() + pause >= deadline {
                return Err(CommandError { error: failure.error, applied });
            }
            reason = Some(failure.error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, commands: &[Cmd]) -> Result<Value, Failure> {
        let raw = self
            .working_or_new()
            .await
            .map_err(|error| Failure { error, kind: FailureKind::NotApplied })?;
        raw.send(commands).await.map_err(|error| {
            let is_cluster = raw.is_cluster();
            if raw.is_over(&error) || (error.is_timeout() && raw.made.elapsed() > YOUNG) {
                self.drop_connection(&raw);
            }
            if error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot) {
                self.0.is_one_server.store(false, Ordering::SeqCst);
            }
            let kind = FailureKind::of(&error, is_cluster);
            Failure { error: failure::told(&self.0.place, &error, is_cluster), kind }
        })
    }

    /// Returns the working connection, or makes a new one.
    async fn working_or_new(&self) -> Result<RawConnection, StoreError> {
        if let Some(raw) = self.working() {
            return Ok(raw);
        }
        let seen = self.0.attempts.load(Ordering::SeqCst);
        let this = self.clone();
        // Runs in a task of its own: a caller that is dropped must not make the others start over.
        run_to_completion(async move { this.connect(seen).await }, || self.ending()).await
    }

    async fn connect(&self, seen: u64) -> Result<RawConnection, StoreError> {
        let mut connecting = self.0.connector.lock().await;
        if let Some(raw) = self.working() {
            return Ok(raw);
        }
        // If another caller's attempt failed meanwhile, its error is the answer.
        if self.0.attempts.load(Ordering::SeqCst) != seen
            && let Some(failure) = &connecting.failure
        {
            return Err(failure.clone());
        }
        let raw = connecting.connector.connect().await;
        self.0.attempts.fetch_add(1, Ordering::SeqCst);
        match raw {
            Ok(raw) => {
                connecting.failure = None;
                let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
                current.retain(|(_, other)| !other.is_closed());
                current.push((Handle::current().id(), raw.clone()));
                Ok(raw)
            }
            Err(error) => {
                let failure = failure::told_of_connecting(&self.0.place, &error);
                connecting.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn working(&self) -> Option<RawConnection> {
        let here = Handle::current().id();
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        let raw = current.iter().find(|(runtime, raw)| *runtime == here && !raw.is_closed());
        raw.map(|(_, raw)| raw.clone())
    }

    fn drop_connection(&self, raw: &RawConnection) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        current.retain(|(_, other)| !other.is(raw));
    }
}

struct Failure {
    error: StoreError,
    kind: FailureKind,
}

/// Returns whether what a server has told of its memory, or each server of several, names the policy
/// of evicting nothing.
fn keeps_all(told: &Value) -> bool {
    const POLICY: &str = "maxmemory_policy:noeviction";
    match told {
        Value::BulkString(text) => String::from_utf8_lossy(text).contains(POLICY),
        Value::VerbatimString { text, .. } => text.contains(POLICY),
        Value::Map(servers) => servers.iter().all(|(_, told)| keeps_all(told)),
        _ => false,
    }
}
