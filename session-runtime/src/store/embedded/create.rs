//! Creating the file: complete or not there at all, whenever the process ends. It knows how the
//! file gets its name; the content is laid out elsewhere.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::failure::Refusal;

/// Makes the file, which `fill` gives its content, and the directories above it. Another process
/// may make the file at the same time: the first one's stays.
pub(super) fn create(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let failed = || Refusal::failed::<io::Error>("creating");
    let directory = path.parent().unwrap_or(Path::new("/"));
    make_directory(directory).map_err(failed())?;
    let draft = draft(path).map_err(failed())?;
    let made = make(&draft, fill).and_then(|()| publish(&draft, path).map_err(failed()));
    // The draft has its final name by now, or is of no use.
    let _ = fs::remove_file(&draft);
    made?;
    sync_directory(directory).map_err(failed())
}

/// Returns a name beside the file that nobody else uses.
fn draft(path: &Path) -> io::Result<PathBuf> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{random:016x}"));
    Ok(path.with_file_name(name))
}

fn make(draft: &Path, fill: impl FnOnce(File) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    fill(options.open(draft).map_err(Refusal::failed("creating"))?)
}

/// Gives the draft its final name, unless a file of that name is there.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without links: this does the same, unless two processes create the file in
        // the same moment.
        Err(_) if !path.exists() => fs::rename(draft, path),
        done => done,
    }
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Makes the new name itself durable.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
