//! Key files: reading them, and making one that is missing. Knows nothing of the meaning of their
//! text.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use super::{Key, KeyError, error::Problem};

/// The most bytes of a key file: eight keys of the largest size, with comments.
const MAX_FILE: u64 = 64 * 1024;

/// Makes the file with one new key, unless the file exists.
pub(super) fn ensure(path: &Path) -> Result<(), KeyError> {
    // A link to nowhere also counts as a file: somebody put it there.
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let key = Key::generate()?;
    create(path, key.to_base64().as_bytes()).map_err(KeyError::unwritable)
}

/// Writes a file that appears whole or not at all. An existing file stays as it is.
fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    private_directory().create(directory)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(suffix)));
    let unfinished = directory.join(name);
    let written = private_file(&unfinished).and_then(|mut file| {
        file.write_all(text)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // A link, not a rename, since a rename would replace a file that another process has just
        // made.
        fs::hard_link(&unfinished, path)
    });
    // Even if the removal fails, nothing reads the unfinished file as a key file.
    let _ = fs::remove_file(&unfinished);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        // Some platforms cannot open a directory; those do not need this sync.
        Ok(()) => File::open(directory).map_or(Ok(()), |directory| directory.sync_all()),
    }
}

fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Returns the text of a key file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let file = File::open(path).map_err(KeyError::unreadable)?;
    // The metadata come from the open file, so that the checks apply to the file that is read.
    let metadata = file.metadata().map_err(KeyError::unreadable)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = Access { owner: metadata.uid(), group: metadata.gid(), mode: metadata.mode() };
        file.check(&Reader::this_process(), path)?;
    }
    if metadata.len() > MAX_FILE {
        return Err(Problem::LargeFile(metadata.len()).into());
    }
    // The buffer is large enough from the start: one that grows would leave copies of the keys
    // behind.
    let room = usize::try_from(metadata.len().max(4096)).unwrap_or(4096) + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    match file.take(MAX_FILE).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Problem::NotText.into()),
        Err(error) => Err(KeyError::unreadable(error)),
    }
}

/// The owner of a file, and what others may do with the file.
#[cfg(unix)]
pub(super) struct Access {
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) mode: u32,
}

/// The user and the groups of a process.
#[cfg(unix)]
pub(super) struct Reader {
    pub(super) user: u32,
    pub(super) groups: Vec<u32>,
}

#[cfg(unix)]
impl Access {
    /// Checks that nobody but root and the reader's user can read or change the file; its group may
    /// read the file as secrets are mounted into containers.
    pub(super) fn check(&self, reader: &Reader, path: &Path) -> Result<(), Problem> {
        const ROOT: u32 = 0;
        let (path, mode) = (path.display().to_string(), self.mode & 0o777);
        if self.owner != ROOT && self.owner != reader.user {
            return Err(Problem::Owner { owner: self.owner, path });
        }
        let is_mounted = self.owner == ROOT && reader.groups.contains(&self.group);
        if mode & if is_mounted { 0o026 } else { 0o066 } != 0 {
            return Err(Problem::Mode { mode, path });
        }
        Ok(())
    }
}

#[cfg(unix)]
impl Reader {
    fn this_process() -> Self {
        use rustix::process::{getegid, geteuid, getgroups};

        // Without the list, only the main group counts.
        let groups = getgroups().unwrap_or_default().into_iter().chain([getegid()]);
        Self {
            user: geteuid().as_raw(),
            groups: groups.map(rustix::process::Gid::as_raw).collect(),
        }
    }
}
