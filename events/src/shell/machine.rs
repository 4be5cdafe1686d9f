//! The machine itself: one aggregate, what waits for it, and the one append in flight.

use std::collections::VecDeque;
use uuid::Uuid;

use crate::aggregate::EventData;
use crate::log::{Append, AppendFailure, AppendItem, FirstAnswer, ItemAnswer, KeyedCommand};
use crate::shell::exchange::{Answer, Input, Loaded, Output, StopReason, Submission};
use crate::{Aggregate, NewEvent, StreamId};

/// The most commands that wait in one aggregate, those that wait for a look at their key included; more are answered [`Answer::Busy`].
pub const WAITING_MAX: usize = 512;
/// How often a command is decided again after a conflict before it is answered [`Answer::Unavailable`]. Where two nodes
/// append to one stream as fast as they can, the one that is behind loses four times out of five: 32 times in a row with
/// one command of some 2,000 (measured), 128 times with none in any life.
pub const CONFLICTS_MAX: u8 = 128;

#[derive(Debug)]
struct Waiting<C> {
    ticket: u64,
    submission: Box<Submission<C>>,
    conflicts: u8,
    /// Whether the log was asked since it came. Only then is a "no" honest: another node may have appended.
    log_asked: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was read yet.
    Asleep,
    /// A load is in flight.
    Loading,
    /// Nothing is in flight.
    Ready,
    /// An append is in flight.
    Appending,
    /// State cannot be trusted.
    Stopped,
}

/// That somebody wants to know the state, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look(u64);

/// The shell around one aggregate.
#[derive(Debug)]
pub struct Shell<A: Aggregate> {
    stream: StreamId,
    /// As the log was when it was read last or took an append: never ahead of it, so that a conflict costs no more than
    /// reading what came in between.
    state: A,
    version: u64,
    phase: Phase,
    waiting: VecDeque<Waiting<A::Command>>,
    in_flight: Vec<Waiting<A::Command>>,
    /// What the append in flight makes happen.
    pending: Vec<A::Event>,
    /// The state with what is pending, from the first time that a second command is decided on it. It is kept, because
    /// copying a long talk for each append would cost more the longer people talk; a refused append drops it.
    ahead: Option<A>,
    /// Loads and appends that were begun.
    begun: u64,
    /// The last of them after which state was the log's.
    confirmed: u64,
    /// Answers that wait for a look at their command's key.
    looking_up: Vec<(u64, KeyedCommand, Answer<A::Rejection>)>,
}

type Outputs<A> = Vec<Output<<A as Aggregate>::Rejection>>;

impl<A: Aggregate + Clone> Shell<A> {
    /// A shell that knows nothing yet of `stream`.
    pub fn new(stream: StreamId) -> Self {
        Self {
            stream,
            state: A::default(),
            version: 0,
            phase: Phase::Asleep,
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            pending: Vec::new(),
            ahead: None,
            begun: 0,
            confirmed: 0,
            looking_up: Vec::new(),
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

    /// Wants to know the state as the log has it from now on: answers a number for [`Shell::state_at`], and reads the
    /// log when nothing is in flight. Whatever is in flight now may have asked the log too early.
    pub fn look(&mut self) -> (Look, Outputs<A>) {
        let look = Look(self.begun + 1);
        (look, self.look_again(look))
    }

    /// Reads the log for `look`, when it is not answered and nothing else asks the log.
    pub fn look_again(&mut self, look: Look) -> Outputs<A> {
        let mut outputs = Vec::new();
        if self.confirmed < look.0 && matches!(self.phase, Phase::Asleep | Phase::Ready) {
            self.load(&mut outputs);
        }
        outputs
    }

    /// The state and its version as the log had them at some moment after `look`, once that is known.
    pub fn state_at(&self, look: Look) -> Option<(&A, u64)> {
        (self.confirmed >= look.0).then_some((&self.state, self.version))
    }

    /// The version that is known.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Somebody else has appended up to `version`: reads on, so that the next command need not find out by a conflict.
    /// Only a hint; what is read is what counts.
    pub fn heard_of(&mut self, version: u64) -> Outputs<A> {
        let mut outputs = Vec::new();
        if self.phase == Phase::Ready && self.version < version {
            self.load(&mut outputs);
        }
        outputs
    }

    fn take(&mut self, ticket: u64, submission: Box<Submission<A::Command>>, outputs: &mut Outputs<A>) {
        if self.phase == Phase::Stopped {
            return outputs.push(Output::Reply(ticket, Answer::Unavailable));
        }
        if self.waiting.len() + self.looking_up.len() >= WAITING_MAX {
            return outputs.push(Output::Reply(ticket, Answer::Busy));
        }
        self.waiting.push_back(Waiting { ticket, submission, conflicts: 0, log_asked: false });
        match self.phase {
            Phase::Asleep => self.load(outputs),
            Phase::Ready => self.decide_waiting(outputs),
            Phase::Loading | Phase::Appending | Phase::Stopped => {}
        }
    }

    fn load(&mut self, outputs: &mut Outputs<A>) {
        self.phase = Phase::Loading;
        self.begun += 1;
        self.waiting.iter_mut().for_each(|waiting| waiting.log_asked = true);
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
                Ok(event) => {
                    self.state.evolve(&event);
                    // Nothing is pending while the log is read.
                    self.ahead.iter_mut().for_each(|ahead| ahead.evolve(&event));
                }
                Err(unreadable) => return self.stop(StopReason::Unreadable(unreadable), outputs),
            }
            self.version = expected;
        }
        if page.more {
            return self.load(outputs);
        }
        self.phase = Phase::Ready;
        self.confirmed = self.begun;
        self.decide_waiting(outputs);
    }

