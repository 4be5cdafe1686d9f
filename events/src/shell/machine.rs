//! The shell around any aggregate, as a state machine without I/O: load, decide, append, evolve, publish.
//!
//! The host (an actor, or a simulation) feeds it [`Input`]s and carries out its [`Output`]s. While an append is in
//! flight, further commands gather and then go together, so that one busy stream is not held to one command per disk
//! flush. What was decided is folded in at once; when the log then says anything but "committed", the state is thrown
//! away and rebuilt from the log. So state is only ever ahead of the log by the one append in flight, and nobody is
//! answered before the log has answered.

use std::collections::VecDeque;
use std::sync::Arc;
use uuid::Uuid;

use crate::aggregate::{EventData, UnreadableEvent};
use crate::log::{Append, AppendFailure, AppendItem, FirstAnswer, ItemAnswer, KeyedCommand};
use crate::{AccountId, Actor, Aggregate, Envelope, NewEvent, StreamId, Timestamp};

/// The most commands that wait in one aggregate; more are answered [`Answer::Busy`].
pub const WAITING_MAX: usize = 512;
/// How often a command is decided again after a conflict before it is answered [`Answer::Unavailable`].
pub const CONFLICTS_MAX: u8 = 8;

/// A command with everything that its events will need to say.
#[derive(Clone, Debug)]
pub struct Submission<C> {
    /// What is asked.
    pub command: C,
    /// Who asks.
    pub by: Actor,
    /// The client's key, where there is one.
    pub key: Option<KeyedCommand>,
    /// A fresh UUIDv7; the ids of the events count up from it.
    pub command_id: Uuid,
    /// Shared by everything that one first command leads to.
    pub correlation_id: Uuid,
    /// The event that causes the command, or none for a first command.
    pub causation_id: Option<Uuid>,
    /// W3C trace context, where the command is traced.
    pub traceparent: Option<String>,
    /// The clock of the node that decides.
    pub now: Timestamp,
}

/// What a command is answered.
#[derive(Clone, Debug)]
pub enum Answer<R> {
    /// Its events are on disk.
    Committed(Vec<Arc<Envelope>>),
    /// It was so already; nothing was appended.
    Unchanged {
        /// The stream's version.
        version: u64,
    },
    /// The same command was committed before.
    Duplicate(FirstAnswer),
    /// The key was used before for another command.
    KeyReused,
    /// The rules say no.
    Rejected(R),
    /// Too many commands wait here; try again soon.
    Busy,
    /// The log does not answer at present, or others kept winning; it may or may not have been committed. The same
    /// key finds out.
    Unavailable,
}

/// What the host tells the shell.
#[derive(Debug)]
pub enum Input<C> {
    /// A command, with the host's ticket for the answer.
    Command(u64, Box<Submission<C>>),
    /// The events asked for by [`Output::Load`], from the version after the one it named, in order; `more` when
    /// further events may follow. `None` when the log does not answer.
    Loaded(Option<Loaded>),
    /// The answer to [`Output::Append`].
    Appended(Result<Vec<ItemAnswer>, AppendFailure>),
    /// The answer to [`Output::LookUp`]; `Err` when the log does not answer.
    LookedUp(u64, Result<Option<FirstAnswer>, AppendFailure>),
}

/// A page of a stream.
#[derive(Debug)]
pub struct Loaded {
    /// In order of version.
    pub events: Vec<Arc<Envelope>>,
    /// Whether further events may follow.
    pub more: bool,
}

/// What the host does for the shell, in order.
#[derive(Debug)]
pub enum Output<R> {
    /// Read the stream after this version, and answer with [`Input::Loaded`].
    Load {
        /// The last version that is known.
        after_version: u64,
    },
    /// Append, and answer with [`Input::Appended`].
    Append(Append),
    /// Ask the log whether a rejected command's key was committed before; answer with [`Input::LookedUp`].
    LookUp(u64, KeyedCommand),
    /// Answer the command with this ticket.
    Reply(u64, Answer<R>),
    /// Tell these accounts of what was committed, before anybody is answered.
    Publish(Vec<Arc<Envelope>>, Vec<AccountId>),
    /// Stop: state can no longer be trusted. The next command starts a new shell from the log.
    Stop(StopReason),
}

