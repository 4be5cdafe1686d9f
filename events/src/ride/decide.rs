//! The rules of a ride.

use crate::conversation::Acceptance;
use crate::log::AppendItem;
use crate::ride::command::{Reserve, RideCommand, RideRejection};
use crate::ride::event::*;
use crate::ride::state::{Offer, Ride, Stage};
use crate::seats::Stretch;
use crate::terms::Terms;
use crate::{Actor, Aggregate, Price, ProposalId, ReservationId, Route, StreamKind, Timestamp};

/// The most reservations of one ride at a time, on however many stretches: cancelling the ride cancels them all by
/// one command, which makes at most [`AppendItem::EVENTS_MAX`] events.
pub const RESERVATIONS_MAX: usize = 128;
const _: () = assert!(RESERVATIONS_MAX < AppendItem::EVENTS_MAX);

type Decision = Result<Vec<RideEvent>, RideRejection>;

impl Aggregate for Ride {
    type Command = RideCommand;
    type Event = RideEvent;
    type Rejection = RideRejection;

    const KIND: StreamKind = StreamKind::Ride;

    fn decide(&self, command: RideCommand, by: Actor, now: Timestamp) -> Decision {
        match command {
            RideCommand::Offer(offered) => self.decide_offer(*offered, by, now),
            RideCommand::Reserve(_) if by != Actor::System => Err(RideRejection::NotYours),
            RideCommand::Reserve(reserve) => Ok(self.decide_reserve(*reserve, now)),
            command => {
                let offer = self.offer.as_ref().ok_or(RideRejection::NoSuchRide)?;
                self.decide_on(offer, command, by, now)
            }
        }
    }

    fn evolve(&mut self, event: &RideEvent) {
        self.fold(event);
    }
}

impl Ride {
    fn decide_offer(&self, offered: RideOffered, by: Actor, now: Timestamp) -> Decision {
        if self.offer.is_some() {
            return Err(RideRejection::AlreadyOffered);
        }
        if by != Actor::Operator && by != Actor::Person(offered.driver) {
            return Err(RideRejection::NotYours);
        }
        if offered.departs_at <= now {
            return Err(RideRejection::DepartureInThePast);
        }
        check_seats(offered.seats)?;
        check_route(&offered.route)?;
        check_price(&offered.price_per_seat)?;
        Ok(vec![RideOffered { path_version: 1, ..offered }.into()])
    }

    fn decide_on(&self, offer: &Offer, command: RideCommand, by: Actor, now: Timestamp) -> Decision {
        match command {
            RideCommand::Offer(_) | RideCommand::Reserve(_) => unreachable!("decided before an offer is asked for"),
            RideCommand::Reschedule { departs_at, time_zone, route } => {
                check_open_to_driver(offer, by, now)?;
                self.decide_reschedule(offer, departs_at, time_zone, route, now)
            }
            RideCommand::ChangeTerms { seats, price_per_seat, booking_mode, preferences, vehicle, comment } => {
                check_open_to_driver(offer, by, now)?;
                self.check_seats_kept(seats)?;
                price_per_seat.as_ref().map_or(Ok(()), check_price)?;
                let seats = seats.filter(|seats| *seats != offer.seats);
                let price_per_seat = price_per_seat.filter(|price| *price != offer.price_per_seat);
                let booking_mode = booking_mode.filter(|mode| *mode != offer.booking_mode);
                let bumped = u32::from(price_per_seat.is_some() || booking_mode.is_some());
                let event = RideTermsChanged {
                    terms_version: offer.terms_version + bumped,
                    seats,
                    price_per_seat,
                    booking_mode,
                    preferences,
                    vehicle,
                    comment,
                };
                let same = RideTermsChanged {
                    terms_version: offer.terms_version,
                    seats: None,
                    price_per_seat: None,
                    booking_mode: None,
                    preferences: None,
                    vehicle: None,
                    comment: None,
                };
                Ok(if event == same { vec![] } else { vec![event.into()] })
            }
            RideCommand::Cancel { reason } => {
                check_driver(offer, by)?;
                if offer.stage == Stage::Cancelled {
                    return Ok(vec![]);
                }
                check_not_left(offer)?;
                let blameless = by == Actor::Operator;
                let cancelled = self.reservations.iter().map(|(reservation, held)| {
                    ReservationCancelled {
                        reservation: *reservation,
                        conversation: held.conversation,
                        driver: offer.driver,
                        passenger: held.passenger,
                        by: Side::Driver,
                        blameless,
                        reason: None,
                    }
                    .into()
                });
                Ok(std::iter::once(RideCancelled { reason }.into()).chain(cancelled).collect())
            }
            RideCommand::Depart => match offer.stage {
                Stage::Offered if by != Actor::System => Err(RideRejection::NotYours),
                Stage::Offered if now < offer.departs_at => Err(RideRejection::TooEarly),
                Stage::Offered => Ok(vec![RideDeparted {}.into()]),
                Stage::Departed | Stage::Completed | Stage::Cancelled => Ok(vec![]),
            },
            RideCommand::Complete => match offer.stage {
                Stage::Departed if by != Actor::System => Err(RideRejection::NotYours),
                Stage::Offered => Err(RideRejection::TooEarly),
                Stage::Departed if now < offer.arrives_at() => Err(RideRejection::TooEarly),
                Stage::Departed => Ok(vec![RideCompleted {}.into()]),
                Stage::Completed | Stage::Cancelled => Ok(vec![]),
            },
            RideCommand::CancelReservation { reservation, conversation, passenger, reason } => {
                self.decide_cancel_reservation(offer, reservation, conversation, passenger, reason, by)
            }
            RideCommand::Reconfirm { reservation, terms_version } => {
                let held = self.reservations.get(&reservation).ok_or(RideRejection::NoSuchReservation)?;
                if by != Actor::Person(held.passenger) {
                    return Err(RideRejection::NotYours);
                }
                check_not_left(offer)?;
                // A new list price is none of a booked passenger's business: the hour and the way must have been seen.
                if !(offer.rescheduled_version..=offer.terms_version).contains(&terms_version) {
                    return Err(RideRejection::TermsOutdated);
                }
                if held.agreed_version >= offer.rescheduled_version {
                    return Ok(vec![]);
                }
                Ok(vec![ReservationReconfirmed { reservation, conversation: held.conversation, terms_version }.into()])
            }
            RideCommand::ReportNoShow { reservation } => {
                check_driver(offer, by)?;
                let held = self.reservations.get(&reservation).ok_or(RideRejection::NoSuchReservation)?;
                if matches!(offer.stage, Stage::Offered) {
                    return Err(RideRejection::TooEarly);
                }
                if held.no_show {
                    return Ok(vec![]);
                }
                let (conversation, passenger) = (held.conversation, held.passenger);
                Ok(vec![PassengerNoShow { reservation, conversation, passenger }.into()])
            }
        }
    }

