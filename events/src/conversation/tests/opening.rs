//! Opening a conversation.

use super::*;
use crate::testing::by;
use crate::{Actor, ConversationId};

fn open(opening: Opening) -> ConversationCommand {
    ConversationCommand::Open(Box::new(opening))
}

#[test]
fn either_of_the_two_opens_it() {
    for somebody in [ANNA, DORA] {
        given([]).when(open(opened()), by(somebody), now()).then([opened()]);
    }
}

#[test]
fn opening_it_again_changes_nothing() {
    given([])
        .when(open(opened()), by(ANNA), now())
        .then([opened()])
        .when(open(opened()), by(ANNA), now())
        .then_nothing()
        .when(open(Opening { ride_version: 9, ..opened() }), by(DORA), now())
        .then_nothing();
}

#[test]
fn nobody_opens_the_conversation_of_others() {
    for somebody in [by(EVE), Actor::System, Actor::Operator] {
        given([]).when(open(opened()), somebody, now()).then_rejected(ConversationRejection::NotAParticipant);
    }
}

#[test]
fn a_driver_is_no_passenger_of_the_same_ride() {
    let alone = Opening { passenger: Some(DORA), ..opened() };
    given([]).when(open(alone), by(DORA), now()).then_rejected(ConversationRejection::OwnRide);
}

#[test]
fn groups_are_not_opened_by_hand() {
    let group = Opening { kind: ConversationKind::Group, passenger: None, ..opened() };
    let group_of_two = Opening { kind: ConversationKind::Group, ..opened() };
    let without_passenger = Opening { passenger: None, ..opened() };
    for opening in [group, group_of_two, without_passenger] {
        given([]).when(open(opening), by(DORA), now()).then_rejected(ConversationRejection::NotYours);
    }
}

#[test]
fn a_driver_answers_a_request_with_it() {
    let answer = || Opening { in_answer_to: Some(REQUEST), ..opened() };
    given([]).when(open(answer()), by(DORA), now()).then([answer()]);
}

#[test]
fn two_tabs_of_either_side_mean_the_same_conversation() {
    assert_eq!(talk_with(ANNA), ConversationId::about_ride(RIDE, ANNA));
    assert_ne!(talk_with(ANNA), talk_with(BEN));
}

#[test]
fn nothing_is_done_in_a_conversation_that_was_never_opened() {
    let text = posted(ANNA).text;
    let people = [
        ConversationCommand::PostMessage { text: text.clone(), in_reply_to: None },
        ConversationCommand::EditMessage { message: 1, text },
        ConversationCommand::RetractMessage { message: 1 },
        propose(make(proposal(1), one_seat())),
        accept(1),
        decline(1),
        withdraw(1),
    ];
    for command in people {
        given([]).when(command, by(ANNA), now()).then_rejected(ConversationRejection::NoSuchConversation);
    }
    let platform = [
        settle(1, Outcome::Reserved),
        note_cancelled(reservation(1), Side::Driver),
        notice_ride(2, RideNotice::Cancelled),
    ];
    for command in platform {
        given([]).when(command, Actor::System, now()).then_rejected(ConversationRejection::NoSuchConversation);
    }
    given([]).when(expire(1), Actor::System, now()).then_rejected(ConversationRejection::NoSuchProposal);
}

#[test]
fn only_the_platform_brings_news_and_hours() {
    let reservation = reservation(1);
    let commands = [
        expire(1),
        settle(1, Outcome::Reserved),
        note_cancelled(reservation, Side::Driver),
        notice_ride(2, RideNotice::Cancelled),
        ConversationCommand::Admit { ride: RIDE, driver: DORA, ride_version: 2, passenger: ANNA, reservation },
        ConversationCommand::Dismiss { ride: RIDE, driver: DORA, ride_version: 2, passenger: ANNA, reservation },
    ];
    for command in commands {
        for somebody in [by(ANNA), by(DORA), by(EVE), Actor::Operator] {
            talking([]).when(command.clone(), somebody, now()).then_rejected(ConversationRejection::NotYours);
        }
    }
}
