//! What can be wrong with keys, worded so that it can be put right: which key, what is wrong, what
//! to do. Holds positions, lengths, names of variables and files; never a byte of a key.

use std::{fmt, io, path::Path, sync::Arc};

use super::{MAX_BYTES, MAX_KEYS, MIN_BYTES};

/// A key or key ring that was refused.
///
/// The causes are not a public enum, so that new ones break nobody. The message names the key by
/// its position and says how to put it right; it never contains the key.
///
/// - A key that is not base64 or hex, shorter than 32 bytes or longer than 1024, a pattern, text
///   that a person wrote, or a key known from documentation.
/// - A ring without keys, with more than eight, or with one of them twice; a first key with an end.
/// - A variable that is not set, a file that cannot be read or made, or that others can read.
/// - An operating system that gives no random bytes.
///
/// ```
/// let error = session_runtime::KeyRing::from_text("hunter2").unwrap_err();
/// assert!(error.to_string().starts_with("key 1: "));
/// assert!(error.to_string().contains("openssl rand -base64 32"));
/// assert!(!error.to_string().contains("hunter2"));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}{problem}")]
pub struct KeyError {
    place: Place,
    problem: Problem,
    #[source]
    cause: Option<Arc<io::Error>>,
}

#[derive(Clone, Debug, Default)]
struct Place {
    origin: Option<String>,
    position: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if let Some(position) = self.position {
            write!(f, "key {position}: ")?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("not base64 (standard or URL-safe), nor 64 or more hex digits; {ANEW}")]
    Encoding,
    #[error("an odd number of hex digits: one is missing, or one too many; {ANEW}")]
    OddHex,
    #[error("{0} bytes after decoding, of at least {MIN_BYTES}; {ANEW}")]
    TooShort(usize),
    #[error("more than {MAX_BYTES} bytes; {ANEW}")]
    TooLong,
    #[error("an example from documentation or a placeholder, which everybody knows; {ANEW}")]
    Known,
    #[error("the bytes follow a pattern, so they are not random; {ANEW}")]
    Pattern,
    #[error("only {0} different bytes, too few to be random; {ANEW}")]
    FewBytes(usize),
    #[error("text that a person wrote, which can be guessed; {ANEW}")]
    Passphrase,
    #[error("no key in it; {ANEW}")]
    Empty,
    #[error("more than {MAX_KEYS} keys; remove those that no live session was made under")]
    TooMany,
    #[error("the same key as key {0}; remove one of them")]
    Twice(usize),
    #[error("has the same key id as key {0}, by chance; {ANEW}")]
    SameId(usize),
    #[error("the first key writes, so it cannot have an end; put the new key first")]
    FirstEnds,
    #[error("the time after `@` is not of the form 2027-01-31T00:00:00Z")]
    Time,
    #[error("is not set; give it one or more keys, each made with `openssl rand -base64 32`")]
    NotSet,
    #[error("is not text; {ANEW}")]
    NotText,
    #[error("cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    #[error("cannot be made ({0})")]
    Unwritable(io::ErrorKind),
    #[error("larger than a key file can be ({0} bytes)")]
    LargeFile(u64),
    #[error(
        "others than its owner can read or change it (mode {mode:03o}); run `chmod 600 {path}`"
    )]
    #[cfg_attr(not(unix), expect(dead_code, reason = "only unix has modes"))]
    Mode { mode: u32, path: String },
    #[error("the operating system gave no random bytes for a key")]
    Random,
}

/// How to put a key right.
const ANEW: &str = "make a new one with `openssl rand -base64 32`";

impl From<Problem> for KeyError {
    fn from(problem: Problem) -> Self {
        Self { place: Place::default(), problem, cause: None }
    }
}

impl KeyError {
    pub(super) fn unreadable(error: io::Error) -> Self {
        let problem = Problem::Unreadable(error.kind());
        Self { place: Place::default(), problem, cause: Some(Arc::new(error)) }
    }

    pub(super) fn unwritable(error: io::Error) -> Self {
        let problem = Problem::Unwritable(error.kind());
        Self { place: Place::default(), problem, cause: Some(Arc::new(error)) }
    }

    /// Which key of a ring, from 1.
    pub(super) fn at(mut self, position: usize) -> Self {
        self.place.position = Some(position);
        self
    }

    pub(super) fn in_variable(mut self, name: &str) -> Self {
        self.place.origin = Some(format!("environment variable `{name}`"));
        self
    }

    pub(super) fn in_file(mut self, path: &Path) -> Self {
        self.place.origin = Some(format!("key file `{}`", path.display()));
        self
    }

    #[cfg(test)]
    pub(super) fn problem(&self) -> &Problem {
        &self.problem
    }
}
