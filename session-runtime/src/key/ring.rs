//! The keys of a deployment: the first key writes, the others only read. Reads the keys from text,
//! a variable or a file; derives what codecs need. Knows nothing of tokens.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Key, KeyError, MAX_KEYS,
    derive::{Master, part},
    error::Problem,
    file, time,
};
use crate::{clock::Timestamp, store::KeyId};

/// The keys that protect a deployment's tokens. Cheap to clone.
///
/// The first key writes; all keys read. To replace a key, put a new key in front of it. Tokens
/// under an older key are still accepted, and re-issued under the first key when they are next
/// used. Remove the old key, or give it an end ([`Key::not_after`], `@` in text), when no session
/// made under it can be live, which is after the absolute lifetime. **Removing a key ends every
/// session made under it at once.** Each token names its key, so no key is tried in vain.
///
/// ```
/// use session_runtime::{Key, KeyRing};
///
/// let (new, old) = (Key::generate()?, Key::generate()?);
/// let ring = KeyRing::new([new, old])?;
/// # Ok::<(), session_runtime::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    first: RingKey,
    rest: Vec<RingKey>,
    ephemeral: bool,
}

/// A key as the codecs use it: its id, its end, and the derivation of further keys.
pub(crate) struct RingKey {
    pub(crate) id: KeyId,
    pub(crate) not_after: Option<Timestamp>,
    master: Master,
}

impl RingKey {
    fn new(key: &Key) -> Self {
        let master = Master::new(&key.secret);
        let id = KeyId(*master.expand(&part("kid")));
        Self { id, not_after: key.not_after.map(Timestamp::from), master }
    }

    /// Derives the key for one context.
    pub(crate) fn derive(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.master.expand(info)
    }

    fn fingerprint(&self) -> Zeroizing<[u8; 32]> {
        self.derive(&part("fingerprint"))
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Makes a ring of one to eight keys. The first key writes.
    ///
    /// ```
    /// use session_runtime::{Key, KeyRing};
    ///
    /// let ring = KeyRing::new([Key::generate()?])?;
    /// assert!(KeyRing::new([]).is_err());
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if there is no key, more than eight, or one key twice, or if the first key
    /// has an end.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(Problem::Empty)?;
        if first.not_after.is_some() {
            return Err(KeyError::from(Problem::FirstEnds).at(1));
        }
        let first = RingKey::new(&first);
        let mut rest: Vec<RingKey> = Vec::new();
        for key in keys {
            let position = rest.len() + 2;
            if position > MAX_KEYS {
                return Err(Problem::TooMany.into());
            }
            let key = RingKey::new(&key);
            let same = std::iter::once(&first).chain(&rest).position(|other| other.id == key.id);
            if let Some(index) = same {
                let other = if index == 0 { &first } else { &rest[index - 1] };
                let twice: bool = other.fingerprint().ct_eq(&*key.fingerprint()).into();
                let problem = if twice { Problem::Twice } else { Problem::SameId };
                return Err(KeyError::from(problem(index + 1)).at(position));
            }
            rest.push(key);
        }
        Ok(Self(Arc::new(Inner { first, rest, ephemeral: false })))
    }

