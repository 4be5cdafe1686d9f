//! The group of a ride: passengers join and leave with their reservations, in whatever order the news arrive.

use super::*;
use crate::Actor;
use crate::testing::by;

fn admit(passenger: AccountId, number: u128) -> ConversationCommand {
    let reservation = reservation(number);
    ConversationCommand::Admit { ride: RIDE, driver: DORA, ride_version: 2, passenger, reservation }
}

fn dismiss(passenger: AccountId, number: u128) -> ConversationCommand {
    let reservation = reservation(number);
    ConversationCommand::Dismiss { ride: RIDE, driver: DORA, ride_version: 3, passenger, reservation }
}

fn group_opened(ride_version: u64) -> ConversationOpened {
    Opening { kind: ConversationKind::Group, passenger: None, ride_version, ..opened() }
}

fn joined(account: AccountId, number: u128) -> ParticipantJoined {
    ParticipantJoined { account, reservation: reservation(number) }
}

fn left(account: AccountId, number: u128) -> ParticipantLeft {
    ParticipantLeft { account, reservation: reservation(number) }
}

fn group(events: impl IntoIterator<Item = ConversationEvent>) -> Given<Conversation> {
    given(std::iter::once(group_opened(2).into()).chain(events))
}

fn post(author: AccountId) -> ConversationCommand {
    ConversationCommand::PostMessage { text: posted(author).text, in_reply_to: None }
}

#[test]
fn the_first_passenger_opens_the_group() {
    given([])
        .when(admit(ANNA, 1), Actor::System, now())
        .then::<ConversationEvent>([group_opened(2).into(), joined(ANNA, 1).into()])
        .when(admit(BEN, 2), Actor::System, now())
        .then([joined(BEN, 2)]);
}

#[test]
fn a_passenger_joins_and_leaves_once() {
    group([])
        .when(admit(ANNA, 1), Actor::System, now())
        .then([joined(ANNA, 1)])
        .when(admit(ANNA, 1), Actor::System, now())
        .then_nothing()
        .when(dismiss(ANNA, 1), Actor::System, now())
        .then([left(ANNA, 1)])
        .when(dismiss(ANNA, 1), Actor::System, now())
        .then_nothing()
        .when(admit(ANNA, 1), Actor::System, now())
        .then_nothing();
}

#[test]
fn a_leaving_that_overtakes_its_joining_ends_it() {
    given([])
        .when(dismiss(ANNA, 1), Actor::System, now())
        .then::<ConversationEvent>([group_opened(3).into(), left(ANNA, 1).into()])
        .when(admit(ANNA, 1), Actor::System, now())
        .then_nothing();
}

#[test]
fn whoever_booked_again_stays_when_the_first_booking_leaves() {
    let after = group([joined(ANNA, 1).into()])
        .when(admit(ANNA, 2), Actor::System, now())
        .then([joined(ANNA, 2)])
        .when(dismiss(ANNA, 1), Actor::System, now())
        .then([left(ANNA, 1)]);
    assert!(after.state().has_participant(ANNA));
    let after = after.when(dismiss(ANNA, 2), Actor::System, now()).then([left(ANNA, 2)]);
    assert!(!after.state().has_participant(ANNA));
}

#[test]
fn members_and_the_driver_talk_and_others_do_not() {
    let two = || group([joined(ANNA, 1).into(), joined(BEN, 2).into(), left(BEN, 2).into()]);
    for somebody in [ANNA, DORA] {
        two().when(post(somebody), by(somebody), now()).then([posted(somebody)]);
    }
    two().when(post(BEN), by(BEN), now()).then_rejected(ConversationRejection::NotAParticipant);
    two().when(post(EVE), by(EVE), now()).then_rejected(ConversationRejection::NoSuchConversation);
}

#[test]
fn whoever_left_changes_no_message_any_more() {
    let events = [joined(ANNA, 1).into(), posted(ANNA).into(), left(ANNA, 1).into()];
    group(events)
        .when(ConversationCommand::RetractMessage { message: 3 }, by(ANNA), now())
        .then_rejected(ConversationRejection::NotAParticipant);
}

#[test]
fn a_group_does_not_negotiate() {
    group([joined(ANNA, 1).into()])
        .when(propose(make(proposal(1), one_seat())), by(ANNA), now())
        .then_rejected(ConversationRejection::NoProposalsInGroups)
        .when(accept(1), by(ANNA), now())
        .then_rejected(ConversationRejection::NoProposalsInGroups)
        .when(settle(1, Outcome::Reserved), Actor::System, now())
        .then_rejected(ConversationRejection::NoProposalsInGroups);
}

#[test]
fn nobody_is_admitted_to_a_conversation_between_two() {
    for command in [admit(BEN, 2), dismiss(BEN, 2)] {
        talking([]).when(command, Actor::System, now()).then_rejected(ConversationRejection::NoSuchConversation);
    }
}

#[test]
fn a_group_hears_of_its_ride() {
    group([joined(ANNA, 1).into()])
        .when(notice_ride(4, RideNotice::Departed), Actor::System, now())
        .then([noticed(4, RideNotice::Departed)]);
}

#[test]
fn the_audience_is_everyone_who_takes_part_each_once() {
    let group = group([joined(ANNA, 1).into(), joined(ANNA, 3).into(), joined(BEN, 2).into()]);
    assert_eq!(group.state().participants(), vec![ANNA, BEN, DORA]);
    assert_eq!(talking([]).state().participants(), vec![ANNA, DORA]);
}
