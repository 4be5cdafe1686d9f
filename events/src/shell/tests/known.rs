//! Keys: what was committed before is answered as it was then, however it comes again.

use super::*;

#[test]
fn a_repeat_is_answered_with_what_it_committed_first() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), Some(keyed(key(1), 1)));
    let outputs = stage.shell.handle(input_keyed(1, say(), keyed(key(1), 1)));
    let answers = stage.run(outputs);
    let [(1, Answer::Duplicate(first))] = answers[..] else { panic!("{answers:?}") };
    assert_eq!((first.stream, first.version, first.position), (stream(), 3, 3));
    assert_eq!(stage.log.events().len(), 3, "nothing was appended");
}

#[test]
fn a_key_that_comes_back_with_another_body_is_refused() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), Some(keyed(key(1), 1)));
    let outputs = stage.shell.handle(input_keyed(1, say(), keyed(key(1), 2)));
    assert_eq!(words(&stage.run(outputs)), [(1, "key reused")]);
}

#[test]
fn commands_beside_a_repeat_are_decided_again() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), Some(keyed(key(1), 1)));
    let behind = the_append(stage.shell.handle(input(0, say())));
    stage.shell.handle(input(1, say()));
    stage.shell.handle(input_keyed(2, say(), keyed(key(1), 1)));
    stage.shell.handle(input(3, say()));
    let answers = stage.log.append(&behind, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    // First the conflict with the other node, then the repeat among three.
    let answers = words(&stage.run(outputs));
    assert_eq!(answers, [(2, "duplicate"), (0, "committed"), (1, "committed"), (3, "committed")]);
}

#[test]
fn a_repeat_does_not_cost_those_beside_it_their_patience() {
    let mut stage = Stage::awake();
    let mut append = the_append(stage.shell.handle(input(0, say())));
    for round in 1..=u64::from(CONFLICTS_MAX) + 2 {
        let known = keyed(key(round), 1);
        stage.shell.handle(input_keyed(round, say(), known));
        let first = FirstAnswer { stream: stream(), version: 1, position: 1, fingerprint: known.fingerprint };
        // The log pretends that the repeat was already part of the append in flight.
        let answers = append.items.iter().map(|item| match item.key {
            Some(_) => ItemAnswer::Duplicate(first),
            None => ItemAnswer::Conflict { actual: 2 },
        });
        let answers: Vec<_> = answers.collect();
        let beside = answers.len() > 1;
        let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
        assert!(!replies(&outputs).contains(&(0, "unavailable")), "round {round}, beside a repeat: {beside}");
        append = the_append(stage.shell.handle(stage.page(2)));
    }
}

#[test]
fn one_key_never_comes_twice_in_an_append() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(0, say())));
    stage.shell.handle(input_keyed(1, say(), keyed(key(1), 1)));
    stage.shell.handle(input_keyed(2, say(), keyed(key(1), 1)));
    stage.shell.handle(input_keyed(3, say(), keyed(key(1), 2)));
    stage.shell.handle(input(4, say()));
    let answers = stage.log.append(&first, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let expected = [(0, "committed"), (1, "committed"), (2, "duplicate"), (3, "key reused"), (4, "committed")];
    let mut answers = words(&stage.run(outputs));
    answers.sort_unstable();
    assert_eq!(answers, expected);
}

#[test]
fn a_repeat_that_its_own_first_coming_makes_impossible_is_a_repeat() {
    // The proposal exists already, because of this very command.
    let propose = || Command::MakeProposal(Box::new(make(proposal(1), terms(1, WHOLE_WAY))));
    let mut stage = Stage::awake();
    stage.elsewhere(propose(), Some(keyed(key(1), 1)));
    let outputs = stage.shell.handle(input_keyed(1, propose(), keyed(key(1), 1)));
    assert_eq!(words(&stage.run(outputs)), [(1, "duplicate")]);
    let outputs = stage.shell.handle(input_keyed(2, propose(), keyed(key(2), 1)));
    assert_eq!(words(&stage.run(outputs)), [(2, "rejected")]);
}

#[test]
fn a_repeat_that_changes_nothing_any_more_is_a_repeat() {
    let mut stage = Stage::awake();
    stage.elsewhere(retract(2), Some(keyed(key(1), 1)));
    for (ticket, key, expected) in
        [(1, keyed(key(1), 1), "duplicate"), (2, keyed(key(1), 2), "key reused"), (3, keyed(key(2), 1), "unchanged")]
    {
        let outputs = stage.shell.handle(input_keyed(ticket, retract(2), key));
        assert_eq!(words(&stage.run(outputs)), [(ticket, expected)]);
    }
}

#[test]
fn rejections_are_not_remembered() {
    let mut stage = Stage::awake();
    let later = || input_keyed(1, retract(3), keyed(key(1), 1));
    let outputs = stage.shell.handle(later());
    assert_eq!(words(&stage.run(outputs)), [(1, "rejected")]);
    let outputs = stage.shell.handle(input(2, say()));
    assert_eq!(words(&stage.run(outputs)), [(2, "committed")]);
    let outputs = stage.shell.handle(later());
    assert_eq!(words(&stage.run(outputs)), [(1, "committed")], "the same key may try again");
}

#[test]
fn a_look_that_fails_leaves_it_open() {
    let mut stage = Stage::awake();
    let outputs = stage.shell.handle(input_keyed(1, retract(9), keyed(key(1), 1)));
    loads_after(&outputs, 2);
    let outputs = stage.shell.handle(stage.page(2));
    assert!(matches!(outputs[..], [Output::LookUp(1, _)]), "{outputs:?}");
    assert!(!stage.shell.is_idle(), "somebody still waits");
    let outputs = stage.shell.handle(Input::LookedUp(1, Err(AppendFailure::Unavailable)));
    assert_eq!(replies(&outputs), [(1, "unavailable")]);
    assert!(stage.shell.is_idle());
}

#[test]
fn without_a_key_nothing_is_looked_up() {
    let mut stage = Stage::awake();
    let outputs = stage.shell.handle(input(1, retract(9)));
    loads_after(&outputs, 2);
    assert_eq!(replies(&stage.shell.handle(stage.page(2))), [(1, "rejected")]);
}

#[test]
fn keys_are_unique_per_account() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), Some(keyed(key(1), 1)));
    let doras = KeyedCommand { account: DORA, ..keyed(key(1), 2) };
    let command = Command::PostMessage { text: posted(DORA).text, in_reply_to: None };
    let outputs = stage.shell.handle(Input::Command(1, submission(command, by(DORA), Some(doras))));
    assert_eq!(words(&stage.run(outputs)), [(1, "committed")]);
}

#[test]
fn what_waits_behind_an_append_says_no_only_after_it() {
    let mut stage = Stage::awake();
    let append = the_append(stage.shell.handle(input(1, say())));
    // Both depend on message 3, which is still in flight: one was taken back before, one was never there.
    stage.shell.handle(input(2, retract(3)));
    stage.shell.handle(input(3, retract(3)));
    stage.shell.handle(input(4, retract(99)));
    let answers = stage.log.append(&append, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    assert_eq!(replies(&outputs), [(1, "committed")]);
    let rest = stage.run(outputs.into_iter().skip(2).collect());
    assert_eq!(words(&rest), [(2, "committed"), (3, "unchanged"), (4, "rejected")]);
}
