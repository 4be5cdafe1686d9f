//! Other nodes append too: what was decided on an old state is decided again on the log's.

use super::*;

#[test]
fn a_conflict_reads_the_log_and_decides_again() {
    let mut stage = Stage::awake();
    let stale = the_append(stage.shell.handle(input(1, say())));
    stage.elsewhere(say(), None);
    let answers = stage.log.append(&stale, now());
    assert_eq!(answers, [ItemAnswer::Conflict { actual: 3 }]);
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    // Only what came in between.
    loads_after(&outputs, 2);
    let again = the_append(stage.shell.handle(stage.page(2)));
    assert_eq!(again.expected_version, 3);
    assert_eq!(words(&stage.run(vec![Output::Append(again)])), [(1, "committed")]);
}

#[test]
fn after_a_conflict_the_order_of_coming_is_kept() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(0, say())));
    for ticket in 1..=3 {
        stage.shell.handle(input(ticket, say()));
    }
    let answers = stage.log.append(&first, now());
    let stale = the_append(stage.shell.handle(Input::Appended(Ok(answers))).split_off(2));
    stage.shell.handle(input(4, say()));
    stage.elsewhere(say(), None);
    let answers = stage.log.append(&stale, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let expected = [(1, "committed"), (2, "committed"), (3, "committed"), (4, "committed")];
    assert_eq!(words(&stage.run(outputs)), expected);
}

#[test]
fn what_the_others_did_may_end_in_a_rejection() {
    let mut stage = Stage::awake();
    let edit = Command::EditMessage { message: 2, text: posted(ANNA).text };
    let stale = the_append(stage.shell.handle(input(1, edit)));
    stage.elsewhere(retract(2), None);
    let answers = stage.log.append(&stale, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let answers = stage.run(outputs);
    assert!(matches!(answers[..], [(1, Answer::Rejected(ConversationRejection::MessageRetracted))]), "{answers:?}");
}

#[test]
fn a_command_that_keeps_losing_is_told_so_in_the_end() {
    let mut stage = Stage::awake();
    let mut append = the_append(stage.shell.handle(input(1, say())));
    for version in 2..2 + u64::from(CONFLICTS_MAX) {
        stage.elsewhere(say(), None);
        let answers = stage.log.append(&append, now());
        loads_after(&stage.shell.handle(Input::Appended(Ok(answers))), version);
        append = the_append(stage.shell.handle(stage.page(version)));
    }
    stage.elsewhere(say(), None);
    let answers = stage.log.append(&append, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    assert_eq!(replies(&outputs), [(1, "unavailable")]);
    let rest = stage.run(outputs.into_iter().skip(1).collect());
    assert!(rest.is_empty());
    assert_eq!(stage.version(), 3 + u64::from(CONFLICTS_MAX), "the shell goes on with the log's state");
}

#[test]
fn a_no_on_an_old_state_is_decided_again_on_the_logs() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), None);
    // This shell has not heard of message 3.
    let outputs = stage.shell.handle(input(1, retract(3)));
    loads_after(&outputs, 2);
    assert_eq!(words(&stage.run(outputs)), [(1, "committed")]);
}

#[test]
fn what_is_so_already_on_an_old_state_is_decided_again_too() {
    let mut stage = Stage::awake();
    stage.elsewhere(retract(2), None);
    let append = the_append(stage.shell.handle(input(1, retract(2))));
    let answers = stage.log.append(&append, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    let answers = stage.run(outputs);
    assert!(matches!(answers[..], [(1, Answer::Unchanged { version: 3 })]), "{answers:?}");
}

#[test]
fn one_read_after_it_came_makes_a_no_honest() {
    let mut stage = Stage::empty();
    stage.elsewhere(open(), None);
    let outputs = stage.shell.handle(input(1, retract(9)));
    loads_after(&outputs, 0);
    // It came before that read: no second one is needed.
    assert_eq!(replies(&stage.shell.handle(stage.page(0))), [(1, "rejected")]);
}

#[test]
fn a_shell_that_hears_of_anothers_append_reads_on_before_a_command_comes() {
    let mut stage = Stage::awake();
    assert!(stage.shell.heard_of(2).is_empty(), "it knows that");
    stage.elsewhere(say(), None);
    let outputs = stage.shell.heard_of(3);
    loads_after(&outputs, 2);
    assert!(stage.run(outputs).is_empty());
    assert_eq!(the_append(stage.shell.handle(input(1, say()))).expected_version, 3);
    assert!(stage.shell.heard_of(9).is_empty(), "while an append is in flight the log will say");
}

#[test]
fn what_lost_leaves_no_trace_in_the_state() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(0, say())));
    (1..=3).for_each(|ticket| drop(stage.shell.handle(input(ticket, say()))));
    let answers = stage.log.append(&first, now());
    let round = the_append(stage.shell.handle(Input::Appended(Ok(answers))).split_off(2));
    assert_eq!(round.items.len(), 3);
    stage.elsewhere(retract(2), None);
    let answers = stage.log.append(&round, now());
    let outputs = stage.shell.handle(Input::Appended(Ok(answers)));
    stage.run(outputs);
    let (state, version) = stage.shell.settled().unwrap();
    let mut folded = Shell::<Conversation>::new(stream());
    drop(folded.look());
    drop(folded.handle(Input::Loaded(Some(stage.log.read(stream(), 0, 100)))));
    assert_eq!(folded.settled(), Some((state, version)));
    assert_eq!(version, 7);
}