/// Why a shell stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The outcome of an append is unknown.
    UnknownOutcome,
    /// The log does not answer.
    LogUnavailable,
    /// The stream holds an event that this program cannot read.
    Unreadable(UnreadableEvent),
    /// The stream has a hole.
    Gap {
        /// The version that should have come.
        expected: u64,
        /// The version that came.
        found: u64,
    },
}

#[derive(Debug)]
struct Waiting<C> {
    ticket: u64,
    submission: Box<Submission<C>>,
    conflicts: u8,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was read yet.
    Asleep,
    /// A load is in flight.
    Loading,
    /// State is that of the log; nothing is in flight.
    Ready,
    /// An append is in flight; state is ahead of the log by it.
    Appending,
    /// State cannot be trusted.
    Stopped,
}

/// The shell around one aggregate.
#[derive(Debug)]
pub struct Shell<A: Aggregate> {
    stream: StreamId,
    state: A,
    version: u64,
    phase: Phase,
    waiting: VecDeque<Waiting<A::Command>>,
    in_flight: Vec<Waiting<A::Command>>,
    /// Rejections that wait for a look at their key.
    looking_up: Vec<(u64, KeyedCommand, A::Rejection)>,
    audience_before: Vec<AccountId>,
}

type Outputs<A> = Vec<Output<<A as Aggregate>::Rejection>>;

impl<A: Aggregate> Shell<A> {
    /// A shell that knows nothing yet of `stream`.
    pub fn new(stream: StreamId) -> Self {
        Self {
            stream,
            state: A::default(),
            version: 0,
            phase: Phase::Asleep,
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            looking_up: Vec::new(),
            audience_before: Vec::new(),
        }
    }

    /// The state and its version, when they are those of the log.
    pub fn settled(&self) -> Option<(&A, u64)> {
        (self.phase == Phase::Ready).then_some((&self.state, self.version))
    }

