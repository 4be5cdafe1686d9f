//! What makes a store a demo: a file beside it that names its log. The file alone, beside another log, says nothing.

use palabre_events::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

use super::DemoFailure;

const FILE: &str = "demo.json";

/// The marker of a demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The log that is a demo's.
    pub log_id: Uuid,
    /// The seed that its rides were drawn from.
    pub seed: u64,
    /// What passwords derive from; drawn anew for each demo.
    pub secret: [u8; 32],
    /// Whether all of it is there.
    pub filled: bool,
    /// When its last ride leaves, once all of it is there.
    pub lasts_until: Option<Timestamp>,
}

impl Marker {
    /// A marker for an empty log.
    pub fn new(log_id: Uuid, seed: u64) -> Self {
        Self { log_id, seed, secret: crate::random::bytes(), filled: false, lasts_until: None }
    }

    /// The marker in `folder`, if it is one of this log.
    pub fn read(folder: &Path, log_id: Uuid) -> Result<Option<Self>, DemoFailure> {
        let file = path(folder);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DemoFailure::Io(file, error)),
        };
        // What is no marker does not make a demo of anything.
        let marker: Option<Self> = serde_json::from_slice(&text).ok();
        Ok(marker.filter(|marker| marker.log_id == log_id))
    }

    /// Writes it, readable for its owner alone, so that it is there whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<(), DemoFailure> {
        let (file, draft) = (path(folder), folder.join("demo.json.new"));
        let write = || {
            let text = serde_json::to_vec(self).expect("a marker is plain data");
            let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            open.write_all(&text)?;
            open.sync_all()?;
            fs::rename(&draft, &file)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| DemoFailure::Io(file.clone(), error))
    }
}

/// Where the marker is.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_beside_its_own_log_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (log_id, other) = (Uuid::new_v4(), Uuid::new_v4());
        assert_eq!(Marker::read(folder.path(), log_id).unwrap(), None);
        let marker = Marker::new(log_id, 7);
        marker.write(folder.path()).unwrap();
        assert_eq!(Marker::read(folder.path(), log_id).unwrap(), Some(marker));
        assert_eq!(Marker::read(folder.path(), other).unwrap(), None);
    }

    #[test]
    fn what_is_no_marker_marks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path()), "{}").unwrap();
        assert_eq!(Marker::read(folder.path(), Uuid::new_v4()).unwrap(), None);
    }
}
