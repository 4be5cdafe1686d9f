//! One shell of any kind, so that a node can hold them all in one map.

use palabre_events::conversation::{Conversation, ConversationCommand};
use palabre_events::domain::Recorded;
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::policy::EffectCommand;
use palabre_events::request::{Request, RequestCommand};
use palabre_events::ride::{Ride, RideCommand};
use palabre_events::shell::{Answer, Input, Loaded, Output, Shell, Submission};
use palabre_events::{
    AccountId, Actor, Aggregate, DomainEvent, Envelope, StreamId, StreamKind, Timestamp, aggregate::Rejection,
};
use std::fmt::Debug;
use std::sync::Arc;
use uuid::Uuid;

/// A command on its way to an aggregate.
#[derive(Clone, Debug)]
pub struct Ask {
    pub command: EffectCommand,
    pub by: Actor,
    pub key: Option<KeyedCommand>,
    pub command_id: Uuid,
    pub now: Timestamp,
}

impl Ask {
    pub fn stream(&self) -> StreamId {
        match &self.command {
            EffectCommand::Ride(id, _) => (*id).into(),
            EffectCommand::Conversation(id, _) => (*id).into(),
            EffectCommand::Request(id, _) => (*id).into(),
        }
    }
}

/// What comes back from the log.
#[derive(Clone, Debug)]
pub enum News {
    Loaded(Option<(Vec<Arc<Envelope>>, bool)>),
    Appended(Result<Vec<ItemAnswer>, AppendFailure>),
    LookedUp(u64, Result<Option<FirstAnswer>, AppendFailure>),
}

/// What a shell wants done.
#[derive(Debug)]
pub enum Wish {
    Load { after_version: u64 },
    Append(Append),
    LookUp(u64, KeyedCommand),
    Reply(u64, Said),
    Publish(Vec<Arc<Envelope>>, Vec<AccountId>),
    Stop,
}

/// What a command was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Committed(Vec<Arc<Envelope>>),
    Unchanged,
    Duplicate(FirstAnswer),
    KeyReused,
    Rejected(&'static str),
    Busy,
    Unavailable,
}

/// An aggregate that takes part in the simulation.
pub trait Simulated: Aggregate + Clone + PartialEq + Debug {
    fn command(command: EffectCommand) -> Self::Command;
    fn event(event: &DomainEvent) -> Option<&Self::Event>;
}

macro_rules! simulated {
    ($($aggregate:ident: $command:ident),+) => {$(
        impl Simulated for $aggregate {
            fn command(command: EffectCommand) -> $command {
                match command {
                    EffectCommand::$aggregate(_, command) => command,
                    other => panic!("not for this aggregate: {other:?}"),
                }
            }

            fn event(event: &DomainEvent) -> Option<&Self::Event> {
                match event {
                    DomainEvent::$aggregate(event) => Some(event),
                    _ => None,
                }
            }
        }
    )+};
}

simulated!(Ride: RideCommand, Conversation: ConversationCommand, Request: RequestCommand);

pub trait Host {
    fn ask(&mut self, ticket: u64, ask: Ask) -> Vec<Wish>;
    fn hear(&mut self, news: News) -> Vec<Wish>;
    /// Somebody else appended up to this version.
    fn heard_of(&mut self, version: u64) -> Vec<Wish>;
    /// Panics unless the settled state is what its part of `history` folds to.
    fn check(&self, history: &[Recorded]);
}

struct Hosted<A: Aggregate> {
    stream: StreamId,
    shell: Shell<A>,
}

/// A new shell, which knows nothing yet.
pub fn host(stream: StreamId) -> Box<dyn Host> {
    match stream.kind {
        StreamKind::Ride => Box::new(Hosted::<Ride> { stream, shell: Shell::new(stream) }),
        StreamKind::Conversation => Box::new(Hosted::<Conversation> { stream, shell: Shell::new(stream) }),
        StreamKind::Request => Box::new(Hosted::<Request> { stream, shell: Shell::new(stream) }),
        StreamKind::Account | StreamKind::Marks => panic!("takes no part in the simulation"),
    }
}

