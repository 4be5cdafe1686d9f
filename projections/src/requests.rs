//! Who looks for a ride? Requests, for those who posted them and for drivers who look for passengers.

use palabre_events::domain::Recorded;
use palabre_events::request::{RequestEvent, RequestPosted};
use palabre_events::ride::Audience;
use palabre_events::{AccountId, DomainEvent, Opener, Price, RequestId, ReservationId, RideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::columns::{json, signed, to_json};
use crate::opening::open_option;
use crate::paging::{Page, Paging};
use crate::places::OpenPlace;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// A passenger's wish for a ride.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WantedRide {
    /// The request.
    pub request: RequestId,
    /// The version of its stream that this shows.
    pub version: u64,
    /// Who looks.
    pub passenger: AccountId,
    /// Who may see it.
    pub audience: Audience,
    /// Where it stands.
    pub state: RequestState,
    /// From where.
    pub from: OpenPlace,
    /// To where.
    pub to: OpenPlace,
    /// The wished hour at the pickup.
    pub pickup_at: Timestamp,
    /// How much earlier or later suits, in seconds.
    pub tolerance_s: u32,
    /// How far from `from` and `to` suits, in metres.
    pub radius_m: u32,
    /// How many seats.
    pub seats: u8,
    /// The highest price of one seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_seat_max: Option<Price>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The id that another system gave it, where it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// Position of its first event.
    pub posted_position: u64,
    /// The bookings that answer it.
    pub answers: Vec<RequestAnswer>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named after the events that lead there")]
pub enum RequestState {
    Open,
    Fulfilled,
    Withdrawn,
    Expired,
}

/// A booking that answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAnswer {
    /// The ride.
    pub ride: RideId,
    /// The reservation.
    pub reservation: ReservationId,
}

impl WantedRide {
    fn posted(
        request: RequestId,
        recorded: &Recorded,
        event: &RequestPosted,
        opener: &dyn Opener,
    ) -> Result<Self, FoldError> {
        Ok(Self {
            request,
            version: recorded.version,
            passenger: event.passenger,
            audience: event.audience,
            state: RequestState::Open,
            from: OpenPlace::of(&event.from, opener)?,
            to: OpenPlace::of(&event.to, opener)?,
            pickup_at: event.pickup_at,
            tolerance_s: event.tolerance_s,
            radius_m: event.radius_m,
            seats: event.seats,
            price_per_seat_max: event.price_per_seat_max,
            comment: open_option(event.comment.as_ref(), opener)?.map(|comment| comment.0),
            import_reference: event.import_reference.clone(),
            posted_at: recorded.occurred_at,
            posted_position: recorded.position,
            answers: Vec::new(),
        })
    }

    fn apply(&mut self, event: &RequestEvent) -> Result<(), FoldError> {
        match event {
            RequestEvent::RequestPosted(_) => {
                return Err(FoldError::DoesNotFit(format!("request {} is posted a second time", self.request)));
            }
            RequestEvent::RequestFulfilled(event) => {
                self.state = RequestState::Fulfilled;
                self.answers.push(RequestAnswer { ride: event.ride, reservation: event.reservation });
            }
            RequestEvent::RequestWithdrawn(_) => self.state = RequestState::Withdrawn,
            RequestEvent::RequestExpired(_) => self.state = RequestState::Expired,
        }
        Ok(())
    }

    fn shifted_pickup(&self, sign: i64) -> i64 {
        self.pickup_at.plus_seconds(sign * i64::from(self.tolerance_s)).as_millis()
    }
}

impl Row for WantedRide {
    type Key = RequestId;

    fn load(request: RequestId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let mut select = db.prepare_cached(SELECT_ONE)?;
        Ok(select.query_row([request.0.as_bytes()], |row| json(row, 0)).optional()?)
    }

    fn save(&mut self, request: RequestId, db: &Connection) -> Result<(), FoldError> {
        let upsert =
            "INSERT INTO requests (request, passenger, is_open, earliest_at, latest_at, posted_position, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (request) DO UPDATE SET is_open = excluded.is_open, document = excluded.document";
        db.prepare_cached(upsert)?.execute(params![
            request.0.as_bytes(),
            self.passenger.0.as_bytes(),
            self.state == RequestState::Open,
            self.shifted_pickup(-1),
            self.shifted_pickup(1),
            signed(self.posted_position),
            to_json(self),
        ])?;
        Ok(())
    }
}

const SELECT_ONE: &str = "SELECT document FROM requests WHERE request = ?1";

/// Folds requests.
#[derive(Default)]
pub(crate) struct Requests {
    requests: Rows<WantedRide>,
}

impl Projection for Requests {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        let DomainEvent::Request(event) = &recorded.event else { return Ok(()) };
        let request = RequestId(recorded.stream.id);
        match (event, self.requests.edit(request, folding.db)?) {
            (RequestEvent::RequestPosted(event), None) => {
                self.requests.put(request, WantedRide::posted(request, recorded, event, folding.opener)?);
            }
            (_, None) => return Err(FoldError::unknown("request", request.0)),
            (event, Some(wanted)) => {
                wanted.apply(event)?;
                wanted.version = recorded.version;
            }
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.requests.flush(db).map(|_| ())
    }

    fn forget(&mut self) {
        self.requests.forget();
    }
}

impl ViewsReader {
    /// A request.
    pub fn request(&self, request: RequestId) -> Result<Option<WantedRide>, ViewError> {
        self.read(|db| db.prepare_cached(SELECT_ONE)?.query_row([request.0.as_bytes()], |row| json(row, 0)).optional())
    }

    /// A passenger's requests, the newest first.
    pub fn requests_of_passenger(&self, passenger: AccountId, paging: Paging) -> Result<Page<WantedRide>, ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM requests WHERE passenger = ?1 AND posted_position < ?2
                 ORDER BY posted_position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let values = params![passenger.0.as_bytes(), paging.below(), paging.asked()];
            let requests = select.query_map(values, |row| json(row, 0))?;
            paging.page(requests, |request: &WantedRide| request.posted_position)
        })
    }

    /// Visits the open requests that a pickup between `from` and `to` could suit, by their latest hour.
    pub fn each_open_request(
        &self,
        from: Timestamp,
        to: Timestamp,
        mut visit: impl FnMut(WantedRide),
    ) -> Result<(), ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM requests WHERE is_open AND latest_at >= ?1 AND earliest_at <= ?2
                 ORDER BY latest_at, request";
            let mut select = db.prepare_cached(select)?;
            let mut rows = select.query([from.as_millis(), to.as_millis()])?;
            while let Some(row) = rows.next()? {
                visit(json(row, 0)?);
            }
            Ok(())
        })
    }
}
