//! What happened to the ride, told once, and what it makes of open proposals.

use super::*;
use crate::Actor;

fn rescheduled(terms_version: u32) -> RideNotice {
    RideNotice::Rescheduled { departs_at: in_hours(30), route_changed: false, terms_version }
}

#[test]
fn every_event_of_the_ride_is_noticed_once() {
    talking([])
        .when(notice_ride(2, rescheduled(2)), Actor::System, now())
        .then([noticed(2, rescheduled(2))])
        .when(notice_ride(2, rescheduled(2)), Actor::System, now())
        .then_nothing()
        .when(notice_ride(3, rescheduled(3)), Actor::System, now())
        .then([noticed(3, rescheduled(3))]);
}

#[test]
fn a_change_voids_the_proposals_that_build_on_earlier_terms() {
    let current = Terms { ride_terms_version: 2, ..one_seat() };
    for notice in [rescheduled(2), repriced(2)] {
        talking([proposed(1, ANNA).into(), made(proposal(2), DORA, current.clone()).into()])
            .when(notice_ride(2, notice.clone()), Actor::System, now())
            .then::<ConversationEvent>([noticed(2, notice).into(), voided(1, VoidReason::RideChanged).into()]);
    }
}

#[test]
fn another_number_of_seats_voids_nothing() {
    let roomier = || RideNotice::TermsChanged { terms_version: 1, price_per_seat: None, seats: Some(4) };
    talking([proposed(1, ANNA).into()])
        .when(notice_ride(2, roomier()), Actor::System, now())
        .then([noticed(2, roomier())]);
}

#[test]
fn the_end_of_a_ride_voids_every_proposal() {
    let ends = [(RideNotice::Cancelled, VoidReason::RideCancelled), (RideNotice::Departed, VoidReason::RideDeparted)];
    for (notice, reason) in ends {
        talking([proposed(1, ANNA).into(), proposed(2, DORA).into()])
            .when(notice_ride(2, notice.clone()), Actor::System, now())
            .then::<ConversationEvent>([noticed(2, notice).into(), voided(1, reason).into(), voided(2, reason).into()]);
    }
}

#[test]
fn proposals_that_ended_are_not_voided() {
    for (ending, _) in endings(1) {
        let events: Vec<_> = std::iter::once(proposed(1, ANNA).into()).chain(ending).collect();
        let still_open = events.iter().filter(|event| matches!(event, ConversationEvent::ProposalMade(_))).count() - 1;
        let after = talking(events).when(notice_ride(2, RideNotice::Cancelled), Actor::System, now());
        let told = after.decision().as_ref().expect("news are always taken").len();
        assert_eq!(told, 1 + still_open);
    }
}

#[test]
fn bookings_keep_what_was_agreed() {
    let after = talking(booked())
        .when(notice_ride(5, repriced(2)), Actor::System, now())
        .then([noticed(5, repriced(2))])
        .when(notice_ride(6, rescheduled(3)), Actor::System, now())
        .then([noticed(6, rescheduled(3))]);
    assert_eq!(after.state().booking().map(|booking| booking.reservation), Some(reservation(1)));
}

#[test]
fn news_in_the_wrong_order_leave_the_latest_terms_in_force() {
    let outdated = Terms { ride_terms_version: 2, ..one_seat() };
    talking([noticed(3, rescheduled(3)).into()])
        .when(notice_ride(2, repriced(2)), Actor::System, now())
        .then([noticed(2, repriced(2))])
        .when(propose(make(proposal(1), outdated)), crate::testing::by(ANNA), now())
        .then_rejected(ConversationRejection::TermsOutdated);
}

#[test]
fn what_concerns_one_booking_voids_nothing() {
    let reservation = reservation(1);
    for notice in [RideNotice::Reconfirmed { reservation }, RideNotice::NoShow { reservation }] {
        let events = booked().into_iter().chain([change_proposed(2, ANNA).into()]);
        talking(events).when(notice_ride(4, notice.clone()), Actor::System, now()).then([noticed(4, notice)]);
    }
}
