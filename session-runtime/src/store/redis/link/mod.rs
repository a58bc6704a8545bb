//! The way to the servers: one connection that all requests share, made again when it breaks, and
//! how often a command is sent. It owns when an answer is waited for no longer and which failures
//! are tried again; it knows neither sessions nor scripts' contents.

mod batch;
mod dial;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::{sync::Mutex, time::Instant};

use self::dial::{Dialler, Line};
use super::url::{Kind, Target};
use crate::store::StoreError;

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
pub(super) struct Trouble {
    pub(super) error: StoreError,
    pub(super) fate: Fate,
}

impl Trouble {
    /// Nothing happened.
    pub(super) fn refused(error: StoreError) -> Self {
        Self { error, fate: Fate::Refused }
    }
}

/// What became of a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not carried out, and never will be.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        trouble.error
    }
}

/// How often a command may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// As often as it is sent: it reads, or changes nothing the second time.
    Any,
    /// Once: it is sent again only after a server said that it did not carry it out.
    Once,
}

/// One connection to the servers, shared by all who clone it.
#[derive(Clone)]
pub(super) struct Link(Arc<Shared>);

struct Shared {
    place: String,
    line: RwLock<Option<Line>>,
    is_one_server: AtomicBool,
    /// How many times connecting was tried.
    attempts: AtomicU64,
    dialler: Mutex<Dialling>,
}

struct Dialling {
    dialler: Dialler,
    failure: Option<StoreError>,
}

impl Link {
    /// Connects.
    pub(super) async fn open(target: &Target) -> Result<Self, StoreError> {
        let dialler = Dialler::new(target)?;
        let link = Self(Arc::new(Shared {
            place: target.to_string(),
            line: RwLock::default(),
            is_one_server: AtomicBool::new(!matches!(target.kind, Kind::Cluster)),
            attempts: AtomicU64::new(0),
            dialler: Mutex::new(Dialling { dialler, failure: None }),
        }));
        link.line().await?;
        Ok(link)
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

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, command: &Cmd, times: Times) -> Result<Value, Trouble> {
        self.ask_or(command, None, times).await
    }

    /// The same; if a server does not know the script that `command` runs, `with_script` is sent
    /// instead.
    pub(super) async fn ask_or(
        &self,
        command: &Cmd,
        with_script: Option<&(dyn Fn() -> Cmd + Sync)>,
        times: Times,
    ) -> Result<Value, Trouble> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        let mut full = None;
        loop {
            let command = full.as_ref().unwrap_or(command);
            let answer = tokio::time::timeout_at(deadline, self.attempt(command)).await;
            let failure = match answer {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                Err(_) => Failure { error: self.error(SILENT), lesson: Lesson::Doubt },
            };
            let again = match failure.lesson {
                Lesson::SendScript => {
                    if let (None, Some(with_script)) = (&full, with_script) {
                        full = Some(with_script());
                        continue;
                    }
                    false
                }
                Lesson::NotDone => true,
                Lesson::Doubt => times == Times::Any,
                Lesson::Refused => false,
            };
            if !again || Instant::now() + pause >= deadline {
                let fate = match failure.lesson {
                    Lesson::Doubt => Fate::Unknown,
                    _ => Fate::Refused,
                };
                return Err(Trouble { error: failure.error, fate });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, command: &Cmd) -> Result<Value, Failure> {
        let line = self.line().await.map_err(|error| Failure { error, lesson: Lesson::NotDone })?;
        line.send(command).await.map_err(|error| {
            let is_cluster = line.is_cluster();
            if line.is_over(&error) || (error.is_timeout() && line.made.elapsed() > YOUNG) {
                self.hang_up(&line);
            }
            if error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot) {
                self.0.is_one_server.store(false, Ordering::SeqCst);
            }
            let lesson = Lesson::of(&error, is_cluster);
            let what = if error.is_timeout() { SILENT } else { "a command failed" };
            let error = StoreError::with_source(format!("{}: {what}", self.0.place), error);
            Failure { error, lesson }
        })
    }

    /// The connection; a new one if there is none that works.
    async fn line(&self) -> Result<Line, StoreError> {
        if let Some(line) = self.working() {
            return Ok(line);
        }
        let seen = self.0.attempts.load(Ordering::SeqCst);
        let this = self.clone();
        // A task of its own: a caller who gives up must not make the others begin anew.
        let dialling = tokio::spawn(async move { this.dial(seen).await });
        dialling.await.unwrap_or_else(|_| Err(self.error("the program is ending")))
    }

    async fn dial(&self, seen: u64) -> Result<Line, StoreError> {
        let mut dialling = self.0.dialler.lock().await;
        if let Some(line) = self.working() {
            return Ok(line);
        }
        // Whoever waited while another one failed has its answer.
        if self.0.attempts.load(Ordering::SeqCst) != seen
            && let Some(failure) = &dialling.failure
        {
            return Err(failure.clone());
        }
        let line = dialling.dialler.dial().await;
        self.0.attempts.fetch_add(1, Ordering::SeqCst);
        match line {
            Ok(line) => {
                dialling.failure = None;
                *self.0.line.write().unwrap_or_else(PoisonError::into_inner) = Some(line.clone());
                Ok(line)
            }
            Err(error) => {
                let message = format!("{}: cannot connect", self.0.place);
                let failure = StoreError::with_source(message, error);
                dialling.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn working(&self) -> Option<Line> {
        let line = self.0.line.read().unwrap_or_else(PoisonError::into_inner);
        line.as_ref().filter(|line| !line.is_closed()).cloned()
    }

    fn hang_up(&self, line: &Line) {
        let mut current = self.0.line.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.is(line)) {
            *current = None;
        }
    }
}

const SILENT: &str = "no answer in time";

struct Failure {
    error: StoreError,
    lesson: Lesson,
}

/// What a failure says about the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lesson {
    /// It was not carried out; later, or elsewhere, it may be.
    NotDone,
    /// The server wants the script's text.
    SendScript,
    /// It was not carried out, and would not be the next time.
    Refused,
    /// It may have been carried out.
    Doubt,
}

impl Lesson {
    fn of(error: &RedisError, is_cluster: bool) -> Self {
        use ServerErrorKind as Kind;
        match error.kind() {
            ErrorKind::Server(Kind::NoScript) => Self::SendScript,
            // A cluster's connection gives the failures of its own look-ups to requests that it
            // has sent already; these kinds may be such.
            ErrorKind::Server(Kind::BusyLoading | Kind::MasterDown) if is_cluster => Self::Doubt,
            ErrorKind::Server(
                Kind::Moved
                | Kind::Ask
                | Kind::TryAgain
                | Kind::ClusterDown
                | Kind::ReadOnly
                | Kind::BusyLoading
                | Kind::MasterDown,
            ) => Self::NotDone,
            ErrorKind::Server(_) | ErrorKind::Extension => Self::Refused,
            _ => Self::Doubt,
        }
    }
}