    fn decide_reschedule(
        &self,
        offer: &Offer,
        departs_at: Timestamp,
        time_zone: String,
        route: Option<Route>,
        now: Timestamp,
    ) -> Decision {
        if departs_at <= now {
            return Err(RideRejection::DepartureInThePast);
        }
        if let Some(route) = &route {
            check_route(route)?;
            if !self.reservations.is_empty() {
                return Err(RideRejection::RouteInUse);
            }
        }
        if departs_at == offer.departs_at && route.is_none() {
            return Ok(vec![]);
        }
        let path_version = offer.path_version + u32::from(route.is_some());
        let terms_version = offer.terms_version + 1;
        Ok(vec![RideRescheduled { departs_at, time_zone, route, path_version, terms_version }.into()])
    }

    /// The outcome of an accepted proposal; none when it had one already.
    fn decide_reserve(&self, reserve: Reserve, now: Timestamp) -> Vec<RideEvent> {
        if self.settled.contains(&reserve.proposal) {
            return vec![];
        }
        let Some(offer) = &self.offer else {
            return vec![refused(&reserve, RefusalReason::NoSuchRide)];
        };
        match self.obstacle(offer, &reserve, now) {
            Some(reason) => vec![refused(&reserve, reason)],
            None => vec![reserved(reserve, offer)],
        }
    }

    fn obstacle(&self, offer: &Offer, reserve: &Reserve, now: Timestamp) -> Option<RefusalReason> {
        let terms = &reserve.terms;
        match offer.stage {
            // By the clock, since the timer that marks the departure may come late.
            Stage::Offered if offer.departs_at <= now => return Some(RefusalReason::RideDeparted),
            Stage::Offered => {}
            Stage::Cancelled => return Some(RefusalReason::RideCancelled),
            Stage::Departed | Stage::Completed => return Some(RefusalReason::RideDeparted),
        }
        let on_the_way = terms.stretch.from_m < terms.stretch.to_m && terms.stretch.to_m <= offer.length_m;
        if terms.ride_terms_version != offer.terms_version || !on_the_way || terms.seats == 0 {
            return Some(RefusalReason::TermsOutdated);
        }
        if let Acceptance::Standing { ride_terms_version } = reserve.acceptance {
            let stands = offer.booking_mode == BookingMode::Instant
                && ride_terms_version == offer.terms_version
                && terms.price_per_seat == offer.price_per_seat;
            if !stands {
                return Some(RefusalReason::TermsOutdated);
            }
        }
        if let Some(replaced) = reserve.replaces {
            let theirs = self.reservations.get(&replaced).is_some_and(|held| held.passenger == reserve.passenger);
            if !theirs {
                return Some(RefusalReason::NothingToReplace);
            }
        }
        let crowded = reserve.replaces.is_none() && self.reservations.len() >= RESERVATIONS_MAX;
        let left = self.seats_left(terms.stretch, reserve.replaces);
        (crowded || u32::from(terms.seats) > left).then_some(RefusalReason::NoSeatsLeft)
    }

