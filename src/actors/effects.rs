//! Runs what a committed fact causes: the node that committed it does so at once.
//!
//! Nothing is lost when this forgets, for want of room or because of a crash: a view keeps every effect that is still
//! missing, and the finisher runs it again. Every effect can be repeated safely.

use palabre_events::domain::Recorded;
use palabre_events::policy::{self, Effect, EffectCommand};
use palabre_events::shell::{Answer, Submission};
use palabre_events::{Actor, DomainEvent, Envelope, aggregate::Rejection};
use palabre_events::{conversation::Conversation, request::Request, ride::Ride};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::Directory;
use crate::clock;
use crate::feed::ViewsHandle;

/// The most causes that wait to be run; more are left to the finisher.
pub const CAUSES_MAX: usize = 8_192;
/// The most causes that are run at the same time.
pub const AT_ONCE_MAX: usize = 64;
/// How long the views may take to list a ride's conversations before it is left to the finisher.
const VIEWS_WITHIN: Duration = Duration::from_secs(5);

/// Takes causes; see [`Runner`]. Cheap to clone.
#[derive(Clone)]
pub struct Effects {
    causes: mpsc::Sender<Arc<Envelope>>,
}

impl Effects {
    /// The taking end, and the causes that it takes.
    pub fn new() -> (Self, mpsc::Receiver<Arc<Envelope>>) {
        let (causes, taken) = mpsc::channel(CAUSES_MAX);
        (Self { causes }, taken)
    }

    /// How many causes wait.
    pub fn waiting(&self) -> usize {
        self.causes.max_capacity() - self.causes.capacity()
    }

    /// Has run what `events` cause. Never waits.
    pub fn caused_by(&self, events: &[Arc<Envelope>]) {
        for event in events.iter().filter(|event| policy::may_cause(&event.event_type)) {
            if self.causes.try_send(event.clone()).is_err() {
                tracing::warn!(position = event.position, "too many effects wait; the finisher will run them");
            }
        }
    }
}

/// Runs effects.
#[derive(Clone)]
pub struct Runner {
    directory: Directory,
    views: ViewsHandle,
}

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It is done, or was done before. Up to this position, when something was appended.
    Done(Option<u64>),
    /// It could not be done at present; the finisher tries again.
    Later,
    /// The rules refuse it, which they should not.
    Refused,
}

impl Runner {
    /// A runner that speaks to the aggregates of `directory`.
    pub fn new(directory: Directory, views: ViewsHandle) -> Self {
        Self { directory, views }
    }

    /// Runs the effects of each cause, several causes at a time, until the taking end is gone.
    pub async fn run(self, mut causes: mpsc::Receiver<Arc<Envelope>>) {
        let room = Arc::new(Semaphore::new(AT_ONCE_MAX));
        while let Some(cause) = causes.recv().await {
            let permit = room.clone().acquire_owned().await.expect("this semaphore is never closed");
            let runner = self.clone();
            tokio::spawn(async move {
                runner.run_effects_of(&cause).await;
                drop(permit);
            });
        }
    }

    async fn run_effects_of(&self, cause: &Envelope) {
        let recorded = match Recorded::read(cause) {
            Ok(recorded) => recorded,
            Err(unreadable) => {
                tracing::error!(position = cause.position, %unreadable, "cannot read an event that was just written");
                return;
            }
        };
        for effect in policy::effects_of(&recorded) {
            self.run_effect(effect, cause).await;
        }
        let told_to_all = matches!(&recorded.event, DomainEvent::Ride(event) if policy::notice_of(event).is_some());
        if told_to_all && self.views.wait_for(cause.position, VIEWS_WITHIN).await {
            let position = cause.position;
            match self.views.query(move |views| views.pending_effects_of(position)).await {
                Ok(pending) => {
                    for pending in pending {
                        self.run_effect(pending.effect, cause).await;
                    }
                }
                Err(failure) => tracing::warn!(%failure, position, "cannot list whom a ride's change concerns"),
            }
        }
    }

    /// Runs one effect of `cause`.
    pub async fn run_effect(&self, effect: Effect, cause: &Envelope) -> Ran {
        let key = effect.key();
        match effect.into_command() {
            EffectCommand::Ride(ride, command) => {
                let answer = self.directory.submit::<Ride>(ride, submission(command, cause)).await;
                ran(&key, answer)
            }
            EffectCommand::Conversation(conversation, command) => {
                let answer = self.directory.submit::<Conversation>(conversation, submission(command, cause)).await;
                ran(&key, answer)
            }
            EffectCommand::Request(request, command) => {
                let answer = self.directory.submit::<Request>(request, submission(command, cause)).await;
                ran(&key, answer)
            }
        }
    }
}

fn ran<R: Rejection>(key: &policy::EffectKey, answer: Answer<R>) -> Ran {
    match answer {
        Answer::Committed(events) => Ran::Done(events.last().map(|event| event.position)),
        Answer::Unchanged { .. } | Answer::Duplicate(_) => Ran::Done(None),
        Answer::Busy | Answer::Unavailable => {
            tracing::debug!(effect = %key, "an effect must wait");
            Ran::Later
        }
        Answer::Rejected(rejection) => {
            tracing::error!(effect = %key, code = rejection.code(), "an effect was refused");
            Ran::Refused
        }
        Answer::KeyReused => unreachable!("effects have no key"),
    }
}

/// A command of the platform itself, caused by `cause`.
pub(super) fn submission<C>(command: C, cause: &Envelope) -> Submission<C> {
    Submission {
        causation_id: Some(cause.event_id),
        correlation_id: cause.correlation_id,
        traceparent: cause.traceparent.clone(),
        ..by_platform(command)
    }
}

/// A command that the platform itself begins.
pub(super) fn by_platform<C>(command: C) -> Submission<C> {
    let command_id = Uuid::now_v7();
    Submission {
        command,
        by: Actor::System,
        key: None,
        command_id,
        correlation_id: command_id,
        causation_id: None,
        traceparent: None,
        now: clock::now(),
    }
}
