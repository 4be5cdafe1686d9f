//! The actor of one aggregate: carries out what the shell says, and tells it what came of it.
//!
//! No rule lives here. The actor stops when the shell says so or when it is told to go to sleep; the next command
//! starts a new one, which rebuilds itself from the log. A panic kills this actor alone.

use actix::prelude::*;
use futures_util::FutureExt;
use palabre_events::log::{AppendFailure, ItemAnswer};
use palabre_events::shell::{Answer, Input, Loaded, Look, Output, Shell, StopReason, Submission};
use palabre_events::{Aggregate, StreamId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

use super::Publish;
use super::effects::Effects;
use crate::store::{EventStore, PAGE_MAX};
use crate::telemetry::metrics;

/// The most commands in one actor's mailbox; beyond it the answer is "busy".
pub const MAILBOX_MAX: usize = 256;
/// The most who wait for one actor's state; others are told that it is not known at present.
pub const INSPECTIONS_MAX: usize = 256;

/// What every actor works with.
#[derive(Clone)]
pub struct Surroundings {
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// Who tells the sessions.
    pub publish: Arc<dyn Publish>,
    /// Who runs what a fact causes.
    pub effects: Effects,
}

/// A command, and where its answer goes.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver<A: Aggregate> {
    /// What is asked.
    pub submission: Box<Submission<A::Command>>,
    /// Where the answer goes. Dropped unanswered only when the actor died.
    pub reply: oneshot::Sender<Answer<A::Rejection>>,
}

/// Where a state and its version go.
type Inspecting<A> = oneshot::Sender<Option<(A, u64)>>;

/// Asks for the state as the log has it, and its version; `None` when the log does not answer, or too many ask.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Inspect<A: Aggregate> {
    /// Where the state goes.
    pub reply: Inspecting<A>,
}

/// Says that somebody else has appended to the stream.
#[derive(Message)]
#[rtype(result = "()")]
pub struct HeardOf {
    /// Up to this version.
    pub version: u64,
}

/// Asks the actor to go to sleep as soon as nothing is in flight.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Passivate;

/// The actor of one aggregate.
pub struct AggregateActor<A: Aggregate> {
    stream: StreamId,
    shell: Shell<A>,
    surroundings: Surroundings,
    replies: HashMap<u64, oneshot::Sender<Answer<A::Rejection>>>,
    inspections: Vec<(Look, Inspecting<A>)>,
    last_ticket: u64,
    leaving: bool,
    /// The version that it knows, for whoever must not wait for it.
    known: Arc<AtomicU64>,
}

impl<A: Aggregate + Clone> AggregateActor<A> {
    /// An actor for `stream` that knows nothing yet, and keeps in `known` which version it knows.
    pub fn new(stream: StreamId, surroundings: Surroundings, known: Arc<AtomicU64>) -> Self {
        Self {
            known,
            stream,
            shell: Shell::new(stream),
            surroundings,
            replies: HashMap::new(),
            inspections: Vec::new(),
            last_ticket: 0,
            leaving: false,
        }
    }

    fn tell(&mut self, input: Input<A::Command>, ctx: &mut Context<Self>) {
        let outputs = self.shell.handle(input);
        self.carry_out(outputs, ctx);
    }

    fn carry_out(&mut self, outputs: Vec<Output<A::Rejection>>, ctx: &mut Context<Self>) {
        for output in outputs {
            match output {
                Output::Load { after_version } => self.load(after_version, ctx),
                Output::Append(append) => {
                    let kind = self.stream.kind;
                    let appended = self.surroundings.log.append(append).inspect(move |appended| {
                        let came_second = |answer: &ItemAnswer| matches!(answer, ItemAnswer::Conflict { .. });
                        if appended.as_ref().is_ok_and(|answers| answers.iter().any(came_second)) {
                            metrics::append_conflict(kind);
                        }
                    });
                    self.then(appended, Input::Appended, ctx);
                }
                Output::LookUp(ticket, command) => {
                    let first = self.surroundings.log.first_answer(self.stream, command);
                    let first = first.map(|answer| answer.map_err(|_| AppendFailure::Unavailable));
                    self.then(first, move |answer| Input::LookedUp(ticket, answer), ctx);
                }
                Output::Reply(ticket, answer) => {
                    if let Some(reply) = self.replies.remove(&ticket) {
                        // Whoever asked may have gone: the answer is then nobody's.
                        drop(reply.send(answer));
                    }
                }
                Output::Publish(events, audience) => {
                    self.surroundings.publish.publish(&events, &audience);
                    self.surroundings.effects.caused_by(&events);
                }
                Output::Stop(reason) => self.stopped(&reason, ctx),
            }
        }
        self.known.store(self.shell.version(), Ordering::Relaxed);
        self.answer_inspections(ctx);
        if self.leaving && self.shell.is_idle() && self.inspections.is_empty() {
            ctx.stop();
        }
    }

