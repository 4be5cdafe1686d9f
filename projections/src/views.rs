//! The one writer of the views: folds the log's events in order, a batch in one transaction with its checkpoint.
//!
//! Used by one thread, the feed. A projection that cannot fold an event stops there, loudly: it is parked with the
//! event's position while the others go on, and nothing skips that event. Opening the views again lets it try again.

use palabre_events::Opener;
use palabre_events::domain::Recorded;
use palabre_events::{ConversationId, RideId};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

use crate::columns::{self, signed};
use crate::conversations::Conversations;
use crate::file::{self, OpenFailure};
use crate::filling;
use crate::history::History;
use crate::offers::Offers;
use crate::pending::Pending;
use crate::people::People;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::proposals::Proposals;
use crate::reader::ViewsReader;
use crate::requests::Requests;
use crate::reservations::Reservations;
use crate::running::{Parked, ProjectionHealth, Running};
use crate::timers::Timers;

/// The writer of the views.
pub struct Views {
    db: Connection,
    path: PathBuf,
    opener: Arc<dyn Opener + Send + Sync>,
    projections: Vec<Running>,
    position: Arc<AtomicU64>,
    /// Whether the file is new and being filled.
    filling: bool,
    /// Whether positions of the log rise by more than one.
    gaps: bool,
}

/// Events that the projections fold in turn, before the next ones: as many as a processor's cache holds.
const BLOCK: usize = 128;

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
        let filling = filling::is_under_way(&db)?;
        filling::set_up(&db, filling)?;
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
        let views =
            Self { db, path: path.to_owned(), opener, projections, position: Arc::default(), filling, gaps: false };
        views.publish_position(0);
        Ok(views)
    }

    /// The same, of a log whose positions only rise: gaps between them are no holes.
    pub fn with_gaps(mut self) -> Self {
        self.gaps = true;
        self
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
        self.check_order(batch)?;
        let Some(last) = batch.last() else {
            return Ok(Folded { position: self.position(), ..Folded::default() });
        };
        let (last, before) = (last.position, self.states());
        let folded = match self.fold_together(batch) {
            Err(FoldError::DoesNotFit(_)) => {
                self.restore(&before);
                self.fold_apart(batch)
            }
            folded => folded,
        };
        match folded {
            Ok(folded) => {
                let position = self.advance(last);
                if batch.len() < filling::BATCH_MIN {
                    self.finish_filling();
                }
                Ok(Folded { position, ..folded })
            }
            Err(failure) => {
                self.restore(&before);
                Err(failure.into())
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

    fn check_order(&self, batch: &[Recorded]) -> Result<(), FoldFailure> {
        let mut last = self.position();
        for recorded in batch {
            let (expected, found) = (last + 1, recorded.position);
            if found < expected || (found > expected && !self.gaps) {
                return Err(FoldFailure::Gap { expected, found });
            }
            last = found;
        }
        Ok(())
    }

    /// Folds a batch into all projections, a few events at a time, so that one after the other finds them in the
    /// processor's cache. Stops at the first event that does not fit one of them.
    fn fold_together(&mut self, batch: &[Recorded]) -> Result<Folded, FoldError> {
        let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let folding = Folding { db: &transaction, opener: &*self.opener };
        for block in batch.chunks(BLOCK) {
            for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
                let news = running.news_of(block);
                news.iter().try_for_each(|recorded| running.projection.fold(recorded, &folding))?;
            }
        }
        let mut touched = Touched::default();
        for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
            running.projection.flush(&transaction, &mut touched)?;
        }
        commit(transaction, batch, touched)
    }

    /// Folds a batch into one projection after the other, each for itself, and parks those that it does not fit.
    fn fold_apart(&mut self, batch: &[Recorded]) -> Result<Folded, FoldError> {
        let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let folding = Folding { db: &transaction, opener: &*self.opener };
        let (mut touched, mut parked) = (Touched::default(), Vec::new());
        for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
            running.fold_or_park(running.news_of(batch), &folding, &mut touched)?;
            parked.extend(running.parked.is_some().then(|| running.health()));
        }
        Ok(Folded { parked, ..commit(transaction, batch, touched)? })
    }

    fn states(&self) -> Vec<(u64, Option<Parked>)> {
        self.projections.iter().map(|running| (running.checkpoint, running.parked.clone())).collect()
    }

    /// Goes back to `states`: what is in memory, or was parked since, belongs to a transaction that is gone.
    fn restore(&mut self, states: &[(u64, Option<Parked>)]) {
        for (running, (checkpoint, parked)) in self.projections.iter_mut().zip(states) {
            running.projection.forget();
            (running.checkpoint, running.parked) = (*checkpoint, parked.clone());
        }
    }

    /// Notes that events up to `last` are folded, and answers the views' position.
    fn advance(&mut self, last: u64) -> u64 {
        for running in self.projections.iter_mut().filter(|running| running.parked.is_none()) {
            running.checkpoint = running.checkpoint.max(last);
        }
        self.publish_position(last)
    }

    /// Ends the filling of a new file, if it is under way. Failing, the file stays unfinished: all is folded, but a crash
    /// would lose it, and the next batch tries again.
    fn finish_filling(&mut self) {
        if self.filling {
            match filling::finish(&self.db) {
                Ok(is_done) => self.filling = !is_done,
                Err(error) => tracing::error!(%error, "the new views cannot be finished yet"),
            }
        }
    }

    /// Publishes the position of the slowest running projection; with none running, nobody has to wait for `last`.
    fn publish_position(&self, last: u64) -> u64 {
        let running = self.projections.iter().filter(|running| running.parked.is_none());
        let position = running.map(|running| running.checkpoint).min().unwrap_or(last);
        self.position.store(position, Ordering::Release);
        position
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        self.finish_filling();
    }
}

/// Commits what a batch has changed, together with the checkpoint of those that go on.
fn commit(transaction: Transaction<'_>, batch: &[Recorded], touched: Touched) -> Result<Folded, FoldError> {
    let last = batch.last().map_or(0, |recorded| recorded.position);
    let advance = "UPDATE checkpoints SET position = ?1 WHERE parked_at IS NULL AND position < ?1";
    transaction.prepare_cached(advance)?.execute([signed(last)])?;
    transaction.commit()?;
    let Touched { mut rides, mut conversations } = touched;
    // Events that were folded one by one may have touched the same thing several times.
    rides.sort_unstable();
    rides.dedup();
    conversations.sort_unstable();
    conversations.dedup();
    Ok(Folded { position: last, rides, conversations, parked: Vec::new() })
}

impl From<FoldError> for FoldFailure {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::VaultUnavailable => Self::Retry,
            FoldError::Database(error) => Self::Database(error),
            FoldError::DoesNotFit(why) => unreachable!("what does not fit parks a projection: {why}"),
        }
    }
}
