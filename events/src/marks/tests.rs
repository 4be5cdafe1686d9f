//! The rules of read marks, one test each.

use proptest::prelude::*;

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

proptest! {
    #[test]
    fn whatever_is_asked_every_mark_rises(steps in prop::collection::vec((any::<u64>(), any::<bool>(), any::<bool>()), 0..30)) {
        let step = |(up_to, annas, own): (u64, bool, bool)| {
            let conversation = if annas { talk_with(ANNA) } else { talk_with(BEN) };
            let command = MarksCommand::MarkRead { account: ANNA, conversation, up_to };
            (command, if own { by(ANNA) } else { by(EVE) }, now())
        };
        let (_, happened) = play::<Marks>(steps.into_iter().map(step));
        let mut highest = BTreeMap::new();
        for MarksEvent::ConversationRead(read) in happened.iter().flatten() {
            let before = highest.insert(read.conversation, read.up_to);
            prop_assert!(before.is_none_or(|before| before < read.up_to));
        }
    }
}