/// The state after so many events of a stream.
pub fn fold<'a, A: Simulated>(history: impl Iterator<Item = &'a Recorded>) -> A {
    let mut state = A::default();
    history.filter_map(|recorded| A::event(&recorded.event)).for_each(|event| state.evolve(event));
    state
}

/// Whether a "no", or "it is so already", was true at some moment after the command came: then it was honest.
pub fn was_true(history: &[Recorded], ask: &Ask, came_at: usize, said: &Said) -> bool {
    match ask.stream().kind {
        StreamKind::Ride => was_true_of::<Ride>(history, ask, came_at, said),
        StreamKind::Conversation => was_true_of::<Conversation>(history, ask, came_at, said),
        _ => was_true_of::<Request>(history, ask, came_at, said),
    }
}

fn was_true_of<A: Simulated>(history: &[Recorded], ask: &Ask, came_at: usize, said: &Said) -> bool {
    let stream = ask.stream();
    let mut state = fold::<A>(history[..came_at].iter().filter(|recorded| recorded.stream == stream));
    let true_of = |state: &A| match state.decide(A::command(ask.command.clone()), ask.by, ask.now) {
        Ok(events) => events.is_empty() && *said == Said::Unchanged,
        Err(rejection) => *said == Said::Rejected(rejection.code()),
    };
    let mut ever = true_of(&state);
    for recorded in history[came_at..].iter().filter(|recorded| recorded.stream == stream) {
        state.evolve(A::event(&recorded.event).expect("the stream is of this kind"));
        ever |= true_of(&state);
    }
    ever
}

impl<A: Simulated> Host for Hosted<A> {
    fn ask(&mut self, ticket: u64, ask: Ask) -> Vec<Wish> {
        let submission = Submission {
            command: A::command(ask.command),
            by: ask.by,
            key: ask.key,
            command_id: ask.command_id,
            correlation_id: ask.command_id,
            causation_id: None,
            traceparent: None,
            now: ask.now,
        };
        self.feed(Input::Command(ticket, Box::new(submission)))
    }

    fn hear(&mut self, news: News) -> Vec<Wish> {
        self.feed(match news {
            News::Loaded(page) => Input::Loaded(page.map(|(events, more)| Loaded { events, more })),
            News::Appended(answer) => Input::Appended(answer),
            News::LookedUp(ticket, first) => Input::LookedUp(ticket, first),
        })
    }

    fn heard_of(&mut self, version: u64) -> Vec<Wish> {
        self.shell.heard_of(version).into_iter().map(wish::<A>).collect()
    }

    fn check(&self, history: &[Recorded]) {
        if let Some((state, version)) = self.shell.settled() {
            let part = history.iter().filter(|recorded| recorded.stream == self.stream).take(version as usize);
            assert_eq!(state, &fold::<A>(part), "replay equals live in {}", self.stream);
        }
    }
}

impl<A: Simulated> Hosted<A> {
    fn feed(&mut self, input: Input<A::Command>) -> Vec<Wish> {
        self.shell.handle(input).into_iter().map(wish::<A>).collect()
    }
}

fn wish<A: Aggregate>(output: Output<A::Rejection>) -> Wish {
    match output {
        Output::Load { after_version } => Wish::Load { after_version },
        Output::Append(append) => Wish::Append(append),
        Output::LookUp(ticket, key) => Wish::LookUp(ticket, key),
        Output::Publish(events, audience) => Wish::Publish(events, audience),
        Output::Stop(_) => Wish::Stop,
        Output::Reply(ticket, answer) => Wish::Reply(
            ticket,
            match answer {
                Answer::Committed(events) => Said::Committed(events),
                Answer::Unchanged { .. } => Said::Unchanged,
                Answer::Duplicate(first) => Said::Duplicate(first),
                Answer::KeyReused => Said::KeyReused,
                Answer::Rejected(rejection) => Said::Rejected(rejection.code()),
                Answer::Busy => Said::Busy,
                Answer::Unavailable => Said::Unavailable,
            },
        ),
    }
}
