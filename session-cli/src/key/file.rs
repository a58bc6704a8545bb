//! A key file on disk: one rotation at a time, and a new text that is there whole or not at all, with
//! the mode and the owner of the old one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::text::RingText;
use crate::Failure;

/// The most bytes of a key file, as applications read them.
const MAX_FILE: usize = 64 * 1024;

/// A key file that no other rotation changes.
pub(crate) struct KeyFile {
    path: PathBuf,
    file: File,
}

impl KeyFile {
    /// Opens a key file, and keeps other rotations from it until it is dropped.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::new(format!("key file `{}`: {}", path.display(), error.kind()))
        };
        // A link stays a link: what is replaced is the file that it leads to.
        let path = path.canonicalize().map_err(failed)?;
        let file = File::open(&path).map_err(failed)?;
        file.try_lock().map_err(|_| {
            Failure::new(format!("key file `{}`: another rotation is at work", path.display()))
        })?;
        let this = Self { path, file };
        this.check().map_err(failed)??;
        Ok(this)
    }

    /// Checks that the file is the one at the path still, and that it is a secret.
    #[cfg(unix)]
    fn check(&self) -> io::Result<Result<(), Failure>> {
        use std::os::unix::fs::MetadataExt as _;

        let (open, there) = (self.file.metadata()?, fs::metadata(&self.path)?);
        let path = self.path.display();
        if (open.dev(), open.ino()) != (there.dev(), there.ino()) {
            let told = format!("key file `{path}`: another rotation has just changed it");
            return Ok(Err(Failure::new(told)));
        }
        if open.mode() & 0o027 != 0 {
            return Ok(Err(Failure::new(format!(
                "key file `{path}`: others can read or change it (mode {:03o}); run `chmod 600 \
                 {path}`",
                open.mode() & 0o777
            ))));
        }
        Ok(Ok(()))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on unix")]
    fn check(&self) -> io::Result<Result<(), Failure>> {
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
        let failed = |error: io::Error| {
            Failure::new(format!("key file `{}`: not changed: {error}", self.path.display()))
        };
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
        written.map_err(failed)?;
        // Some platforms cannot open a directory; those do not need this.
        File::open(directory).map_or(Ok(()), |directory| directory.sync_all()).map_err(failed)
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
