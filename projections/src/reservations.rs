//! Who rides with whom, when, on which terms? Reservations of driver and passenger, upcoming and past, and what waits
//! for a person's answer.

use palabre_events::domain::Recorded;
use palabre_events::ride::{ReservationCancelled, RideEvent, RideRescheduled, SeatsReserved, Side};
use palabre_events::{AccountId, ConversationId, DomainEvent, ReservationId, RideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::columns::{json, signed, to_json};
use crate::opening::open_option;
use crate::paging::PAGE_MAX;
use crate::places::OpenTerms;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::proposals::{self, MadeProposal};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// A reservation with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookedSeats {
    /// The reservation.
    pub reservation: ReservationId,
    /// The ride.
    pub ride: RideId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who drives.
    pub driver: AccountId,
    /// Who rides along.
    pub passenger: AccountId,
    /// What was agreed last.
    pub terms: OpenTerms,
    /// When the passenger is picked up: as agreed, moved by as much as the ride was since.
    pub pickup_at: Timestamp,
    /// Where it stands.
    pub state: ReservationState,
    /// Whether the passenger is asked again, because the ride was rescheduled.
    pub asked_again: bool,
    /// Which side cancelled, and whether without blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancellation>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Position of the event that made it.
    pub made_position: u64,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// The seats are taken.
    Active,
    /// One side cancelled.
    Cancelled,
    /// The passenger did not come, says the driver.
    NoShow,
}

/// How a reservation was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// Which side cancelled.
    pub by: Side,
    /// Whether that side is free of blame: the other side had changed the ride.
    pub blameless: bool,
    /// Why, in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Which reservations are asked for, by the hour of the pickup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Active ones from this time on, the next one first.
    UpcomingFrom(Timestamp),
    /// All before this time, and those that are not active at any time, the latest first.
    PastBefore(Timestamp),
}

/// What waits for a person's answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToHandle {
    /// Open proposals of the other side, the oldest first.
    pub proposals: Vec<MadeProposal>,
    /// Reservations whose ride was rescheduled: does it still suit?
    pub asked_again: Vec<BookedSeats>,
}

impl Row for BookedSeats {
    type Key = ReservationId;

    fn load(reservation: ReservationId, db: &Connection) -> Result<Option<Self>, FoldError> {
        Ok(booked_seats(reservation, db)?)
    }

    fn save(&mut self, reservation: ReservationId, db: &Connection) -> Result<(), FoldError> {
        let upsert = "INSERT INTO reservations (reservation, ride, driver, passenger, is_active, asked_again,
                 pickup_at, made_position, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (reservation) DO UPDATE
             SET is_active = excluded.is_active, asked_again = excluded.asked_again,
                 pickup_at = excluded.pickup_at, document = excluded.document";
        db.prepare_cached(upsert)?.execute(params![
            reservation.0.as_bytes(),
            self.ride.0.as_bytes(),
            self.driver.0.as_bytes(),
            self.passenger.0.as_bytes(),
            self.state == ReservationState::Active,
            self.asked_again,
            self.pickup_at.as_millis(),
            signed(self.made_position),
            to_json(self),
        ])?;
        Ok(())
    }
}

/// What reservations need to know of their ride.
#[derive(Serialize, Deserialize)]
struct ReservedRide {
    departs_at: Timestamp,
    active: Vec<ReservationId>,
}

impl Row for ReservedRide {
    type Key = RideId;

    fn load(ride: RideId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let mut select = db.prepare_cached("SELECT document FROM reserved_rides WHERE ride = ?1")?;
        Ok(select.query_row([ride.0.as_bytes()], |row| json(row, 0)).optional()?)
    }

    fn save(&mut self, ride: RideId, db: &Connection) -> Result<(), FoldError> {
        let replace = "INSERT OR REPLACE INTO reserved_rides (ride, document) VALUES (?1, ?2)";
        db.prepare_cached(replace)?.execute(params![ride.0.as_bytes(), to_json(self)])?;
        Ok(())
    }
}

/// Folds reservations.
#[derive(Default)]
pub(crate) struct Reservations {
    reservations: Rows<BookedSeats>,
    rides: Rows<ReservedRide>,
}

impl Projection for Reservations {
    fn name(&self) -> &'static str {
        "reservations"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        let DomainEvent::Ride(event) = &recorded.event else { return Ok(()) };
        let ride = RideId(recorded.stream.id);
        match event {
            RideEvent::RideOffered(event) => {
                self.rides.put(ride, ReservedRide { departs_at: event.departs_at, active: Vec::new() });
            }
            RideEvent::RideRescheduled(event) => self.reschedule(ride, event, folding.db)?,
            RideEvent::SeatsReserved(event) => self.reserve(ride, recorded, event, folding)?,
            RideEvent::ReservationChanged(event) => {
                let booked = self.booked(event.reservation, folding.db)?;
                booked.terms = OpenTerms::of(&event.terms, folding.opener)?;
                booked.pickup_at = event.terms.pickup_at;
                booked.asked_again = false;
            }
            RideEvent::ReservationReconfirmed(event) => {
                self.booked(event.reservation, folding.db)?.asked_again = false;
            }
            RideEvent::ReservationCancelled(event) => self.cancel(ride, recorded, event, folding)?,
            RideEvent::PassengerNoShow(event) => {
                let booked = self.booked(event.reservation, folding.db)?;
                (booked.state, booked.asked_again) = (ReservationState::NoShow, false);
            }
            RideEvent::RideTermsChanged(_)
            | RideEvent::RideCancelled(_)
            | RideEvent::RideDeparted(_)
            | RideEvent::RideCompleted(_)
            | RideEvent::ReservationRefused(_) => {}
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.rides.flush(db)?;
        self.reservations.flush(db)?;
        Ok(())
    }

