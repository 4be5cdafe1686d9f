//! A crash between acceptance and confirmation, at each step: the next start finishes what is missing, once.

use palabre::clock;
use palabre::commands::input::{MakeProposal, OfferRide, OpenConversation, PlaceInput, PriceInput};
use palabre::commands::negotiation::Proposed;
use palabre::commands::{Asked, negotiation, rides, talk};
use palabre::config::Config;
use palabre::platform::Platform;
use palabre::store::EventStore;
use palabre::store::sqlite::SqliteStore;
use palabre_events::aggregate::EventData;
use palabre_events::conversation::{Conversation, ConversationCommand, ConversationEvent, Outcome};
use palabre_events::domain::Recorded;
use palabre_events::log::{Append, AppendItem, ItemAnswer};
use palabre_events::policy::{Effect, EffectCommand, effects_of};
use palabre_events::ride::{Ride, RideEvent};
use palabre_events::{AccountId, Actor, Aggregate, CommandKey, ConversationId, Envelope, NewEvent, RideId, StreamId};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const WITHIN: Duration = Duration::from_secs(20);

fn asked(account: AccountId) -> Asked {
    Asked::new(account, CommandKey(Uuid::now_v7()), clock::now()).unwrap()
}

fn place(lat: f64, lon: f64) -> PlaceInput {
    PlaceInput { lat, lon, label: None }
}

struct Agreed {
    driver: AccountId,
    ride: RideId,
    conversation: ConversationId,
    proposed: Proposed,
}

async fn start(folder: &Path) -> Arc<Platform> {
    Platform::start(Config { data: folder.to_owned(), workers: 1, ..Config::default() }).await.unwrap()
}

/// A ride from Grenoble to Lyon, and a passenger's proposal that waits for the driver.
async fn up_to_the_proposal(folder: &Path) -> Agreed {
    let platform = start(folder).await;
    let (driver, passenger) = (AccountId(Uuid::now_v7()), AccountId(Uuid::now_v7()));
    let offer = OfferRide {
        stops: vec![place(45.1885, 5.7245), place(45.7640, 4.8357)],
        departs_at: clock::now().plus_seconds(36 * 3600),
        time_zone: "Europe/Paris".to_owned(),
        seats: 2,
        price_per_seat: PriceInput { cents: 800, currency: "EUR".to_owned() },
        booking_mode: Default::default(),
        preferences: Default::default(),
        vehicle: None,
        comment: None,
    };
    let ride = RideId(rides::offer(&platform, asked(driver), offer).await.unwrap().id);
    let open = OpenConversation { ride, request: None };
    let opened = talk::open_conversation(&platform, asked(passenger), open).await.unwrap();
    let conversation = ConversationId(opened.id);
    let propose = MakeProposal {
        seats: 2,
        price_per_seat: PriceInput { cents: 600, currency: "EUR".to_owned() },
        pickup: place(45.1885, 5.7245),
        drop_off: place(45.7640, 4.8357),
        pickup_at: None,
        expires_in_s: None,
        in_reply_to: None,
        replaces: None,
    };
    let proposed = negotiation::make_proposal(&platform, asked(passenger), conversation, propose).await.unwrap();
    platform.stop().await;
    Agreed { driver, ride, conversation, proposed }
}

/// What the node does before it dies, without any of its effects: straight into the log.
async fn commit<A: Aggregate>(log: &dyn EventStore, stream: StreamId, command: A::Command, by: Actor) -> Arc<Envelope> {
    let past = log.read(stream, 0, 1000).await.unwrap();
    let mut state = A::default();
    for event in &past {
        state.evolve(&A::Event::from_json(&event.event_type, event.schema_version, &event.data).unwrap());
    }
    let now = clock::now();
    let decided = state.decide(command, by, now).unwrap_or_else(|no| panic!("{no:?}"));
    let new = |event: &A::Event| NewEvent {
        event_id: Uuid::now_v7(),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        occurred_at: now,
        actor: by,
        key: None,
        correlation_id: Uuid::now_v7(),
        causation_id: Uuid::now_v7(),
        traceparent: None,
        data: event.to_json(),
    };
    let items = vec![AppendItem { key: None, events: decided.iter().map(new).collect() }];
    let answers = log.append(Append { stream, expected_version: past.len() as u64, items }).await.unwrap();
    match &answers[..] {
        [ItemAnswer::Committed(events)] => events[0].clone(),
        other => panic!("{other:?}"),
    }
}

