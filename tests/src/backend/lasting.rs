//! Directories of servers that last as long as the test process, which nobody is left to remove:
//! the next process does. A database's files are too many to leave one set behind at each run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{User, is_root, run};

const PREFIX: &str = "session-runtime-";

/// An empty directory for a server's data. It is removed by a later test process, if not before.
///
/// # Panics
///
/// If it cannot be made.
pub(super) fn lasting_directory(server: &str, user: User) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let parent = std::env::temp_dir();
    remove_those_left_behind(&parent);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = parent.join(format!("{PREFIX}{}-{server}-{number}", process::id()));
    fs::create_dir(&directory).expect("a temporary directory");
    if user == User::Unprivileged && is_root() {
        run(Command::new("chown").arg("nobody:nogroup").arg(&directory));
    }
    directory
}

fn remove_those_left_behind(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
        let Some(owner) = owner.and_then(|(owner, _)| owner.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            // Another process may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
