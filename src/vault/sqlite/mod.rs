//! The vault in one SQLite file, for one machine: `vault.db`, readable by its owner alone.
//!
//! Writes go through one thread that commits them in groups (`writer`), reads through a few connections of their own.
//! Each trait of the port has its file here. Other processes (the command line beside a running server) may use the
//! same file. Deleted rows are overwritten (`secure_delete`); data keys rest in the file in clear, so the file's
//! mode, and the disk's encryption, protect them.

mod copy;
mod keys;
mod leases;
mod letters;
mod people;
mod row;
mod sessions;
mod writer;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

use super::copy::unfinished;
use super::{Answer, Vault, VaultFailure};
use writer::{Then, Writer};

/// Reads that run at once; more wait in their callers.
const READERS: usize = 2;
/// How long one process waits for another that is writing before it answers [`VaultFailure::Unavailable`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The steps from an empty file to the present schema; `user_version` counts those that were taken.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/vault/0001_vault.sql"),
    include_str!("../../../migrations/vault/0002_endings.sql"),
    include_str!("../../../migrations/vault/0003_copying.sql"),
    include_str!("../../../migrations/vault/0004_letters.sql"),
];

/// A vault in a SQLite file.
pub struct SqliteVault {
    // Readers close before the writer, whose closing is the last one and so folds the write-ahead log into the file.
    readers: Arc<Readers>,
    /// For answers that must come without waiting for a runtime.
    direct: Mutex<Connection>,
    writer: Writer,
}

struct Readers {
    connections: [Mutex<Connection>; READERS],
    next: AtomicUsize,
    permits: Semaphore,
}

impl Vault for SqliteVault {}

impl SqliteVault {
    /// Opens the vault in the file `path`, which is made if it is missing and then brought to the present schema.
    pub fn open(path: &Path) -> Result<Self, VaultFailure> {
        let vault = Self::open_unfinished(path)?;
        let is_unfinished = vault.read_now(|connection| connection.prepare("SELECT 1 FROM copying")?.exists([]))?;
        if is_unfinished { Err(unfinished()) } else { Ok(vault) }
    }

    /// As [`SqliteVault::open`], be it a whole vault or an unfinished copy.
    pub fn open_unfinished(path: &Path) -> Result<Self, VaultFailure> {
        keep_private(path).map_err(|error| VaultFailure::Damaged(format!("{}: {error}", path.display())))?;
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
                 PRAGMA temp_store = MEMORY;",
            )
            .map_err(failed)?;
        migrate(&mut connection)?;
        let reader = || -> Result<Mutex<Connection>, VaultFailure> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(path, flags).map_err(failed)?;
            reader.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
            Ok(Mutex::new(reader))
        };
        let readers = Readers {
            connections: [reader()?, reader()?],
            next: AtomicUsize::new(0),
            permits: Semaphore::new(READERS),
        };
        Ok(Self { readers: Arc::new(readers), direct: reader()?, writer: Writer::start(connection) })
    }

    /// Answers what `work` reads, from a thread that may block. Needs the tokio runtime.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let readers = self.readers.clone();
        Box::pin(async move {
            let _permit = readers.permits.acquire().await.expect("the semaphore is never closed");
            let shared = readers.clone();
            let reading = tokio::task::spawn_blocking(move || {
                let turn = shared.next.fetch_add(1, Ordering::Relaxed) % READERS;
                work(&shared.connections[turn].lock()).map_err(failed)
            });
            reading.await.map_err(|_| VaultFailure::Unavailable)?
        })
    }

    /// Answers what `work` reads, at once, blocking the caller.
    fn read_now<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, VaultFailure> {
        work(&self.direct.lock()).map_err(failed)
    }

    /// Answers once what `work` wrote is on disk.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.writer.write(Then::Nothing, work)
    }

    /// Answers once what `work` deleted is on disk and gone from the write-ahead log as well.
    fn write_and_wipe<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.writer.write(Then::Wipe, work)
    }
}

/// Copies the vault in the file `path` into the new file `into`, as of one moment, while others use it. What was
/// destroyed is not in the copy; what is destroyed later stays in it, so keep it for a short time. Blocks.
pub fn back_up(path: &Path, into: &Path) -> anyhow::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_private(into)?;
    anyhow::ensure!(into.metadata()?.len() == 0, "there is something in {} already", into.display());
    let name = into.to_str().ok_or_else(|| anyhow::anyhow!("{} is not a path in UTF-8", into.display()))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    File::open(into)?.sync_all()?;
    Ok(())
}