    /// Reads a ring from text: keys as [`Key::from_base64`] reads them, separated by commas or
    /// white space, the writing key first. `@` and a time in UTC after a key set the key's end, as
    /// [`Key::not_after`] does; the time has exactly the form of the example. `#` starts a comment
    /// that lasts to the end of the line.
    ///
    /// ```
    /// # use session_runtime::{Key, KeyRing};
    /// # let (new, old) = (Key::generate()?.to_base64(), Key::generate()?.to_base64());
    /// let ring = KeyRing::from_text(&format!(
    ///     "{}  # since the spring
    ///      {}@2027-01-31T00:00:00Z",
    ///     *new, *old,
    /// ))?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let words = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(keys, _)| keys))
            .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
            .filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for word in words {
            let position = keys.len() + 1;
            if position > MAX_KEYS {
                return Err(Problem::TooMany.into());
            }
            keys.push(read_key(word).map_err(|error| error.at(position))?);
        }
        Self::new(keys)
    }

    /// Reads a ring from an environment variable, in the form of [`KeyRing::from_text`].
    ///
    /// ```no_run
    /// let ring = session_runtime::KeyRing::from_env("SESSION_KEYS")?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    pub fn from_env(variable: &str) -> Result<Self, KeyError> {
        let text = std::env::var_os(variable).ok_or(Problem::NotSet.into()).and_then(|value| {
            value.into_string().map(Zeroizing::new).map_err(|_| Problem::NotText.into())
        });
        text.and_then(|text| Self::from_text(&text))
            .map_err(|error: KeyError| error.in_variable(variable))
    }

    /// Reads a ring from a file, in the form of [`KeyRing::from_text`]. On Unix, the file must
    /// belong to root or to the process' user, and nobody else may read or change it. Exception: a
    /// file of root's may be readable by a group of the process (0440, 0640). So Kubernetes mounts a
    /// secret with `defaultMode: 0440` and an `fsGroup`, and Docker one with a `gid` and a `mode`.
    ///
    /// ```
    /// # use session_runtime::{Key, KeyRing};
    /// # let path = std::env::temp_dir().join(format!("session-keys-{}", std::process::id()));
    /// # std::fs::write(&path, Key::generate()?.to_base64().as_bytes())?;
    /// # #[cfg(unix)] {
    /// # use std::os::unix::fs::PermissionsExt;
    /// # std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    /// # }
    /// let ring = KeyRing::from_file(&path)?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        file::read(path)
            .and_then(|text| Self::from_text(&text))
            .map_err(|error| error.in_file(path))
    }

    /// Reads a ring from a file as [`KeyRing::from_file`] does, and makes the file first if it is
    /// missing. The new file holds one random key and is readable by its owner alone (0600); a
    /// missing directory is made, too (0700). Processes that start at the same time get the same
    /// key.
    ///
    /// For one machine: as long as the file is kept, sessions survive restarts. For several
    /// machines, give all of them the same keys ([`KeyRing::from_env`], [`KeyRing::from_file`]).
    ///
    /// ```
    /// # use session_runtime::{Key, KeyRing};
    /// # let directory = std::env::temp_dir().join(format!("made-keys-{}", std::process::id()));
    /// let ring = KeyRing::from_file_or_create(directory.join("session-keys"))?;
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if an existing file cannot be read or holds no keys; an existing file is
    /// never replaced. Also returns an error if the file cannot be written, or there are no random
    /// bytes.
    pub fn from_file_or_create(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        file::ensure(path).map_err(|error| error.in_file(path))?;
        Self::from_file(path)
    }

    /// Makes a ring of one new random key. Unless you keep the key, the sessions end with the
    /// process: [`Key::generate`] and [`Key::to_base64`] let you write the key down first.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        Self::new([Key::generate()?])
    }

    /// Makes a ring of one new random key that nobody keeps, for tests and a first try. A store
    /// that outlives the process, or that other processes share, refuses this ring at start.
    ///
    /// ```
    /// let ring = session_runtime::KeyRing::ephemeral()?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system gives no random bytes.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let first = RingKey::new(&Key::generate()?);
        Ok(Self(Arc::new(Inner { first, rest: Vec::new(), ephemeral: true })))
    }

    pub(crate) fn is_ephemeral(&self) -> bool {
        self.0.ephemeral
    }

    /// Returns an identifier of the ring's writing key. It is derived, so that it may be stored and
    /// compared.
    #[cfg(test)]
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        *self.0.first.fingerprint()
    }

    /// Returns an identifier of each key, that of the writing key first.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = [u8; 32]> {
        std::iter::once(self.first()).chain(self.rest()).map(|key| *key.fingerprint())
    }

    /// Returns the key that writes.
    pub(crate) fn first(&self) -> &RingKey {
        &self.0.first
    }

    /// Returns the keys that only read.
    pub(crate) fn rest(&self) -> &[RingKey] {
        &self.0.rest
    }
}

impl FromStr for KeyRing {
    type Err = KeyError;

    /// Calls [`KeyRing::from_text`].
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_text(text)
    }
}

impl fmt::Debug for KeyRing {
    /// Prints the key ids, which are public in every token, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> =
            std::iter::once(self.first()).chain(self.rest()).map(|key| key.id).collect();
        f.debug_struct("KeyRing")
            .field("keys", &keys)
            .field("ephemeral", &self.0.ephemeral)
            .finish_non_exhaustive()
    }
}

fn read_key(word: &str) -> Result<Key, KeyError> {
    let Some((key, time)) = word.split_once('@') else { return Key::from_base64(word) };
    let time = time::parse(time).ok_or(Problem::Time)?;
    Ok(Key::from_base64(key)?.not_after(time))
}
