//! A command that comes again while its first coming waits: the shell must not put both into one append.

use palabre_events::log::{Append, Fingerprint, ItemAnswer, KeyedCommand};
use palabre_events::marks::{Marks, MarksCommand};
use palabre_events::shell::{Answer, Input, Loaded, Output, Shell, Submission};
use palabre_events::{AccountId, Actor, CommandKey, ConversationId, StreamId, Timestamp};
use uuid::Uuid;

const ANNA: AccountId = AccountId(Uuid::from_u128(1));

fn mark_read(up_to: u64, key: u128) -> Box<Submission<MarksCommand>> {
    let conversation = ConversationId(Uuid::from_u128(2));
    let key = KeyedCommand {
        account: ANNA,
        key: CommandKey(Uuid::from_u128(key)),
        fingerprint: Fingerprint([up_to as u8; 16]),
    };
    Box::new(Submission {
        command: MarksCommand::MarkRead { account: ANNA, conversation, up_to },
        by: Actor::Person(ANNA),
        key: Some(key),
        command_id: Uuid::from_u128(u128::from(up_to)),
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        now: Timestamp::from_millis(0).expect("1970"),
    })
}

fn appended(outputs: Vec<Output<palabre_events::marks::MarksRejection>>) -> Append {
    let append = outputs.into_iter().find_map(|output| match output {
        Output::Append(append) => Some(append),
        _ => None,
    });
    append.expect("the shell appends")
}

#[test]
fn a_key_never_comes_twice_in_one_append() {
    let mut shell = Shell::<Marks>::new(StreamId::marks(ANNA));
    for (ticket, (up_to, key)) in [(5, 10), (6, 11), (7, 10), (8, 12)].into_iter().enumerate() {
        shell.handle(Input::Command(ticket as u64, mark_read(up_to, key)));
    }
    let first = appended(shell.handle(Input::Loaded(Some(Loaded { events: vec![], more: false }))));
    assert_eq!((first.items.len(), first.is_well_formed()), (2, true));

    let committed = vec![ItemAnswer::Committed(vec![]), ItemAnswer::Committed(vec![])];
    let outputs = shell.handle(Input::Appended(Ok(committed)));
    let answered = outputs.iter().filter(|output| matches!(output, Output::Reply(_, Answer::Committed(_)))).count();
    let second = appended(outputs);
    assert_eq!((answered, second.expected_version, second.items.len()), (2, 2, 2));
}
