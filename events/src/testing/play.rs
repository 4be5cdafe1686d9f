//! Whole stories: any commands in any order, and what must hold whatever they are.

use std::fmt::Debug;

use crate::log::AppendItem;
use crate::testing::given::survives_the_log;
use crate::{Actor, Aggregate, Timestamp};

/// One thing that somebody asks for at some time.
pub type Step<A> = (<A as Aggregate>::Command, Actor, Timestamp);

/// Asks for every step in turn, and returns what happened at each.
///
/// # Panics
/// Unless deciding twice decides the same, every event survives the log, no command makes more events than one
/// append may hold, and the state folded anew from the events equals the live one.
pub fn play<A>(steps: impl IntoIterator<Item = Step<A>>) -> (A, Vec<Vec<A::Event>>)
where
    A: Aggregate + PartialEq + Debug,
    A::Event: PartialEq,
    A::Rejection: PartialEq,
{
    let mut live = A::default();
    let mut story = Vec::new();
    for (command, by, now) in steps {
        let decided = live.decide(command.clone(), by, now);
        assert_eq!(decided, live.decide(command, by, now), "a decision depends on nothing but its arguments");
        let events = decided.unwrap_or_default();
        assert!(events.len() <= AppendItem::EVENTS_MAX, "one command made {} events", events.len());
        for event in &events {
            survives_the_log(event);
            live.evolve(event);
        }
        story.push(events);
    }
    let mut replayed = A::default();
    story.iter().flatten().for_each(|event| replayed.evolve(event));
    assert_eq!(replayed, live, "replay equals live");
    (live, story)
}