    fn decide_cancel_reservation(
        &self,
        offer: &Offer,
        reservation: ReservationId,
        conversation: crate::ConversationId,
        passenger: crate::AccountId,
        reason: Option<crate::Sealed<crate::sealed::Reason>>,
        by: Actor,
    ) -> Decision {
        let held = self.reservations.get(&reservation);
        let passenger = held.map_or(passenger, |held| held.passenger);
        let side = by.person().and_then(|account| offer.side(account, passenger)).ok_or(RideRejection::NotYours)?;
        let proposal = ProposalId(reservation.0);
        match held {
            Some(held) => {
                check_not_left(offer)?;
                let blameless = side == Side::Passenger && held.agreed_version < offer.rescheduled_version;
                let conversation = held.conversation;
                let driver = offer.driver;
                Ok(vec![
                    ReservationCancelled { reservation, conversation, driver, passenger, by: side, blameless, reason }
                        .into(),
                ])
            }
            // Refused or cancelled before: it is gone already.
            None if self.settled.contains(&proposal) => Ok(vec![]),
            // The cancellation overtook its reservation; what comes later finds this outcome.
            None => {
                let reason = RefusalReason::CancelledBefore;
                Ok(vec![ReservationRefused { proposal, conversation, passenger, reason }.into()])
            }
        }
    }

    fn check_seats_kept(&self, seats: Option<u8>) -> Result<(), RideRejection> {
        let Some(seats) = seats else { return Ok(()) };
        check_seats(seats)?;
        let whole_way = Stretch { from_m: 0, to_m: u32::MAX };
        let reserved = self.highest_overlap(whole_way, None);
        if u32::from(seats) < reserved {
            return Err(RideRejection::SeatsReserved { reserved });
        }
        Ok(())
    }
}

fn reserved(reserve: Reserve, offer: &Offer) -> RideEvent {
    let Reserve { proposal, conversation, passenger, terms, terms_hash, replaces, .. } = reserve;
    match replaces {
        None => SeatsReserved {
            reservation: proposal.into(),
            conversation,
            driver: offer.driver,
            passenger,
            terms,
            terms_hash,
        }
        .into(),
        Some(reservation) => {
            ReservationChanged { reservation, proposal, conversation, passenger, terms, terms_hash }.into()
        }
    }
}

fn refused(reserve: &Reserve, reason: RefusalReason) -> RideEvent {
    ReservationRefused {
        proposal: reserve.proposal,
        conversation: reserve.conversation,
        passenger: reserve.passenger,
        reason,
    }
    .into()
}

fn check_driver(offer: &Offer, by: Actor) -> Result<(), RideRejection> {
    if by == Actor::Person(offer.driver) || by == Actor::Operator { Ok(()) } else { Err(RideRejection::NotYours) }
}

fn check_not_left(offer: &Offer) -> Result<(), RideRejection> {
    match offer.stage {
        Stage::Offered => Ok(()),
        Stage::Cancelled => Err(RideRejection::RideCancelled),
        Stage::Departed | Stage::Completed => Err(RideRejection::RideDeparted),
    }
}

fn check_open_to_driver(offer: &Offer, by: Actor, now: Timestamp) -> Result<(), RideRejection> {
    check_driver(offer, by)?;
    check_not_left(offer)?;
    if offer.departs_at <= now { Err(RideRejection::RideDeparted) } else { Ok(()) }
}

fn check_seats(seats: u8) -> Result<(), RideRejection> {
    if (1..=Terms::SEATS_MAX).contains(&seats) { Ok(()) } else { Err(RideRejection::SeatsOutOfRange) }
}

fn check_route(route: &Route) -> Result<(), RideRejection> {
    let fits = (2..=Route::STOPS_MAX).contains(&route.stops.len())
        && route.legs_m.len() + 1 == route.stops.len()
        && (1..=Route::LENGTH_M_MAX).contains(&route.length_m());
    if fits { Ok(()) } else { Err(RideRejection::RouteOutOfRange) }
}

fn check_price(price: &Price) -> Result<(), RideRejection> {
    if price.cents <= Price::CENTS_MAX { Ok(()) } else { Err(RideRejection::PriceOutOfRange) }
}
