//! The course of a ride: leaving, arriving, and whoever did not come.

use super::*;
use crate::Actor;

/// 100 km of great circle at the baseline speed: 1 h 51 min 26 s.
fn arrival() -> Timestamp {
    departure().plus_seconds(6_686)
}

#[test]
fn a_ride_departs_when_its_hour_has_come() {
    let just_before = departure().plus_seconds(-1);
    given([offer(3)]).when(RideCommand::Depart, Actor::System, just_before).then_rejected(RideRejection::TooEarly);
    given([offer(3)]).when(RideCommand::Depart, Actor::System, departure()).then([RideDeparted {}]);
}

#[test]
fn a_ride_departs_at_its_new_hour() {
    let later = departure().plus_seconds(600);
    let moved = || given([offer(3), rescheduled(later, 2).into()]);
    moved().when(RideCommand::Depart, Actor::System, departure()).then_rejected(RideRejection::TooEarly);
    moved().when(RideCommand::Depart, Actor::System, later).then([RideDeparted {}]);
}

#[test]
fn only_the_platform_says_that_a_ride_departs_or_arrives() {
    for somebody in [by(DORA), by(ANNA), Actor::Operator] {
        let depart = given([offer(3)]).when(RideCommand::Depart, somebody, departure());
        depart.then_rejected(RideRejection::NotYours);
        let complete = given([offer(3), RideDeparted {}.into()]).when(RideCommand::Complete, somebody, arrival());
        complete.then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn a_ride_departs_once_and_never_when_cancelled() {
    given([offer(3), RideDeparted {}.into()]).when(RideCommand::Depart, Actor::System, departure()).then_nothing();
    let cancelled = given([offer(3), RideCancelled { reason: None }.into()]);
    cancelled.when(RideCommand::Depart, Actor::System, departure()).then_nothing();
}

#[test]
fn a_ride_completes_when_it_should_have_arrived() {
    let left = || given([offer(3), RideDeparted {}.into()]);
    let just_before = arrival().plus_seconds(-1);
    left().when(RideCommand::Complete, Actor::System, just_before).then_rejected(RideRejection::TooEarly);
    left()
        .when(RideCommand::Complete, Actor::System, arrival())
        .then([RideCompleted {}])
        .when(RideCommand::Complete, Actor::System, arrival())
        .then_nothing();
}

#[test]
fn a_ride_completes_only_after_it_left() {
    given([offer(3)]).when(RideCommand::Complete, Actor::System, arrival()).then_rejected(RideRejection::TooEarly);
    let cancelled = given([offer(3), RideCancelled { reason: None }.into()]);
    cancelled.when(RideCommand::Complete, Actor::System, arrival()).then_nothing();
}

#[test]
fn the_driver_reports_who_did_not_come_once_the_ride_left() {
    let booked = || given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)]);
    booked().when(no_show(1), by(DORA), departure()).then_rejected(RideRejection::TooEarly);
    let missing = PassengerNoShow { reservation: reservation(1), conversation: talk_with(ANNA), passenger: ANNA };
    let left = given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), RideDeparted {}.into()]);
    let reported = left.when(no_show(1), by(DORA), departure()).then([missing]);
    reported.when(no_show(1), by(DORA), departure()).then_nothing();
}

#[test]
fn a_missing_passenger_is_reported_after_the_arrival_too() {
    let arrived = given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), RideDeparted {}.into(), RideCompleted {}.into()]);
    let missing = PassengerNoShow { reservation: reservation(1), conversation: talk_with(ANNA), passenger: ANNA };
    arrived.when(no_show(1), by(DORA), arrival()).then([missing]);
}

#[test]
fn passengers_report_nobody() {
    let left = || given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), RideDeparted {}.into()]);
    for somebody in [by(ANNA), by(BEN), Actor::System] {
        left().when(no_show(1), somebody, departure()).then_rejected(RideRejection::NotYours);
    }
    left().when(no_show(2), by(DORA), departure()).then_rejected(RideRejection::NoSuchReservation);
}
