//! What only the log on PostgreSQL can show, beside the contract that it shares. Restarts of the server are tested in
//! `tests/postgres/`.

use futures_util::FutureExt;
use palabre_events::Timestamp;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::store::contract;
use crate::store::keys::{KEPT_S, STEP};
use crate::store::open::StoreUrl;
use crate::test_postgres::PostgresServer;

fn open(url: &str) -> Arc<dyn EventStore> {
    Arc::new(PostgresStore::open(&Address::parse(url).expect("an address")).expect("opens"))
}

async fn fixture() -> contract::Fixture {
    contract::Fixture { store: open(&PostgresServer::shared().fresh_database()), place: Box::new(()) }
}

contract::suite!(fixture);

fn place() -> contract::copying::Place {
    let address = Address::parse(&PostgresServer::shared().fresh_database()).expect("an address");
    contract::copying::Place { url: StoreUrl::Postgres(Box::new(address)), held: Box::new(()) }
}

/// Rules of copying.
mod copying {
    crate::store::contract::copying::suite!(super::place);
}

/// A key made at `at`; `other` tells it from others of that moment.
fn key_made(at: Timestamp, other: u8) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(at.as_millis().unsigned_abs(), &[other; 10]).into_uuid()
}

#[tokio::test]
async fn keys_go_a_month_after_they_were_made_step_by_step() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    let store = PostgresStore::open(&Address::parse(&url).expect("an address")).expect("opens");
    let now = Timestamp::from_seconds(1_795_443_583).expect("in 2026");
    let (old, kept) = (now.plus_seconds(-KEPT_S - 1), now.plus_seconds(-KEPT_S));
    let not_by_time = Uuid::from_u128(5);
    let row = |key: Uuid, account: &str| format!("SELECT '{key}'::uuid, {account}::uuid, 1, 1, 1, ''::bytea");
    let many = format!("{} FROM generate_series(1, {}) n", row(key_made(old, 1), "lpad(n::text, 32, '0')"), STEP + 500);
    let others = [key_made(kept, 2), not_by_time, key_made(now, 3)].map(|key| row(key, "lpad('', 32, '0')"));
    let rows = [&[many][..], &others].concat().join(" UNION ALL ");
    server.sql(&url, &format!("INSERT INTO palabre_log.keys {rows}"));

    let first = keys::step(&store.database, (Uuid::nil(), Uuid::nil()), now).await;
    assert!(first.is_some(), "one step does not look at everything");
    assert_eq!(keys::step(&store.database, first.expect("just asserted"), now).await, None);
    let left = server.sql(&url, "SELECT string_agg(key::text, ' ' ORDER BY key) FROM palabre_log.keys");
    assert_eq!(left, format!("{not_by_time} {} {}", key_made(kept, 2), key_made(now, 3)));
}

/// Follows the head of the log at `url`, and waits until it is at `position`.
struct Head(watch::Receiver<u64>);

impl Head {
    fn follow(url: &str, look_every: Duration) -> Self {
        let (head, seen) = watch::channel(0);
        drop(tokio::spawn(head::follow(Address::parse(url).expect("an address"), head, look_every)));
        Self(seen)
    }

    async fn reaches(&mut self, position: u64) {
        let reached = self.0.wait_for(|head| *head >= position);
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("in time").expect("it is followed");
    }
}

async fn append_one(store: &Arc<dyn EventStore>) {
    let items = vec![contract::unkeyed("one")];
    contract::committed(store.append(contract::append(contract::fresh_stream(), 0, items)).await);
}

#[tokio::test]
async fn the_head_is_followed_by_notices_alone() {
    let url = PostgresServer::shared().fresh_database();
    let store = open(&url);
    let mut head = Head::follow(&url, Duration::from_secs(3_600));
    for position in 1..=3 {
        // The first may be what it finds when it begins.
        append_one(&store).await;
        head.reaches(position).await;
    }
}

#[tokio::test]
async fn the_head_is_followed_by_looking_alone() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    let store = open(&url);
    let mut head = Head::follow(&url, Duration::from_millis(50));
    append_one(&store).await;
    head.reaches(1).await;
    // Nobody is told of this.
    server.sql(&url, "UPDATE palabre_log.log_head SET position = 2");
    head.reaches(2).await;
}

/// A connection that went past the log's writer holds the head: whoever appends waits for it, and is not refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_wait_for_whoever_holds_the_head() {
    let url = PostgresServer::shared().fresh_database();
    let store = open(&url);
    let connect = async || {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connects");
        tokio::spawn(connection);
        client
    };
    let (mut other, looking) = (connect().await, connect().await);
    let holding = other.transaction().await.expect("begins");
    holding.execute("SELECT FROM palabre_log.log_head FOR UPDATE", &[]).await.expect("takes it");
    let mut answer = store.append(contract::append(contract::fresh_stream(), 0, vec![contract::unkeyed("a")]));
    // Its transaction is seen to wait.
    let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while looking.query_opt(waits, &[]).await.expect("reads").is_none() {
        assert!((&mut answer).now_or_never().is_none(), "nothing is answered before it is written");
    }
    holding.rollback().await.expect("lets go");
    assert_eq!(contract::committed(answer.await)[0].position, 1);
}
