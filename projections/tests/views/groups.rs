//! What do members of a ride's group see? From their joining to their leaving, and again when they come back.

use palabre_events::conversation::{ConversationKind, ConversationOpened, ParticipantJoined, ParticipantLeft};
use palabre_events::testing::*;
use palabre_events::{AccountId, ConversationId};
use palabre_projections::conversations::Stay;

use crate::log::Log;

const GROUP_OPENED: ConversationOpened = ConversationOpened {
    kind: ConversationKind::Group,
    ride: RIDE,
    ride_version: 2,
    driver: DORA,
    passenger: None,
    in_answer_to: None,
};

fn group() -> ConversationId {
    ConversationId::group_of(RIDE)
}

fn joined(account: AccountId, number: u128) -> ParticipantJoined {
    ParticipantJoined { account, reservation: reservation(number) }
}

fn left(account: AccountId, number: u128) -> ParticipantLeft {
    ParticipantLeft { account, reservation: reservation(number) }
}

fn stay(number: u128, from_seq: u64, to_seq: Option<u64>) -> Stay {
    Stay { reservation: Some(reservation(number)), from_seq, to_seq }
}

#[test]
fn a_member_sees_and_counts_what_lies_between_joining_and_leaving() {
    let mut log = Log::default();
    log.talk(group(), GROUP_OPENED);
    log.talk(group(), joined(ANNA, 1)); // 2
    log.talk(group(), posted(DORA));
    log.talk(group(), joined(BEN, 2)); // 4
    log.talk(group(), posted(ANNA));
    let leaving = log.talk(group(), left(BEN, 2)); // 6
    log.talk(group(), posted(DORA));
    let (_place, reader) = log.folded();

    let ben = reader.inbox_entry(BEN, group()).unwrap().unwrap().own;
    assert_eq!(ben.stays, [stay(2, 4, Some(6))]);
    assert_eq!((ben.unread, ben.head_seq, ben.head_position), (1, 6, leaving), "it ends with his leaving");
    assert!(!ben.is_present() && ben.sees(5) && !ben.sees(3) && !ben.sees(7));
    let anna = reader.inbox_entry(ANNA, group()).unwrap().unwrap().own;
    assert_eq!((anna.unread, anna.head_seq), (2, 7));
    assert_eq!(reader.inbox_entry(CLEO, group()).unwrap(), None);
}

#[test]
fn whoever_comes_back_sees_both_stays_and_nothing_between() {
    let mut log = Log::default();
    log.talk(group(), GROUP_OPENED);
    log.talk(group(), joined(BEN, 1)); // 2
    log.talk(group(), left(BEN, 1)); // 3
    log.talk(group(), posted(DORA));
    log.talk(group(), joined(BEN, 2)); // 5
    log.talk(group(), posted(DORA));
    let (_place, reader) = log.folded();
    let ben = reader.inbox_entry(BEN, group()).unwrap().unwrap().own;
    assert_eq!(ben.stays, [stay(1, 2, Some(3)), stay(2, 5, None)]);
    assert_eq!(ben.unread, 1, "what was said while he was away is not his");
    let seen: Vec<u64> = (1..=6).filter(|seq| ben.sees(*seq)).collect();
    assert_eq!(seen, [2, 3, 5, 6]);
}

#[test]
fn whoever_leaves_without_having_joined_sees_nothing() {
    let mut log = Log::default();
    log.talk(group(), GROUP_OPENED);
    log.talk(group(), left(BEN, 1));
    let (_place, reader) = log.folded();
    assert_eq!(reader.inbox_entry(BEN, group()).unwrap(), None);
    let members: Vec<_> = reader.conversation(group()).unwrap().unwrap().members;
    assert_eq!(members.iter().map(|member| member.account).collect::<Vec<_>>(), [DORA]);
}
