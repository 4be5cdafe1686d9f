//! The rules of read marks, one test each.

use super::*;
use crate::testing::*;

fn given(events: impl IntoIterator<Item = MarksEvent>) -> Given<Marks> {
    Given::new(events)
}

fn mark(up_to: u64) -> MarksCommand {
    MarksCommand::MarkRead { account: ANNA, conversation: talk_with(ANNA), up_to }
}

fn read(up_to: u64) -> ConversationRead {
    ConversationRead { account: ANNA, conversation: talk_with(ANNA), up_to }
}

#[test]
fn a_mark_only_moves_forward() {
    given([])
        .when(mark(3), by(ANNA), now())
        .then([read(3)])
        .when(mark(3), by(ANNA), now())
        .then_nothing()
        .when(mark(2), by(ANNA), now())
        .then_nothing()
        .when(mark(4), by(ANNA), now())
        .then([read(4)]);
}

#[test]
fn nothing_read_is_no_mark() {
    given([]).when(mark(0), by(ANNA), now()).then_nothing();
}

#[test]
fn conversations_have_a_mark_each() {
    let other = ConversationRead { conversation: talk_with(BEN), ..read(2) };
    let command = MarksCommand::MarkRead { account: ANNA, conversation: talk_with(BEN), up_to: 2 };
    given([read(9).into()]).when(command, by(ANNA), now()).then([other]);
}

#[test]
fn marks_are_ones_own() {
    for somebody in [by(DORA), Actor::System, Actor::Operator] {
        given([]).when(mark(3), somebody, now()).then_rejected(MarksRejection::NotYours);
    }
}
