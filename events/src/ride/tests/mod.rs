//! The rules of a ride, one test each.

mod cancel;
mod change;
mod course;
mod offer;
mod property;
mod reserve;

use crate::ride::*;
use crate::testing::*;
use crate::{AccountId, ReservationId, Stretch, Timestamp};
use std::collections::BTreeSet;

fn given(events: impl IntoIterator<Item = RideEvent>) -> Given<Ride> {
    Given::new(events)
}

/// Dora's ride with so many seats.
fn offer(seats: u8) -> RideEvent {
    RideOffered { seats, ..offered() }.into()
}

/// The `number`th proposal was reserved, for `passenger`.
fn reserved(number: u128, passenger: AccountId, seats: u8, stretch: Stretch) -> RideEvent {
    seats_reserved(proposal(number), passenger, terms(seats, stretch)).into()
}

fn refusal(number: u128, passenger: AccountId, reason: RefusalReason) -> ReservationRefused {
    ReservationRefused { proposal: proposal(number), conversation: talk_with(passenger), passenger, reason }
}

fn cancelled(number: u128, passenger: AccountId, by: Side) -> ReservationCancelled {
    ReservationCancelled {
        reservation: reservation(number),
        conversation: talk_with(passenger),
        driver: DORA,
        passenger,
        by,
        blameless: false,
        reason: None,
    }
}

fn rescheduled(departs_at: Timestamp, terms_version: u32) -> RideRescheduled {
    RideRescheduled { departs_at, time_zone: "Europe/Paris".to_owned(), route: None, path_version: 1, terms_version }
}

fn reschedule(departs_at: Timestamp) -> RideCommand {
    RideCommand::Reschedule { departs_at, time_zone: "Europe/Paris".to_owned(), route: None }
}

/// Nothing changes, until a test says what does.
fn same_terms(terms_version: u32) -> RideTermsChanged {
    RideTermsChanged {
        terms_version,
        seats: None,
        price_per_seat: None,
        booking_mode: None,
        preferences: None,
        vehicle: None,
        comment: None,
        cleared: BTreeSet::new(),
    }
}

fn change(changed: RideTermsChanged) -> RideCommand {
    let RideTermsChanged { seats, price_per_seat, booking_mode, preferences, vehicle, comment, cleared, .. } = changed;
    RideCommand::ChangeTerms { seats, price_per_seat, booking_mode, preferences, vehicle, comment, cleared }
}

fn cancel_ride() -> RideCommand {
    RideCommand::Cancel { reason: None }
}

fn cancel_reservation(number: u128, passenger: AccountId) -> RideCommand {
    RideCommand::CancelReservation {
        reservation: reservation(number),
        conversation: talk_with(passenger),
        passenger,
        reason: None,
    }
}

fn ask_to_reserve(reserve: Reserve) -> RideCommand {
    RideCommand::Reserve(Box::new(reserve))
}

fn reconfirm(reservation: ReservationId, terms_version: u32) -> RideCommand {
    RideCommand::Reconfirm { reservation, terms_version }
}

fn no_show(number: u128) -> RideCommand {
    RideCommand::ReportNoShow { reservation: reservation(number) }
}

fn gone() -> [RideEvent; 1] {
    [RideDeparted {}.into()]
}
