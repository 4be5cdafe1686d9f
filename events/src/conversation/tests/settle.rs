//! What the ride answers: bookings confirmed, refused, changed and cancelled, in whatever order the news arrive.

use super::*;
use crate::Actor;
use crate::testing::by;

#[test]
fn reserved_seats_are_a_booking() {
    let after = talking(under_way())
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then([confirmed(&proposed(1, ANNA))]);
    let booking = after.state().booking().copied();
    assert_eq!(booking, Some(state::Booking { reservation: reservation(1), confirmed: true, pending: None }));
}

#[test]
fn a_booking_tells_which_request_it_answers() {
    let events = std::iter::once(Opening { in_answer_to: Some(REQUEST), ..opened() }.into()).chain(under_way());
    given(events)
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then([BookingConfirmed { in_answer_to: Some(REQUEST), ..confirmed(&proposed(1, ANNA)) }]);
}

#[test]
fn a_refused_booking_says_why_and_leaves_the_way_free() {
    let reasons = [
        RefusalReason::NoSeatsLeft,
        RefusalReason::RideCancelled,
        RefusalReason::RideDeparted,
        RefusalReason::TermsOutdated,
        RefusalReason::CancelledBefore,
        RefusalReason::NoSuchRide,
    ];
    for reason in reasons {
        talking(under_way())
            .when(settle(1, Outcome::Refused(reason)), Actor::System, now())
            .then([refused(1, reason)])
            .when(propose(make(proposal(2), one_seat())), by(ANNA), now())
            .then([proposed(2, ANNA)]);
    }
}

#[test]
fn the_first_answer_is_final() {
    let refusal = || Outcome::Refused(RefusalReason::NoSeatsLeft);
    talking(booked())
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then_nothing()
        .when(settle(1, refusal()), Actor::System, now())
        .then_nothing();
    talking(under_way())
        .when(settle(1, refusal()), Actor::System, now())
        .then([refused(1, RefusalReason::NoSeatsLeft)])
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then_nothing();
}

#[test]
fn a_change_keeps_the_reservation() {
    let change = change_proposed(2, DORA);
    let events = booked().into_iter().chain([change.clone().into(), accepted(&change, ANNA).into()]);
    let changed = BookingChanged {
        proposal: proposal(2),
        reservation: reservation(1),
        seats: 2,
        price_per_seat: euros(800),
        pickup_at: departure(),
    };
    let after = talking(events).when(settle(2, Outcome::Reserved), Actor::System, now()).then([changed]);
    let booking = after.state().booking().copied();
    assert_eq!(booking, Some(state::Booking { reservation: reservation(1), confirmed: true, pending: None }));
}

#[test]
fn a_refused_change_leaves_the_booking() {
    let change = change_proposed(2, ANNA);
    let events = booked().into_iter().chain([change.clone().into(), accepted(&change, DORA).into()]);
    let after = talking(events)
        .when(settle(2, Outcome::Refused(RefusalReason::NoSeatsLeft)), Actor::System, now())
        .then([refused(2, RefusalReason::NoSeatsLeft)]);
    let booking = after.state().booking().copied();
    assert_eq!(booking, Some(state::Booking { reservation: reservation(1), confirmed: true, pending: None }));
}

#[test]
fn a_cancelled_booking_leaves_the_way_free() {
    talking(booked())
        .when(note_cancelled(reservation(1), Side::Driver), Actor::System, now())
        .then([booking_cancelled(1, Side::Driver)])
        .when(note_cancelled(reservation(1), Side::Driver), Actor::System, now())
        .then_nothing()
        .when(propose(make(proposal(2), one_seat())), by(ANNA), now())
        .then([proposed(2, ANNA)]);
}

#[test]
fn a_cancellation_voids_the_proposed_changes() {
    let events = booked().into_iter().chain([change_proposed(2, ANNA).into(), change_proposed(3, DORA).into()]);
    talking(events)
        .when(note_cancelled(reservation(1), Side::Passenger), Actor::System, now())
        .then::<ConversationEvent>([
            booking_cancelled(1, Side::Passenger).into(),
            voided(2, VoidReason::BookingCancelled).into(),
            voided(3, VoidReason::BookingCancelled).into(),
        ]);
}

