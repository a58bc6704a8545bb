//! The errors of keys, worded so that the reader can mend them: which key, what is wrong, what to
//! do. Holds positions, lengths, and names of variables and files; never a byte of a key.

use std::{error::Error, fmt, io, path::Path, sync::Arc};

use super::{MAX_BYTES, MAX_KEYS, MIN_BYTES};
use crate::causes;

/// A key or key ring that was refused.
///
/// The causes are not a public enum, so that a new cause breaks no caller. The message names the
/// key by its position and says how to mend it. The message never contains the key.
///
/// - A key that is not base64 or hex, shorter than 32 bytes or longer than 1024, a pattern, text
///   that a person wrote, or a key known from documentation.
/// - A ring without keys, with more than eight, or with one of them twice; a writing key with an end;
///   a ring whose keys are all read-only.
/// - Keys that a layer cannot work with, when they are to replace others.
/// - A variable that is not set; a file that cannot be read or made, or that others can read.
/// - An operating system that gives no random bytes.
///
/// ```
/// let error = session_runtime::KeyRing::from_text("hunter2").unwrap_err();
/// assert!(error.to_string().starts_with("key 1: "));
/// assert!(error.to_string().contains("openssl rand -base64 32"));
/// assert!(!error.to_string().contains("hunter2"));
/// ```
#[derive(Clone)]
pub struct KeyError {
    place: Place,
    problem: Problem,
    cause: Option<Arc<io::Error>>,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem, .. } = self;
        write!(f, "{place}{problem}")
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl Error for KeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[derive(Clone, Default)]
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Encoding,
    OddHex,
    /// The number of bytes.
    TooShort(usize),
    TooLong,
    Known,
    Pattern,
    /// The number of different bytes.
    FewBytes(usize),
    Passphrase,
    Empty,
    TooMany,
    /// The position of the other one.
    Twice(usize),
    SameId(usize),
    NoneWrites,
    WriterEnds,
    Mark,
    NotSet,
    NotText,
    Unreadable(io::ErrorKind),
    Unwritable(io::ErrorKind),
    /// The largest size in bytes.
    LargeFile(u64),
    #[cfg_attr(not(unix), expect(dead_code, reason = "only unix has modes"))]
    Mode {
        mode: u32,
        path: String,
    },
    #[cfg_attr(not(unix), expect(dead_code, reason = "only unix has owners"))]
    Owner {
        owner: u32,
        path: String,
    },
    Random,
    NoFile,
    NoThread,
    Ephemeral,
    /// A layer cannot work with the keys.
    Refused(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => {
                write!(f, "not base64 (standard or URL-safe), nor 64 or more hex digits; {ANEW}")
            }
            Self::OddHex => {
                write!(f, "an odd number of hex digits: one is missing, or one too many; {ANEW}")
            }
            Self::TooShort(bytes) => {
                write!(f, "{bytes} bytes after decoding, of at least {MIN_BYTES}; {ANEW}")
            }
            Self::TooLong => write!(f, "more than {MAX_BYTES} bytes; {ANEW}"),
            Self::Known => write!(
                f,
                "an example from documentation or a placeholder, which everybody knows; {ANEW}"
            ),
            Self::Pattern => {
                write!(f, "the bytes follow a pattern, so they are not random; {ANEW}")
            }
            Self::FewBytes(bytes) => {
                write!(f, "only {bytes} different bytes, too few to be random; {ANEW}")
            }
            Self::Passphrase => {
                write!(f, "text that a person wrote, which can be guessed; {ANEW}")
            }
            Self::Empty => write!(f, "no key in it; {ANEW}"),
            Self::TooMany => write!(
                f,
                "more than {MAX_KEYS} keys; remove those that no live session was made under"
            ),
            Self::Twice(key) => write!(f, "the same key as key {key}; remove one of them"),
            Self::SameId(key) => write!(f, "has the same key id as key {key}, by chance; {ANEW}"),
            Self::NoneWrites => {
                f.write_str("every key is marked `@read-only`; remove the mark from the one that writes")
            }
            Self::WriterEnds => {
                f.write_str("the first key writes, so it cannot have an end; put the new key first")
            }
            Self::Mark => f.write_str(
                "after `@` there is neither `read-only` nor a time of the form \
                 2027-01-31T00:00:00Z",
            ),
            Self::NotSet => f.write_str(
                "is not set; give it one or more keys, each made with `openssl rand -base64 32`",
            ),
            Self::NotText => write!(f, "is not text; {ANEW}"),
            Self::Unreadable(kind) => write!(f, "cannot be read ({kind})"),
            Self::Unwritable(kind) => write!(f, "cannot be made ({kind})"),
            Self::LargeFile(most) => write!(f, "larger than a key file can be ({most} bytes)"),
            Self::Mode { mode, path } => write!(
                f,
                "others than its owner can read or change it (mode {mode:03o}); run `chmod 600 \
                 {path}`"
            ),
            Self::Owner { owner, path } => write!(
                f,
                "it belongs to another user (id {owner}), who can change it; run `chown $(id -u) \
                 {path}` as root"
            ),
            Self::Random => f.write_str("the operating system gave no random bytes for a key"),
            Self::NoFile => f.write_str(
                "the ring was not read from a file, so it cannot be read again; use `from_file`, or \
                 `replace`",
            ),
            Self::NoThread => f.write_str("the system started no thread that reads the keys again"),
            Self::Ephemeral => f.write_str("an ephemeral ring cannot replace keys that last"),
            Self::Refused(message) => f.write_str(message),
        }
    }
}

/// The way to mend a key.
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

    /// Sets the position of the key in its ring, from 1.
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