    /// Decides what waits, each on the state that the ones before it leave, and appends it together.
    fn decide_waiting(&mut self, outputs: &mut Outputs<A>) {
        let expected_version = self.version;
        let mut items = Vec::new();
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
            let state = if items.is_empty() { &self.state } else { self.state_ahead() };
            match state.decide(submission.command.clone(), submission.by, submission.now) {
                Ok(events) if !events.is_empty() => {
                    items.push(AppendItem { key: submission.key, events: new_events(submission, &events) });
                    self.ahead.iter_mut().for_each(|ahead| events.iter().for_each(|event| ahead.evolve(event)));
                    self.pending.extend(events);
                    self.in_flight.push(waiting);
                }
                // Honest only once what it builds on is on disk: with an append ahead, decide it again after.
                _ if !items.is_empty() => {
                    self.waiting.push_front(waiting);
                    break;
                }
                _ if !waiting.log_asked => {
                    self.waiting.push_front(waiting);
                    return self.load(outputs);
                }
                Ok(_) => self.answer_unless_known(&waiting, Answer::Unchanged { version: self.version }, outputs),
                Err(rejection) => self.answer_unless_known(&waiting, Answer::Rejected(rejection), outputs),
            }
        }
        if !items.is_empty() {
            self.phase = Phase::Appending;
            self.begun += 1;
            self.waiting.iter_mut().for_each(|waiting| waiting.log_asked = true);
            outputs.push(Output::Append(Append { stream: self.stream, expected_version, items }));
        }
    }

    /// The state with what is pending.
    fn state_ahead(&mut self) -> &A {
        self.ahead.get_or_insert_with(|| {
            let mut ahead = self.state.clone();
            self.pending.iter().for_each(|event| ahead.evolve(event));
            ahead
        })
    }

    /// A command may be rejected, or change nothing, because its own first coming changed the state: then its key is
    /// known to the log, and what it committed first is its answer.
    fn answer_unless_known(
        &mut self,
        waiting: &Waiting<A::Command>,
        answer: Answer<A::Rejection>,
        outputs: &mut Outputs<A>,
    ) {
        match waiting.submission.key {
            None => self.reply(waiting, answer, outputs),
            Some(key) => {
                self.looking_up.push((waiting.ticket, key, answer));
                outputs.push(Output::LookUp(waiting.ticket, key));
            }
        }
    }

    fn looked_up(&mut self, ticket: u64, first: Result<Option<FirstAnswer>, AppendFailure>, outputs: &mut Outputs<A>) {
        let Some(place) = self.looking_up.iter().position(|(waiting, ..)| *waiting == ticket) else { return };
        let (_, key, answer) = self.looking_up.swap_remove(place);
        let answer = match first {
            Ok(None) => answer,
            Ok(Some(first)) => again(first, &key),
            Err(_) => Answer::Unavailable,
        };
        outputs.push(Output::Reply(ticket, answer));
    }

    fn appended(&mut self, answer: Result<Vec<ItemAnswer>, AppendFailure>, outputs: &mut Outputs<A>) {
        let (in_flight, pending) = (std::mem::take(&mut self.in_flight), std::mem::take(&mut self.pending));
        if let Ok(answers) = &answer {
            assert_eq!(answers.len(), in_flight.len(), "a log answers every item of an append");
        }
        let is_committed = |answer: &ItemAnswer| matches!(answer, ItemAnswer::Committed(_));
        let committed = answer.as_ref().is_ok_and(|answers| answers.iter().all(is_committed));
        if !committed {
            // It is ahead by what will not be, or not now.
            self.ahead = None;
        }
        match answer {
            Ok(answers) if committed => self.committed(&in_flight, &pending, answers, outputs),
            Ok(answers) => self.not_appended(in_flight, answers, outputs),
            Err(AppendFailure::Unavailable | AppendFailure::Malformed) => {
                for waiting in &in_flight {
                    self.reply(waiting, Answer::Unavailable, outputs);
                }
                self.load(outputs);
            }
            Err(AppendFailure::Unknown) => {
                for waiting in &in_flight {
                    self.reply(waiting, Answer::Unavailable, outputs);
                }
                self.stop(StopReason::UnknownOutcome, outputs);
            }
        }
    }

    fn committed(
        &mut self,
        in_flight: &[Waiting<A::Command>],
        pending: &[A::Event],
        answers: Vec<ItemAnswer>,
        outputs: &mut Outputs<A>,
    ) {
        let answers = answers.into_iter().map(|answer| match answer {
            ItemAnswer::Committed(envelopes) => envelopes,
            other => unreachable!("checked to be committed: {other:?}"),
        });
        let answers: Vec<_> = answers.collect();
        let mut present = self.state.audience();
        let mut audience = present.clone();
        // Whoever comes and goes within one append is of the audience too.
        for event in pending {
            self.state.evolve(event);
            let now = self.state.audience();
            if now != present {
                audience.extend(&now);
                present = now;
            }
        }
        self.version += pending.len() as u64;
        self.confirmed = self.begun;
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
