//! The folder of a node: its views, and without other stores everything else. One node at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Held by the one process that writes to the folder; ends with the process, however that ends.
#[derive(Debug)]
pub struct DataFolder {
    #[expect(dead_code, reason = "held for its drop")]
    lock: File,
}

impl DataFolder {
    /// Makes this process the one that writes to the folder, which is made for its owner alone where it is missing.
    pub fn claim(path: &Path) -> anyhow::Result<Self> {
        let failed = |error| anyhow::anyhow!("cannot use the folder {}: {error}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(path.join("node.lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { lock }),
            Err(TryLockError::WouldBlock) => {
                anyhow::bail!("the folder {} is in use by another palabre; each node has its own", path.display())
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_node() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        let first = DataFolder::claim(&folder).unwrap();
        assert!(DataFolder::claim(&folder).unwrap_err().to_string().contains("in use by another palabre"));
        drop(first);
        DataFolder::claim(&folder).unwrap();
    }
}