/// Makes the file if it is missing, and keeps it from everybody but its owner. SQLite gives the files beside it the
/// same mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    const OWNER_ONLY: u32 = 0o600;
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(OWNER_ONLY).open(path)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))
}

fn migrate(connection: &mut Connection) -> Result<(), VaultFailure> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let version = "user_version";
    let taken: u32 = transaction.pragma_query_value(None, version, |row| row.get(0)).map_err(failed)?;
    if taken as usize > MIGRATIONS.len() {
        return Err(VaultFailure::Damaged("a newer version of Palabre made it".to_owned()));
    }
    for step in &MIGRATIONS[taken as usize..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, version, MIGRATIONS.len() as u32).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// What a failure of SQLite means to the caller; the log gets the code, never a value.
fn failed(error: rusqlite::Error) -> VaultFailure {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    tracing::error!(%error, "the vault's file failed");
    match error {
        rusqlite::Error::SqliteFailure(error, _) if !matches!(error.code, DatabaseCorrupt | NotADatabase) => {
            VaultFailure::Unavailable
        }
        other => VaultFailure::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::open::VaultUrl;
    use crate::vault::{KeyMaterial, KeyState, Keys, Letters};
    use palabre_events::{AccountId, KeyId, Timestamp};
    use std::sync::Arc;
    use uuid::Uuid;

    fn person(n: u128) -> KeyId {
        KeyId::Person(AccountId(Uuid::from_u128(n)))
    }

    #[tokio::test]
    async fn the_adapter_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Arc::new(SqliteVault::open(&folder.path().join("vault.db")).unwrap());
        crate::vault::contract::holds_for(vault).await;
    }

    #[tokio::test]
    async fn copies_into_it_keep_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| VaultUrl::Sqlite(folder.path().join(name));
        crate::vault::contract::holds_for_copies(&place("one.db"), &place("other.db")).await;
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let material = KeyMaterial::generate();
        let vault = SqliteVault::open(&path).unwrap();
        vault.ensure_keys(vec![(person(1), material.clone())]).await.unwrap();
        drop(vault);
        let vault = SqliteVault::open(&path).unwrap();
        assert_eq!(vault.keys(vec![person(1)]).await, Ok(vec![KeyState::Held(material)]));
    }

    #[tokio::test]
    async fn a_vault_of_an_earlier_version_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let material = KeyMaterial::generate();
        let vault = SqliteVault::open(&path).unwrap();
        vault.ensure_keys(vec![(person(1), material.clone())]).await.unwrap();
        drop(vault);
        Connection::open(&path).unwrap().execute_batch("DROP TABLE letters; PRAGMA user_version = 3").unwrap();
        let vault = SqliteVault::open(&path).unwrap();
        assert_eq!(vault.keys(vec![person(1)]).await, Ok(vec![KeyState::Held(material)]));
        assert_eq!(vault.letters_due(Timestamp::from_seconds(0).unwrap(), 1).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn files_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let vault = SqliteVault::open(&path).unwrap();
        vault.ensure_keys(vec![(person(1), KeyMaterial::generate())]).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        }
    }

    #[tokio::test]
    async fn a_destroyed_key_is_in_no_file_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let vault = SqliteVault::open(&folder.path().join("vault.db")).unwrap();
        let material = KeyMaterial::generate();
        let on_disk = || {
            let contents = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()));
            contents.filter(|bytes| bytes.as_ref().unwrap().windows(32).any(|held| held == material.bytes())).count()
        };
        vault.ensure_keys(vec![(person(1), material.clone())]).await.unwrap();
        assert_ne!(on_disk(), 0);
        vault.destroy_key(person(1), Timestamp::from_seconds(1_800_000_000).unwrap()).await.unwrap();
        assert_eq!(on_disk(), 0);
    }

    #[test]
    fn a_file_from_a_newer_version_and_a_file_of_something_else_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let newer = folder.path().join("newer.db");
        drop(SqliteVault::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(SqliteVault::open(&newer), Err(VaultFailure::Damaged(_))));
        let foreign = folder.path().join("foreign.db");
        std::fs::write(&foreign, "une recette de gratin dauphinois, pas un coffre").unwrap();
        assert!(matches!(SqliteVault::open(&foreign), Err(VaultFailure::Damaged(_))));
    }
}
