//! The one writer of the views: folds the log's events in order, a batch in one transaction with its checkpoint.
//!
//! Used by one thread, the feed. A projection that cannot fold an event stops there, loudly: it is parked with the
//! event's position while the others go on, and nothing skips that event. Opening the views again lets it try again.

use palabre_events::Opener;
use palabre_events::domain::Recorded;
use palabre_events::{ConversationId, RideId};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

use crate::columns::{self, signed};
use crate::conversations::Conversations;
use crate::file::{self, OpenFailure};
use crate::history::History;
use crate::offers::Offers;
use crate::pending::Pending;
use crate::people::People;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::proposals::Proposals;
use crate::reader::ViewsReader;
use crate::requests::Requests;
use crate::reservations::Reservations;
use crate::timers::Timers;

/// The writer of the views.
pub struct Views {
    db: Connection,
    path: PathBuf,
    opener: Arc<dyn Opener + Send + Sync>,
    projections: Vec<Running>,
    position: Arc<AtomicU64>,
}

struct Running {
    projection: Box<dyn Projection>,
    /// Position of the last event that it has folded.
    checkpoint: u64,
    parked: Option<Parked>,
}

/// Where and why a projection stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// Position of the event that it cannot fold.
    pub position: u64,
    /// Why; holds nothing personal.
    pub why: String,
}

/// How a projection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionHealth {
    /// Its name.
    pub name: String,
    /// Position of the last event that it has folded.
    pub position: u64,
    /// Where and why it stopped, if it did.
    pub parked: Option<Parked>,
}

/// What a batch has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The views' position now; see [`Views::position`].
    pub position: u64,
    /// Rides whose offer has changed: the matching index must look at them again.
    pub rides: Vec<RideId>,
    /// Conversations with new events, or with new marks.
    pub conversations: Vec<ConversationId>,
    /// Projections that stopped in this batch.
    pub parked: Vec<ProjectionHealth>,
}

/// Why a batch was not folded. Nothing of it was; the same batch may come again.
#[derive(Debug, thiserror::Error)]
pub enum FoldFailure {
    /// The vault does not answer, so sealed values stay shut: try again a little later.
    #[error("the vault does not answer")]
    Retry,
    /// The batch does not begin right after what was folded, or has a hole.
    #[error("expected the event at position {expected}, not {found}")]
    Gap {
        /// The position that should have come.
        expected: u64,
        /// The position that came.
        found: u64,
    },
    /// The file cannot be written, such as on a full disk.
    #[error("the views cannot be written: {0}")]
    Database(#[from] rusqlite::Error),
}

impl Views {
    /// The most events of one batch that a caller should fold at once. Replay is fastest with full batches; memory
    /// for the rows that a batch changes is bounded by it.
    pub const BATCH_MAX: usize = 32_768;

    /// Opens the views at `path`. They begin anew, at position 0, when they were folded by another version of the
    /// folds or from another log than `log_id`. Projections that were parked try again from where they stopped.
    pub fn open(path: &Path, log_id: Uuid, opener: Arc<dyn Opener + Send + Sync>) -> Result<Self, OpenFailure> {
        let db = file::open_to_write(path, log_id)?;
        let all: [Box<dyn Projection>; 9] = [
            Box::new(Offers::default()),
            Box::new(Requests::default()),
            Box::new(Conversations::default()),
            Box::new(Proposals::default()),
            Box::new(Reservations::default()),
            Box::new(People::default()),
            Box::new(History::default()),
            Box::new(Pending::default()),
            Box::new(Timers::default()),
        ];
        let begin = TransactionBehavior::Immediate;
        let opening = Transaction::new_unchecked(&db, begin)?;
        opening.execute("UPDATE checkpoints SET parked_at = NULL, parked_why = NULL", [])?;
        let mut projections = Vec::with_capacity(all.len());
        for projection in all {
            let name = projection.name();
            opening.execute("INSERT OR IGNORE INTO checkpoints (projection, position) VALUES (?1, 0)", [name])?;
            let read = "SELECT position FROM checkpoints WHERE projection = ?1";
            let checkpoint = opening.query_row(read, [name], |row| columns::count(row, 0))?;
            projections.push(Running { projection, checkpoint, parked: None });
        }
        opening.commit()?;
        let views = Self { db, path: path.to_owned(), opener, projections, position: Arc::default() };
        views.publish_position(0);
        Ok(views)
    }

    /// The position up to which every running projection has folded the log: the next batch begins right after it.
    /// Parked projections do not count, so that the others' readers need not wait for them.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// The same position for other threads; it rises after each batch's commit.
    pub fn position_handle(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    /// A reader with up to `connections` queries at once.
    pub fn reader(&self, connections: usize) -> rusqlite::Result<ViewsReader> {
        ViewsReader::open(&self.path, connections, self.position_handle())
    }

    /// How each projection is.
    pub fn health(&self) -> Vec<ProjectionHealth> {
        self.projections.iter().map(Running::health).collect()
    }

    /// Folds events that follow [`Views::position`] in order, without a hole. All of it commits together with the
    /// checkpoint, or nothing does. A projection that reopened behind the others folds what it lacks; the others
    /// leave out what they have.
    pub fn fold(&mut self, batch: &[Recorded]) -> Result<Folded, FoldFailure> {
        self.check_dense(batch)?;
        let Some(last) = batch.last() else {
            return Ok(Folded { position: self.position(), ..Folded::default() });
        };
        let before: Vec<_> = self.projections.iter().map(|it| (it.checkpoint, it.parked.clone())).collect();
        match self.fold_in_transaction(batch, last.position) {
            Ok(mut folded) => {
                for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
                    running.checkpoint = running.checkpoint.max(last.position);
                }
                folded.position = self.publish_position(last.position);
                Ok(folded)
            }
            Err(failure) => {
                // What is in memory belongs to a transaction that is gone.
                for (running, (checkpoint, parked)) in self.projections.iter_mut().zip(before) {
                    running.projection.forget();
                    (running.checkpoint, running.parked) = (checkpoint, parked);
                }
                Err(failure)
            }
        }
    }

