//! Opening the store's directory: creates it if it is missing, and refuses it if another user could
//! change its content. It does not know what the directory holds.

use std::{
    fs::{DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::directory::{Directory, failed};
use crate::store::StoreError;

/// Opens the directory at `path`. The open directory stays the same, even if its name changes.
pub(super) fn root(path: &Path) -> Result<Directory, StoreError> {
    // With a `/` at its end, a symbolic link would be followed; `components` drops it.
    let path: PathBuf = path.components().collect();
    let path = std::path::absolute(&path).map_err(|error| failed("find", &path, error))?;
    make(&path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(&path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(StoreError::new(format!(
                "{} is a symbolic link or no directory; name the directory itself",
                path.display()
            )));
        }
        Err(errno) => return Err(failed("open the directory", &path, errno)),
    };
    let directory = Directory::new(fd, path);
    check(&directory)?;
    Ok(directory)
}

/// Refuses a directory in which another user could put, replace or remove files.
pub(super) fn check(directory: &Directory) -> Result<(), StoreError> {
    check_for(directory, rustix::process::geteuid().as_raw())
}

/// Refuses a directory in which another user than `us` could put, replace or remove files.
pub(super) fn check_for(directory: &Directory, us: u32) -> Result<(), StoreError> {
    let stat = directory.stat()?;
    let path = directory.path().display();
    if stat.st_uid != us && stat.st_uid != 0 {
        return Err(StoreError::new(format!(
            "{path} belongs to user {}, who could change the sessions in it; this process is user \
             {us}: give the directory to it, or name another",
            stat.st_uid
        )));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(StoreError::new(format!(
            "others than its owner can write to {path}: chmod go-w {path}"
        )));
    }
    Ok(())
}

/// Creates the directory and those above it, as far as they are missing, durably and for this user
/// only.
fn make(path: &Path) -> Result<(), StoreError> {
    let above = path.parent().unwrap_or(path);
    let create = || DirBuilder::new().mode(0o700).create(path);
    let created = match create() {
        Err(error) if error.kind() == ErrorKind::NotFound && above != path => {
            make(above)?;
            create()
        }
        created => created,
    };
    match created {
        Ok(()) => {
            let synced = File::open(above).and_then(|above| above.sync_all());
            synced.map_err(|error| failed("write", above, error))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed("make the directory", path, error)),
    }
}
