//! The way to the servers: one connection that all requests share, made again when it breaks, and
//! how often a command is sent. It owns when an answer is waited for no longer and which failures
//! are tried again; it knows neither sessions nor scripts' contents.

mod batch;
mod connect;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::{sync::Mutex, time::Instant};

use self::connect::{Connector, RawConnection};
use super::url::{Kind, Target};
use crate::store::{StoreError, run_to_completion::run_to_completion};

/// How long one operation may take with all that is tried again; under the runtime's 2 s.
const PATIENCE: Duration = Duration::from_millis(1600);
/// The first wait before a command is sent again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// A connection whose answers do not come is given up, unless it is new: a server that is merely
/// slow must not be asked for new connections as well.
const YOUNG: Duration = Duration::from_secs(5);

/// A command that failed, and whether it may have been carried out nevertheless.
#[derive(Debug)]
pub(super) struct CommandError {
    pub(super) error: StoreError,
    pub(super) applied: Applied,
}

impl CommandError {
    /// Nothing happened.
    pub(super) fn not_applied(error: StoreError) -> Self {
        Self { error, applied: Applied::No }
    }
}

/// What became of a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// It was not carried out, and never will be.
    No,
    /// Nobody knows.
    Unknown,
}

impl From<CommandError> for StoreError {
    fn from(error: CommandError) -> Self {
        error.error
    }
}

/// How often a command may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// As often as it is sent: it reads, or changes nothing the second time.
    Idempotent,
    /// Once: it is sent again only after a server said that it did not carry it out.
    AtMostOnce,
}

/// One connection to the servers, shared by all who clone it.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    place: String,
    current: RwLock<Option<RawConnection>>,
    is_one_server: AtomicBool,
    /// How many times connecting was tried.
    attempts: AtomicU64,
    connector: Mutex<Connecting>,
}

struct Connecting {
    connector: Connector,
    failure: Option<StoreError>,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(target: &Target) -> Result<Self, StoreError> {
        let connector = Connector::new(target)?;
        let connection = Self(Arc::new(Shared {
            place: target.to_string(),
            current: RwLock::default(),
            is_one_server: AtomicBool::new(!matches!(target.kind, Kind::Cluster)),
            attempts: AtomicU64::new(0),
            connector: Mutex::new(Connecting { connector, failure: None }),
        }));
        connection.working_or_new().await?;
        Ok(connection)
    }

    /// Where it leads.
    pub(super) fn place(&self) -> &str {
        &self.0.place
    }

    /// Whether one script may have several keys: there is no Cluster behind it, nor a proxy that
    /// has refused that.
    pub(super) fn is_one_server(&self) -> bool {
        self.0.is_one_server.load(Ordering::SeqCst)
    }

    /// An error at these servers.
    pub(super) fn error(&self, what: &str) -> StoreError {
        StoreError::new(format!("{}: {what}", self.0.place))
    }

    /// The error of what the end of the program has cut short.
    pub(super) fn ending(&self) -> StoreError {
        self.error("the program is ending")
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, command: &Cmd, retry: Retry) -> Result<Value, CommandError> {
        self.ask_or(command, None, retry).await
    }

    /// The same; if a server does not know the script that `command` runs, `with_script` is sent
    /// instead.
    pub(super) async fn ask_or(
        &self,
        command: &Cmd,
        with_script: Option<&(dyn Fn() -> Cmd + Sync)>,
        retry: Retry,
    ) -> Result<Value, CommandError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        let mut full = None;
        loop {
            let command = full.as_ref().unwrap_or(command);
            let answer = tokio::time::timeout_at(deadline, self.attempt(command)).await;
            let failure = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure { error: self.error(SILENT), kind: FailureKind::Unknown },
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
            if !again || Instant::now() + pause >= deadline {
                let applied = match failure.kind {
                    FailureKind::Unknown => Applied::Unknown,
                    _ => Applied::No,
                };
                return Err(CommandError { error: failure.error, applied });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, command: &Cmd) -> Result<Value, Failure> {
        let raw = self
            .working_or_new()
            .await
            .map_err(|error| Failure { error, kind: FailureKind::NotApplied })?;
        raw.send(command).await.map_err(|error| {
            let is_cluster = raw.is_cluster();
            if raw.is_over(&error) || (error.is_timeout() && raw.made.elapsed() > YOUNG) {
                self.drop_connection(&raw);
            }
            if error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot) {
                self.0.is_one_server.store(false, Ordering::SeqCst);
            }
            let kind = FailureKind::of(&error, is_cluster);
            let what = if error.is_timeout() { SILENT } else { "a command failed" };
            let error = StoreError::with_source(format!("{}: {what}", self.0.place), error);
            Failure { error, kind }
        })
    }

    /// The connection; a new one if there is none that works.
    async fn working_or_new(&self) -> Result<RawConnection, StoreError> {
        if let Some(raw) = self.working() {
            return Ok(raw);
        }
        let seen = self.0.attempts.load(Ordering::SeqCst);
        let this = self.clone();
        // A task of its own: a caller who gives up must not make the others begin anew.
        run_to_completion(async move { this.connect(seen).await }, || self.ending()).await
    }

    async fn connect(&self, seen: u64) -> Result<RawConnection, StoreError> {
        let mut connecting = self.0.connector.lock().await;
        if let Some(raw) = self.working() {
            return Ok(raw);
        }
        // Whoever waited while another one failed has its answer.
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
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(raw.clone());
                Ok(raw)
            }
            Err(error) => {
                let message = format!("{}: cannot connect", self.0.place);
                let failure = StoreError::with_source(message, error);
                connecting.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn working(&self) -> Option<RawConnection> {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|raw| !raw.is_closed()).cloned()
    }

    fn drop_connection(&self, raw: &RawConnection) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.is(raw)) {
            *current = None;
        }
    }
}

const SILENT: &str = "no answer in time";

struct Failure {
    error: StoreError,
    kind: FailureKind,
}

/// What a failure says about the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// It was not carried out; later, or elsewhere, it may be.
    NotApplied,
    /// The server wants the script's text.
    SendScript,
    /// It was not carried out, and would not be the next time.
    Refused,
    /// It may have been carried out.
    Unknown,
}

impl FailureKind {
    fn of(error: &RedisError, is_cluster: bool) -> Self {
        use ServerErrorKind as Kind;
        match error.kind() {
            ErrorKind::Server(Kind::NoScript) => Self::SendScript,
            // A cluster's connection gives the failures of its own look-ups to requests that it
            // has sent already; these kinds may be such.
            ErrorKind::Server(Kind::BusyLoading | Kind::MasterDown) if is_cluster => Self::Unknown,
            ErrorKind::Server(
                Kind::Moved
                | Kind::Ask
                | Kind::TryAgain
                | Kind::ClusterDown
                | Kind::ReadOnly
                | Kind::BusyLoading
                | Kind::MasterDown,
            ) => Self::NotApplied,
            ErrorKind::Server(_) | ErrorKind::Extension => Self::Refused,
            _ => Self::Unknown,
        }
    }
}
