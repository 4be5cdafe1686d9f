//! What people on different nodes see of each other.

use palabre::fanout::LinkState;
use palabre_events::AccountId;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

use crate::client::{Client, Talk, WITHIN, offer_ride};
use crate::postgres::PostgresServer;
use crate::redis::RedisServer;
use crate::support::{Person, TestServer};

/// Two nodes on one log.
pub struct Pair {
    pub here: TestServer,
    pub there: TestServer,
}

impl Pair {
    /// Starts them, linked through `redis` where there is one.
    pub async fn start(redis: Option<&RedisServer>) -> Self {
        let pair = Self::start_at([redis.map(RedisServer::url), redis.map(RedisServer::url)]);
        if redis.is_some() {
            pair.wait_until_linked().await;
        }
        pair
    }

    /// Starts them, each with its own way to Redis.
    pub fn start_at(redis: [Option<String>; 2]) -> Self {
        let store = PostgresServer::shared().fresh_database();
        let [here, there] = redis.map(|redis| {
            let store = store.clone();
            TestServer::start_with(move |config| (config.store, config.redis) = (Some(store), redis))
        });
        Self { here, there }
    }

    pub fn nodes(&self) -> [&TestServer; 2] {
        [&self.here, &self.there]
    }

    /// Waits until both hear the other nodes.
    pub async fn wait_until_linked(&self) {
        for node in self.nodes() {
            wait_for_link(node, LinkState::is_up).await;
        }
    }

    /// Waits until both know that they hear nobody.
    pub async fn wait_until_cut(&self) {
        for node in self.nodes() {
            wait_for_link(node, |link| !link.is_up()).await;
        }
    }
}

pub async fn wait_for_link(node: &TestServer, wanted: impl FnMut(&LinkState) -> bool) {
    let mut state = node.platform.peers().expect("a Redis is set").follow_state();
    timeout(WITHIN, state.wait_for(wanted)).await.expect("the link changes").unwrap();
}

/// A driver on one node and a passenger on the other, who talk.
pub struct Apart {
    pub talk: Talk,
    pub driver: Client,
    pub passenger: Client,
}

impl Apart {
    pub async fn begin(pair: &Pair) -> Self {
        let (driver, passenger) = (pair.here.sign_up("Dora").await, pair.here.sign_up("Anna").await);
        let ride = offer_ride(&pair.here, &driver).await;
        let mut at_driver = Client::connect(&pair.here, &driver).await;
        let mut at_passenger = Client::connect(&pair.there, &passenger).await;
        let opened = at_passenger.command("open_conversation", json!({"ride": ride})).await;
        let conversation = opened["conversation"].clone();
        for client in [&mut at_driver, &mut at_passenger] {
            client.told("conversation_opened").await;
        }
        Self { talk: Talk { driver, passenger, conversation }, driver: at_driver, passenger: at_passenger }
    }

    /// One speaks, then the other; both hear both, in order and once.
    pub async fn exchange(&mut self, text: &str) {
        self.driver.command("post_message", self.talk.says(text)).await;
        let first = [&mut self.driver, &mut self.passenger];
        let mut seqs = Vec::new();
        for client in first {
            let told = client.told("message_posted").await;
            assert_eq!(told["data"]["text"], text);
            seqs.push(told["seq"].as_u64().unwrap());
        }
        self.passenger.command("post_message", self.talk.says(text)).await;
        for client in [&mut self.driver, &mut self.passenger] {
            seqs.push(client.told("message_posted").await["seq"].as_u64().unwrap());
        }
        assert_eq!(seqs, [seqs[0], seqs[0], seqs[0] + 1, seqs[0] + 1]);
    }

    /// Waits until typing is heard on the other node, which only the fan-out brings.
    pub async fn wait_for_typing(&mut self) {
        let conversation = self.talk.conversation.clone();
        self.driver.ask("follow", json!({"conversations": [conversation]})).await;
        let heard = async {
            loop {
                // Ephemeral: it may be lost while the nodes are just finding each other.
                self.passenger.send_typing(&conversation).await;
                if let Ok(told) = timeout(Duration::from_millis(200), self.driver.told("typing")).await {
                    assert_eq!(told["account"], json!(self.talk.passenger.account));
                    return;
                }
            }
        };
        timeout(WITHIN, heard).await.expect("typing is heard elsewhere");
    }
}

