//! The server crashes under load, and connections are cut: nothing that was acknowledged is lost or doubled.

use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::postgres::PostgresServer;
use crate::writing::{expect, open, stream, write_alone};

const WRITERS: usize = 16;
/// Acknowledgements between two crashes.
const BETWEEN: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_of_the_server_under_load_lose_and_double_nothing() {
    let server = PostgresServer::start();
    let store = open(&server.fresh_database());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let crashes = 3;
    let writing: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let enough = BETWEEN * (crashes + 1);
            tokio::spawn(write_alone(store.clone(), stream(writer), acknowledged.clone(), enough))
        })
        .collect();
    for crash in 1..=crashes {
        while acknowledged.load(Ordering::Relaxed) < BETWEEN * crash {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| server.restart());
    }
    let versions = join_all(writing).await.into_iter().map(Result::unwrap);
    let versions = versions.enumerate().map(|(writer, version)| (stream(writer), version)).collect();
    expect(&*store, &versions).await;
}

/// Every connection of the program is cut again and again, at any moment of its transactions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_and_double_nothing() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    let store = open(&url);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let enough = 3_000;
    let writing: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write_alone(store.clone(), stream(writer), acknowledged.clone(), enough)))
        .collect();
    let mut cuts = 0;
    while acknowledged.load(Ordering::Relaxed) < enough {
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        cuts += tokio::task::block_in_place(|| server.sql(&url, cut)).parse::<u32>().unwrap();
    }
    assert!(cuts > 0);
    let versions = join_all(writing).await.into_iter().map(Result::unwrap);
    let versions = versions.enumerate().map(|(writer, version)| (stream(writer), version)).collect();
    expect(&*store, &versions).await;
    // The head is still followed, over a new connection.
    let other = open(&url);
    let answers = other.append(crate::writing::append(stream(99), 0, palabre_events::CommandKey(uuid::Uuid::now_v7())));
    answers.await.unwrap();
    let (mut head, due) = (store.head(), *other.head().borrow());
    let seen = tokio::time::timeout(Duration::from_secs(20), head.wait_for(|head| *head == due)).await;
    assert!(matches!(seen, Ok(Ok(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_is_told_and_comes_back() {
    let server = PostgresServer::start();
    let store = open(&server.fresh_database());
    let key = || palabre_events::CommandKey(uuid::Uuid::now_v7());
    store.append(crate::writing::append(stream(1), 0, key())).await.unwrap();
    tokio::task::block_in_place(|| server.stop());
    let away = store.append(crate::writing::append(stream(1), 1, key())).await;
    assert_eq!(away, Err(palabre_events::log::AppendFailure::Unavailable));
    assert_eq!(store.read_all(0, 10).await, Err(palabre::store::ReadFailure::Unavailable));
    tokio::task::block_in_place(|| server.start_again());
    let back = write_alone(store.clone(), stream(2), Arc::new(AtomicU64::new(0)), 5).await;
    assert_eq!(back, 5);
    expect(&*store, &[(stream(1), 1), (stream(2), 5)].into()).await;
}
