//! A key file on disk: one rotation at a time, and a new text that is there whole or not at all, with
//! the mode and the owner of the old one.

use std::{
    fmt::Display,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::text::RingText;
use crate::Failure;

/// The most bytes of a key file, as applications read them.
const MAX_FILE: usize = 64 * 1024;

/// A key file.
pub(crate) struct KeyFile {
    path: PathBuf,
    file: File,
}

impl KeyFile {
    /// Opens a key file to read it, also while a rotation is at work.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| failed(path, &error.kind());
        // A link stays a link: what is replaced is the file that it leads to.
        let path = path.canonicalize().map_err(failed)?;
        let file = File::open(&path).map_err(failed)?;
        let this = Self { path, file };
        this.check_secret().map_err(failed)??;
        Ok(this)
    }

    /// Opens a key file to change it, and keeps other rotations from it until it is dropped.
    pub(crate) fn lock(path: &Path) -> Result<Self, Failure> {
        let this = Self::open(path)?;
        this.file.try_lock().map_err(|error| unlocked(path, &error))?;
        this.check_place().map_err(|error| failed(path, &error.kind()))??;
        Ok(this)
    }

    /// Checks that the file is the one at the path still.
    #[cfg(unix)]
    fn check_place(&self) -> io::Result<Result<(), Failure>> {
        use std::os::unix::fs::MetadataExt as _;

        let (open, there) = (self.file.metadata()?, fs::metadata(&self.path)?);
        if (open.dev(), open.ino()) != (there.dev(), there.ino()) {
            return Ok(Err(failed(&self.path, &"another rotation has just changed it")));
        }
        Ok(Ok(()))
    }

    /// Checks that the file is a secret.
    #[cfg(unix)]
    fn check_secret(&self) -> io::Result<Result<(), Failure>> {
        use std::os::unix::fs::MetadataExt as _;

        let (mode, path) = (self.file.metadata()?.mode(), self.path.display());
        if mode & 0o027 != 0 {
            return Ok(Err(Failure::new(format!(
                "key file `{path}`: others can read or change it (mode {:03o}); run `chmod 600 \
                 {path}`",
                mode & 0o777
            ))));
        }
        Ok(Ok(()))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on unix")]
    fn check_place(&self) -> io::Result<Result<(), Failure>> {
        Ok(Ok(()))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on unix")]
    fn check_secret(&self) -> io::Result<Result<(), Failure>> {
        Ok(Ok(()))
    }

    /// Returns the text of the file.
    pub(crate) fn read(&self) -> Result<RingText, Failure> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE + 1));
        (&self.file).take(MAX_FILE as u64 + 1).read_to_string(&mut text)?;
        if text.len() > MAX_FILE {
            return Err(Failure::new(format!(
                "key file `{}`: larger than a key file can be ({MAX_FILE} bytes)",
                self.path.display()
            )));
        }
        Ok(RingText::new(text))
    }

    /// Puts another text into the place of the file's.
    pub(crate) fn replace(&self, text: &RingText) -> Result<(), Failure> {
        // Some platforms cannot open a directory; those do not need this.
        self.replace_and(text, |directory| {
            File::open(directory).map_or(Ok(()), |directory| directory.sync_all())
        })
    }

    /// Replaces the text, and makes the change of the directory last by `sync`.
    fn replace_and(
        &self,
        text: &RingText,
        sync: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix)
            .map_err(|_| Failure::new("no random bytes for a file name"))?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_be_bytes(suffix)));
        let unfinished = directory.join(name);
        let written =
            self.write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &self.path));
        if written.is_err() {
            // The error of the writing is the one to tell.
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(|error| failed(&self.path, &format_args!("not changed: {error}")))?;
        sync(directory).map_err(|error| {
            let told = format_args!(
                "changed, but a crash of the machine may bring the old text back ({error}); see \
                 `session-admin key inspect` before you go on"
            );
            failed(&self.path, &told)
        })
    }

    /// Writes the text to a new file with the mode and the owner of the old one.
    fn write(&self, path: &Path, text: &RingText) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, fchown};
            let (old, new) = (self.file.metadata()?, file.metadata()?);
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
        }
        // After the owner, whose change takes some modes away.
        file.set_permissions(self.file.metadata()?.permissions())?;
        file.write_all(text.as_str().as_bytes())?;
        file.sync_all()
    }
}

/// Returns a failure that names the file.
fn failed(path: &Path, why: &dyn Display) -> Failure {
    Failure::new(format!("key file `{}`: {why}", path.display()))
}

/// Says why a file could not be locked.
fn unlocked(path: &Path, error: &TryLockError) -> Failure {
    match error {
        TryLockError::WouldBlock => failed(path, &"another rotation is at work"),
        TryLockError::Error(error) => failed(path, &format_args!("it cannot be locked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_may_not_last_is_told_as_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        fs::write(&path, "old").expect("it can be written");
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("it is ours");
        let file = KeyFile::lock(&path).map_err(|failure| failure.to_string()).expect("it is free");
        let text = RingText::new(Zeroizing::new("new".to_owned()));
        let failure = file.replace_and(&text, |_| Err(io::Error::other("no such luck")));
        let told = failure.expect_err("it is told").to_string();
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
        assert!(!told.contains("not changed"), "{told}");
        assert!(told.contains("changed, but") && told.contains("no such luck"), "{told}");
    }

    #[test]
    fn only_a_lock_that_is_held_is_another_rotation() {
        let told = |error| unlocked(Path::new("keys"), &error).to_string();
        assert!(told(TryLockError::WouldBlock).contains("another rotation is at work"));
        let other = told(TryLockError::Error(io::ErrorKind::Unsupported.into()));
        assert!(other.contains("cannot be locked: unsupported"), "{other}");
        assert!(!other.contains("another rotation"), "{other}");
    }
}
