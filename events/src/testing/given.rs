//! Given-when-then: what happened before, what is asked, what must come of it.
//!
//! Every event that passes through is also written and read back, so that no rule makes an event that does not
//! survive the log byte for byte.

use std::fmt::Debug;

use crate::aggregate::EventData;
use crate::{Actor, Aggregate, Timestamp};

/// An aggregate to which some things have happened.
#[derive(Clone, Debug)]
pub struct Given<A> {
    state: A,
}

/// An aggregate that was asked something.
#[derive(Clone, Debug)]
pub struct When<A: Aggregate> {
    state: A,
    decision: Result<Vec<A::Event>, A::Rejection>,
}

impl<A: Aggregate> Given<A>
where
    A::Event: PartialEq,
{
    /// An aggregate to which `events` happened, in order.
    pub fn new(events: impl IntoIterator<Item = A::Event>) -> Self {
        let mut state = A::default();
        for event in events {
            survives_the_log(&event);
            state.evolve(&event);
        }
        Self { state }
    }

    /// `by` asks for `command` at the time `now`.
    pub fn when(self, command: A::Command, by: Actor, now: Timestamp) -> When<A> {
        let decision = self.state.decide(command, by, now);
        When { state: self.state, decision }
    }

    /// The state that the events lead to.
    pub fn state(&self) -> &A {
        &self.state
    }
}

impl<A: Aggregate> When<A>
where
    A::Event: PartialEq,
    A::Rejection: PartialEq,
{
    /// Exactly `expected` happens; the story may go on from there.
    #[track_caller]
    pub fn then<E: Into<A::Event>>(self, expected: impl IntoIterator<Item = E>) -> Given<A> {
        let expected: Vec<A::Event> = expected.into_iter().map(Into::into).collect();
        match &self.decision {
            Ok(events) => assert_eq!(events, &expected, "other events than expected"),
            Err(rejection) => panic!("rejected as {rejection:?} instead of {expected:?}"),
        }
        self.go_on()
    }

    /// Nothing happens, since it is so already.
    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        self.then(Vec::<A::Event>::new())
    }

    /// The rules say no.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a test reads best without borrows")]
    pub fn then_rejected(self, expected: A::Rejection) -> Given<A> {
        match &self.decision {
            Ok(events) => panic!("made {events:?} instead of being rejected as {expected:?}"),
            Err(rejection) => assert_eq!(rejection, &expected, "rejected for another reason"),
        }
        self.go_on()
    }

    /// Whatever it was, the story goes on from there. For what a test does not look at.
    pub fn go_on(mut self) -> Given<A> {
        for event in self.decision.into_iter().flatten() {
            survives_the_log(&event);
            self.state.evolve(&event);
        }
        Given { state: self.state }
    }

    /// What was decided, for a closer look.
    pub fn decision(&self) -> &Result<Vec<A::Event>, A::Rejection> {
        &self.decision
    }
}

/// Panics unless `event` reads back as it was written, and then writes the same bytes again.
#[track_caller]
pub fn survives_the_log<E: EventData + PartialEq + Debug>(event: &E) {
    let written = event.to_json();
    let read = E::from_json(event.event_type(), event.schema_version(), &written)
        .unwrap_or_else(|error| panic!("{event:?} was written but cannot be read: {error}"));
    assert_eq!(&read, event, "reads back as something else");
    assert_eq!(read.to_json(), written, "{event:?} is written differently after reading");
}
