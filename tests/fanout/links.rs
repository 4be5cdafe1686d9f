//! What becomes of the nodes when something happens to the Redis between them: nothing is lost, and they find each other
//! again.

use serde_json::Value;
use std::io::{Read, Write};

use crate::nodes::{Apart, Pair, history};
use crate::redis::RedisServer;
use crate::support::TestServer;

async fn health(node: &TestServer) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("http://{}/healthz", node.address)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "a node without Redis can do its work");
    answer.json().await.unwrap()
}

async fn assert_nothing_was_lost(pair: &Pair, apart: &Apart, exchanges: u64) {
    for node in pair.nodes() {
        let seen = history(node, &apart.talk.passenger, &apart.talk.conversation).await;
        let seqs: Vec<u64> = seen.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=1 + 2 * exchanges).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_replaced() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("before").await;
    redis.kill();
    // Also before anybody has noticed.
    apart.exchange("meanwhile").await;
    pair.wait_until_cut().await;
    apart.exchange("without").await;
    for node in pair.nodes() {
        let health = health(node).await;
        assert_eq!((&health["degraded"][0]["part"], &health["ready"]), (&"redis".into(), &true.into()), "{health}");
    }
    redis.start_again();
    pair.wait_until_linked().await;
    apart.exchange("after").await;
    apart.wait_for_typing().await;
    assert_eq!(health(&pair.here).await["degraded"], serde_json::json!([]));
    assert_nothing_was_lost(&pair, &apart, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_and_goes_on() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    redis.pause();
    apart.exchange("meanwhile").await;
    pair.wait_until_cut().await;
    apart.exchange("without").await;
    redis.resume();
    pair.wait_until_linked().await;
    apart.exchange("after").await;
    apart.wait_for_typing().await;
    assert_nothing_was_lost(&pair, &apart, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_flushed_and_throws_everybody_out() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    redis.command("FLUSHALL");
    apart.exchange("flushed").await;
    apart.wait_for_typing().await;
    for kind in ["pubsub", "normal"] {
        redis.command(&format!("CLIENT KILL TYPE {kind}"));
        apart.exchange(kind).await;
        apart.wait_for_typing().await;
    }
    assert_nothing_was_lost(&pair, &apart, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_without_redis_find_each_other_when_it_comes() {
    let redis = RedisServer::start();
    redis.kill();
    let store = crate::postgres::PostgresServer::shared().fresh_database();
    let start = || {
        let (store, redis) = (store.clone(), redis.url());
        TestServer::start_with(move |config| (config.store, config.redis) = (Some(store), Some(redis)))
    };
    let pair = Pair { here: start(), there: start() };
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("without").await;
    redis.start_again();
    pair.wait_until_linked().await;
    apart.wait_for_typing().await;
    assert_nothing_was_lost(&pair, &apart, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_access_to_redis_is_not_heard() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    apart.wait_for_typing().await;
    let log_id = pair.here.platform.log.log_id().simple();
    let session = pair.there.platform.hub.connection_count();
    let body = format!(
        r#"{{"from":"{}","says":{{"session_ended":{{"account":"{}","session":"{}"}}}}}}"#,
        uuid::Uuid::nil(),
        apart.talk.passenger.account,
        uuid::Uuid::nil()
    );
    for channel in [format!("account:{}", apart.talk.passenger.account.0.simple()), "nodes".to_owned()] {
        publish(&redis, &format!("palabre:{log_id}:{channel}"), format!("{}{body}", "x".repeat(16)).as_bytes());
    }
    apart.exchange("still here").await;
    assert_eq!(pair.there.platform.hub.connection_count(), session);
    assert!(pair.here.platform.link_state().unwrap().is_up() && pair.there.platform.link_state().unwrap().is_up());
}

/// Publishes as any client could, and waits for the answer.
fn publish(redis: &RedisServer, channel: &str, message: &[u8]) {
    let address = redis.url().replace("redis://", "").replace('/', "");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${}\r\n", channel.len(), message.len());
    stream.write_all(&[head.as_bytes(), message, b"\r\n"].concat()).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert!(matches!(answer, [b':', b'1' | b'2', b'\r', b'\n']), "a node listens: {answer:?}");
}
