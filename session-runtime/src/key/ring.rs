//! The key ring of a deployment: reads keys from text, a variable or a file, and replaces them while
//! the program runs. Knows nothing of tokens.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use zeroize::Zeroizing;

use super::{Key, KeyError, MAX_KEYS, error::Problem, file, keys::RingKeys, time};
use crate::event;

/// The keys that protect a deployment's tokens. Cheap to clone.
///
/// The first key writes; all keys read. To replace a key, put a new key in front of it. Tokens
/// under an older key are still accepted, and re-issued under the first key when they are next
/// used, once they are ten minutes old, if they are older than the process' present keys. Remove the old key, or give it an end ([`Key::not_after`],
/// `@` in text), when no session made under it can be live, which is after the absolute lifetime.
/// **Removing a key ends every session made under it at once.** Each token names its key, so no key
/// is tried in vain.
///
/// **Several processes** that share sessions get a new key one after the other. First give the new key
/// to all of them where it does not write: in front with `@read-only` ([`Key::read_only`]), or behind
/// the old key; then remove the mark, or put the key in front. A session goes on under each key once
/// at most, so processes whose keys are in different orders do not hand the session back and forth.
/// **Do not go back to an old key:** make a new one. While a process does not know a key that
/// others write with, see [`unknown_key_grace`](crate::SessionLayerBuilder::unknown_key_grace).
///
/// The keys can be replaced while the program runs: [`reload`](Self::reload),
/// [`reload_every`](Self::reload_every), [`replace`](Self::replace).
///
/// ```
/// use session_runtime::{Key, KeyRing};
///
/// let (new, old) = (Key::generate()?, Key::generate()?);
/// let ring = KeyRing::new([new, old])?;
/// # Ok::<(), session_runtime::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(Arc<Shared>);

/// The part that all clones of a ring share.
struct Shared {
    keys: RwLock<Arc<RingKeys>>,
    /// That of the keys. Codecs compare it at every use.
    generation: AtomicU64,
    /// The file that the ring was read from.
    file: Option<PathBuf>,
    /// Held by a reload. The layers that use the ring.
    users: Mutex<Vec<Weak<dyn RingUser>>>,
}

/// A layer whose tokens are made under the keys of a ring.
pub(crate) trait RingUser: Send + Sync {
    /// Accepts keys that are to replace those of the ring, or returns why the layer cannot.
    fn accept(&self, keys: &RingKeys) -> Result<(), String>;

    /// Notes that the ring has these keys now.
    fn replaced(&self, keys: &RingKeys);
}

