//! Appending: what gathers while an append is in flight goes together, and nobody is answered before the log.

use super::*;
use crate::AccountId;
use crate::aggregate::EventData;
use crate::conversation::ConversationEvent;

#[test]
fn what_waits_goes_together_each_on_what_the_one_before_left() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(1, say())));
    // A retraction of the message that is still in flight, and two messages more.
    for (ticket, command) in [(2, retract(3)), (3, say()), (4, say())] {
        assert!(stage.shell.handle(input(ticket, command)).is_empty(), "an append is in flight");
    }
    let answers = stage.log.append(&first, now());
    let mut outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let together = the_append(outputs.split_off(2));
    assert_eq!(replies(&outputs), [(1, "committed")]);
    assert_eq!((together.expected_version, together.items.len()), (3, 3));
    let outputs = stage.run(vec![Output::Append(together)]);
    assert_eq!(words(&outputs), [(2, "committed"), (3, "committed"), (4, "committed")]);
    assert_eq!(stage.version(), 6);
}

/// A message, and then two commands that are decided together, the second on what the first leaves. Answers how many of
/// the two were appended together, and what all three are answered in the end.
fn two_together(stage: &mut Stage, first: Command, second: Command) -> (usize, Vec<(u64, &'static str)>) {
    let alone = the_append(stage.shell.handle(input(0, say())));
    for (ticket, command) in [(1, first), (2, second)] {
        assert!(stage.shell.handle(input(ticket, command)).is_empty(), "an append is in flight");
    }
    let answers = stage.log.append(&alone, now());
    let mut outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let together = the_append(outputs.split_off(2));
    let (count, mut replied) = (together.items.len(), replies(&outputs));
    replied.extend(words(&stage.run(vec![Output::Append(together)])));
    (count, replied)
}

#[test]
fn what_came_alone_or_from_elsewhere_counts_when_commands_go_together_again() {
    let all = [(0, "committed"), (1, "committed"), (2, "committed")];
    let mut stage = Stage::awake();
    // Versions 3 to 5; from here on the shell knows the state ahead of the log.
    assert_eq!(two_together(&mut stage, say(), retract(4)), (2, all.to_vec()));
    let alone = stage.shell.handle(input(1, say()));
    assert_eq!(words(&stage.run(alone)), [(1, "committed")]);
    stage.elsewhere(say(), None);
    let (_, outputs) = stage.shell.look();
    stage.run(outputs);
    assert_eq!(stage.version(), 7);
    assert_eq!(two_together(&mut stage, say(), retract(6)), (2, all.to_vec()), "it came alone");
    // Each message is known by its version, so a state that missed the one from elsewhere knows no twelfth.
    assert_eq!(two_together(&mut stage, say(), retract(12)), (2, all.to_vec()), "one came from elsewhere");
}

#[test]
fn what_was_refused_counts_no_longer_when_commands_go_together_again() {
    let mut stage = Stage::awake();
    two_together(&mut stage, say(), say());
    // Decided on version 5, but somebody else is faster: what was to be version 6 becomes version 7.
    let late = the_append(stage.shell.handle(input(1, say())));
    stage.elsewhere(say(), None);
    assert_eq!(words(&stage.run(vec![Output::Append(late)])), [(1, "committed")]);
    assert_eq!(stage.version(), 7);
    // There are messages up to version 9 when the retraction is decided.
    let (count, replied) = two_together(&mut stage, say(), retract(10));
    assert_eq!((count, &replied[..]), (1, &[(0, "committed"), (1, "committed"), (2, "rejected")][..]));
}

#[test]
fn those_concerned_are_told_before_anybody_is_answered() {
    let mut stage = Stage::awake();
    let append = the_append(stage.shell.handle(input(1, say())));
    assert!(stage.shell.settled().is_none(), "an append is in flight");
    let answers = stage.log.append(&append, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let [Output::Publish(events, audience), Output::Reply(1, Answer::Committed(answered))] = &outputs[..] else {
        panic!("expected the publication and then the answer: {outputs:?}");
    };
    assert_eq!(audience, &[ANNA, DORA]);
    assert_eq!((events, events[0].version), (answered, 3));
}

fn admit(passenger: AccountId, number: u128) -> Command {
    Command::Admit { ride: RIDE, driver: DORA, ride_version: 2, passenger, reservation: reservation(number) }
}

fn dismiss(passenger: AccountId, number: u128) -> Command {
    Command::Dismiss { ride: RIDE, driver: DORA, ride_version: 3, passenger, reservation: reservation(number) }
}

#[test]
fn those_who_leave_and_those_who_join_are_told() {
    let group = crate::ConversationId::group_of(RIDE).into();
    let mut shell = Shell::<Conversation>::new(group);
    let mut log = ModelLog::default();
    let mut audiences = Vec::new();
    for command in [admit(ANNA, 1), dismiss(ANNA, 1), admit(BEN, 2)] {
        let mut todo = shell.handle(Input::Command(1, submission(command, Actor::System, None)));
        while let Some(output) = todo.pop() {
            match output {
                Output::Load { after_version } => {
                    todo.extend(shell.handle(Input::Loaded(Some(log.read(group, after_version, 9)))));
                }
                Output::Append(append) => {
                    let answers = log.append(&append, now());
                    todo.extend(shell.handle(Input::Appended(Ok(answers))));
                }
                Output::Publish(_, audience) => audiences.push(audience),
                _ => {}
            }
        }
    }
    assert_eq!(audiences, [vec![ANNA, DORA], vec![ANNA, DORA], vec![BEN, DORA]]);
}

#[test]
fn whoever_comes_and_goes_within_one_append_is_told() {
    let group = crate::ConversationId::group_of(RIDE).into();
    let (mut shell, mut log) = (Shell::<Conversation>::new(group), ModelLog::default());
    for (ticket, command) in [(1, admit(ANNA, 1)), (2, dismiss(ANNA, 1))] {
        shell.handle(Input::Command(ticket, submission(command, Actor::System, None)));
    }
    let append = the_append(shell.handle(Input::Loaded(Some(log.read(group, 0, 9)))));
    let answers = log.append(&append, now());
    let outputs = shell.handle(Input::Appended(Ok(answers)));
    let Some(Output::Publish(events, audience)) = outputs.first() else { panic!("not published: {outputs:?}") };
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["ConversationOpened", "ParticipantJoined", "ParticipantLeft"]);
    assert_eq!(audience, &[ANNA, DORA]);
}

#[test]
fn an_append_holds_a_bounded_number_of_commands() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(0, say())));
    for ticket in 1..=Append::ITEMS_MAX as u64 + 1 {
        stage.shell.handle(input(ticket, say()));
    }
    let answers = stage.log.append(&first, now());
    let full = the_append(stage.shell.handle(Input::Appended(Ok(answers))).split_off(2));
    assert_eq!(full.items.len(), Append::ITEMS_MAX);
    let answers = stage.log.append(&full, now());
    let mut outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    assert_eq!(the_append(outputs.split_off(outputs.len() - 1)).items.len(), 1, "the rest goes next");
}

