//! What a client learns that was away: all of it, at any age, or that it must page.

use palabre::chat::history::PAGE_EVENTS_MAX;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Talk, frame};
use crate::support::TestServer;

fn seqs(frames: &Value) -> Vec<u64> {
    frames.as_array().unwrap().iter().map(|frame| frame["seq"].as_u64().unwrap()).collect()
}

/// The hello of somebody who knows `seq` of the talk.
async fn hello(client: &mut Client, talk: &Talk, position: Option<u64>, seq: u64) -> Value {
    let log_id = client.welcome["log_id"].clone();
    let conversation = talk.conversation.as_str().unwrap();
    let fields = json!({"log_id": log_id, "position": position, "conversations": {conversation: seq}});
    client.ask("hello", fields).await["ok"].clone()
}

/// Has `client` say so many things, many at a time.
async fn say(client: &mut Client, talk: &Talk, count: usize, text: &str) {
    let mut said = 0;
    while said < count {
        let burst = (count - said).min(20);
        for number in 0..burst {
            let mut fields = talk.says(text);
            fields["key"] = json!(Uuid::now_v7());
            client.send(frame(10_000 + number as u64, "post_message", &fields).to_string()).await;
        }
        for number in 0..burst {
            client.wait_for(|frame| frame["re"] == 10_000 + number as u64).await;
        }
        said += burst;
    }
}

#[tokio::test]
async fn a_client_that_was_away_learns_all_that_it_missed_and_goes_on_live() {
    let server = TestServer::start();
    let (talk, driver, mut passenger) = Talk::begin(&server).await;
    let position = driver.welcome["position"].as_u64().unwrap();
    drop(driver);
    say(&mut passenger, &talk, PAGE_EVENTS_MAX, "Bonjour").await;
    let mut driver = Client::connect(&server, &talk.driver).await;
    let resumed = hello(&mut driver, &talk, Some(position), 1).await;
    assert_eq!(seqs(&resumed["events"]), (2..=201).collect::<Vec<_>>());
    assert_eq!(
        resumed["changed"],
        json!([{"conversation": talk.conversation, "seq": 201, "from_seq": 1, "unread": 200}])
    );
    assert_eq!((&resumed["fresh"], &resumed["too_far"]), (&json!(false), &json!([])));
    let event = &resumed["events"][0];
    assert_eq!(event["data"], json!({"author": talk.passenger.account, "text": "Bonjour"}));
    assert!(event.get("key").is_none());
    say(&mut passenger, &talk, 1, "Et vous ?").await;
    assert_eq!(driver.told("message_posted").await["seq"], 202);
    let resumed = hello(&mut driver, &talk, resumed["position"].as_u64(), 202).await;
    assert_eq!(resumed["events"], json!([]));
    assert_eq!(resumed["changed"][0]["seq"], 202);
}

#[tokio::test]
async fn the_sender_finds_its_keys_again() {
    let server = TestServer::start();
    let (talk, _driver, mut passenger) = Talk::begin(&server).await;
    let key = Uuid::now_v7();
    let mut fields = talk.says("Bonjour");
    fields["key"] = json!(key);
    passenger.send(frame(9, "post_message", &fields).to_string()).await;
    passenger.told("message_posted").await;
    // The answer may have been lost; the event says that it was committed.
    let mut again = Client::connect(&server, &talk.passenger).await;
    let resumed = hello(&mut again, &talk, None, 1).await;
    assert_eq!(resumed["events"][0]["key"], json!(key));
    assert_eq!(resumed["changed"], json!([]), "without a position there is nothing to compare with");
}

#[tokio::test]
async fn whoever_misses_more_than_a_page_is_told_to_page() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    say(&mut passenger, &talk, PAGE_EVENTS_MAX + 1, "Bonjour").await;
    let resumed = hello(&mut driver, &talk, Some(0), 1).await;
    assert_eq!((&resumed["events"], &resumed["too_far"]), (&json!([]), &json!([talk.conversation])));
    assert_eq!(resumed["changed"][0]["seq"], 202);
    let resumed = hello(&mut driver, &talk, Some(0), 2).await;
    assert_eq!((seqs(&resumed["events"]).len(), &resumed["too_far"]), (PAGE_EVENTS_MAX, &json!([])));

    // What does not fit into one answer is too far as well, whole.
    let long = "é".repeat(4_000);
    say(&mut passenger, &talk, 80, &long).await;
    let resumed = hello(&mut driver, &talk, Some(0), 202).await;
    assert_eq!((&resumed["events"], &resumed["too_far"]), (&json!([]), &json!([talk.conversation])));
    let resumed = hello(&mut driver, &talk, Some(0), 250).await;
    assert_eq!(seqs(&resumed["events"]), (251..=282).collect::<Vec<_>>());
}

