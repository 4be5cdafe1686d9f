//! One projection as it runs: how far it is, and where it stopped when an event did not fit.

use palabre_events::domain::Recorded;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::columns::signed;
use crate::projection::{FoldError, Folding, Projection, Touched};

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

/// A projection that folds, or that has stopped.
pub(crate) struct Running {
    pub projection: Box<dyn Projection>,
    /// Position of the last event that it has folded.
    pub checkpoint: u64,
    pub parked: Option<Parked>,
}

impl Running {
    /// How it is.
    pub fn health(&self) -> ProjectionHealth {
        let name = self.projection.name().to_owned();
        ProjectionHealth { name, position: self.checkpoint, parked: self.parked.clone() }
    }

    /// The events of a batch that it has not folded.
    pub fn news_of<'a>(&self, batch: &'a [Recorded]) -> &'a [Recorded] {
        &batch[batch.partition_point(|recorded| recorded.position <= self.checkpoint)..]
    }

    /// Folds the whole batch; when that fails, folds it event by event and parks at the one that does not fit.
    pub fn fold_or_park(
        &mut self,
        batch: &[Recorded],
        folding: &Folding<'_>,
        touched: &mut Touched,
    ) -> Result<(), FoldError> {
        if self.fold_or_undo(batch, folding, touched)?.is_ok() {
            return Ok(());
        }
        for recorded in batch {
            match self.fold_or_undo(std::slice::from_ref(recorded), folding, touched)? {
                Ok(()) => self.checkpoint = recorded.position,
                Err(why) => {
                    let (projection, stream) = (self.projection.name(), recorded.stream);
                    tracing::error!(projection, position = recorded.position, %stream, why, "a projection stopped");
                    return Ok(self.park(recorded.position, why, folding.db)?);
                }
            }
        }
        Ok(())
    }

    /// Folds events within a savepoint; the inner error says why an event does not fit, and then nothing is changed.
    fn fold_or_undo(
        &mut self,
        batch: &[Recorded],
        folding: &Folding<'_>,
        touched: &mut Touched,
    ) -> Result<Result<(), String>, FoldError> {
        folding.db.execute_batch("SAVEPOINT projection")?;
        let folded = batch
            .iter()
            .try_for_each(|recorded| self.projection.fold(recorded, folding))
            .and_then(|()| self.projection.flush(folding.db, touched));
        let answer = match folded {
            Ok(()) => Ok(()),
            Err(FoldError::DoesNotFit(why)) => {
                self.projection.forget();
                folding.db.execute_batch("ROLLBACK TO projection")?;
                Err(why)
            }
            Err(failure) => return Err(failure),
        };
        folding.db.execute_batch("RELEASE projection")?;
        Ok(answer)
    }

    /// Stops it at an event.
    pub fn park(&mut self, position: u64, why: String, db: &Connection) -> rusqlite::Result<()> {
        let park = "UPDATE checkpoints SET position = ?2, parked_at = ?3, parked_why = ?4 WHERE projection = ?1";
        let name = self.projection.name();
        db.prepare_cached(park)?.execute(params![name, signed(self.checkpoint), signed(position), why])?;
        self.parked = Some(Parked { position, why });
        Ok(())
    }
}
