//! Waking up: reading the stream, page by page, before anything is decided.

use super::*;

#[test]
fn the_first_command_waits_for_the_log() {
    let mut stage = Stage::empty();
    let outputs = stage.shell.handle(input(1, open()));
    loads_after(&outputs, 0);
    assert!(stage.shell.handle(input(2, say())).is_empty(), "one load is enough");
    let page = stage.page(0);
    let append = the_append(stage.shell.handle(page));
    assert_eq!((append.expected_version, append.items.len()), (0, 2));
}

#[test]
fn long_streams_come_page_by_page() {
    let mut stage = Stage::awake();
    let mut shell = Shell::<Conversation>::new(stream());
    let outputs = shell.handle(input(1, say()));
    loads_after(&outputs, 0);
    let outputs = shell.handle(Input::Loaded(Some(stage.log.read(stream(), 0, 1))));
    loads_after(&outputs, 1);
    let append = the_append(shell.handle(Input::Loaded(Some(stage.log.read(stream(), 1, 1)))));
    assert_eq!(append.expected_version, 2);
    assert!(matches!(stage.log.append(&append, now())[..], [ItemAnswer::Committed(_)]));
}

#[test]
fn a_look_reads_the_log_and_then_the_state_is_known() {
    let mut stage = Stage::empty();
    stage.elsewhere(open(), None);
    assert!(stage.shell.settled().is_none());
    let (look, outputs) = stage.shell.look();
    loads_after(&outputs, 0);
    assert!(stage.shell.state_at(look).is_none() && !stage.shell.is_idle());
    assert!(stage.shell.handle(stage.page(0)).is_empty());
    let (state, version) = stage.shell.state_at(look).expect("it was read");
    assert_eq!((state.seq(), version), (1, 1));
    assert!(stage.shell.is_idle() && stage.shell.look_again(look).is_empty());
}

#[test]
fn a_look_at_one_that_is_awake_sees_what_others_appended() {
    let mut stage = Stage::awake();
    stage.elsewhere(say(), None);
    let (look, outputs) = stage.shell.look();
    loads_after(&outputs, 2);
    stage.run(outputs);
    assert_eq!(stage.shell.state_at(look).unwrap().1, 3);
}

#[test]
fn a_look_while_the_log_is_asked_waits_for_the_next_time_it_is_asked() {
    let mut stage = Stage::empty();
    stage.elsewhere(open(), None);
    let (first, outputs) = stage.shell.look();
    loads_after(&outputs, 0);
    let read_before = stage.page(0);
    stage.elsewhere(say(), None);
    let (second, outputs) = stage.shell.look();
    assert!(outputs.is_empty(), "one load at a time");
    stage.shell.handle(read_before);
    assert_eq!(stage.shell.state_at(first).unwrap().1, 1);
    assert!(stage.shell.state_at(second).is_none(), "that read came too early");
    let outputs = stage.shell.look_again(second);
    stage.run(outputs);
    assert_eq!(stage.shell.state_at(second).unwrap().1, 2);
}

#[test]
fn an_append_that_was_taken_answers_a_look_from_before_it() {
    let mut stage = Stage::awake();
    let first = the_append(stage.shell.handle(input(1, say())));
    let (look, outputs) = stage.shell.look();
    assert!(outputs.is_empty());
    stage.shell.handle(input(2, say()));
    let answers = stage.log.append(&first, now());
    let second = the_append(stage.shell.handle(Input::Appended(Ok(answers))).split_off(2));
    assert!(stage.shell.state_at(look).is_none());
    let answers = stage.log.append(&second, now());
    stage.shell.handle(Input::Appended(Ok(answers)));
    assert_eq!(stage.shell.state_at(look).unwrap().1, 4, "however many commands come");
}

#[test]
fn a_hole_in_the_stream_stops_it() {
    let stage = Stage::awake();
    let mut shell = Shell::<Conversation>::new(stream());
    shell.handle(input(1, say()));
    let mut page = stage.log.read(stream(), 0, 100);
    page.events.remove(0);
    let outputs = shell.handle(Input::Loaded(Some(page)));
    assert_eq!(replies(&outputs), [(1, "unavailable")]);
    assert!(matches!(outputs.last(), Some(Output::Stop(StopReason::Gap { expected: 1, found: 2 }))));
}

#[test]
fn an_event_that_cannot_be_read_stops_it_and_is_never_skipped() {
    let stage = Stage::awake();
    for spoil in [
        (|event: &mut crate::Envelope| event.event_type = "Unheard".to_owned()) as fn(&mut crate::Envelope),
        |event| event.schema_version = 99,
        |event| event.data = b"{".to_vec(),
        |event| event.data = b"{}".to_vec(),
    ] {
        let mut shell = Shell::<Conversation>::new(stream());
        shell.handle(input(1, say()));
        let mut page = stage.log.read(stream(), 0, 100);
        spoil(std::sync::Arc::make_mut(&mut page.events[1]));
        let outputs = shell.handle(Input::Loaded(Some(page)));
        assert_eq!(replies(&outputs), [(1, "unavailable")]);
        assert!(matches!(outputs.last(), Some(Output::Stop(StopReason::Unreadable(_)))), "{outputs:?}");
    }
}

#[test]
fn a_log_that_does_not_answer_stops_it() {
    let mut stage = Stage::empty();
    stage.shell.handle(input(1, open()));
    stage.shell.handle(input(2, say()));
    let outputs = stage.shell.handle(Input::Loaded(None));
    assert_eq!(replies(&outputs), [(1, "unavailable"), (2, "unavailable")]);
    assert!(matches!(outputs.last(), Some(Output::Stop(StopReason::LogUnavailable))));
}