    fn load(&mut self, after_version: u64, ctx: &mut Context<Self>) {
        let page = self.surroundings.log.read(self.stream, after_version, PAGE_MAX);
        let stream = self.stream;
        let loaded = page.map(move |page| match page {
            Ok(events) => Some(Loaded { more: events.len() == PAGE_MAX, events }),
            Err(failure) => {
                tracing::error!(%stream, %failure, "cannot read a stream");
                None
            }
        });
        self.then(loaded, Input::Loaded, ctx);
    }

    fn then<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        input: impl FnOnce(T) -> Input<A::Command> + 'static,
        ctx: &mut Context<Self>,
    ) {
        ctx.spawn(future.into_actor(self).map(move |outcome, actor, ctx| actor.tell(input(outcome), ctx)));
    }

    fn stopped(&mut self, reason: &StopReason, ctx: &mut Context<Self>) {
        match reason {
            StopReason::Unreadable(_) | StopReason::Gap { .. } => {
                tracing::error!(stream = %self.stream, ?reason, "the stream cannot be folded; run `palabre verify`");
            }
            StopReason::UnknownOutcome | StopReason::LogUnavailable => {
                tracing::warn!(stream = %self.stream, ?reason, "stopping; the next command rebuilds from the log");
            }
        }
        for (_, inspection) in self.inspections.drain(..) {
            drop(inspection.send(None));
        }
        ctx.stop();
    }

    fn answer_inspections(&mut self, ctx: &mut Context<Self>) {
        let shell = &self.shell;
        for (look, inspection) in self.inspections.extract_if(.., |(look, _)| shell.state_at(*look).is_some()) {
            let (state, version) = shell.state_at(look).expect("it was known a line above");
            // Whoever asked may have gone.
            drop(inspection.send(Some((state.clone(), version))));
        }
        if let Some((look, _)) = self.inspections.last() {
            let outputs = self.shell.look_again(*look);
            if !outputs.is_empty() {
                self.carry_out(outputs, ctx);
            }
        }
    }
}

/// Nothing in an actor is pinned, whatever its aggregate's types are.
impl<A: Aggregate> Unpin for AggregateActor<A> {}

impl<A: Aggregate + Clone> Actor for AggregateActor<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX_MAX);
    }
}

impl<A: Aggregate + Clone> Handler<Deliver<A>> for AggregateActor<A> {
    type Result = ();

    fn handle(&mut self, deliver: Deliver<A>, ctx: &mut Context<Self>) {
        self.last_ticket += 1;
        self.replies.insert(self.last_ticket, deliver.reply);
        self.tell(Input::Command(self.last_ticket, deliver.submission), ctx);
    }
}

impl<A: Aggregate + Clone> Handler<Inspect<A>> for AggregateActor<A> {
    type Result = ();

    fn handle(&mut self, inspect: Inspect<A>, ctx: &mut Context<Self>) {
        if self.inspections.len() >= INSPECTIONS_MAX {
            // Whoever asked may have gone.
            return drop(inspect.reply.send(None));
        }
        let (look, outputs) = self.shell.look();
        self.inspections.push((look, inspect.reply));
        self.carry_out(outputs, ctx);
    }
}

impl<A: Aggregate + Clone> Handler<HeardOf> for AggregateActor<A> {
    type Result = ();

    fn handle(&mut self, heard_of: HeardOf, ctx: &mut Context<Self>) {
        let outputs = self.shell.heard_of(heard_of.version);
        self.carry_out(outputs, ctx);
    }
}

impl<A: Aggregate + Clone> Handler<Passivate> for AggregateActor<A> {
    type Result = ();

    fn handle(&mut self, _: Passivate, ctx: &mut Context<Self>) {
        self.leaving = true;
        self.carry_out(Vec::new(), ctx);
    }
}