#[tokio::test]
async fn hellos_and_follows_of_one_connection_are_answered_one_after_the_other() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    say(&mut passenger, &talk, PAGE_EVENTS_MAX, "Bonjour").await;
    let conversation = talk.conversation.as_str().unwrap();
    let long = json!({"log_id": driver.welcome["log_id"], "conversations": {conversation: 1}});
    driver.send(frame(1, "hello", &long).to_string()).await;
    driver.send(frame(2, "hello", &json!({})).to_string()).await;
    driver.send(frame(3, "follow", &json!({"conversations": []})).to_string()).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(driver.wait_for(|frame| frame["re"].as_u64().is_some_and(|re| re <= 3)).await);
    }
    assert_eq!(answers.iter().map(|answer| answer["re"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(seqs(&answers[0]["ok"]["events"]).len(), PAGE_EVENTS_MAX);
}

#[tokio::test]
async fn another_log_or_one_that_knows_less_is_fresh() {
    let server = TestServer::start();
    let (talk, mut driver, _passenger) = Talk::begin(&server).await;
    let conversation = talk.conversation.as_str().unwrap();
    let log_id = driver.welcome["log_id"].clone();
    for (log_id, position, seq) in
        [(json!(Uuid::now_v7()), 1, 1), (log_id.clone(), 1_000_000, 1), (log_id.clone(), 1, 99), (log_id, 1, u64::MAX)]
    {
        let fields = json!({"log_id": log_id, "position": position, "conversations": {conversation: seq}});
        let resumed = driver.ask("hello", fields).await["ok"].clone();
        assert_eq!(resumed["fresh"], true, "{resumed}");
        assert_eq!((&resumed["events"], &resumed["changed"]), (&json!([]), &json!([])));
        assert_eq!(resumed["log_id"], driver.welcome["log_id"]);
    }
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let server = TestServer::start();
    let (talk, mut driver, _passenger) = Talk::begin(&server).await;
    let mut stranger = Client::connect(&server, &server.sign_up("Eve").await).await;
    let resumed = hello(&mut stranger, &talk, Some(0), 0).await;
    assert_eq!(resumed["not_yours"], json!([talk.conversation]));
    for nothing in ["events", "changed", "too_far", "online"] {
        assert_eq!(resumed[nothing], json!([]), "{nothing}");
    }
    let unknown = Uuid::now_v7().to_string();
    let fields = json!({"log_id": driver.welcome["log_id"], "conversations": {unknown.clone(): 3}});
    assert_eq!(driver.ask("hello", fields).await["ok"]["not_yours"], json!([unknown]));
}

#[tokio::test]
async fn while_many_talk_a_client_that_comes_and_goes_misses_nothing_and_sees_nothing_twice() {
    let server = TestServer::start();
    let (talk, driver, mut passenger) = Talk::begin(&server).await;
    drop(driver);
    let total = 300;
    let away = async {
        let mut known = 1;
        while known < total + 1 {
            let mut client = Client::connect(&server, &talk.driver).await;
            let resumed = hello(&mut client, &talk, None, known).await;
            let mut seen = seqs(&resumed["events"]);
            // Live frames may have come before the answer as well as after it.
            seen.extend(
                client
                    .all_told()
                    .await
                    .iter()
                    .filter(|frame| frame["data"]["text"] == "Bonjour")
                    .map(|frame| frame["seq"].as_u64().unwrap()),
            );
            seen.sort_unstable();
            seen.dedup();
            for seq in seen {
                if seq > known {
                    assert_eq!(seq, known + 1, "a hole");
                    known = seq;
                }
            }
        }
    };
    tokio::join!(away, say(&mut passenger, &talk, usize::try_from(total).unwrap(), "Bonjour"));
}
