//! A server that takes connections up and says nothing, as one whose machine is frozen or far too busy.

use palabre::postgres::Address;
use palabre::store::ReadFailure;
use palabre::store::postgres::PostgresStore;
use palabre_events::CommandKey;
use palabre_events::log::AppendFailure;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::writing::{append, expect, open, stream, write_alone};

/// Longer than any answer may take.
const AT_LAST: Duration = Duration::from_secs(60);

fn key() -> CommandKey {
    CommandKey(Uuid::now_v7())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_told_and_comes_back() {
    let server = PostgresServer::start();
    let url = server.fresh_database();
    let store = open(&url);
    store.append(append(stream(1), 0, key())).await.unwrap();
    assert_eq!(store.read_all(0, 10).await.unwrap().len(), 1);
    tokio::task::block_in_place(|| server.freeze());
    let answers = async {
        // On the connections that there were.
        let under_way = (store.append(append(stream(1), 1, key())), store.read_all(0, 10));
        let under_way = tokio::join!(under_way.0, under_way.1);
        // On new ones, which nobody lets in.
        let next = (store.append(append(stream(1), 1, key())), store.read_all(0, 10));
        (under_way, tokio::join!(next.0, next.1))
    };
    let (under_way, next) = tokio::time::timeout(AT_LAST, answers).await.expect("silence is told at last");
    assert_eq!(under_way, (Err(AppendFailure::Unknown), Err(ReadFailure::Unavailable)));
    assert_eq!(next, (Err(AppendFailure::Unavailable), Err(ReadFailure::Unavailable)));

    tokio::task::block_in_place(|| server.thaw());
    assert_eq!(write_alone(store.clone(), stream(2), Arc::new(AtomicU64::new(0)), 5).await, 5);
    expect(&*store, &[(stream(1), 1), (stream(2), 5)].into()).await;
    let other = open(&url);
    other.append(append(stream(3), 0, key())).await.unwrap();
    let (mut head, due) = (store.head(), *other.head().borrow());
    let followed = tokio::time::timeout(AT_LAST, head.wait_for(|head| *head == due)).await;
    assert!(matches!(followed, Ok(Ok(_))));
}

#[test]
fn a_host_that_is_silent_is_passed_over() {
    let (silent, answering) = (PostgresServer::start(), PostgresServer::shared());
    let alone = silent.fresh_database_over_tcp();
    silent.freeze();
    let refused = PostgresStore::open(&Address::parse(&alone).unwrap()).map(drop).unwrap_err().to_string();
    assert!(refused.ends_with("cannot be used: it is silent"), "{refused}");
    let silent_first = format!("127.0.0.1:{},127.0.0.1", silent.port());
    let store = open(&answering.fresh_database_over_tcp().replace("127.0.0.1", &silent_first));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.append(append(stream(1), 0, key()))).unwrap();
    runtime.block_on(expect(&*store, &[(stream(1), 1)].into()));
}
