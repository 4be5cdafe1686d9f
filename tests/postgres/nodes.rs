//! Several nodes on one log: they write at once, and what one writes, the others see.

use futures_util::future::join_all;
use palabre::store::{EventStore, PAGE_MAX};
use palabre_events::log::ItemAnswer;
use palabre_events::{CommandKey, StreamId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::support::TestServer;
use crate::writing::{append, expect, open, stream};

const NODES: usize = 3;
const WRITERS: usize = 8;
const EACH: u64 = 40;

/// Appends [`EACH`] events behind whatever the others write to the same stream meanwhile.
async fn write_among_others(store: Arc<dyn EventStore>, stream: StreamId) -> u64 {
    let (mut at, mut written) = (0, 0);
    while written < EACH {
        match &store.append(append(stream, at, CommandKey(Uuid::now_v7()))).await.unwrap()[0] {
            ItemAnswer::Committed(events) => {
                at = events[0].version;
                written += 1;
            }
            ItemAnswer::Conflict { actual } => at = *actual,
            ItemAnswer::Duplicate(first) => panic!("the key is new: {first:?}"),
        }
    }
    written
}

/// Follows the log to where it ends when `done` is set; the store itself says when a position is missing.
async fn follow(store: Arc<dyn EventStore>, done: Arc<AtomicBool>) -> Vec<Uuid> {
    let mut seen: Vec<Uuid> = Vec::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        let page = store.read_all(seen.len() as u64, PAGE_MAX).await.unwrap();
        if page.is_empty() && last {
            return seen;
        }
        seen.extend(page.iter().map(|event| event.event_id));
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_write_at_once_leave_dense_positions_and_readers_skip_nothing() {
    let url = PostgresServer::shared().fresh_database();
    let nodes: Vec<_> = (0..NODES).map(|_| open(&url)).collect();
    let done = Arc::new(AtomicBool::new(false));
    let following: Vec<_> = nodes.iter().map(|node| tokio::spawn(follow(node.clone(), done.clone()))).collect();
    // Every stream is written to by one writer on each node.
    let writing = (0..NODES * WRITERS)
        .map(|writer| tokio::spawn(write_among_others(nodes[writer / WRITERS].clone(), stream(writer % WRITERS))));
    let written: u64 = join_all(writing).await.into_iter().map(Result::unwrap).sum();
    done.store(true, Ordering::SeqCst);
    let seen: Vec<_> = join_all(following).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(written, NODES as u64 * WRITERS as u64 * EACH);
    let versions: HashMap<_, _> = (0..WRITERS).map(|writer| (stream(writer), NODES as u64 * EACH)).collect();
    for (node, seen) in nodes.iter().zip(&seen) {
        expect(&**node, &versions).await;
        assert_eq!(seen.len() as u64, written);
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "everybody sees one order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_at_once_what_another_wrote() {
    let url = PostgresServer::shared().fresh_database();
    let (writes, hears) = (open(&url), open(&url));
    let mut head = hears.head();
    for version in 0..5 {
        let answers = writes.append(append(stream(1), version, CommandKey(Uuid::now_v7()))).await.unwrap();
        let ItemAnswer::Committed(events) = &answers[0] else { panic!("{answers:?}") };
        let heard = head.wait_for(|head| *head >= events[0].position);
        assert!(tokio::time::timeout(Duration::from_secs(10), heard).await.is_ok());
    }
}

/// Whole servers, each with views of its own: who signed up on one is known on the other, by the log and by the vault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_log_and_vault() {
    let url = PostgresServer::shared().fresh_database_over_tcp();
    let servers: Vec<_> = (0..2).map(|_| TestServer::start_with(|config| config.store = Some(url.clone()))).collect();
    let anna = servers[0].sign_up("Anna").await;
    assert_eq!(servers[0].platform.log.log_id(), servers[1].platform.log.log_id());
    let client = reqwest::Client::new();
    assert!(servers[1].platform.views.wait_for(1, Duration::from_secs(10)).await);
    for path in ["sessions", "me"] {
        let url = format!("http://{}/api/v1/{path}", servers[1].address);
        let answer = client.get(url).bearer_auth(&anna.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
}
