//! The wording of a driver's error: the operation, the place and the kind of failure. **Never the
//! server's own text about a document, which may show the document's content.**

use mongodb::{
    Namespace,
    error::{Error, ErrorKind, WriteFailure},
};

use crate::store::StoreError;

/// The server's code for a key that exists already.
const DUPLICATE_KEY: i32 = 11_000;

pub(super) fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}

/// Makes the error of doing `what` in a collection.
pub(super) fn failed(what: &str, place: &Namespace, error: &Error) -> StoreError {
    let code = |code: i32, name: &str| {
        format!("the server answered with error {code} {name}").trim_end().to_owned()
    };
    let why = match &*error.kind {
        ErrorKind::Command(error) => code(error.code, &error.code_name),
        ErrorKind::Write(WriteFailure::WriteError(error)) => {
            code(error.code, error.code_name.as_deref().unwrap_or_default())
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => format!(
            "it may not last: {}; is a majority of the replica set up?",
            code(error.code, &error.code_name)
        ),
        // These name addresses and states of servers only.
        ErrorKind::ServerSelection { message, .. }
        | ErrorKind::ConnectionPoolCleared { message, .. }
        | ErrorKind::DnsResolve { message, .. } => message.clone(),
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Authentication { .. } => {
            "the server refused the user and password; check them, and `authSource`".to_owned()
        }
        ErrorKind::InvalidTlsConfig { .. } => "the TLS settings are not valid".to_owned(),
        ErrorKind::IncompatibleServer { .. } => {
            "the server is too old; MongoDB 4.2 is the oldest that will do".to_owned()
        }
        ErrorKind::InvalidArgument { .. } => {
            "the driver refused it; a session must be smaller than 16 MiB".to_owned()
        }
        _ => "the driver or the server did not understand the other".to_owned(),
    };
    let told = StoreError::new(format!("cannot {what} in MongoDB's `{place}`: {why}"));
    match &*error.kind {
        ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Io(_) => told.unreachable(),
        _ => told,
    }
}