    /// Parks every projection at an event that this program cannot even read. Opening the views again tries again.
    pub fn stop_at(&mut self, position: u64, why: &str) -> Result<(), FoldFailure> {
        tracing::error!(position, why, "an event cannot be read; all projections stop");
        for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
            running.park(position, why.to_owned(), &self.db)?;
        }
        Ok(())
    }

    fn check_dense(&self, batch: &[Recorded]) -> Result<(), FoldFailure> {
        for (expected, recorded) in (self.position() + 1..).zip(batch) {
            if recorded.position != expected {
                return Err(FoldFailure::Gap { expected, found: recorded.position });
            }
        }
        Ok(())
    }

    fn fold_in_transaction(&mut self, batch: &[Recorded], last: u64) -> Result<Folded, FoldFailure> {
        let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let folding = Folding { db: &transaction, opener: &*self.opener };
        let mut touched = Touched::default();
        let mut parked = Vec::new();
        for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
            let from = batch.partition_point(|recorded| recorded.position <= running.checkpoint);
            running.fold(&batch[from..], &folding, &mut touched)?;
            if running.parked.is_some() {
                parked.push(running.health());
            }
        }
        let advance = "UPDATE checkpoints SET position = ?1 WHERE parked_at IS NULL AND position < ?1";
        transaction.prepare_cached(advance)?.execute([signed(last)])?;
        transaction.commit()?;
        touched.rides.sort_unstable();
        touched.rides.dedup();
        touched.conversations.sort_unstable();
        touched.conversations.dedup();
        Ok(Folded { position: last, rides: touched.rides, conversations: touched.conversations, parked })
    }

    /// Publishes the position of the slowest running projection; with none running, nobody has to wait for `last`.
    fn publish_position(&self, last: u64) -> u64 {
        let running = self.projections.iter().filter(|running| running.parked.is_none());
        let position = running.map(|running| running.checkpoint).min().unwrap_or(last);
        self.position.store(position, Ordering::Release);
        position
    }
}

impl Running {
    fn health(&self) -> ProjectionHealth {
        let name = self.projection.name().to_owned();
        ProjectionHealth { name, position: self.checkpoint, parked: self.parked.clone() }
    }

    /// Folds the whole batch; when that fails, folds it event by event and parks at the one that does not fit.
    fn fold(&mut self, batch: &[Recorded], folding: &Folding<'_>, touched: &mut Touched) -> Result<(), FoldFailure> {
        if batch.is_empty() || self.fold_at_once(batch, folding, touched)?.is_ok() {
            return Ok(());
        }
        for recorded in batch {
            match self.fold_at_once(std::slice::from_ref(recorded), folding, touched)? {
                Ok(()) => self.checkpoint = recorded.position,
                Err(why) => {
                    let (projection, stream) = (self.projection.name(), recorded.stream);
                    tracing::error!(projection, position = recorded.position, %stream, why, "a projection stopped");
                    return self.park(recorded.position, why, folding.db);
                }
            }
        }
        Ok(())
    }

    /// Folds events within a savepoint; the inner error says why an event does not fit, and then nothing is changed.
    fn fold_at_once(
        &mut self,
        batch: &[Recorded],
        folding: &Folding<'_>,
        touched: &mut Touched,
    ) -> Result<Result<(), String>, FoldFailure> {
        folding.db.prepare_cached("SAVEPOINT projection")?.execute([])?;
        let folded = batch
            .iter()
            .try_for_each(|recorded| self.projection.fold(recorded, folding))
            .and_then(|()| self.projection.flush(folding.db, touched));
        let answer = match folded {
            Ok(()) => Ok(()),
            Err(FoldError::VaultUnavailable) => return Err(FoldFailure::Retry),
            Err(FoldError::Database(error)) => return Err(FoldFailure::Database(error)),
            Err(FoldError::DoesNotFit(why)) => {
                self.projection.forget();
                folding.db.prepare_cached("ROLLBACK TO projection")?.execute([])?;
                Err(why)
            }
        };
        folding.db.prepare_cached("RELEASE projection")?.execute([])?;
        Ok(answer)
    }

    fn park(&mut self, position: u64, why: String, db: &Connection) -> Result<(), FoldFailure> {
        let park = "UPDATE checkpoints SET position = ?2, parked_at = ?3, parked_why = ?4 WHERE projection = ?1";
        let name = self.projection.name();
        db.prepare_cached(park)?.execute(params![name, signed(self.checkpoint), signed(position), why])?;
        self.parked = Some(Parked { position, why });
        Ok(())
    }
}
