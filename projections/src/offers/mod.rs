//! What is on offer? Everything for a ride's page, with the seats that are taken; and what the matching index is
//! loaded from. Reservations of the past are in `reservations`, who did what in `history`.

mod ride;

use palabre_events::domain::Recorded;
use palabre_events::ride::RideEvent;
use palabre_events::ride::state::Stage;
use palabre_events::{AccountId, DomainEvent, RideId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{json, signed, to_json};
use crate::paging::{Page, Paging};
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader, checkpoint_of};
use crate::rows::{Row, Rows};

pub use ride::{OfferedRide, SeatsTaken};

impl Row for OfferedRide {
    type Key = RideId;

    fn load(ride: RideId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let mut select = db.prepare_cached("SELECT document FROM offers WHERE ride = ?1")?;
        Ok(select.query_row([ride.0.as_bytes()], |row| json(row, 0)).optional()?)
    }

    fn save(&mut self, ride: RideId, db: &Connection) -> Result<(), FoldError> {
        let upsert = "INSERT INTO offers (ride, driver, stage, departs_at, offered_position, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (ride) DO UPDATE
             SET stage = excluded.stage, departs_at = excluded.departs_at, document = excluded.document";
        db.prepare_cached(upsert)?.execute(params![
            ride.0.as_bytes(),
            self.driver.0.as_bytes(),
            stage_name(self.stage),
            self.departs_at.as_millis(),
            signed(self.offered_position),
            to_json(self),
        ])?;
        Ok(())
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Offered => "offered",
        Stage::Departed => "departed",
        Stage::Completed => "completed",
        Stage::Cancelled => "cancelled",
    }
}

/// Folds rides.
#[derive(Default)]
pub(crate) struct Offers {
    rides: Rows<OfferedRide>,
}

impl Projection for Offers {
    fn name(&self) -> &'static str {
        "offers"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        let DomainEvent::Ride(event) = &recorded.event else { return Ok(()) };
        let ride = RideId(recorded.stream.id);
        match (event, self.rides.edit(ride, folding.db)?) {
            (RideEvent::RideOffered(event), None) => {
                self.rides.put(ride, OfferedRide::offered(ride, recorded, event, folding.opener)?);
            }
            // A ride that was never offered refuses what is asked of it; there is nothing to show.
            (RideEvent::ReservationRefused(_), None) => {}
            (_, None) => return Err(FoldError::unknown("ride", ride.0)),
            (event, Some(offered)) => {
                offered.apply(event, folding.opener)?;
                offered.version = recorded.version;
            }
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, touched: &mut Touched) -> Result<(), FoldError> {
        touched.rides.extend(self.rides.flush(db)?);
        Ok(())
    }

    fn forget(&mut self) {
        self.rides.forget();
    }
}

impl ViewsReader {
    /// A ride.
    pub fn ride(&self, ride: RideId) -> Result<Option<OfferedRide>, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT document FROM offers WHERE ride = ?1")?;
            select.query_row([ride.0.as_bytes()], |row| json(row, 0)).optional()
        })
    }

    /// Several rides; those that nobody offered are left out. The order is theirs.
    pub fn rides(&self, rides: &[RideId]) -> Result<Vec<OfferedRide>, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT document FROM offers WHERE ride = ?1")?;
            let found = rides.iter().map(|ride| select.query_row([ride.0.as_bytes()], |row| json(row, 0)).optional());
            found.filter_map(Result::transpose).collect()
        })
    }

    /// A driver's rides, the newest offer first.
    pub fn rides_of_driver(&self, driver: AccountId, paging: Paging) -> Result<Page<OfferedRide>, ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM offers WHERE driver = ?1 AND offered_position < ?2
                 ORDER BY offered_position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let rows =
                select.query_map(params![driver.0.as_bytes(), paging.below(), paging.asked()], |row| json(row, 0))?;
            paging.page(rows, |ride: &OfferedRide| ride.offered_position)
        })
    }

    /// Visits every ride that is on offer (not cancelled, not known to have left), and answers the position that this
    /// is true for.
    pub fn each_open_ride(&self, mut visit: impl FnMut(OfferedRide)) -> Result<u64, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT document FROM offers WHERE stage = 'offered'")?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                visit(json(row, 0)?);
            }
            checkpoint_of("offers", db)
        })
    }
}
