//! The contract of a log: rules that every adapter keeps, each a test that [`suite`] runs against it.
//!
//! [`appends`] are the rules of writing, [`reads`] those of what is found again, [`copying`] those of what is copied into. What only one adapter can show (files,
//! crashes, other processes) is tested beside that adapter.

mod appends;
pub mod copying;
mod reads;

pub use appends::*;
pub use reads::*;

use futures_util::future::join_all;
use palabre_events::log::{Append, AppendFailure, AppendItem, Fingerprint, ItemAnswer, KeyedCommand};
use palabre_events::{AccountId, Actor, CommandKey, Envelope, NewEvent, StreamId, StreamKind, Timestamp};
use std::any::Any;
use std::sync::Arc;
use uuid::Uuid;

use super::{EventStore, PAGE_MAX};

/// A fresh, empty log.
pub struct Fixture {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// What it lies in, such as a folder, which goes when the fixture goes.
    #[expect(dead_code, reason = "held for its drop")]
    pub place: Box<dyn Any + Send>,
}

/// Runs every rule as a test of its own against what `$fixture().await` makes.
macro_rules! suite {
    ($fixture:path) => {
        $crate::store::contract::suite!(@rules $fixture:
            versions_are_dense_and_positions_rise,
            a_stale_version_conflicts,
            a_repeat_gets_its_first_answer,
            another_body_under_a_known_key_gets_the_first_answer_with_its_fingerprint,
            keys_are_unique_per_account,
            a_known_key_keeps_out_what_stands_beside_it,
            an_append_is_all_or_nothing,
            writers_of_one_stream_take_turns,
            writers_of_many_streams_do_not_lose_or_mix_anything,
            one_key_from_many_writers_is_committed_once,
            many_appends_go_in_as_one,
            each_stream_proves_itself_by_its_chain,
            events_come_back_as_they_were_given,
            reads_come_in_pages,
            reads_of_nothing_are_empty,
            the_head_rises_with_every_commit,
            what_breaks_a_limit_is_malformed_and_leaves_no_trace,
            time_of_recording_never_goes_back,
            an_event_is_found_at_its_position,
        );
    };
    (@rules $fixture:path: $($rule:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $rule() {
            let fixture = $fixture().await;
            $crate::store::contract::$rule(&fixture.store).await;
        }
    )+};
}
pub(crate) use suite;

/// A stream that nothing was written to yet.
pub fn fresh_stream() -> StreamId {
    StreamId { kind: StreamKind::Conversation, id: Uuid::new_v4() }
}

/// A key that was never used.
pub fn fresh_key() -> KeyedCommand {
    let (account, key) = (AccountId(Uuid::new_v4()), CommandKey(Uuid::now_v7()));
    KeyedCommand { account, key, fingerprint: Fingerprint([7; 16]) }
}

/// An event that says `text`.
pub fn event(text: &str) -> NewEvent {
    let event_id = Uuid::now_v7();
    NewEvent {
        event_id,
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: Timestamp::from_seconds(1_795_443_583).expect("in 2026"),
        actor: Actor::System,
        key: None,
        correlation_id: event_id,
        causation_id: event_id,
        traceparent: None,
        data: format!("{{\"text\":\"{text}\"}}").into_bytes(),
    }
}

/// One event without a key.
pub fn unkeyed(text: &str) -> AppendItem {
    AppendItem { key: None, events: vec![event(text)] }
}

/// One event under `key`.
pub fn keyed(key: KeyedCommand, text: &str) -> AppendItem {
    keyed_events(key, &[text])
}

/// Events of one command, under `key`.
pub fn keyed_events(key: KeyedCommand, texts: &[&str]) -> AppendItem {
    let event = |text: &&str| NewEvent { key: Some(key.key), actor: Actor::Person(key.account), ..event(text) };
    AppendItem { key: Some(key), events: texts.iter().map(event).collect() }
}

/// An append of `items` behind `expected_version`.
pub fn append(stream: StreamId, expected_version: u64, items: Vec<AppendItem>) -> Append {
    Append { stream, expected_version, items }
}

/// What was committed, item after item; anything else fails the test.
pub fn committed(answer: Result<Vec<ItemAnswer>, AppendFailure>) -> Vec<Arc<Envelope>> {
    let envelopes = |answer| match answer {
        ItemAnswer::Committed(envelopes) => envelopes,
        other => panic!("not committed: {other:?}"),
    };
    answer.expect("the log takes it").into_iter().flat_map(envelopes).collect()
}

/// Every event of the log, page by page.
pub async fn whole_log(store: &Arc<dyn EventStore>) -> Vec<Arc<Envelope>> {
    let mut events: Vec<Arc<Envelope>> = Vec::new();
    loop {
        let after = events.last().map_or(0, |last| last.position);
        let page = store.read_all(after, PAGE_MAX).await.expect("the log reads");
        let last = page.len() < PAGE_MAX;
        events.extend(page);
        if last {
            return events;
        }
    }
}

/// Every event of `stream`, page by page.
pub async fn whole_stream(store: &Arc<dyn EventStore>, stream: StreamId) -> Vec<Arc<Envelope>> {
    let mut events: Vec<Arc<Envelope>> = Vec::new();
    loop {
        let page = store.read(stream, events.len() as u64, PAGE_MAX).await.expect("the stream reads");
        let last = page.len() < PAGE_MAX;
        events.extend(page);
        if last {
            return events;
        }
    }
}

fn versions(events: &[Arc<Envelope>]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

fn positions(events: &[Arc<Envelope>]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

/// These are the first events of the log: positions rise with them, one by one where they are dense.
fn expect_first(store: &Arc<dyn EventStore>, events: &[Arc<Envelope>]) {
    let found = positions(events);
    if store.positions_are_dense() {
        assert_eq!(found, (1..=events.len() as u64).collect::<Vec<_>>());
    } else {
        assert!(found.first().is_none_or(|first| *first > 0), "{found:?}");
        assert!(found.is_sorted_by(|one, next| one < next), "{found:?}");
    }
}

/// Appends `text`s one after the other behind whatever others wrote meanwhile, and tells what was committed.
async fn write_in_turn(store: Arc<dyn EventStore>, stream: StreamId, texts: Vec<String>) -> Vec<Arc<Envelope>> {
    let (mut at, mut written) = (0, Vec::new());
    for text in texts {
        loop {
            let answers = store.append(append(stream, at, vec![unkeyed(&text)])).await.expect("the log takes it");
            match &answers[0] {
                ItemAnswer::Committed(envelopes) => {
                    at = envelopes[0].version;
                    written.extend(envelopes.iter().cloned());
                    break;
                }
                ItemAnswer::Conflict { actual } => at = *actual,
                ItemAnswer::Duplicate(first) => panic!("there is no key to be known: {first:?}"),
            }
        }
    }
    written
}

/// Lets `writers` tasks append at the same time, and tells everything that was acknowledged, in order of position.
async fn write_concurrently(
    store: &Arc<dyn EventStore>,
    writers: usize,
    stream_of: impl Fn(usize) -> StreamId,
) -> Vec<Arc<Envelope>> {
    let each = 25;
    let writing = (0..writers).map(|writer| {
        let texts = (0..each).map(|count| format!("{writer}:{count}")).collect();
        tokio::spawn(write_in_turn(store.clone(), stream_of(writer), texts))
    });
    let mut written: Vec<_> =
        join_all(writing).await.into_iter().flat_map(|writer| writer.expect("no writer panics")).collect();
    assert_eq!(written.len(), writers * each);
    written.sort_by_key(|event| event.position);
    written
}
