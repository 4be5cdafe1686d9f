//! What becomes of the nodes when something happens to the Redis between them: nothing is lost, and they find each other
//! again.

use palabre::clock;
use palabre::fanout::wire::Wire;
use palabre::fanout::{Channel, LinkState, NodeId, Notice};
use palabre::telemetry::metrics;
use palabre::vault::Token;
use palabre::vault::data_key::TAG_LENGTH;
use serde_json::Value;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use crate::client::{WITHIN, closing};
use crate::nodes::{Apart, Pair, history, wait_for_link};
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
    let pair = Pair::start_at([Some(redis.url()), Some(redis.url())]);
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("without").await;
    redis.start_again();
    pair.wait_until_linked().await;
    apart.wait_for_typing().await;
    assert_nothing_was_lost(&pair, &apart, 1).await;
}

/// A connection that stands and takes what is sent, and on which nothing comes any more, as behind some firewalls.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_heard_any_more_is_noticed_by_a_probe() {
    let (redis, lifted) = (RedisServer::start(), Arc::new(AtomicBool::new(true)));
    let relay = relay_that_swallows(redis.port(), lifted.clone()).await;
    let pair = Pair::start_at([Some(format!("redis://127.0.0.1:{relay}/")), Some(redis.url())]);
    pair.wait_until_linked().await;
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("before").await;
    apart.wait_for_typing().await;
    lifted.store(false, Ordering::SeqCst);
    let deaf = "nothing was heard, not even a probe";
    wait_for_link(&pair.here, |link| matches!(link, LinkState::Down { why, .. } if why == deaf)).await;
    apart.exchange("deaf").await;
    assert_eq!(health(&pair.here).await["degraded"][0]["part"], "redis");
    lifted.store(true, Ordering::SeqCst);
    pair.wait_until_linked().await;
    apart.exchange("after").await;
    apart.wait_for_typing().await;
    assert_nothing_was_lost(&pair, &apart, 3).await;
}

/// Hands everything on between whoever connects and Redis; unless `lifted`, swallows what Redis says on connections that
/// subscribed. Answers its port.
async fn relay_that_swallows(redis: u16, lifted: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((node, _)) = listener.accept().await {
            let (mut from_node, mut to_node) = node.into_split();
            let (mut from_redis, mut to_redis) = TcpStream::connect(("127.0.0.1", redis)).await.unwrap().into_split();
            let (lifted, subscribed) = (lifted.clone(), Arc::new(AtomicBool::new(false)));
            let hears = subscribed.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = from_node.read(&mut bytes).await {
                    if bytes[..read].windows(9).any(|word| word == b"SUBSCRIBE") {
                        hears.store(true, Ordering::SeqCst);
                    }
                    if to_redis.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            });
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = from_redis.read(&mut bytes).await {
                    let swallows = subscribed.load(Ordering::SeqCst) && !lifted.load(Ordering::SeqCst);
                    if !swallows && to_node.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// What `docs/OPERATING.md` has operators allow a node, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_redis_with_the_documented_rights_is_enough() {
    let operating = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATING.md");
    let text = std::fs::read_to_string(operating).unwrap();
    let rights = text.split('`').find_map(|code| code.strip_prefix("user palabre ")).expect("it is documented");
    let redis = RedisServer::start();
    redis.command(&format!("ACL SETUSER palabre {rights}"));
    let url = format!("redis://palabre:PASSWORD@127.0.0.1:{}/", redis.port());
    let pair = Pair::start_at([Some(url.clone()), Some(url)]);
    pair.wait_until_linked().await;
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("allowed").await;
    apart.wait_for_typing().await;
    assert_nothing_was_lost(&pair, &apart, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_access_to_redis_is_not_heard() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    apart.wait_for_typing().await;
    let (platform, passenger) = (&pair.there.platform, &apart.talk.passenger);
    let token = passenger.token.parse::<Token>().unwrap().hash();
    let session = platform.accounts.who(token, clock::now()).await.unwrap().expect("she is signed in").session;
    let ends = Notice::SessionEnded { account: passenger.account, session: session.0 };
    let node = Wire::new(NodeId(Uuid::now_v7()), platform.keyring.node_key().await.unwrap());
    let (message, log_id) = (node.write(&ends), platform.log.log_id());
    let mut forged = message.to_vec();
    forged[..TAG_LENGTH].fill(b'x');
    let channel = Channel::Account(passenger.account).name(log_id);
    for (channel, nodes) in [(&channel, 1), (&Channel::Nodes.name(log_id), 2)] {
        let before = forgeries();
        publish(&redis, channel, &forged);
        let noticed = async {
            while forgeries() < before + nodes {
                tokio::task::yield_now().await;
            }
        };
        timeout(WITHIN, noticed).await.expect("it is noticed and counted");
    }
    apart.exchange("still here").await;
    assert!(pair.nodes().iter().all(|node| node.platform.link_state().unwrap().is_up()));
    // The same words of a node end her session here.
    publish(&redis, &channel, &message);
    assert_eq!(closing(&mut apart.passenger.socket).await, Some((4501, "revoked".to_owned())));
}

/// How many messages without the right tag the nodes of this process have left out.
fn forgeries() -> u64 {
    let count = r#"palabre_fanout_unheard_total{why="forged"} "#;
    metrics::render().lines().find_map(|line| line.strip_prefix(count)).map_or(0, |count| count.parse().unwrap())
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