    fn forget(&mut self) {
        self.rides.forget();
        self.reservations.forget();
    }
}

impl Reservations {
    fn ride(&mut self, ride: RideId, db: &Connection) -> Result<&mut ReservedRide, FoldError> {
        self.rides.edit(ride, db)?.ok_or_else(|| FoldError::unknown("ride", ride.0))
    }

    fn booked(&mut self, reservation: ReservationId, db: &Connection) -> Result<&mut BookedSeats, FoldError> {
        self.reservations.edit(reservation, db)?.ok_or_else(|| FoldError::unknown("reservation", reservation.0))
    }

    fn reschedule(&mut self, ride: RideId, event: &RideRescheduled, db: &Connection) -> Result<(), FoldError> {
        let known = self.ride(ride, db)?;
        let moved_s = event.departs_at.millis_since(known.departs_at) / 1000;
        known.departs_at = event.departs_at;
        for reservation in known.active.clone() {
            let booked = self.booked(reservation, db)?;
            booked.pickup_at = booked.pickup_at.plus_seconds(moved_s);
            booked.asked_again = true;
        }
        Ok(())
    }

    fn reserve(
        &mut self,
        ride: RideId,
        recorded: &Recorded,
        event: &SeatsReserved,
        folding: &Folding<'_>,
    ) -> Result<(), FoldError> {
        self.ride(ride, folding.db)?.active.push(event.reservation);
        let booked = BookedSeats {
            reservation: event.reservation,
            ride,
            conversation: event.conversation,
            driver: event.driver,
            passenger: event.passenger,
            terms: OpenTerms::of(&event.terms, folding.opener)?,
            pickup_at: event.terms.pickup_at,
            state: ReservationState::Active,
            asked_again: false,
            cancelled: None,
            made_at: recorded.occurred_at,
            made_position: recorded.position,
        };
        self.reservations.put(event.reservation, booked);
        Ok(())
    }

    fn cancel(
        &mut self,
        ride: RideId,
        recorded: &Recorded,
        event: &ReservationCancelled,
        folding: &Folding<'_>,
    ) -> Result<(), FoldError> {
        self.ride(ride, folding.db)?.active.retain(|active| *active != event.reservation);
        let reason = open_option(event.reason.as_ref(), folding.opener)?.map(|reason| reason.0);
        let (by, blameless, at) = (event.by, event.blameless, recorded.occurred_at);
        let booked = self.booked(event.reservation, folding.db)?;
        (booked.state, booked.asked_again) = (ReservationState::Cancelled, false);
        booked.cancelled = Some(Cancellation { by, blameless, reason, at });
        Ok(())
    }
}

impl ViewsReader {
    /// A reservation.
    pub fn reservation(&self, reservation: ReservationId) -> Result<Option<BookedSeats>, ViewError> {
        self.read(|db| booked_seats(reservation, db))
    }

    /// The reservations of a ride, whatever became of them, in the order in which they were made.
    pub fn reservations_of_ride(&self, ride: RideId) -> Result<Vec<BookedSeats>, ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM reservations WHERE ride = ?1 ORDER BY made_position";
            db.prepare_cached(select)?.query_map([ride.0.as_bytes()], |row| json(row, 0))?.collect()
        })
    }

    /// Reservations of a person on one side, upcoming or past; at most `limit` and [`PAGE_MAX`], beginning after the
    /// first `skip`.
    pub fn reservations_of_person(
        &self,
        person: AccountId,
        side: Side,
        when: When,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<BookedSeats>, ViewError> {
        let column = match side {
            Side::Driver => "driver",
            Side::Passenger => "passenger",
        };
        let (which, order, at) = match when {
            When::UpcomingFrom(at) => ("is_active AND pickup_at >= ?2", "ASC", at),
            When::PastBefore(at) => ("(NOT is_active OR pickup_at < ?2)", "DESC", at),
        };
        self.read(|db| {
            let select = format!(
                "SELECT document FROM reservations WHERE {column} = ?1 AND {which}
                 ORDER BY pickup_at {order}, made_position LIMIT ?3 OFFSET ?4"
            );
            let (limit, skip) = (signed(limit.min(PAGE_MAX) as u64), signed(skip as u64));
            let values = params![person.0.as_bytes(), at.as_millis(), limit, skip];
            db.prepare_cached(&select)?.query_map(values, |row| json(row, 0))?.collect()
        })
    }

    /// What waits for a person's answer, at most [`PAGE_MAX`] of each kind.
    pub fn to_handle(&self, person: AccountId) -> Result<ToHandle, ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM reservations WHERE passenger = ?1 AND asked_again
                 ORDER BY pickup_at, made_position LIMIT ?2";
            let values = params![person.0.as_bytes(), signed(PAGE_MAX as u64)];
            let asked_again =
                db.prepare_cached(select)?.query_map(values, |row| json(row, 0))?.collect::<Result<_, _>>()?;
            Ok(ToHandle { proposals: proposals::waiting_for(person, db)?, asked_again })
        })
    }
}

/// A reservation, within a question's transaction.
pub(crate) fn booked_seats(reservation: ReservationId, db: &Connection) -> rusqlite::Result<Option<BookedSeats>> {
    let mut select = db.prepare_cached("SELECT document FROM reservations WHERE reservation = ?1")?;
    select.query_row([reservation.0.as_bytes()], |row| json(row, 0)).optional()
}