#[test]
fn the_news_of_a_cancellation_may_overtake_those_of_the_reservation() {
    let after = talking(under_way())
        .when(note_cancelled(reservation(1), Side::Passenger), Actor::System, now())
        .then([booking_cancelled(1, Side::Passenger)])
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then([refused(1, RefusalReason::CancelledBefore)]);
    assert_eq!(after.state().booking(), None);
}

#[test]
fn late_news_of_an_ended_booking_leave_the_next_one_alone() {
    let next = proposed(2, ANNA);
    let events = under_way().into_iter().chain([
        booking_cancelled(1, Side::Passenger).into(),
        next.clone().into(),
        accepted(&next, DORA).into(),
    ]);
    let after = talking(events)
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then([refused(1, RefusalReason::CancelledBefore)]);
    assert_eq!(after.state().booking().and_then(|booking| booking.pending), Some(proposal(2)));
    let after = after
        .when(note_cancelled(reservation(1), Side::Passenger), Actor::System, now())
        .then_nothing()
        .when(settle(2, Outcome::Reserved), Actor::System, now())
        .then([confirmed(&next)]);
    assert_eq!(after.state().booking().map(|booking| booking.reservation), Some(reservation(2)));
}

#[test]
fn a_change_whose_booking_was_cancelled_meanwhile_is_refused_for_the_rides_reason() {
    let change = change_proposed(2, ANNA);
    let events = booked().into_iter().chain([change.clone().into(), accepted(&change, DORA).into()]);
    let after = talking(events)
        .when(note_cancelled(reservation(1), Side::Driver), Actor::System, now())
        .then([booking_cancelled(1, Side::Driver)])
        .when(settle(2, Outcome::Refused(RefusalReason::NothingToReplace)), Actor::System, now())
        .then([refused(2, RefusalReason::NothingToReplace)]);
    assert_eq!(after.state().booking(), None);
}

#[test]
fn the_news_of_a_cancelled_booking_may_come_after_its_refused_change() {
    let change = change_proposed(2, ANNA);
    let events = booked().into_iter().chain([change.clone().into(), accepted(&change, DORA).into()]);
    let after = talking(events)
        .when(settle(2, Outcome::Refused(RefusalReason::NothingToReplace)), Actor::System, now())
        .then([refused(2, RefusalReason::NothingToReplace)])
        .when(note_cancelled(reservation(1), Side::Driver), Actor::System, now())
        .then([booking_cancelled(1, Side::Driver)]);
    assert_eq!(after.state().booking(), None);
}

#[test]
fn what_was_cancelled_before_its_acceptance_can_no_longer_be_accepted() {
    let refusal = Outcome::Refused(RefusalReason::CancelledBefore);
    talking([proposed(1, ANNA).into(), proposed(2, ANNA).into()])
        .when(settle(1, refusal), Actor::System, now())
        .then::<ConversationEvent>([
            refused(1, RefusalReason::CancelledBefore).into(),
            voided(1, VoidReason::BookingCancelled).into(),
        ])
        .when(accept(1), by(DORA), now())
        .then_rejected(ConversationRejection::ProposalVoided)
        .when(accept(2), by(DORA), now())
        .then([accepted(&proposed(2, ANNA), DORA)]);
}

#[test]
fn an_outcome_of_an_ended_proposal_is_told_and_changes_nothing() {
    let refusal = Outcome::Refused(RefusalReason::CancelledBefore);
    talking([proposed(1, ANNA).into(), declined(1, DORA).into()])
        .when(settle(1, refusal), Actor::System, now())
        .then([refused(1, RefusalReason::CancelledBefore)])
        .when(decline(1), by(DORA), now())
        .then_rejected(ConversationRejection::ProposalDeclined);
}

#[test]
fn what_was_cancelled_before_it_was_proposed_is_never_proposed() {
    let refusal = Outcome::Refused(RefusalReason::CancelledBefore);
    talking([])
        .when(settle(1, refusal), Actor::System, now())
        .then([refused(1, RefusalReason::CancelledBefore)])
        .when(propose(make(proposal(1), one_seat())), by(ANNA), now())
        .then_rejected(ConversationRejection::AlreadyProposed);
}
