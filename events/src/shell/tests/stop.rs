//! A log that fails: what is told to those who wait, and when the state is given up.

use super::*;

#[test]
fn an_unknown_outcome_stops_it() {
    let mut stage = Stage::awake();
    the_append(stage.shell.handle(input(1, say())));
    stage.shell.handle(input(2, say()));
    let outputs = stage.shell.handle(Input::Appended(Err(AppendFailure::Unknown)));
    assert_eq!(replies(&outputs), [(1, "unavailable"), (2, "unavailable")]);
    assert!(matches!(outputs.last(), Some(Output::Stop(StopReason::UnknownOutcome))));
    assert!(stage.shell.settled().is_none());
    let outputs = stage.shell.handle(input(3, say()));
    assert_eq!(replies(&outputs), [(3, "unavailable")], "a stopped shell does nothing any more");
}

#[test]
fn the_same_key_finds_out_what_became_of_an_unknown_outcome() {
    let mut stage = Stage::awake();
    let append = the_append(stage.shell.handle(input_keyed(1, say(), keyed(key(1), 1))));
    // It was appended after all; only the answer was lost.
    stage.log.append(&append, now());
    stage.shell.handle(Input::Appended(Err(AppendFailure::Unknown)));
    stage.shell = Shell::new(stream());
    let outputs = stage.shell.handle(input_keyed(2, say(), keyed(key(1), 1)));
    assert_eq!(words(&stage.run(outputs)), [(2, "duplicate")]);
    assert_eq!(stage.log.events().len(), 3);
}

#[test]
fn an_append_that_was_not_taken_gives_its_commands_up_and_goes_on_with_the_rest() {
    for failure in [AppendFailure::Unavailable, AppendFailure::Malformed] {
        let mut stage = Stage::awake();
        the_append(stage.shell.handle(input(1, say())));
        stage.shell.handle(input(2, say()));
        let outputs = stage.shell.handle(Input::Appended(Err(failure)));
        assert_eq!(replies(&outputs), [(1, "unavailable")]);
        let rest = stage.run(outputs.into_iter().skip(1).collect());
        assert_eq!(words(&rest), [(2, "committed")]);
        assert_eq!(stage.version(), 3, "the state is that of the log again");
    }
}

#[test]
fn a_stop_answers_those_who_wait_for_a_look_at_their_key() {
    let mut stage = Stage::awake();
    let outputs = stage.shell.handle(input_keyed(1, retract(9), keyed(key(1), 1)));
    loads_after(&outputs, 2);
    stage.shell.handle(stage.page(2));
    the_append(stage.shell.handle(input(2, say())));
    let outputs = stage.shell.handle(Input::Appended(Err(AppendFailure::Unknown)));
    assert_eq!(replies(&outputs), [(2, "unavailable"), (1, "unavailable")]);
    let late = stage.shell.handle(Input::LookedUp(1, Ok(None)));
    assert!(late.is_empty(), "it was answered already");
}

#[test]
fn every_command_is_answered_exactly_once_when_the_log_comes_and_goes() {
    let mut stage = Stage::awake();
    the_append(stage.shell.handle(input(1, say())));
    stage.shell.handle(input(2, say()));
    let outputs = stage.shell.handle(Input::Appended(Err(AppendFailure::Unavailable)));
    let mut answered = replies(&outputs);
    stage.shell.handle(input(3, say()));
    answered.extend(replies(&stage.shell.handle(Input::Loaded(None))));
    assert_eq!(answered, [(1, "unavailable"), (2, "unavailable"), (3, "unavailable")]);
}
