//! A node that is killed: its people are soon offline, and their clients go on elsewhere.

use serde_json::json;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, WITHIN, offer_ride};
use crate::postgres::PostgresServer;
use crate::process::Process;
use crate::redis::RedisServer;
use crate::support::{Person, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn the_people_of_a_node_that_is_killed_go_offline_and_go_on_elsewhere() {
    let (store, redis) = (PostgresServer::shared().fresh_database(), RedisServer::start());
    let there = {
        let (store, redis) = (store.clone(), redis.url());
        TestServer::start_with(move |config| (config.store, config.redis) = (Some(store), Some(redis)))
    };
    let mut node = Process::start(&["--store", &store, "--redis", &redis.url()]);
    let (driver, passenger) = (there.sign_up("Dora").await, there.sign_up("Anna").await);
    let ride = offer_ride(&there, &driver).await;
    let mut at_driver = Client::connect(&there, &driver).await;
    let mut at_passenger = connect(&node, &passenger).await;
    let opened = at_passenger.command("open_conversation", json!({"ride": ride})).await;
    let conversation = opened["conversation"].clone();
    at_driver.told("conversation_opened").await;
    let online = async {
        while at_driver.ask("follow", json!({"conversations": [conversation]})).await["ok"]["online"] == json!([]) {
            tokio::task::yield_now().await;
        }
    };
    timeout(WITHIN, online).await.expect("presence is heard from the other node");
    at_driver.all_told().await;
    at_driver.ask("follow", json!({"conversations": [conversation]})).await;
    at_passenger.command("post_message", json!({"conversation": conversation, "text": "À demain"})).await;
    node.kill();
    let killed_at = Instant::now();
    assert_eq!(at_driver.told("message_posted").await["data"]["text"], "À demain", "it had been acknowledged");
    let gone = at_driver.wait_for(|frame| frame["type"] == "presence").await;
    assert_eq!((&gone["account"], &gone["online"]), (&json!(passenger.account), &json!(false)));
    assert!(killed_at.elapsed() < Duration::from_secs(20), "{:?}", killed_at.elapsed());

    let mut elsewhere = Client::connect(&there, &passenger).await;
    let hello = json!({"log_id": elsewhere.welcome["log_id"], "conversations": {conversation.as_str().unwrap(): 1}});
    let resumed = elsewhere.ask("hello", hello).await;
    assert_eq!(resumed["ok"]["events"][0]["data"]["text"], "À demain");
}

async fn connect(node: &Process, person: &Person) -> Client {
    let stream = TcpStream::connect(&node.host).await.unwrap();
    Client::over(stream, &node.host, person).await
}
