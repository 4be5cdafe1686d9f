//! A passenger's wish for a ride: open until it is fulfilled, withdrawn or expired.

use serde::{Deserialize, Serialize};

use crate::aggregate::Rejection;
use crate::ride::Audience;
use crate::sealed::Comment;
use crate::terms::Terms;
use crate::{AccountId, Actor, Aggregate, Place, Price, ReservationId, RideId, Sealed, StreamKind, Timestamp, events};

#[cfg(test)]
mod tests;

events! {
    /// What happens to a request.
    #[expect(clippy::large_enum_variant, reason = "the large one is the common one: most requests are only posted")]
    RequestEvent {
        RequestPosted = 1,
        RequestFulfilled = 1,
        RequestWithdrawn = 1,
        RequestExpired = 1,
    }
}

/// A passenger looks for a ride.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPosted {
    /// Who looks.
    pub passenger: AccountId,
    /// Who may see it.
    pub audience: Audience,
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
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
    pub comment: Option<Sealed<Comment>>,
    /// The id that another system gave it, where it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
}

/// A booking answers the request. A second booking for the same request is a fact of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFulfilled {
    /// The ride.
    pub ride: RideId,
    /// The reservation.
    pub reservation: ReservationId,
}

/// The passenger no longer looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestWithdrawn {}

/// The wished hour has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestExpired {}

/// What may be asked of a request.
#[derive(Clone, Debug)]
pub enum RequestCommand {
    /// Post it. The passenger must be whoever asks, or the operator for an import.
    Post(Box<RequestPosted>),
    /// Stop looking.
    Withdraw,
    /// The wished hour has passed (platform only).
    Expire,
    /// A booking answers it (platform only).
    Fulfil {
        /// The ride.
        ride: RideId,
        /// The reservation.
        reservation: ReservationId,
    },
}

/// Why a request says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRejection {
    /// Nothing was ever posted under this id.
    #[error("there is no such request")]
    NoSuchRequest,
    /// Something was posted under this id already.
    #[error("this request was posted already")]
    AlreadyPosted,
    /// Whoever asks has no say in this.
    #[error("only the person concerned may do this")]
    NotYours,
    /// It is no longer open.
    #[error("the request is no longer open")]
    NotOpen,
    /// The wished hour lies in the past.
    #[error("the wished hour lies in the past")]
    PickupInThePast,
    /// The hour has not come.
    #[error("the hour has not come yet")]
    TooEarly,
    /// Not 1 to [`Terms::SEATS_MAX`] seats.
    #[error("a request is for 1 to 8 seats")]
    SeatsOutOfRange,
    /// The price is beyond what a seat may cost.
    #[error("a seat costs at most 1,000")]
    PriceOutOfRange,
    /// Tolerance or radius beyond what is searched.
    #[error("the tolerance is at most two days and the radius at most 100 km")]
    WindowOutOfRange,
}

impl Rejection for RequestRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchRequest => "no_such_request",
            Self::AlreadyPosted => "already_posted",
            Self::NotYours => "not_yours",
            Self::NotOpen => "request_not_open",
            Self::PickupInThePast => "pickup_in_the_past",
            Self::TooEarly => "too_early",
            Self::SeatsOutOfRange => "seats_out_of_range",
            Self::PriceOutOfRange => "price_out_of_range",
            Self::WindowOutOfRange => "window_out_of_range",
        }
    }

    fn explain(&self) -> String {
        self.to_string()
    }
}

/// A request as its rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    wish: Option<Wish>,
    answered_by: Vec<ReservationId>,
}

/// What is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Who looks.
    pub passenger: AccountId,
    /// After this hour nothing can suit any more.
    pub latest_at: Timestamp,
    /// Whether it still waits for an answer.
    pub open: bool,
}

impl Request {
    /// What is wished for, once it is posted.
    pub fn wish(&self) -> Option<&Wish> {
        self.wish.as_ref()
    }
}

impl RequestPosted {
    /// The longest tolerance: two days.
    pub const TOLERANCE_S_MAX: u32 = 48 * 3600;
    /// The widest radius: 100 km.
    pub const RADIUS_M_MAX: u32 = 100_000;

    /// After this hour nothing can suit any more.
    pub fn latest_at(&self) -> Timestamp {
        self.pickup_at.plus_seconds(i64::from(self.tolerance_s))
    }
}

impl Aggregate for Request {
    type Command = RequestCommand;
    type Event = RequestEvent;
    type Rejection = RequestRejection;

    const KIND: StreamKind = StreamKind::Request;

    fn decide(
        &self,
        command: RequestCommand,
        by: Actor,
        now: Timestamp,
    ) -> Result<Vec<RequestEvent>, RequestRejection> {
        if let RequestCommand::Post(posted) = command {
            return self.decide_post(*posted, by, now);
        }
        let wish = self.wish.ok_or(RequestRejection::NoSuchRequest)?;
        match command {
            RequestCommand::Post(_) => unreachable!("decided before a wish is asked for"),
            RequestCommand::Withdraw if by != Actor::Person(wish.passenger) => Err(RequestRejection::NotYours),
            RequestCommand::Withdraw if !wish.open => Err(RequestRejection::NotOpen),
            RequestCommand::Withdraw => Ok(vec![RequestWithdrawn {}.into()]),
            RequestCommand::Expire | RequestCommand::Fulfil { .. } if by != Actor::System => {
                Err(RequestRejection::NotYours)
            }
            RequestCommand::Expire if !wish.open => Ok(vec![]),
            RequestCommand::Expire if now < wish.latest_at => Err(RequestRejection::TooEarly),
            RequestCommand::Expire => Ok(vec![RequestExpired {}.into()]),
            RequestCommand::Fulfil { reservation, .. } if self.answered_by.contains(&reservation) => Ok(vec![]),
            RequestCommand::Fulfil { ride, reservation } => Ok(vec![RequestFulfilled { ride, reservation }.into()]),
        }
    }

    fn evolve(&mut self, event: &RequestEvent) {
        match event {
            RequestEvent::RequestPosted(event) => {
                self.wish = Some(Wish { passenger: event.passenger, latest_at: event.latest_at(), open: true });
            }
            RequestEvent::RequestFulfilled(event) => {
                self.answered_by.push(event.reservation);
                self.close();
            }
            RequestEvent::RequestWithdrawn(_) | RequestEvent::RequestExpired(_) => self.close(),
        }
    }
}

impl Request {
    fn decide_post(
        &self,
        posted: RequestPosted,
        by: Actor,
        now: Timestamp,
    ) -> Result<Vec<RequestEvent>, RequestRejection> {
        if self.wish.is_some() {
            return Err(RequestRejection::AlreadyPosted);
        }
        if by != Actor::Operator && by != Actor::Person(posted.passenger) {
            return Err(RequestRejection::NotYours);
        }
        if posted.latest_at() <= now {
            return Err(RequestRejection::PickupInThePast);
        }
        if !(1..=Terms::SEATS_MAX).contains(&posted.seats) {
            return Err(RequestRejection::SeatsOutOfRange);
        }
        if posted.price_per_seat_max.is_some_and(|price| price.cents > Price::CENTS_MAX) {
            return Err(RequestRejection::PriceOutOfRange);
        }
        if posted.tolerance_s > RequestPosted::TOLERANCE_S_MAX || posted.radius_m > RequestPosted::RADIUS_M_MAX {
            return Err(RequestRejection::WindowOutOfRange);
        }
        Ok(vec![posted.into()])
    }

    fn close(&mut self) {
        if let Some(wish) = &mut self.wish {
            wish.open = false;
        }
    }
}