    /// Whether nothing is in flight and nobody waits.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Asleep | Phase::Ready) && self.waiting.is_empty() && self.looking_up.is_empty()
    }

    /// Takes one input and says what to do.
    pub fn handle(&mut self, input: Input<A::Command>) -> Outputs<A> {
        let mut outputs = Vec::new();
        match input {
            Input::Command(ticket, submission) => self.take(ticket, submission, &mut outputs),
            Input::Loaded(loaded) => self.loaded(loaded, &mut outputs),
            Input::Appended(answer) => self.appended(answer, &mut outputs),
            Input::LookedUp(ticket, first) => self.looked_up(ticket, first, &mut outputs),
        }
        outputs
    }

    /// Reads the stream although no command waits, so that [`Shell::settled`] becomes known.
    pub fn wake(&mut self) -> Outputs<A> {
        let mut outputs = Vec::new();
        if self.phase == Phase::Asleep {
            self.load(&mut outputs);
        }
        outputs
    }

    fn take(&mut self, ticket: u64, submission: Box<Submission<A::Command>>, outputs: &mut Outputs<A>) {
        if self.phase == Phase::Stopped {
            return outputs.push(Output::Reply(ticket, Answer::Unavailable));
        }
        if self.waiting.len() >= WAITING_MAX {
            return outputs.push(Output::Reply(ticket, Answer::Busy));
        }
        self.waiting.push_back(Waiting { ticket, submission, conflicts: 0 });
        match self.phase {
            Phase::Asleep => self.load(outputs),
            Phase::Ready => self.decide_waiting(outputs),
            Phase::Loading | Phase::Appending | Phase::Stopped => {}
        }
    }

    fn load(&mut self, outputs: &mut Outputs<A>) {
        self.phase = Phase::Loading;
        outputs.push(Output::Load { after_version: self.version });
    }

    fn loaded(&mut self, loaded: Option<Loaded>, outputs: &mut Outputs<A>) {
        let Some(page) = loaded else {
            return self.stop(StopReason::LogUnavailable, outputs);
        };
        for envelope in &page.events {
            let expected = self.version + 1;
            if envelope.version != expected {
                return self.stop(StopReason::Gap { expected, found: envelope.version }, outputs);
            }
            match A::Event::from_json(&envelope.event_type, envelope.schema_version, &envelope.data) {
                Ok(event) => self.state.evolve(&event),
                Err(unreadable) => return self.stop(StopReason::Unreadable(unreadable), outputs),
            }
            self.version = expected;
        }
        if page.more {
            return self.load(outputs);
        }
        self.phase = Phase::Ready;
        self.decide_waiting(outputs);
    }

    /// Decides what waits, each on the state that the ones before it leave, and appends it together.
    fn decide_waiting(&mut self, outputs: &mut Outputs<A>) {
        let expected_version = self.version;
        let mut items = Vec::new();
        self.audience_before = self.state.audience();
        while items.len() < Append::ITEMS_MAX {
            let Some(waiting) = self.waiting.pop_front() else { break };
            let submission = &waiting.submission;
            let key_of = |submission: &Submission<_>| submission.key.map(|keyed| (keyed.account, keyed.key));
            let key = key_of(submission);
            if key.is_some() && self.in_flight.iter().any(|ahead| key_of(&ahead.submission) == key) {
                // A repeat: it is known as one as soon as the log has taken what it repeats.
                self.waiting.push_front(waiting);
                break;
            }
            match self.state.decide(submission.command.clone(), submission.by, submission.now) {
                Ok(events) if events.is_empty() => {
                    // Honest only once what it builds on is on disk: with an append ahead, decide it again after.
                    if !items.is_empty() {
                        self.waiting.push_front(waiting);
                        break;
                    }
                    self.reply(&waiting, Answer::Unchanged { version: self.version }, outputs);
                }
                Ok(events) => {
                    items.push(AppendItem { key: submission.key, events: new_events(submission, &events) });
                    self.version += events.len() as u64;
                    events.iter().for_each(|event| self.state.evolve(event));
                    self.in_flight.push(waiting);
                }
                Err(_) if !items.is_empty() => {
                    self.waiting.push_front(waiting);
                    break;
                }
                Err(rejection) => self.reject(&waiting, rejection, outputs),
            }
        }
        if !items.is_empty() {
            self.phase = Phase::Appending;
            outputs.push(Output::Append(Append { stream: self.stream, expected_version, items }));
        }
    }

    /// A command may be rejected because its own first coming changed the state: then its key is known to the log.
    fn reject(&mut self, waiting: &Waiting<A::Command>, rejection: A::Rejection, outputs: &mut Outputs<A>) {
        match waiting.submission.key {
            None => self.reply(waiting, Answer::Rejected(rejection), outputs),
            Some(key) => {
                self.looking_up.push((waiting.ticket, key, rejection));
                outputs.push(Output::LookUp(waiting.ticket, key));
            }
        }
    }

    fn looked_up(&mut self, ticket: u64, first: Result<Option<FirstAnswer>, AppendFailure>, outputs: &mut Outputs<A>) {
        let Some(place) = self.looking_up.iter().position(|(waiting, ..)| *waiting == ticket) else { return };
        let (_, key, rejection) = self.looking_up.swap_remove(place);
        let answer = match first {
            Ok(None) => Answer::Rejected(rejection),
            Ok(Some(first)) => again(first, &key),
            Err(_) => Answer::Unavailable,
        };
        outputs.push(Output::Reply(ticket, answer));
    }

    fn appended(&mut self, answer: Result<Vec<ItemAnswer>, AppendFailure>, outputs: &mut Outputs<A>) {
        let in_flight = std::mem::take(&mut self.in_flight);
        match answer {
            Ok(answers) if answers.iter().all(|answer| matches!(answer, ItemAnswer::Committed(_))) => {
                self.committed(&in_flight, answers, outputs);
            }
            Ok(answers) => self.not_appended(in_flight, answers, outputs),
            Err(AppendFailure::Unavailable | AppendFailure::Malformed) => {
                for waiting in &in_flight {
                    self.reply(waiting, Answer::Unavailable, outputs);
                }
                self.rebuild(outputs);
            }
            Err(AppendFailure::Unknown) => {
                for waiting in &in_flight {
                    self.reply(waiting, Answer::Unavailable, outputs);
                }
                self.stop(StopReason::UnknownOutcome, outputs);
            }
        }
    }

    fn committed(&mut self, in_flight: &[Waiting<A::Command>], answers: Vec<ItemAnswer>, outputs: &mut Outputs<A>) {
        let answers = answers.into_iter().map(|answer| match answer {
            ItemAnswer::Committed(envelopes) => envelopes,
            other => unreachable!("checked to be committed: {other:?}"),
        });
        let answers: Vec<_> = answers.collect();
        let mut audience = std::mem::take(&mut self.audience_before);
        audience.extend(self.state.audience());
        audience.sort_unstable();
        audience.dedup();
        outputs.push(Output::Publish(answers.iter().flatten().cloned().collect(), audience));
        for (waiting, envelopes) in in_flight.iter().zip(answers) {
            self.reply(waiting, Answer::Committed(envelopes), outputs);
        }
        self.phase = Phase::Ready;
        self.decide_waiting(outputs);
    }

    /// Nothing was appended. Duplicates have their answer; the others are decided again on the log's state.
    fn not_appended(
        &mut self,
        in_flight: Vec<Waiting<A::Command>>,
        answers: Vec<ItemAnswer>,
        outputs: &mut Outputs<A>,
    ) {
        let beside_duplicate = answers.iter().any(|answer| matches!(answer, ItemAnswer::Duplicate(_)));
        for (mut waiting, answer) in in_flight.into_iter().zip(answers).rev() {
            match (answer, waiting.submission.key) {
                (ItemAnswer::Duplicate(first), Some(key)) => self.reply(&waiting, again(first, &key), outputs),
                _ => {
                    waiting.conflicts += u8::from(!beside_duplicate);
                    if waiting.conflicts > CONFLICTS_MAX {
                        self.reply(&waiting, Answer::Unavailable, outputs);
                    } else {
                        self.waiting.push_front(waiting);
                    }
                }
            }
        }
        self.rebuild(outputs);
    }

    fn rebuild(&mut self, outputs: &mut Outputs<A>) {
        self.state = A::default();
        self.version = 0;
        self.load(outputs);
    }

    fn stop(&mut self, reason: StopReason, outputs: &mut Outputs<A>) {
        self.phase = Phase::Stopped;
        while let Some(waiting) = self.waiting.pop_front() {
            self.reply(&waiting, Answer::Unavailable, outputs);
        }
        for (ticket, ..) in self.looking_up.drain(..) {
            outputs.push(Output::Reply(ticket, Answer::Unavailable));
        }
        outputs.push(Output::Stop(reason));
    }

    fn reply(&self, waiting: &Waiting<A::Command>, answer: Answer<A::Rejection>, outputs: &mut Outputs<A>) {
        outputs.push(Output::Reply(waiting.ticket, answer));
    }
}

fn again<R>(first: FirstAnswer, key: &KeyedCommand) -> Answer<R> {
    if first.fingerprint == key.fingerprint { Answer::Duplicate(first) } else { Answer::KeyReused }
}

fn new_events<C, E: EventData>(submission: &Submission<C>, events: &[E]) -> Vec<NewEvent> {
    let id_of = |index: usize| Uuid::from_u128(submission.command_id.as_u128().wrapping_add(index as u128));
    let new = |(index, event): (usize, &E)| NewEvent {
        event_id: id_of(index),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        occurred_at: submission.now,
        actor: submission.by,
        key: submission.key.map(|keyed| keyed.key),
        correlation_id: submission.correlation_id,
        causation_id: submission.causation_id.unwrap_or(submission.command_id),
        traceparent: submission.traceparent.clone(),
        data: event.to_json(),
    };
    events.iter().enumerate().map(new).collect()
}
