//! Answers questions from the views, from any thread: a small pool of connections that only read. Each question runs
//! in one read transaction, so that what it answers belongs together.
//!
//! Calls block; whoever is asynchronous calls from a thread that may block.

use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::columns;
use crate::file;
use crate::running::{Parked, ProjectionHealth};

/// The views do not answer.
#[derive(Debug, thiserror::Error)]
#[error("the views cannot be read: {0}")]
pub struct ViewError(#[from] rusqlite::Error);

/// Answers questions from the views. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct ViewsReader {
    pool: Arc<Pool>,
    position: Arc<AtomicU64>,
}

struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl ViewsReader {
    /// A reader with `connections` connections (at least one) to the views at `path`; further questions wait for one
    /// to come back.
    pub(crate) fn open(path: &Path, connections: usize, position: Arc<AtomicU64>) -> rusqlite::Result<Self> {
        let idle = (0..connections.max(1)).map(|_| file::open_to_read(path)).collect::<Result<_, _>>()?;
        let pool = Pool { idle: Mutex::new(idle), returned: Condvar::new() };
        Ok(Self { pool: Arc::new(pool), position })
    }

    /// The position up to which the log is folded; what is asked from now on shows at least that.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// How each projection is.
    pub fn health(&self) -> Result<Vec<ProjectionHealth>, ViewError> {
        self.read(|db| {
            let select = "SELECT projection, position, parked_at, parked_why FROM checkpoints ORDER BY projection";
            let mut select = db.prepare_cached(select)?;
            let health = select.query_map([], |row| {
                let parked = match row.get::<_, Option<i64>>(2)? {
                    None => None,
                    Some(_) => Some(Parked { position: columns::count(row, 2)?, why: row.get(3)? }),
                };
                Ok(ProjectionHealth { name: row.get(0)?, position: columns::count(row, 1)?, parked })
            })?;
            health.collect()
        })
    }

    /// Runs `question` in one read transaction.
    pub(crate) fn read<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ViewError> {
        let borrowed = Borrowed::from(&self.pool);
        let transaction = borrowed.connection().unchecked_transaction()?;
        let answer = question(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }
}

/// A connection that returns to the pool, also when a question panics.
struct Borrowed<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl<'a> From<&'a Arc<Pool>> for Borrowed<'a> {
    fn from(pool: &'a Arc<Pool>) -> Self {
        let mut idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.pop() {
                return Self { pool, connection: Some(connection) };
            }
            idle = pool.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Borrowed<'_> {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a borrowed connection stays until it is dropped")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
        self.pool.returned.notify_one();
    }
}

/// The position that `projection` has folded up to, within a question's transaction.
pub(crate) fn checkpoint_of(projection: &str, db: &Connection) -> rusqlite::Result<u64> {
    let select = "SELECT position FROM checkpoints WHERE projection = ?1";
    db.prepare_cached(select)?.query_row(params![projection], |row| columns::count(row, 0))
}
