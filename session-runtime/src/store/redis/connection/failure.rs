//! The meaning of a command's failure for the command, and for whoever reads the log. **No message
//! repeats the arguments of a command**, which may be a password or a session's content.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

pub(super) const SILENT: &str = "no answer in time";
const CLUSTER: &str =
    "; the server is a node of a Cluster: write `redis+cluster://` for `redis://`";
const RIGHTS: &str = "; the documentation of `RedisStore` lists the rights that a user needs";
const RESP3: &str = "the server, or a proxy before it, does not know RESP3 (`HELLO 3`), which this \
    store needs";
/// The answer to a command that a server does not know, and the words before the arguments that some
/// servers repeat then.
const NO_COMMAND: &str = "ERR unknown command";
const ARGUMENTS: &str = ", with args beginning with";

/// A failure's meaning for the command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// Not carried out; a retry, perhaps elsewhere, may succeed.
    NotApplied,
    /// Not carried out; the server wants the script's text.
    SendScript,
    /// Not carried out, and a retry would not be either.
    Refused,
    /// Perhaps carried out.
    Unknown,
}

impl FailureKind {
    pub(super) fn of(error: &RedisError, is_cluster: bool) -> Self {
        use ServerErrorKind as Kind;
        match error.kind() {
            ErrorKind::Server(Kind::NoScript) => Self::SendScript,
            // A cluster's connection reports failures of its own look-ups as the answers of
            // requests that it has sent already. These kinds may be such failures.
            ErrorKind::Server(Kind::BusyLoading | Kind::MasterDown) if is_cluster => Self::Unknown,
            // Another node has the key, for good.
            ErrorKind::Server(Kind::Moved) if !is_cluster => Self::Refused,
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

/// Makes the error of a command that failed.
pub(super) fn told(place: &str, error: &RedisError, is_cluster: bool) -> StoreError {
    use ServerErrorKind as Kind;
    if error.is_timeout() {
        return StoreError::new(format!("{place}: {SILENT}")).unreachable();
    }
    let Some(answer) = answer(error) else {
        return caused(format!("{place}: the connection failed"), error).unreachable();
    };
    let hint = match error.kind() {
        ErrorKind::Server(Kind::Moved | Kind::Ask | Kind::ClusterDown) if !is_cluster => CLUSTER,
        ErrorKind::Server(Kind::NoPerm) => RIGHTS,
        _ => "",
    };
    let told = StoreError::new(format!("{place}: {answer}{hint}"));
    match error.kind() {
        // A server that is not there yet, or a Cluster without the node that has the key.
        ErrorKind::Server(Kind::BusyLoading | Kind::MasterDown | Kind::ClusterDown) => {
            told.unreachable()
        }
        _ => told,
    }
}

/// Makes the error of a connection that could not be made.
pub(super) fn told_of_connecting(place: &str, error: &RedisError) -> StoreError {
    let place = format!("{place}: cannot connect");
    match answer(error) {
        Some(answer) if answer.starts_with(NO_COMMAND) || answer.starts_with("NOPROTO") => {
            StoreError::new(format!("{place}: {RESP3}"))
        }
        Some(answer) => StoreError::new(format!("{place}: {answer}")).unreachable(),
        None if error.kind() == ErrorKind::RESP3NotSupported => {
            StoreError::new(format!("{place}: {RESP3}"))
        }
        None if error.is_connection_dropped() && !error.is_connection_refusal() => caused(
            format!("{place}, which was closed at the first command; perhaps {RESP3}"),
            error,
        )
        .unreachable(),
        None => caused(place, error).unreachable(),
    }
}

/// Returns what a server has answered, with its code: `READONLY You can't write …`. `None` if the
/// error is no server's.
fn answer(error: &RedisError) -> Option<String> {
    let code = error.code()?;
    let detail = error.detail().unwrap_or_default();
    let detail = detail.split(ARGUMENTS).next().unwrap_or_default();
    Some(format!("{code} {detail}").trim_end().to_owned())
}

fn caused(message: String, error: &RedisError) -> StoreError {
    // An error of several nodes repeats what each of them has answered.
    if error.to_string().contains(ARGUMENTS) {
        return StoreError::new(format!("{message}; perhaps {RESP3}"));
    }
    StoreError::with_source(message, error.clone())
}