#[test]
fn a_bounded_number_waits_and_more_are_told_to_come_again() {
    let mut stage = Stage::awake();
    let append = the_append(stage.shell.handle(input(0, say())));
    for ticket in 1..=WAITING_MAX as u64 {
        assert!(stage.shell.handle(input(ticket, say())).is_empty());
    }
    let outputs = stage.shell.handle(input(9_999, say()));
    assert_eq!(replies(&outputs), [(9_999, "busy")]);
    let answers = stage.log.append(&append, now());
    assert!(!stage.shell.handle(Input::Appended(Ok(answers))).is_empty());
    assert!(stage.shell.handle(input(10_000, say())).is_empty(), "there is room again");
}

#[test]
fn commands_that_wait_for_a_look_at_their_key_count_too() {
    let mut stage = Stage::awake();
    let mut looking_up = 0;
    for ticket in 0..WAITING_MAX as u64 {
        let outputs = stage.shell.handle(input_keyed(ticket, retract(99), keyed(key(ticket), 1)));
        loads_after(&outputs, 2);
        looking_up += stage.shell.handle(stage.page(2)).len();
    }
    assert_eq!(looking_up, WAITING_MAX);
    assert_eq!(replies(&stage.shell.handle(input(9_999, say()))), [(9_999, "busy")]);
}

#[test]
fn events_say_where_they_come_from() {
    let mut stage = Stage::awake();
    let mut asked = submission(propose_at_list_terms(), by(ANNA), Some(keyed(key(1), 1)));
    asked.traceparent = Some("00-trace".to_owned());
    let append = the_append(stage.shell.handle(Input::Command(1, asked.clone())));
    let [AppendItem { key: Some(appended), events }] = &append.items[..] else { panic!("one item: {append:?}") };
    assert_eq!(appended, &keyed(key(1), 1));
    let ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, [Uuid::from_u128(0x1000), Uuid::from_u128(0x1001)], "they count up from the command's id");
    for event in events {
        let expected = NewEvent {
            event_id: event.event_id,
            event_type: event.event_type,
            schema_version: 1,
            occurred_at: now(),
            actor: by(ANNA),
            key: Some(key(1)),
            correlation_id: asked.correlation_id,
            causation_id: asked.command_id,
            traceparent: asked.traceparent.clone(),
            data: event.data.clone(),
        };
        assert_eq!(event, &expected);
        assert!(ConversationEvent::from_json(event.event_type, 1, &event.data).is_ok());
    }
    let mut caused = submission(say(), by(ANNA), None);
    caused.causation_id = Some(Uuid::from_u128(7));
    let mut stage = Stage::awake();
    let append = the_append(stage.shell.handle(Input::Command(1, caused)));
    assert_eq!(append.items[0].events[0].causation_id, Uuid::from_u128(7));
}

fn propose_at_list_terms() -> Command {
    let standing = crate::conversation::StandingOffer { ride_terms_version: 1, price_per_seat: euros(800) };
    let make = crate::conversation::MakeProposal { standing: Some(standing), ..make(proposal(1), terms(1, WHOLE_WAY)) };
    Command::MakeProposal(Box::new(make))
}

#[test]
#[should_panic(expected = "a log answers every item of an append")]
fn a_log_that_answers_too_little_is_a_bug() {
    let mut stage = Stage::awake();
    the_append(stage.shell.handle(input(1, say())));
    stage.shell.handle(Input::Appended(Ok(vec![])));
}
