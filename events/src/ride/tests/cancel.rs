//! Cancelling a ride or a reservation, and asking booked passengers again after a change.

use super::*;
use crate::Actor;
use crate::KeyId;
use crate::sealed::Reason;

#[test]
fn cancelling_a_ride_cancels_every_reservation() {
    let reason = sealed(KeyId::Person(DORA), &Reason("Panne de voiture".to_owned()));
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), reserved(2, BEN, 1, TO_VOIRON)])
        .when(RideCommand::Cancel { reason: Some(reason.clone()) }, by(DORA), now())
        .then::<RideEvent>([
            RideCancelled { reason: Some(reason.clone()) }.into(),
            ReservationCancelled { reason: Some(reason.clone()), ..cancelled(1, ANNA, Side::Driver) }.into(),
            ReservationCancelled { reason: Some(reason), ..cancelled(2, BEN, Side::Driver) }.into(),
        ])
        .when(cancel_ride(), by(DORA), now())
        .then_nothing();
}

#[test]
fn only_the_driver_or_the_operator_cancels_a_ride() {
    given([offer(3)]).when(cancel_ride(), Actor::Operator, now()).then([RideCancelled { reason: None }]);
    for somebody in [by(ANNA), Actor::System] {
        given([offer(3)]).when(cancel_ride(), somebody, now()).then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn the_driver_bears_no_blame_for_what_the_operator_cancels() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(cancel_ride(), Actor::Operator, now())
        .then::<RideEvent>([
            RideCancelled { reason: None }.into(),
            ReservationCancelled { blameless: true, ..cancelled(1, ANNA, Side::Driver) }.into(),
        ])
        .when(cancel_ride(), Actor::Operator, now())
        .then_nothing()
        .when(cancel_ride(), by(ANNA), now())
        .then_rejected(RideRejection::NotYours);
}

#[test]
fn a_ride_that_left_is_not_cancelled() {
    given([offer(3)].into_iter().chain(gone()))
        .when(cancel_ride(), by(DORA), departure())
        .then_rejected(RideRejection::RideDeparted);
}

#[test]
fn either_side_cancels_a_reservation() {
    for (somebody, side) in [(ANNA, Side::Passenger), (DORA, Side::Driver)] {
        let after = given([offer(1), reserved(1, ANNA, 1, WHOLE_WAY)])
            .when(cancel_reservation(1, ANNA), by(somebody), now())
            .then([cancelled(1, ANNA, side)]);
        assert_eq!(after.state().seats_left(WHOLE_WAY, None), 1, "the seat is free again");
    }
}

#[test]
fn nobody_else_cancels_a_reservation() {
    let booked = || given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)]);
    for somebody in [by(EVE), Actor::System] {
        booked().when(cancel_reservation(1, ANNA), somebody, now()).then_rejected(RideRejection::NotYours);
    }
    // Whose reservation it is, the ride knows better than whoever asks.
    booked().when(cancel_reservation(1, EVE), by(EVE), now()).then_rejected(RideRejection::NotYours);
}

#[test]
fn a_reservation_is_cancelled_once() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)])
        .when(cancel_reservation(1, ANNA), by(DORA), now())
        .then_nothing();
}

#[test]
fn a_refused_reservation_needs_no_cancelling() {
    given([offer(3), refusal(1, ANNA, RefusalReason::TermsOutdated).into()])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then_nothing();
}

#[test]
fn a_cancellation_that_overtakes_its_reservation_leaves_a_refusal() {
    given([offer(3)])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([refusal(1, ANNA, RefusalReason::CancelledBefore)])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then_nothing();
}

#[test]
fn a_cancelled_change_leaves_the_reservation_as_it_was() {
    let change = Reserve { replaces: Some(reservation(1)), ..reserve(proposal(2), ANNA, terms(2, WHOLE_WAY)) };
    let after = given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(cancel_reservation(2, ANNA), by(ANNA), now())
        .then([refusal(2, ANNA, RefusalReason::CancelledBefore)])
        .when(ask_to_reserve(change), Actor::System, now())
        .then_nothing();
    assert_eq!(after.state().seats_left(WHOLE_WAY, None), 2);
}

