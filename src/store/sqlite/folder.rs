//! The folder of a log: its files, who may read them, and the lock that lets one process write.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::OpenFailure;

const DATABASE: &str = "log.sqlite";
const LOCK: &str = "log.lock";
/// How every database of SQLite begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A folder that holds a log, or is about to.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// Held by the one process that writes; ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct WriteLock {
    #[expect(dead_code, reason = "held for its drop")]
    file: File,
}

impl Folder {
    /// The folder at `path`, made for its owner alone where it is missing; so is the database's file. SQLite gives its
    /// other files the same permissions.
    pub fn make(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                // What is on disk must also be found there after a power cut.
                File::open(parent)?.sync_all()?;
            }
        }
        let folder = Self(path.to_owned());
        private_file(&folder.database())?;
        Ok(folder)
    }

    /// The folder at `path`, which has a log already.
    pub fn existing(path: &Path) -> Result<Self, OpenFailure> {
        let folder = Self(path.to_owned());
        if folder.database().is_file() { Ok(folder) } else { Err(OpenFailure::NoLog(path.to_owned())) }
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Whether the database's file begins as one. SQLite itself takes a short file of another kind for an empty one.
    pub fn holds_a_database(&self) -> io::Result<bool> {
        let mut beginning = Vec::new();
        File::open(self.database())?.take(MAGIC.len() as u64).read_to_end(&mut beginning)?;
        Ok(beginning.is_empty() || beginning == MAGIC)
    }

    /// Makes this process the one that writes.
    pub fn lock(&self) -> Result<WriteLock, OpenFailure> {
        let file = private_file(&self.0.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock { file }),
            Err(TryLockError::WouldBlock) => Err(OpenFailure::InUse),
            Err(TryLockError::Error(error)) => Err(OpenFailure::Io(error)),
        }
    }
}

/// The files of a log in `folder`; SQLite keeps others beside the first.
pub fn files(folder: &Path) -> [PathBuf; 2] {
    [DATABASE, LOCK].map(|file| folder.join(file))
}

fn private_file(path: &Path) -> io::Result<File> {
    let existing = OpenOptions::new().read(true).write(true).open(path);
    match existing {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
        }
        other => other,
    }
}
