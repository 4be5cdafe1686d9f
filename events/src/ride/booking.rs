//! The rules of a ride's seats: reserving, cancelling, asking again, and who did not come.

use crate::conversation::Acceptance;
use crate::log::AppendItem;
use crate::ride::command::{Reserve, RideRejection};
use crate::ride::decide::{Decision, check_driver, check_not_left};
use crate::ride::event::*;
use crate::ride::state::{Offer, Ride, Stage};
use crate::sealed::Reason;
use crate::{AccountId, Actor, ConversationId, ProposalId, ReservationId, Sealed, Timestamp};

/// The most reservations of one ride at a time, on however many stretches: cancelling the ride cancels them all by
/// one command, which makes at most [`AppendItem::EVENTS_MAX`] events.
pub const RESERVATIONS_MAX: usize = 128;
const _: () = assert!(RESERVATIONS_MAX < AppendItem::EVENTS_MAX);

impl Ride {
    /// The outcome of an accepted proposal; none when it had one already.
    pub(super) fn decide_reserve(&self, reserve: Reserve, now: Timestamp) -> Vec<RideEvent> {
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

    pub(super) fn decide_cancel_reservation(
        &self,
        offer: &Offer,
        reservation: ReservationId,
        conversation: ConversationId,
        passenger: AccountId,
        reason: Option<Sealed<Reason>>,
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

    pub(super) fn decide_reconfirm(
        &self,
        offer: &Offer,
        reservation: ReservationId,
        terms_version: u32,
        by: Actor,
    ) -> Decision {
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

    pub(super) fn decide_no_show(&self, offer: &Offer, reservation: ReservationId, by: Actor) -> Decision {
        check_driver(offer, by)?;
        let held = self.reservations.get(&reservation).ok_or(RideRejection::NoSuchReservation)?;
        if offer.stage == Stage::Offered {
            return Err(RideRejection::TooEarly);
        }
        if held.no_show {
            return Ok(vec![]);
        }
        let (conversation, passenger) = (held.conversation, held.passenger);
        Ok(vec![PassengerNoShow { reservation, conversation, passenger }.into()])
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