/// Everything that `person` sees of a conversation from `node`, as `(seq, text)`.
pub async fn history(node: &TestServer, person: &Person, conversation: &Value) -> Vec<(u64, String)> {
    let url = format!("http://{}/api/v1/conversations/{}/events", node.address, conversation.as_str().unwrap());
    let (http, mut events) = (reqwest::Client::builder().no_proxy().build().unwrap(), Vec::new());
    loop {
        let after = events.last().map_or(0, |(seq, _): &(u64, String)| *seq);
        let page = http.get(format!("{url}?after={after}")).bearer_auth(&person.token).send().await.unwrap();
        let page: Value = page.json().await.unwrap();
        let page = page["events"].as_array().unwrap_or_else(|| panic!("{page}"));
        if page.is_empty() {
            return events;
        }
        let text = |event: &Value| event["data"]["text"].as_str().unwrap_or_default().to_owned();
        events.extend(page.iter().map(|event| (event["seq"].as_u64().unwrap(), text(event))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_on_two_nodes_talk_type_and_read() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    apart.exchange("Bonjour").await;
    apart.wait_for_typing().await;
    let mark = json!({"conversation": apart.talk.conversation, "up_to": 2});
    apart.passenger.command("mark_read", mark).await;
    let read = apart.driver.told("read").await;
    assert_eq!((&read["account"], &read["up_to"]), (&json!(apart.talk.passenger.account), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_lasting_comes_from_the_log() {
    let pair = Pair::start(None).await;
    let mut apart = Apart::begin(&pair).await;
    let conversation = apart.talk.conversation.clone();
    apart.driver.ask("follow", json!({"conversations": [conversation]})).await;
    for text in ["un", "deux", "trois"] {
        apart.exchange(text).await;
    }
    apart.passenger.command("mark_read", json!({"conversation": conversation, "up_to": 3})).await;
    assert_eq!(apart.driver.told("read").await["up_to"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_and_goes_elsewhere_is_seen() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let mut apart = Apart::begin(&pair).await;
    let conversation = apart.talk.conversation.clone();
    let online = async |driver: &mut Client| -> Vec<AccountId> {
        let answer = driver.ask("follow", json!({"conversations": [conversation.clone()]})).await;
        serde_json::from_value(answer["ok"]["online"].clone()).unwrap()
    };
    let seen = async {
        while online(&mut apart.driver).await != [apart.talk.passenger.account] {
            tokio::task::yield_now().await;
        }
    };
    timeout(WITHIN, seen).await.expect("the passenger is seen on the other node");
    // Whatever was told while they were finding each other.
    apart.driver.all_told().await;
    online(&mut apart.driver).await;
    drop(apart.passenger);
    let gone = apart.driver.wait_for(|frame| frame["type"] == "presence" && frame["online"] == false).await;
    assert_eq!(gone["account"], json!(apart.talk.passenger.account));
    let _back = Client::connect(&pair.there, &apart.talk.passenger).await;
    let back = apart.driver.wait_for(|frame| frame["type"] == "presence" && frame["online"] == true).await;
    assert_eq!(back["account"], json!(apart.talk.passenger.account));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_write_to_one_conversation_at_once_agree() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let Apart { talk, mut driver, mut passenger } = Apart::begin(&pair).await;
    let speak = async |client: &mut Client, name: &str| {
        for number in 0..40 {
            client.command("post_message", talk.says(&format!("{name} {number}"))).await;
        }
    };
    tokio::join!(speak(&mut driver, "Dora"), speak(&mut passenger, "Anna"));
    let mut seen = Vec::new();
    for client in [&mut driver, &mut passenger] {
        let mut told = Vec::new();
        for _ in 0..80 {
            let event = client.told("message_posted").await;
            told.push((event["seq"].as_u64().unwrap(), event["data"]["text"].as_str().unwrap().to_owned()));
        }
        // Events may be told twice, never in another order.
        seen.push(told);
    }
    let gapless: Vec<u64> = (2..=81).collect();
    for told in &seen {
        assert_eq!(told.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), gapless);
    }
    assert_eq!(seen[0], seen[1]);
    for node in pair.nodes() {
        assert_eq!(history(node, &talk.driver, &talk.conversation).await[1..], seen[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_on_one_node_is_read_on_the_other_from_its_position_on() {
    let pair = Pair::start(None).await;
    let apart = Apart::begin(&pair).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let say = |number: u32| {
        let path = format!("conversations/{}/messages", apart.talk.conversation.as_str().unwrap());
        http.post(format!("http://{}/api/v1/{path}", pair.here.address))
            .bearer_auth(&apart.talk.driver.token)
            .header("idempotency-key", uuid::Uuid::now_v7().to_string())
            .json(&json!({"text": format!("message {number}")}))
    };
    for number in 1..=20 {
        let said: Value = say(number).send().await.unwrap().json().await.unwrap();
        let position = said["position"].as_u64().unwrap_or_else(|| panic!("{said}"));
        let url = format!("http://{}/api/v1/conversations?min_position={position}", pair.there.address);
        let inbox = http.get(url).bearer_auth(&apart.talk.passenger.token);
        let inbox: Value = inbox.send().await.unwrap().json().await.unwrap();
        assert_eq!(inbox["items"][0]["unread"], number, "{inbox}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_resumes_on_another_node_is_not_sent_back_to_the_start() {
    let pair = Pair::start(None).await;
    let mut apart = Apart::begin(&pair).await;
    let conversation = apart.talk.conversation.as_str().unwrap().to_owned();
    for number in 0..20 {
        let said = apart.driver.command("post_message", apart.talk.says(&format!("{number}"))).await;
        // At once, on the node that may not have heard of it yet.
        let mut moved = Client::connect(&pair.there, &apart.talk.driver).await;
        let log_id = moved.welcome["log_id"].clone();
        let seq = said["seq"].as_u64().unwrap();
        let hello =
            json!({"log_id": log_id, "position": said["position"], "conversations": {conversation.clone(): seq - 1}});
        let resumed = moved.ask("hello", hello).await;
        assert_eq!(resumed["ok"]["fresh"], false, "{resumed}");
        assert_eq!(resumed["ok"]["events"][0]["seq"], seq, "{resumed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_another_node_can_be_marked_and_answered_at_once() {
    let redis = RedisServer::start();
    let pair = Pair::start(Some(&redis)).await;
    let Apart { talk, mut driver, mut passenger } = Apart::begin(&pair).await;
    for number in 0..20 {
        let text = format!("message {number}");
        driver.command("post_message", talk.says(&text)).await;
        let seq = passenger.wait_for(|frame| frame["data"]["text"] == text.as_str()).await["seq"].clone();
        passenger.command("mark_read", json!({"conversation": talk.conversation, "up_to": seq})).await;
        let mut answer = talk.says("oui");
        answer["in_reply_to"] = seq;
        passenger.command("post_message", answer).await;
    }
}
