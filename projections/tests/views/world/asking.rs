//! Asking the aggregates, writing down what they decide, and running the effects that come of it.

use palabre_events::account::AccountCommand;
use palabre_events::conversation::{ConversationCommand, ConversationEvent};
use palabre_events::policy::{Effect, EffectCommand, effects_of, fulfils, notice_of};
use palabre_events::request::RequestCommand;
use palabre_events::ride::RideCommand;
use palabre_events::testing::by;
use palabre_events::{
    AccountId, Actor, Aggregate, ConversationId, DomainEvent, RequestId, RideId, StreamId, Timestamp,
};

use super::World;
use crate::log::Log;

impl World {
    /// Runs effects until none is left, or nothing comes of them any more.
    pub fn drain(&mut self) {
        let mut idle = 0;
        while !self.effects.is_empty() && idle <= self.effects.len() {
            let effect = self.effects.remove(0);
            self.effects.push(effect.clone());
            let before = self.log.events.len();
            self.run(effect);
            idle = if self.log.events.len() > before { 0 } else { idle + 1 };
        }
    }

    pub(super) fn run_effect(&mut self, which: u8) {
        if let Some(effect) = self.effects.get(usize::from(which) % self.effects.len().max(1)).cloned() {
            self.run(effect);
        }
    }

    pub(super) fn run(&mut self, effect: Effect) {
        match effect.into_command() {
            EffectCommand::Ride(ride, command) => self.ask_ride(ride, command, Actor::System),
            EffectCommand::Conversation(id, command) => self.ask_talk(id, command, Actor::System),
            EffectCommand::Request(request, command) => self.ask_request(request, command, Actor::System),
        }
    }

    pub(super) fn ask_ride(&mut self, ride: RideId, command: RideCommand, by: Actor) {
        let events = decided(self.rides.entry(ride).or_default(), command, by, self.now);
        self.record(ride, events.into_iter().map(DomainEvent::Ride), by);
    }

    pub(super) fn ask_talk(&mut self, conversation: ConversationId, command: ConversationCommand, by: Actor) {
        let known = self.conversations.get(&conversation).cloned();
        let mut state = known.unwrap_or_default();
        let events = decided(&mut state, command, by, self.now);
        if state.opened().is_some() {
            self.conversations.insert(conversation, state);
        }
        self.record(conversation, events.into_iter().map(DomainEvent::Conversation), by);
    }

    pub(super) fn ask_request(&mut self, request: RequestId, command: RequestCommand, by: Actor) {
        let events = decided(self.requests.entry(request).or_default(), command, by, self.now);
        self.record(request, events.into_iter().map(DomainEvent::Request), by);
    }

    pub(super) fn ask_account(&mut self, account: AccountId, command: AccountCommand) {
        let events = decided(self.accounts.entry(account).or_default(), command, by(account), self.now);
        self.record(StreamId::account(account), events.into_iter().map(DomainEvent::Account), by(account));
    }

    /// Appends, and keeps the list of what is to be done as the policy says it.
    pub(super) fn record(&mut self, stream: impl Into<StreamId>, events: impl Iterator<Item = DomainEvent>, by: Actor) {
        let stream = stream.into();
        for event in events {
            self.log.append(stream, event, by, self.now);
            let recorded = self.log.events.last().unwrap();
            let fulfilled = fulfils(recorded);
            self.effects.retain(|effect| !fulfilled.contains(&effect.key()));
            self.effects.extend(effects_of(recorded));
            self.effects.extend(notices(&self.log, recorded.position));
        }
    }
}

/// Notices that the event at `position` causes: of a ride's event to its conversations, or of earlier events of the
/// ride to a conversation that is opened late. Found by looking through the whole log.
fn notices(log: &Log, position: u64) -> Vec<Effect> {
    let newest = &log.events[usize::try_from(position).unwrap() - 1];
    let mut found = Vec::new();
    for ride_event in &log.events {
        let DomainEvent::Ride(event) = &ride_event.event else { continue };
        let Some(notice) = notice_of(event) else { continue };
        for talk_event in &log.events {
            let DomainEvent::Conversation(ConversationEvent::ConversationOpened(opened)) = &talk_event.event else {
                continue;
            };
            let concerns = StreamId::from(opened.ride) == ride_event.stream && ride_event.version > opened.ride_version;
            let now = ride_event.position.max(talk_event.position) == newest.position;
            if concerns && now {
                let conversation = ConversationId(talk_event.stream.id);
                let notice = notice.clone();
                found.push(Effect::Notice { conversation, ride_version: ride_event.version, notice });
            }
        }
    }
    found
}

/// What `command` makes happen to `state`; nothing when it is refused.
pub(super) fn decided<A: Aggregate>(state: &mut A, command: A::Command, by: Actor, now: Timestamp) -> Vec<A::Event> {
    let events = state.decide(command, by, now).unwrap_or_default();
    events.iter().for_each(|event| state.evolve(event));
    events
}
