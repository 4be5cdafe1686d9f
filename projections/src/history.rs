//! What has a person done here? Rides, requests and reservations as they happened, the newest first; the facts that
//! reliability can be counted from.

use palabre_events::domain::Recorded;
use palabre_events::request::RequestEvent;
use palabre_events::ride::{RideEvent, Side};
use palabre_events::{AccountId, ConversationId, DomainEvent, RequestId, ReservationId, RideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::columns::{count, json, signed, time, to_json, uuid, uuid_or_none};
use crate::paging::{Page, Paging};
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// Something that happened to a person's rides, requests or reservations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// Position of the event in the log.
    pub position: u64,
    /// What.
    pub what: HistoryWhat,
    /// The ride.
    pub ride: Option<RideId>,
    /// The request.
    pub request: Option<RequestId>,
    /// The reservation.
    pub reservation: Option<ReservationId>,
    /// Where it was agreed.
    pub conversation: Option<ConversationId>,
    /// The other side of the reservation, or the driver of a ride that was completed with the person aboard.
    pub other_party: Option<AccountId>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named after the events")]
pub enum HistoryWhat {
    RideOffered,
    RideCancelled,
    /// With the person at the wheel, or aboard when there is another party.
    RideCompleted,
    RequestPosted,
    RequestFulfilled,
    RequestWithdrawn,
    RequestExpired,
    ReservationMade,
    ReservationChanged,
    ReservationCancelled {
        by: Side,
        blameless: bool,
    },
    NoShow,
}

/// Whose a ride or a request is, and who is aboard a ride.
struct Subject {
    owner: AccountId,
    aboard: Vec<Aboard>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Aboard {
    reservation: ReservationId,
    conversation: ConversationId,
    passenger: AccountId,
}

impl Row for Subject {
    type Key = Uuid;

    fn load(subject: Uuid, db: &Connection) -> Result<Option<Self>, FoldError> {
        let mut select = db.prepare_cached("SELECT owner, aboard FROM history_subjects WHERE subject = ?1")?;
        let subject = select
            .query_row([subject.as_bytes()], |row| Ok(Self { owner: AccountId(uuid(row, 0)?), aboard: json(row, 1)? }));
        Ok(subject.optional()?)
    }

    fn save(&mut self, subject: Uuid, db: &Connection) -> Result<(), FoldError> {
        let replace = "INSERT OR REPLACE INTO history_subjects (subject, owner, aboard) VALUES (?1, ?2, ?3)";
        let values = params![subject.as_bytes(), self.owner.0.as_bytes(), to_json(&self.aboard)];
        db.prepare_cached(replace)?.execute(values)?;
        Ok(())
    }
}

/// Folds rides and requests.
#[derive(Default)]
pub(crate) struct History {
    subjects: Rows<Subject>,
}

impl Projection for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        match &recorded.event {
            DomainEvent::Ride(event) => self.fold_ride(recorded, event, folding.db),
            DomainEvent::Request(event) => self.fold_request(recorded, event, folding.db),
            DomainEvent::Account(_) | DomainEvent::Conversation(_) | DomainEvent::Marks(_) => Ok(()),
        }
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.subjects.flush(db).map(|_| ())
    }

    fn forget(&mut self) {
        self.subjects.forget();
    }
}

impl History {
    fn fold_request(&mut self, recorded: &Recorded, event: &RequestEvent, db: &Connection) -> Result<(), FoldError> {
        let id = recorded.stream.id;
        let what = match event {
            RequestEvent::RequestPosted(event) => {
                self.subjects.put(id, Subject { owner: event.passenger, aboard: Vec::new() });
                HistoryWhat::RequestPosted
            }
            RequestEvent::RequestFulfilled(_) => HistoryWhat::RequestFulfilled,
            RequestEvent::RequestWithdrawn(_) => HistoryWhat::RequestWithdrawn,
            RequestEvent::RequestExpired(_) => HistoryWhat::RequestExpired,
        };
        let owner = self.subject(id, "request", db)?.owner;
        let entry = HistoryEntry { request: Some(RequestId(id)), ..HistoryEntry::of(recorded, what) };
        let entry = match event {
            RequestEvent::RequestFulfilled(event) => {
                HistoryEntry { ride: Some(event.ride), reservation: Some(event.reservation), ..entry }
            }
            _ => entry,
        };
        write(owner, &entry, db)
    }