impl KeyRing {
    /// Makes a ring of one to eight keys. The first key writes, or the first one that is not
    /// [read-only](Key::read_only).
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
    /// Returns an error if there is no key, more than eight, or one key twice, if all keys are
    /// read-only, or if the key that writes has an end.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        Ok(Self::of(RingKeys::new(keys)?, None))
    }

    fn of(keys: RingKeys, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            keys: RwLock::new(Arc::new(keys)),
            generation: AtomicU64::new(0),
            file,
            users: Mutex::default(),
        }))
    }

    /// Reads a ring from text: keys as [`Key::from_base64`] reads them, separated by commas or
    /// white space, the writing key first. `@` and a time in UTC after a key set the key's end, as
    /// [`Key::not_after`] does; the time has exactly the form of the example. `@read-only` marks a key
    /// as [`Key::read_only`] does. `#` starts a comment that lasts to the end of the line.
    ///
    /// ```
    /// # use session_runtime::{Key, KeyRing};
    /// # let (new, old) = (Key::generate()?.to_base64(), Key::generate()?.to_base64());
    /// let ring = KeyRing::from_text(&format!(
    ///     "{}  # since the spring
    ///      {}@read-only@2027-01-31T00:00:00Z",
    ///     *new, *old,
    /// ))?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        Ok(Self::of(read_keys(text)?, None))
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
        Ok(Self::of(read_file(path)?, Some(path.to_owned())))
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
        let keys = RingKeys::new([Key::generate()?])?;
        Ok(Self::of(RingKeys { ephemeral: true, ..keys }, None))
    }

    /// Reads the keys again from the file that the ring was [read from](Self::from_file), and uses them
    /// from now on, in every layer that was built with this ring or a clone of the ring. Returns
    /// whether they are other keys than before, or have other marks. All layers change over at once; a
    /// request that has verified its token already goes on.
    ///
    /// **After an error, the ring is as before.**
    ///
    /// ```
    /// # use session_runtime::{Key, KeyRing};
    /// # let directory = std::env::temp_dir().join(format!("reloaded-keys-{}", std::process::id()));
    /// let ring = KeyRing::from_file_or_create(directory.join("session-keys"))?;
    /// // At a signal, say. Here nobody has changed the file.
    /// assert!(!ring.reload()?);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for a file that [`from_file`](Self::from_file) would refuse, for a ring that
    /// was not read from a file, and as [`replace`](Self::replace).
    pub fn reload(&self) -> Result<bool, KeyError> {
        let path = self.0.file.as_deref().ok_or(Problem::NoFile)?;
        self.put(read_file(path)?).map_err(|error| error.in_file(path))
    }

    /// Reads the file [again](Self::reload) every `interval`, in a thread of its own, for as long as a
    /// layer or a clone of the ring is left. A file that cannot be used leads to a warning in the log,
    /// once until something changes, and the ring stays as it is.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// let ring = session_runtime::KeyRing::from_file("/run/secrets/session-keys")?
    ///     .reload_every(Duration::from_secs(5))?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for a ring that was not read from a file, and if the system starts no thread.
    pub fn reload_every(self, interval: Duration) -> Result<Self, KeyError> {
        if self.0.file.is_none() {
            return Err(Problem::NoFile.into());
        }
        let ring = Arc::downgrade(&self.0);
        let thread = std::thread::Builder::new().name("session-keys".to_owned());
        let started = thread.spawn(move || {
            let mut told = String::new();
            loop {
                std::thread::sleep(interval);
                let Some(ring) = ring.upgrade() else { return };
                let outcome = Self(ring).reload().err().map(|error| error.to_string());
                let outcome = outcome.unwrap_or_default();
                if outcome != told && !outcome.is_empty() {
                    event::keys_not_reloaded(&outcome);
                }
                told = outcome;
            }
        });
        started.map_err(|_| Problem::NoThread)?;
        Ok(self)
    }

    /// Uses the keys of `other` from now on, as [`reload`](Self::reload) does: for keys that come from
    /// a key management service. Returns whether they are other keys than before, or have other marks.
    ///
    /// ```
    /// use session_runtime::{Key, KeyRing};
    ///
    /// let (old, new) = (Key::generate()?.to_base64(), Key::generate()?.to_base64());
    /// let ring = KeyRing::from_text(&old)?;
    /// assert!(ring.replace(&KeyRing::from_text(&format!("{} {}", *new, *old))?)?);
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error, and leaves the ring as it was, if a layer cannot work with the keys, since
    /// another session type has the same name or namespace under one of them; and if `other` is
    /// [ephemeral](Self::ephemeral), but this ring is not.
    pub fn replace(&self, other: &Self) -> Result<bool, KeyError> {
        self.put((*other.current()).clone())
    }

    fn put(&self, keys: RingKeys) -> Result<bool, KeyError> {
        let mut users = self.0.users.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current();
        if before.is_same(&keys) {
            return Ok(false);
        }
        if keys.ephemeral && !before.ephemeral {
            return Err(Problem::Ephemeral.into());
        }
        let generation = before.generation() + 1;
        let keys = Arc::new(RingKeys { generation, ..keys });
        users.retain(|user| user.strong_count() > 0);
        let present: Vec<_> = users.iter().filter_map(Weak::upgrade).collect();
        for user in &present {
            user.accept(&keys).map_err(Problem::Refused)?;
        }
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        self.0.generation.store(generation, Ordering::Release);
        for user in &present {
            user.replaced(&keys);
        }
        Ok(true)
    }

    /// Lets a layer take part in reloads, from the present keys on.
    pub(crate) fn join(&self, user: &Arc<impl RingUser + 'static>) -> Result<(), String> {
        let mut users = self.0.users.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.current();
        user.accept(&keys)?;
        user.replaced(&keys);
        let user: Weak<dyn RingUser> = Arc::<_>::downgrade(user) as _;
        users.push(user);
        Ok(())
    }

    pub(crate) fn is_ephemeral(&self) -> bool {
        self.current().ephemeral
    }

    /// Returns the keys that the ring has now.
    pub(crate) fn current(&self) -> Arc<RingKeys> {
        // Nothing panics under the lock.
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns how often the keys were replaced.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
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
        let ring = self.current();
        let keys: Vec<_> = ring.all().map(|key| key.id).collect();
        f.debug_struct("KeyRing")
            .field("keys", &keys)
            .field("ephemeral", &ring.ephemeral)
            .finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> Result<RingKeys, KeyError> {
    file::read(path).and_then(|text| read_keys(&text)).map_err(|error| error.in_file(path))
}

fn read_keys(text: &str) -> Result<RingKeys, KeyError> {
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
    RingKeys::new(keys)
}

fn read_key(word: &str) -> Result<Key, KeyError> {
    let mut parts = word.split('@');
    let mut key = Key::from_base64(parts.next().unwrap_or_default())?;
    for mark in parts {
        key = match mark {
            "read-only" if !key.read_only => key.read_only(),
            time if key.not_after.is_none() => {
                key.not_after(time::parse(time).ok_or(Problem::Mark)?)
            }
            _ => return Err(Problem::Mark.into()),
        };
    }
    Ok(key)
}