#[test]
fn a_passenger_of_a_ride_that_left_cannot_cancel() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), RideDeparted {}.into()])
        .when(cancel_reservation(1, ANNA), by(ANNA), departure())
        .then_rejected(RideRejection::RideDeparted);
}

fn rescheduled_ride() -> Given<Ride> {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), rescheduled(in_hours(30), 2).into()])
}

fn reconfirmed(terms_version: u32) -> ReservationReconfirmed {
    ReservationReconfirmed { reservation: reservation(1), conversation: talk_with(ANNA), terms_version }
}

#[test]
fn a_passenger_leaves_a_rescheduled_ride_without_blame() {
    rescheduled_ride()
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([ReservationCancelled { blameless: true, ..cancelled(1, ANNA, Side::Passenger) }]);
}

#[test]
fn the_driver_who_rescheduled_is_not_free_of_blame() {
    rescheduled_ride().when(cancel_reservation(1, ANNA), by(DORA), now()).then([cancelled(1, ANNA, Side::Driver)]);
}

#[test]
fn whoever_said_that_it_still_suits_is_not_free_of_blame() {
    rescheduled_ride()
        .when(reconfirm(reservation(1), 2), by(ANNA), now())
        .then([reconfirmed(2)])
        .when(reconfirm(reservation(1), 2), by(ANNA), now())
        .then_nothing()
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)]);
}

#[test]
fn whoever_booked_after_the_change_is_not_free_of_blame() {
    let agreed = crate::terms::Terms { ride_terms_version: 2, ..terms(1, WHOLE_WAY) };
    given([offer(3), rescheduled(in_hours(30), 2).into(), seats_reserved(proposal(1), ANNA, agreed).into()])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)]);
}

/// A list price that rises after a passenger has booked.
fn repriced(terms_version: u32) -> RideEvent {
    RideTermsChanged { price_per_seat: Some(euros(900)), ..same_terms(terms_version) }.into()
}

#[test]
fn another_list_price_is_no_excuse_to_leave() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), repriced(2)])
        .when(reconfirm(reservation(1), 2), by(ANNA), now())
        .then_nothing()
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)]);
}

#[test]
fn a_list_price_that_changed_since_does_not_outdate_a_reconfirmation() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), rescheduled(in_hours(30), 2).into(), repriced(3)])
        .when(reconfirm(reservation(1), 2), by(ANNA), now())
        .then([reconfirmed(2)])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)]);
}

#[test]
fn another_rescheduling_asks_again() {
    let again = |version| rescheduled(in_hours(30 + i64::from(version)), version).into();
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), again(2), reconfirmed(2).into(), again(3)])
        .when(reconfirm(reservation(1), 2), by(ANNA), now())
        .then_rejected(RideRejection::TermsOutdated)
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([ReservationCancelled { blameless: true, ..cancelled(1, ANNA, Side::Passenger) }]);
}

#[test]
fn only_the_passenger_reconfirms_and_only_what_was_seen() {
    for somebody in [by(DORA), by(BEN), Actor::System, Actor::Operator] {
        rescheduled_ride().when(reconfirm(reservation(1), 2), somebody, now()).then_rejected(RideRejection::NotYours);
    }
    for unseen in [1, 3] {
        rescheduled_ride()
            .when(reconfirm(reservation(1), unseen), by(ANNA), now())
            .then_rejected(RideRejection::TermsOutdated);
    }
    rescheduled_ride()
        .when(reconfirm(reservation(2), 2), by(ANNA), now())
        .then_rejected(RideRejection::NoSuchReservation);
}

#[test]
fn a_ride_that_left_is_not_reconfirmed() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), rescheduled(in_hours(30), 2).into(), RideDeparted {}.into()])
        .when(reconfirm(reservation(1), 2), by(ANNA), in_hours(31))
        .then_rejected(RideRejection::RideDeparted);
}
