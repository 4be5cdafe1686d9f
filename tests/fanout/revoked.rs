//! A session that ends on one node is over on all of them.

use std::time::{Duration, Instant};

use crate::client::{Client, closing};
use crate::nodes::Pair;
use crate::redis::RedisServer;

/// With some room for a machine that is busy with other tests.
const ALMOST_AT_ONCE: Duration = Duration::from_secs(2);

async fn signs_out_elsewhere(pair: &Pair) {
    let (anna, ben) = (pair.here.sign_up("Anna").await, pair.here.sign_up("Ben").await);
    let mut hers = Client::connect(&pair.there, &anna).await;
    let mut his = Client::connect(&pair.there, &ben).await;
    pair.here.platform.accounts.sign_out_everywhere(anna.account, None).await.unwrap();
    let ended_at = Instant::now();
    assert_eq!(closing(&mut hers.socket).await, Some((4501, "revoked".to_owned())));
    assert!(ended_at.elapsed() < ALMOST_AT_ONCE, "{:?}", ended_at.elapsed());
    assert!(his.ask("follow", serde_json::json!({"conversations": []})).await.get("ok").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once_through_redis() {
    let redis = RedisServer::start();
    signs_out_elsewhere(&Pair::start(Some(&redis)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_second_by_the_vault_alone() {
    signs_out_elsewhere(&Pair::start(None).await).await;
}
