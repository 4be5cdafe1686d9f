//! What is due by the clock happens on a running node, without anybody asking: a ride leaves, and those who talk about
//! it hear of it. A node that stops leaves this to the others.

use palabre::clock;
use palabre::commands::input::{MakeProposal, OfferRide, OpenConversation, PlaceInput, PriceInput};
use palabre::commands::{Asked, negotiation, rides, talk};
use palabre::config::Config;
use palabre::platform::Platform;
use palabre::vault::{Acquired, Lease};
use palabre_events::{AccountId, CommandKey, ConversationId, RideId, StreamId, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// The ride leaves so many seconds after it was offered.
const LEAVES_IN_S: i64 = 62;
/// Proposals stand for at least a minute, so this test takes that long.
const WITHIN: Duration = Duration::from_secs(90);

fn asked(account: AccountId) -> Asked {
    Asked::new(account, CommandKey(Uuid::now_v7()), clock::now()).unwrap()
}

fn place(lat: f64, lon: f64) -> PlaceInput {
    PlaceInput { lat, lon, label: None }
}

async fn happened(platform: &Platform, stream: impl Into<StreamId>, event_type: &str) -> usize {
    let stream = stream.into();
    let mut head = platform.log.head();
    let seen = async {
        loop {
            let events = platform.log.read(stream, 0, 1000).await.unwrap();
            let count = events.iter().filter(|event| event.event_type == event_type).count();
            if count > 0 {
                return count;
            }
            head.changed().await.unwrap();
        }
    };
    tokio::time::timeout(WITHIN, seen).await.unwrap_or_else(|_| panic!("{event_type} never came in {stream}"))
}

#[actix::test]
async fn a_ride_leaves_and_what_waited_for_an_answer_expires() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().to_owned(), workers: 1, ..Config::default() };
    let platform = Platform::start(config).await.unwrap();
    let (driver, passenger) = (AccountId(Uuid::now_v7()), AccountId(Uuid::now_v7()));
    let price = || PriceInput { cents: 800, currency: "EUR".to_owned() };
    let offer = OfferRide {
        stops: vec![place(45.1885, 5.7245), place(45.7640, 4.8357)],
        departs_at: clock::now().plus_seconds(LEAVES_IN_S),
        time_zone: "Europe/Paris".to_owned(),
        seats: 2,
        price_per_seat: price(),
        booking_mode: Default::default(),
        preferences: Default::default(),
        vehicle: None,
        comment: None,
    };
    let ride = RideId(rides::offer(&platform, asked(driver), offer).await.unwrap().id);
    let open = OpenConversation { ride, request: None };
    let conversation = ConversationId(talk::open_conversation(&platform, asked(passenger), open).await.unwrap().id);
    let propose = MakeProposal {
        seats: 1,
        price_per_seat: price(),
        pickup: place(45.1885, 5.7245),
        drop_off: place(45.7640, 4.8357),
        pickup_at: None,
        expires_in_s: Some(60),
        in_reply_to: None,
        replaces: None,
    };
    negotiation::make_proposal(&platform, asked(passenger), conversation, propose).await.unwrap();

    assert_eq!(happened(&platform, conversation, "ProposalExpired").await, 1);
    assert_eq!(happened(&platform, ride, "RideDeparted").await, 1);
    assert_eq!(happened(&platform, conversation, "RideNoticed").await, 1);
    platform.stop().await;
}

/// The lease of the timers, as another node gets it that asks at this time; `None` while it is held.
async fn lease(platform: &Platform, at: Timestamp) -> Option<Lease> {
    let another = Uuid::from_u128(1);
    match platform.vault.acquire_lease("timers", another, at, at.plus_seconds(1)).await.unwrap() {
        Acquired::Held(lease) => Some(lease),
        Acquired::HeldByAnother { .. } => None,
    }
}

#[actix::test]
async fn a_node_that_stops_gives_its_lease_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().to_owned(), workers: 1, ..Config::default() };
    let platform = Platform::start(config).await.unwrap();
    // What is got as of long ago was over long ago, and keeps nobody from it.
    let long_ago = Timestamp::from_seconds(0).unwrap();
    let held = async {
        while lease(&platform, long_ago).await.is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WITHIN, held).await.expect("the node takes it");
    platform.stop().await;
    assert!(lease(&platform, clock::now()).await.is_some(), "the others would have to wait for its end");
}
