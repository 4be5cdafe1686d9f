//! Messages: who may post, edit and retract them.

use super::*;
use crate::sealed::MessageText;
use crate::testing::by;
use crate::{KeyId, Sealed};

/// The `seq` of the first message in [`said`].
const FIRST: u64 = 2;

fn words(author: AccountId, text: &str) -> Sealed<MessageText> {
    sealed(KeyId::Person(author), &MessageText(text.to_owned()))
}

fn post(author: AccountId) -> ConversationCommand {
    ConversationCommand::PostMessage { text: posted(author).text, in_reply_to: None }
}

fn edit(message: u64, author: AccountId) -> ConversationCommand {
    ConversationCommand::EditMessage { message, text: words(author, "Bonsoir") }
}

fn retract(message: u64) -> ConversationCommand {
    ConversationCommand::RetractMessage { message }
}

/// Anna has said something.
fn said() -> Given<Conversation> {
    talking([posted(ANNA).into()])
}

#[test]
fn both_sides_talk_before_anything_is_booked() {
    for somebody in [ANNA, DORA] {
        talking([]).when(post(somebody), by(somebody), now()).then([posted(somebody)]);
    }
}

#[test]
fn nobody_else_talks() {
    for (somebody, rejection) in nobody_of_it() {
        talking([]).when(post(EVE), somebody, now()).then_rejected(rejection);
    }
}

#[test]
fn both_sides_talk_on_after_everything_ended() {
    for end in [RideNotice::Departed, RideNotice::Cancelled] {
        let ended = talking([noticed(2, end).into()]);
        ended.when(post(ANNA), by(ANNA), in_hours(200)).then([posted(ANNA)]);
    }
}

#[test]
fn an_answer_names_a_message() {
    let answer = |in_reply_to| MessagePosted { in_reply_to: Some(in_reply_to), ..posted(DORA) };
    let to = |seq| ConversationCommand::PostMessage { text: posted(DORA).text, in_reply_to: Some(seq) };
    said().when(to(FIRST), by(DORA), now()).then([answer(FIRST)]);
    for not_a_message in [0, 1, 3] {
        said().when(to(not_a_message), by(DORA), now()).then_rejected(ConversationRejection::NoSuchMessage);
    }
}

#[test]
fn a_retracted_message_can_still_be_answered() {
    let taken_back = talking([posted(ANNA).into(), MessageRetracted { message: FIRST }.into()]);
    let answer = ConversationCommand::PostMessage { text: posted(DORA).text, in_reply_to: Some(FIRST) };
    taken_back.when(answer, by(DORA), now()).then([MessagePosted { in_reply_to: Some(FIRST), ..posted(DORA) }]);
}

#[test]
fn authors_edit_their_messages_as_often_as_they_like() {
    let edited = || MessageEdited { message: FIRST, text: words(ANNA, "Bonsoir") };
    said()
        .when(edit(FIRST, ANNA), by(ANNA), now())
        .then([edited()])
        .when(edit(FIRST, ANNA), by(ANNA), in_hours(1))
        .then([edited()]);
}

#[test]
fn nobody_edits_or_retracts_the_message_of_another() {
    for command in [edit(FIRST, DORA), retract(FIRST)] {
        said().when(command.clone(), by(DORA), now()).then_rejected(ConversationRejection::NotTheAuthor);
        for (somebody, rejection) in nobody_of_it() {
            said().when(command.clone(), somebody, now()).then_rejected(rejection);
        }
    }
}

#[test]
fn only_messages_are_edited_or_retracted() {
    for not_a_message in [0, 1, 3, u64::MAX] {
        for command in [edit(not_a_message, ANNA), retract(not_a_message)] {
            said().when(command, by(ANNA), now()).then_rejected(ConversationRejection::NoSuchMessage);
        }
    }
}

#[test]
fn a_message_is_retracted_once_and_then_stays_as_it_is() {
    said()
        .when(retract(FIRST), by(ANNA), now())
        .then([MessageRetracted { message: FIRST }])
        .when(retract(FIRST), by(ANNA), now())
        .then_nothing()
        .when(edit(FIRST, ANNA), by(ANNA), now())
        .then_rejected(ConversationRejection::MessageRetracted);
}

#[test]
fn the_version_is_the_seq() {
    let after = talking([posted(ANNA).into(), posted(DORA).into()])
        .when(retract(3), by(DORA), now())
        .then([MessageRetracted { message: 3 }]);
    assert_eq!(after.state().seq(), 4);
}
