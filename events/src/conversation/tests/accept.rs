//! Accepting: only the other side, only the terms that it saw, and one booking at a time.

use super::*;
use crate::testing::by;

#[test]
fn the_other_side_accepts() {
    for (proposer, other) in [(ANNA, DORA), (DORA, ANNA)] {
        let made = proposed(1, proposer);
        talking([made.clone().into()]).when(accept(1), by(other), now()).then([accepted(&made, other)]);
    }
}

#[test]
fn it_is_accepted_until_just_before_its_hour() {
    let made = proposed(1, ANNA);
    talking([made.clone().into()])
        .when(accept(1), by(DORA), in_hours(24).plus_seconds(-1))
        .then([accepted(&made, DORA)]);
}

#[test]
fn nobody_accepts_ones_own() {
    talking([proposed(1, ANNA).into()])
        .when(accept(1), by(ANNA), now())
        .then_rejected(ConversationRejection::OwnProposal);
}

#[test]
fn an_acceptance_names_the_terms_that_were_seen() {
    let blind = ConversationCommand::AcceptProposal { proposal: proposal(1), terms_hash: WRONG_HASH };
    talking([proposed(1, ANNA).into()]).when(blind, by(DORA), now()).then_rejected(ConversationRejection::TermsDiffer);
}

#[test]
fn two_proposals_of_the_same_terms_are_told_apart_by_their_nonces() {
    let other_nonce = crate::terms::Nonce([8; 16]);
    assert_ne!(one_seat().hash(&NONCE), one_seat().hash(&other_nonce));
}

#[test]
fn of_two_accepts_at_once_the_second_finds_the_first() {
    let made = proposed(1, ANNA);
    talking([made.clone().into()])
        .when(accept(1), by(DORA), now())
        .then([accepted(&made, DORA)])
        .when(accept(1), by(DORA), now())
        .then_rejected(ConversationRejection::ProposalAccepted);
}

#[test]
fn an_acceptance_voids_the_other_proposals() {
    let (annas, doras) = (proposed(1, ANNA), proposed(2, DORA));
    talking([annas.clone().into(), doras.into()])
        .when(accept(1), by(DORA), now())
        .then::<ConversationEvent>([accepted(&annas, DORA).into(), voided(2, VoidReason::AnotherAccepted).into()])
        .when(accept(2), by(ANNA), now())
        .then_rejected(ConversationRejection::ProposalVoided);
}

#[test]
fn while_a_booking_is_under_way_nothing_else_is_proposed() {
    talking(under_way())
        .when(propose(make(proposal(2), one_seat())), by(ANNA), now())
        .then_rejected(ConversationRejection::BookingUnderWay);
    let change = MakeProposal { replaces: Some(reservation(1)), ..make(proposal(2), one_seat()) };
    talking(under_way()).when(propose(change), by(ANNA), now()).then_rejected(ConversationRejection::BookingUnderWay);
}

#[test]
fn with_a_booking_only_its_change_is_proposed() {
    talking(booked())
        .when(propose(make(proposal(2), one_seat())), by(ANNA), now())
        .then_rejected(ConversationRejection::AlreadyBooked);
    let change_of_another = MakeProposal { replaces: Some(reservation(9)), ..make(proposal(2), one_seat()) };
    talking(booked())
        .when(propose(change_of_another), by(ANNA), now())
        .then_rejected(ConversationRejection::NoSuchBooking);
}

#[test]
fn without_a_booking_there_is_nothing_to_change() {
    let change = MakeProposal { replaces: Some(reservation(1)), ..make(proposal(2), one_seat()) };
    talking([]).when(propose(change), by(ANNA), now()).then_rejected(ConversationRejection::NoSuchBooking);
}

#[test]
fn either_side_proposes_a_change_and_the_other_accepts() {
    for (proposer, other) in [(ANNA, DORA), (DORA, ANNA)] {
        let change = MakeProposal { replaces: Some(reservation(1)), ..make(proposal(2), terms(2, WHOLE_WAY)) };
        let expected = change_proposed(2, proposer);
        talking(booked())
            .when(propose(change), by(proposer), now())
            .then([expected.clone()])
            .when(accept_change(2), by(other), now())
            .then([accepted(&expected, other)]);
    }
}

#[test]
fn while_a_change_is_under_way_no_other_is_accepted() {
    let first = change_proposed(2, ANNA);
    let events = booked().into_iter().chain([first.clone().into(), accepted(&first, DORA).into()]);
    let another = MakeProposal { replaces: Some(reservation(1)), ..make(proposal(3), one_seat()) };
    talking(events).when(propose(another), by(DORA), now()).then_rejected(ConversationRejection::BookingUnderWay);
}

#[test]
fn a_change_of_a_cancelled_booking_is_void() {
    let events = booked().into_iter().chain([
        change_proposed(2, ANNA).into(),
        booking_cancelled(1, Side::Driver).into(),
        voided(2, VoidReason::BookingCancelled).into(),
    ]);
    talking(events).when(accept_change(2), by(DORA), now()).then_rejected(ConversationRejection::ProposalVoided);
}

#[test]
fn nothing_is_accepted_once_the_ride_left_or_was_cancelled() {
    // Their proposals are voided with the notice; a late one cannot be made.
    for (notice, reason) in
        [(RideNotice::Departed, VoidReason::RideDeparted), (RideNotice::Cancelled, VoidReason::RideCancelled)]
    {
        talking([proposed(1, ANNA).into()])
            .when(notice_ride(2, notice.clone()), crate::Actor::System, now())
            .then::<ConversationEvent>([noticed(2, notice).into(), voided(1, reason).into()])
            .when(accept(1), by(DORA), now())
            .then_rejected(ConversationRejection::ProposalVoided);
    }
}

#[test]
fn what_was_accepted_stays_so_whatever_becomes_of_it() {
    let accepted = |events: Vec<ConversationEvent>| talking(events).state().has_accepted(proposal(1));
    assert!(!accepted(vec![]));
    assert!(!accepted(vec![proposed(1, ANNA).into()]));
    assert!(accepted(under_way().to_vec()));
    assert!(accepted(booked().to_vec()));
    let mut over = booked().to_vec();
    over.push(booking_cancelled(1, Side::Driver).into());
    assert!(accepted(over));
    assert!(!accepted(vec![proposed(1, ANNA).into(), declined(1, DORA).into()]));
}
