//! The rules of the ride itself: offering, changing, cancelling, leaving, arriving. Its seats: `booking`.

use crate::ride::command::{RideCommand, RideRejection};
use crate::ride::event::*;
use crate::ride::state::{Offer, Ride, Stage};
use crate::sealed::Reason;
use crate::seats::Stretch;
use crate::terms::Terms;
use crate::{Actor, Aggregate, Price, Route, Sealed, StreamKind, Timestamp};

pub(super) type Decision = Result<Vec<RideEvent>, RideRejection>;

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
            RideCommand::ChangeTerms {
                seats,
                price_per_seat,
                booking_mode,
                preferences,
                vehicle,
                comment,
                cleared,
            } => {
                check_open_to_driver(offer, by, now)?;
                self.check_seats_kept(seats)?;
                price_per_seat.as_ref().map_or(Ok(()), check_price)?;
                let terms_version = offer.terms_version;
                let asked = RideTermsChanged {
                    terms_version,
                    seats,
                    price_per_seat,
                    booking_mode,
                    preferences,
                    vehicle,
                    comment,
                    cleared,
                };
                Ok(changed(offer, asked).map(Into::into).into_iter().collect())
            }
            RideCommand::Cancel { reason } => self.decide_cancel(offer, reason.as_ref(), by),
            RideCommand::Depart => decide_depart(offer, by, now),
            RideCommand::Complete => decide_complete(offer, by, now),
            RideCommand::CancelReservation { reservation, conversation, passenger, reason } => {
                self.decide_cancel_reservation(offer, reservation, conversation, passenger, reason, by)
            }
            RideCommand::Reconfirm { reservation, terms_version } => {
                self.decide_reconfirm(offer, reservation, terms_version, by)
            }
            RideCommand::ReportNoShow { reservation } => self.decide_no_show(offer, reservation, by),
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

    fn decide_cancel(&self, offer: &Offer, reason: Option<&Sealed<Reason>>, by: Actor) -> Decision {
        check_driver(offer, by)?;
        if offer.stage == Stage::Cancelled {
            return Ok(vec![]);
        }
        check_not_left(offer)?;
        let mut facts = vec![RideCancelled { reason: reason.cloned() }.into()];
        facts.extend(self.reservations.iter().map(|(reservation, held)| {
            RideEvent::from(ReservationCancelled {
                reservation: *reservation,
                conversation: held.conversation,
                driver: offer.driver,
                passenger: held.passenger,
                by: Side::Driver,
                blameless: by == Actor::Operator,
                // Whoever had booked reads it in the conversation, where the ride's own event is not told.
                reason: reason.cloned(),
            })
        }));
        Ok(facts)
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

/// What of `asked` differs from the offer, with the version of the terms that it leads to.
fn changed(offer: &Offer, asked: RideTermsChanged) -> Option<RideTermsChanged> {
    let seats = asked.seats.filter(|seats| *seats != offer.seats);
    let price_per_seat = asked.price_per_seat.filter(|price| *price != offer.price_per_seat);
    let booking_mode = asked.booking_mode.filter(|mode| *mode != offer.booking_mode);
    let proposals_build_on_it = price_per_seat.is_some() || booking_mode.is_some();
    let said = asked.vehicle.is_some() || asked.comment.is_some() || !asked.cleared.is_empty();
    let told = asked.preferences.is_some() || said;
    let terms_version = offer.terms_version + u32::from(proposals_build_on_it);
    (proposals_build_on_it || seats.is_some() || told).then_some(RideTermsChanged {
        terms_version,
        seats,
        price_per_seat,
        booking_mode,
        ..asked
    })
}

fn decide_depart(offer: &Offer, by: Actor, now: Timestamp) -> Decision {
    match offer.stage {
        Stage::Offered if by != Actor::System => Err(RideRejection::NotYours),
        Stage::Offered if now < offer.departs_at => Err(RideRejection::TooEarly),
        Stage::Offered => Ok(vec![RideDeparted {}.into()]),
        Stage::Departed | Stage::Completed | Stage::Cancelled => Ok(vec![]),
    }
}

fn decide_complete(offer: &Offer, by: Actor, now: Timestamp) -> Decision {
    match offer.stage {
        Stage::Departed if by != Actor::System => Err(RideRejection::NotYours),
        Stage::Offered => Err(RideRejection::TooEarly),
        Stage::Departed if now < offer.arrives_at() => Err(RideRejection::TooEarly),
        Stage::Departed => Ok(vec![RideCompleted {}.into()]),
        Stage::Completed | Stage::Cancelled => Ok(vec![]),
    }
}

pub(super) fn check_driver(offer: &Offer, by: Actor) -> Result<(), RideRejection> {
    if by == Actor::Person(offer.driver) || by == Actor::Operator { Ok(()) } else { Err(RideRejection::NotYours) }
}

pub(super) fn check_not_left(offer: &Offer) -> Result<(), RideRejection> {
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