    fn fold_ride(&mut self, recorded: &Recorded, event: &RideEvent, db: &Connection) -> Result<(), FoldError> {
        let id = recorded.stream.id;
        let entry = |what| HistoryEntry { ride: Some(RideId(id)), ..HistoryEntry::of(recorded, what) };
        match event {
            RideEvent::RideOffered(event) => {
                self.subjects.put(id, Subject { owner: event.driver, aboard: Vec::new() });
                write(event.driver, &entry(HistoryWhat::RideOffered), db)
            }
            RideEvent::RideCancelled(_) => {
                write(self.subject(id, "ride", db)?.owner, &entry(HistoryWhat::RideCancelled), db)
            }
            RideEvent::RideCompleted(_) => {
                let ride = self.subject(id, "ride", db)?;
                let completed = entry(HistoryWhat::RideCompleted);
                write(ride.owner, &completed, db)?;
                let mut told = vec![ride.owner];
                for aboard in &ride.aboard {
                    if !told.contains(&aboard.passenger) {
                        write(aboard.passenger, &completed.clone().with(aboard, ride.owner), db)?;
                        told.push(aboard.passenger);
                    }
                }
                Ok(())
            }
            RideEvent::SeatsReserved(event) => {
                let (reservation, conversation, passenger) = (event.reservation, event.conversation, event.passenger);
                let aboard = Aboard { reservation, conversation, passenger };
                self.ride_to_change(id, db)?.aboard.push(aboard);
                write_both(event.driver, &aboard, &entry(HistoryWhat::ReservationMade), db)
            }
            RideEvent::ReservationChanged(event) => {
                let (driver, aboard) = self.aboard(id, event.reservation, db)?;
                write_both(driver, &aboard, &entry(HistoryWhat::ReservationChanged), db)
            }
            RideEvent::ReservationCancelled(event) => {
                let (driver, aboard) = self.alight(id, event.reservation, db)?;
                let what = HistoryWhat::ReservationCancelled { by: event.by, blameless: event.blameless };
                write_both(driver, &aboard, &entry(what), db)
            }
            RideEvent::PassengerNoShow(event) => {
                let (driver, aboard) = self.alight(id, event.reservation, db)?;
                write_both(driver, &aboard, &entry(HistoryWhat::NoShow), db)
            }
            RideEvent::RideRescheduled(_)
            | RideEvent::RideTermsChanged(_)
            | RideEvent::RideDeparted(_)
            | RideEvent::ReservationRefused(_)
            | RideEvent::ReservationReconfirmed(_) => Ok(()),
        }
    }

    fn subject(&mut self, id: Uuid, what: &str, db: &Connection) -> Result<&Subject, FoldError> {
        self.subjects.get(id, db)?.ok_or_else(|| FoldError::unknown(what, id))
    }

    fn ride_to_change(&mut self, id: Uuid, db: &Connection) -> Result<&mut Subject, FoldError> {
        self.subjects.edit(id, db)?.ok_or_else(|| FoldError::unknown("ride", id))
    }

    fn aboard(
        &mut self,
        ride: Uuid,
        reservation: ReservationId,
        db: &Connection,
    ) -> Result<(AccountId, Aboard), FoldError> {
        let ride = self.subject(ride, "ride", db)?;
        let aboard = ride.aboard.iter().find(|aboard| aboard.reservation == reservation);
        let aboard = aboard.ok_or_else(|| FoldError::unknown("reservation", reservation.0))?;
        Ok((ride.owner, *aboard))
    }

    fn alight(
        &mut self,
        ride: Uuid,
        reservation: ReservationId,
        db: &Connection,
    ) -> Result<(AccountId, Aboard), FoldError> {
        let who = self.aboard(ride, reservation, db)?;
        self.ride_to_change(ride, db)?.aboard.retain(|aboard| aboard.reservation != reservation);
        Ok(who)
    }
}

impl HistoryEntry {
    fn of(recorded: &Recorded, what: HistoryWhat) -> Self {
        Self {
            at: recorded.occurred_at,
            position: recorded.position,
            what,
            ride: None,
            request: None,
            reservation: None,
            conversation: None,
            other_party: None,
        }
    }

    fn with(self, aboard: &Aboard, other_party: AccountId) -> Self {
        Self {
            reservation: Some(aboard.reservation),
            conversation: Some(aboard.conversation),
            other_party: Some(other_party),
            ..self
        }
    }
}

fn write_both(driver: AccountId, aboard: &Aboard, entry: &HistoryEntry, db: &Connection) -> Result<(), FoldError> {
    write(driver, &entry.clone().with(aboard, aboard.passenger), db)?;
    if aboard.passenger == driver {
        return Ok(());
    }
    write(aboard.passenger, &entry.clone().with(aboard, driver), db)
}

fn write(account: AccountId, entry: &HistoryEntry, db: &Connection) -> Result<(), FoldError> {
    let insert = "INSERT INTO history (account, position, happened_at, what, ride, request, reservation, conversation,
             other_party)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.prepare_cached(insert)?.execute(params![
        account.0.as_bytes(),
        signed(entry.position),
        entry.at.as_millis(),
        to_json(&entry.what),
        entry.ride.as_ref().map(|id| id.0.as_bytes()),
        entry.request.as_ref().map(|id| id.0.as_bytes()),
        entry.reservation.as_ref().map(|id| id.0.as_bytes()),
        entry.conversation.as_ref().map(|id| id.0.as_bytes()),
        entry.other_party.as_ref().map(|id| id.0.as_bytes()),
    ])?;
    Ok(())
}

impl ViewsReader {
    /// A person's history, the newest first; the cursor is `position`.
    pub fn history(&self, account: AccountId, paging: Paging) -> Result<Page<HistoryEntry>, ViewError> {
        self.read(|db| {
            let select = "SELECT happened_at, position, what, ride, request, reservation, conversation, other_party
                 FROM history WHERE account = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let values = params![account.0.as_bytes(), paging.below(), paging.asked()];
            let entries = select.query_map(values, entry)?;
            paging.page(entries, |entry| entry.position)
        })
    }
}

fn entry(row: &SqlRow<'_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: time(row, 0)?,
        position: count(row, 1)?,
        what: json(row, 2)?,
        ride: uuid_or_none(row, 3)?.map(RideId),
        request: uuid_or_none(row, 4)?.map(RequestId),
        reservation: uuid_or_none(row, 5)?.map(ReservationId),
        conversation: uuid_or_none(row, 6)?.map(ConversationId),
        other_party: uuid_or_none(row, 7)?.map(AccountId),
    })
}
