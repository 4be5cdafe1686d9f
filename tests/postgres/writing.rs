//! Writers that say in each event where it should be found, and the check of what was acknowledged to them.

use palabre::postgres::Address;
use palabre::store::postgres::PostgresStore;
use palabre::store::verify::{Proof, verify};
use palabre::store::{EventStore, PAGE_MAX};
use palabre_events::log::{Append, AppendFailure, AppendItem, Fingerprint, ItemAnswer, KeyedCommand};
use palabre_events::{AccountId, Actor, CommandKey, NewEvent, StreamId, StreamKind, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

pub fn open(url: &str) -> Arc<dyn EventStore> {
    Arc::new(PostgresStore::open(&Address::parse(url).unwrap()).unwrap())
}

pub fn stream(number: usize) -> StreamId {
    StreamId { kind: StreamKind::Conversation, id: Uuid::from_u128(number as u128) }
}

/// One event under a key, which says its stream and its version there.
pub fn append(stream: StreamId, expected_version: u64, key: CommandKey) -> Append {
    let event_id = Uuid::new_v4();
    let event = NewEvent {
        event_id,
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: Timestamp::from_millis(0).unwrap(),
        actor: Actor::System,
        key: Some(key),
        correlation_id: event_id,
        causation_id: event_id,
        traceparent: None,
        data: format!("<{stream}/{}>", expected_version + 1).into_bytes(),
    };
    let key = KeyedCommand { account: AccountId(stream.id), key, fingerprint: Fingerprint([7; 16]) };
    Append { stream, expected_version, items: vec![AppendItem { key: Some(key), events: vec![event] }] }
}

/// Writes to a stream that nobody else writes to until `enough` is acknowledged to everybody together; what was not
/// answered is sent again under its key. Answers how many events the stream has.
pub async fn write_alone(
    store: Arc<dyn EventStore>,
    stream: StreamId,
    acknowledged: Arc<AtomicU64>,
    enough: u64,
) -> u64 {
    let mut version = 0;
    while acknowledged.load(Ordering::Relaxed) < enough {
        let key = CommandKey(Uuid::now_v7());
        loop {
            match store.append(append(stream, version, key)).await {
                Ok(answers) => {
                    match &answers[0] {
                        ItemAnswer::Committed(events) => assert_eq!(events[0].version, version + 1),
                        // An earlier attempt, of which nothing had been heard.
                        ItemAnswer::Duplicate(first) => {
                            assert_eq!((first.stream, first.version), (stream, version + 1));
                        }
                        ItemAnswer::Conflict { actual } => panic!("{actual} where {version} was acknowledged"),
                    }
                    break;
                }
                Err(AppendFailure::Unavailable | AppendFailure::Unknown) => tokio::task::yield_now().await,
                Err(AppendFailure::Malformed) => panic!("it is well-formed"),
            }
        }
        version += 1;
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    version
}

/// Proves the log, and that every stream has exactly the events that were acknowledged, each once, at its place.
pub async fn expect(store: &dyn EventStore, versions: &HashMap<StreamId, u64>) {
    let events = versions.values().sum();
    assert_eq!(verify(store, |_, _| ()).await, Ok(Proof { events, streams: versions.len() as u64 }));
    let mut found: HashMap<StreamId, u64> = HashMap::new();
    let mut after = 0;
    loop {
        let page = store.read_all(after, PAGE_MAX).await.unwrap();
        for event in &page {
            after += 1;
            let version = found.entry(event.stream).or_default();
            *version += 1;
            assert_eq!((event.position, event.version), (after, *version));
            assert_eq!(String::from_utf8_lossy(&event.data), format!("<{}/{version}>", event.stream));
        }
        if page.len() < PAGE_MAX {
            break;
        }
    }
    assert_eq!(&found, versions);
}
