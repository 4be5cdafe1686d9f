//! What a seed begins with, in the log and in the views: two rides of Dora's and a request of Anna's; in some seeds
//! everybody has a seat on one of the rides already, and is in its group.

use palabre_events::aggregate::EventData;
use palabre_events::conversation::{
    ConversationCommand, ConversationKind, ConversationOpened, MakeProposal, StandingOffer,
};
use palabre_events::domain::Recorded;
use palabre_events::log::{Append, AppendItem};
use palabre_events::policy::EffectCommand;
use palabre_events::request::RequestEvent;
use palabre_events::ride::{BookingMode, RideEvent, RideOffered};
use palabre_events::testing::*;
use palabre_events::{AccountId, Actor, ConversationId, DomainEvent, Envelope, NewEvent, RideId, StreamId};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

use crate::node::open;
use crate::people::PASSENGERS;
use crate::races::one_seat;
use crate::world::World;

/// Another ride of Dora's, on which seats are booked at once.
const INSTANT_RIDE: RideId = RideId(Uuid::from_u128(0x1257));

/// Made once: making tables takes longer than all that a seed folds.
pub struct Beginning {
    pub appends: Vec<Append>,
    /// A file of views that have folded it.
    pub views: Vec<u8>,
}

/// Nobody has talked yet.
pub static STRANGERS: LazyLock<Beginning> = LazyLock::new(|| Beginning::of(offers(2).into()));

/// Everybody has a seat on the ride where seats are booked at once.
pub static COMPANIONS: LazyLock<Beginning> = LazyLock::new(|| {
    let mut world = World::new(0, 1);
    offers(PASSENGERS.len() as u8).into_iter().for_each(|append| drop(world.commit(append)));
    for (number, passenger) in (1..).zip(PASSENGERS) {
        world.take_a_seat(passenger, number);
    }
    while let Some(effect) = world.nodes[0].effects.pop() {
        world.run_effect(0, effect);
        world.drain();
    }
    assert!(world.truth.pending.is_empty(), "everything that follows has come");
    assert_eq!(world.truth.talks[&ConversationId::group_of(INSTANT_RIDE)].members.len(), PASSENGERS.len());
    Beginning::of(world.log.events().iter().map(|event| again(event)).collect())
});

impl Beginning {
    fn of(appends: Vec<Append>) -> Self {
        let mut world = World::new(0, 0);
        appends.iter().for_each(|append| drop(world.commit(append.clone())));
        let file = world.folder.path().join("beginning");
        let mut views = open(&file, Arc::new(PlainOpener::default()));
        views.fold(&world.truth.history).expect("the beginning can be folded");
        drop(views);
        Self { appends, views: std::fs::read(&file).expect("the views are in one file") }
    }
}

impl World {
    /// Opens a conversation about the ride where that is enough to have a seat, and takes one.
    fn take_a_seat(&mut self, passenger: AccountId, number: u128) {
        let say = |command| EffectCommand::Conversation(ConversationId::about_ride(INSTANT_RIDE, passenger), command);
        let (kind, ride) = (ConversationKind::Ride, INSTANT_RIDE);
        let opening = ConversationOpened { kind, ride, passenger: Some(passenger), ..opened() };
        self.must(say(ConversationCommand::Open(Box::new(opening))), passenger);
        let standing = StandingOffer { ride_terms_version: 1, price_per_seat: offered().price_per_seat };
        let take = MakeProposal { standing: Some(standing), ..make(proposal(number), one_seat()) };
        self.must(say(ConversationCommand::MakeProposal(Box::new(take))), passenger);
    }
}

/// Dora's rides, one of them with so many seats that are booked at once, and Anna's request.
fn offers(seats_at_once: u8) -> [Append; 3] {
    let ride = |seats, booking_mode| RideEvent::from(RideOffered { seats, booking_mode, ..offered() });
    [
        append(RIDE.into(), &ride(2, BookingMode::Approval), 1),
        append(INSTANT_RIDE.into(), &ride(seats_at_once, BookingMode::Instant), 2),
        append(REQUEST.into(), &RequestEvent::from(request_posted()), 3),
    ]
}

fn append(stream: StreamId, event: &impl EventData, number: u128) -> Append {
    let event = NewEvent {
        event_id: Uuid::from_u128(number),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        occurred_at: now(),
        actor: Actor::Operator,
        key: None,
        correlation_id: Uuid::from_u128(number),
        causation_id: Uuid::from_u128(number),
        traceparent: None,
        data: event.to_json(),
    };
    Append { stream, expected_version: 0, items: vec![AppendItem { key: None, events: vec![event] }] }
}

/// The append that an event came by, as if it had come alone and nobody had asked for it under a key.
fn again(event: &Envelope) -> Append {
    let recorded = Recorded::read(event).expect("the simulation reads what it wrote");
    let event_type = match &recorded.event {
        DomainEvent::Account(event) => event.event_type(),
        DomainEvent::Conversation(event) => event.event_type(),
        DomainEvent::Marks(event) => event.event_type(),
        DomainEvent::Request(event) => event.event_type(),
        DomainEvent::Ride(event) => event.event_type(),
    };
    let new = NewEvent {
        // What happens in a seed has ids of its own.
        event_id: Uuid::from_u128(event.position.into()),
        event_type,
        schema_version: event.schema_version,
        occurred_at: event.occurred_at,
        actor: event.actor,
        key: None,
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        traceparent: None,
        data: event.data.clone(),
    };
    let items = vec![AppendItem { key: None, events: vec![new] }];
    Append { stream: event.stream, expected_version: event.version - 1, items }
}