async fn accept(log: &dyn EventStore, agreed: &Agreed) -> Arc<Envelope> {
    let Proposed { proposal, terms_hash, .. } = agreed.proposed;
    let command = ConversationCommand::AcceptProposal { proposal, terms_hash };
    commit::<Conversation>(log, agreed.conversation.into(), command, Actor::Person(agreed.driver)).await
}

async fn reserve(log: &dyn EventStore, agreed: &Agreed, accepted: &Envelope) {
    let effect: Effect = effects_of(&Recorded::read(accepted).unwrap()).remove(0);
    let EffectCommand::Ride(ride, command) = effect.into_command() else { panic!("not for the ride") };
    assert_eq!(ride, agreed.ride);
    commit::<Ride>(log, ride.into(), command, Actor::System).await;
}

/// Waits until the conversation has its booking and its group, and checks that each came once.
async fn is_finished_once(platform: &Platform, agreed: &Agreed) {
    let count = |events: &[Arc<Envelope>], name: &str| events.iter().filter(|it| it.event_type == name).count();
    let finished = async {
        let mut head = platform.log.head();
        loop {
            let talk = platform.log.read(agreed.conversation.into(), 0, 1000).await.unwrap();
            let group = ConversationId::group_of(agreed.ride);
            let group = platform.log.read(group.into(), 0, 1000).await.unwrap();
            if count(&talk, "BookingConfirmed") > 0 && count(&group, "ParticipantJoined") > 0 {
                return (talk, group);
            }
            head.changed().await.unwrap();
        }
    };
    let (talk, group) = tokio::time::timeout(WITHIN, finished).await.expect("the booking was never finished");
    assert_eq!((count(&talk, "ProposalAccepted"), count(&talk, "BookingConfirmed")), (1, 1));
    assert_eq!((count(&group, "ConversationOpened"), count(&group, "ParticipantJoined")), (1, 1));
    let ride = platform.log.read(agreed.ride.into(), 0, 1000).await.unwrap();
    assert_eq!(count(&ride, "SeatsReserved"), 1);
    let reserved = ride.iter().find_map(|it| match RideEvent::from_json(&it.event_type, it.schema_version, &it.data) {
        Ok(RideEvent::SeatsReserved(event)) => Some(event),
        _ => None,
    });
    assert_eq!(reserved.unwrap().terms_hash, agreed.proposed.terms_hash);
}

#[actix::test]
async fn a_crash_right_after_the_acceptance() {
    let folder = tempfile::tempdir().unwrap();
    let agreed = up_to_the_proposal(folder.path()).await;
    let log = SqliteStore::open(folder.path()).unwrap();
    accept(&log, &agreed).await;
    log.close().await;
    drop(log);
    let platform = start(folder.path()).await;
    is_finished_once(&platform, &agreed).await;
    platform.stop().await;
}

#[actix::test]
async fn a_crash_after_the_seats_were_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let agreed = up_to_the_proposal(folder.path()).await;
    let log = SqliteStore::open(folder.path()).unwrap();
    let accepted = accept(&log, &agreed).await;
    reserve(&log, &agreed, &accepted).await;
    log.close().await;
    drop(log);
    let platform = start(folder.path()).await;
    is_finished_once(&platform, &agreed).await;
    platform.stop().await;
}

#[actix::test]
async fn a_crash_after_the_conversation_heard_and_before_the_group_was_joined() {
    let folder = tempfile::tempdir().unwrap();
    let agreed = up_to_the_proposal(folder.path()).await;
    let log = SqliteStore::open(folder.path()).unwrap();
    let accepted = accept(&log, &agreed).await;
    reserve(&log, &agreed, &accepted).await;
    let settle = ConversationCommand::Settle { proposal: agreed.proposed.proposal, outcome: Outcome::Reserved };
    let settled = commit::<Conversation>(&log, agreed.conversation.into(), settle, Actor::System).await;
    let confirmed = ConversationEvent::from_json(&settled.event_type, settled.schema_version, &settled.data).unwrap();
    assert!(matches!(confirmed, ConversationEvent::BookingConfirmed(_)));
    log.close().await;
    drop(log);
    let platform = start(folder.path()).await;
    is_finished_once(&platform, &agreed).await;
    platform.stop().await;
}
