//! What people do: talk, correct, repeat, type, read, agree.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Talk, frame};
use crate::support::TestServer;

#[tokio::test]
async fn a_message_reaches_both_and_is_answered_once() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    let made = passenger.command("post_message", talk.says("Bonjour, vous partez de la gare ?")).await;
    assert_eq!(made["seq"], 2);
    let own = passenger.told("message_posted").await;
    let theirs = driver.told("message_posted").await;
    assert_eq!(own["position"], made["position"]);
    assert_eq!(theirs["data"], json!({"author": talk.passenger.account, "text": "Bonjour, vous partez de la gare ?"}));
    assert!(own.get("key").is_some() && theirs.get("key").is_none(), "the key is for its author");

    let correction = json!({"conversation": talk.conversation, "message": 2, "text": "Bonjour !"});
    passenger.command("edit_message", correction.clone()).await;
    assert_eq!(driver.told("message_edited").await["data"], json!({"message": 2, "text": "Bonjour !"}));
    let key = json!({"key": Uuid::now_v7()});
    let refused = driver.ask("edit_message", merged(&[&correction, &key])).await;
    assert_eq!(refused["error"]["code"], "not_the_author");
    passenger.command("retract_message", json!({"conversation": talk.conversation, "message": 2})).await;
    assert_eq!(driver.told("message_retracted").await["seq"], 4);
    let again = passenger.command("retract_message", json!({"conversation": talk.conversation, "message": 2})).await;
    assert_eq!(again, json!({"seq": 4, "unchanged": true}));
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_another_body_is_refused() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    let keyed = merged(&[&talk.says("Une place ?"), &json!({"key": Uuid::now_v7()})]);
    let first = passenger.ask("post_message", keyed.clone()).await["ok"].clone();
    let second = passenger.ask("post_message", keyed.clone()).await["ok"].clone();
    assert_eq!(second, merged(&[&first, &json!({"duplicate": true})]));
    let other = passenger.ask("post_message", merged(&[&keyed, &json!({"text": "Deux places ?"})])).await;
    assert_eq!(other["error"]["code"], "key_reused");
    assert_eq!(driver.all_told().await.len(), 1);

    for key in [Uuid::nil(), Uuid::new_v4()] {
        let refused = passenger.ask("post_message", merged(&[&keyed, &json!({"key": key})])).await;
        assert_eq!(refused["error"]["fields"][0]["field"], "key");
    }
    let old = Uuid::new_v7(uuid::Timestamp::from_unix_time(1_600_000_000, 0, 0, 0));
    let refused = passenger.ask("post_message", merged(&[&keyed, &json!({"key": old})])).await;
    assert_eq!(refused["error"]["code"], "key_too_old");
}

#[tokio::test]
async fn commands_of_one_connection_keep_their_order() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    for number in 0..30 {
        let fields = merged(&[&talk.says(&format!("{number}")), &json!({"key": Uuid::now_v7()})]);
        passenger.send(frame(100 + number, "post_message", &fields).to_string()).await;
    }
    for number in 0..30 {
        assert_eq!(driver.told("message_posted").await["data"]["text"], format!("{number}"));
        passenger.wait_for(|frame| frame["re"] == 100 + number).await;
    }
}

#[tokio::test]
async fn strangers_neither_talk_nor_follow_nor_type() {
    let server = TestServer::start();
    let (talk, mut driver, _) = Talk::begin(&server).await;
    let mut stranger = Client::connect(&server, &server.sign_up("Eve").await).await;
    let conversation = json!({"conversation": talk.conversation});
    let key = json!({"key": Uuid::now_v7()});
    for (kind, fields) in [
        ("post_message", merged(&[&talk.says("Salut"), &key])),
        ("mark_read", merged(&[&conversation, &key, &json!({"up_to": 1})])),
        ("typing", merged(&[&conversation, &json!({"on": true})])),
    ] {
        assert_eq!(stranger.ask(kind, fields).await["error"]["code"], "no_such_conversation", "{kind}");
    }
    let followed = stranger.ask("follow", json!({"conversations": [talk.conversation]})).await;
    assert_eq!(followed["ok"], json!({"online": []}), "although both are online");
    assert!(driver.all_told().await.is_empty());
}

#[tokio::test]
async fn typing_and_presence_are_told_to_those_who_follow() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    let follow = json!({"conversations": [talk.conversation]});
    assert_eq!(driver.ask("follow", follow).await["ok"], json!({"online": [talk.passenger.account]}));
    let typing = json!({"conversation": talk.conversation, "on": true});
    passenger.send(frame(50, "typing", &typing).to_string()).await;
    assert_eq!(
        driver.told("typing").await,
        json!({"type": "typing", "conversation": talk.conversation, "account": talk.passenger.account, "on": true})
    );
    assert!(passenger.all_told().await.is_empty(), "typing is not answered");
    drop(passenger);
    let gone = json!({"type": "presence", "account": talk.passenger.account, "online": false});
    assert_eq!(driver.told("presence").await, gone);
    let _passenger = Client::connect(&server, &talk.passenger).await;
    assert_eq!(driver.told("presence").await["online"], true);
}

#[tokio::test]
async fn marks_gather_and_every_one_is_answered_after_the_commit() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    for _ in 0..5 {
        passenger.command("post_message", talk.says("Bonjour")).await;
    }
    for up_to in 1..=6 {
        let fields = json!({"conversation": talk.conversation, "up_to": up_to, "key": Uuid::now_v7()});
        driver.send(frame(200 + up_to, "mark_read", &fields).to_string()).await;
    }
    let beyond = json!({"conversation": talk.conversation, "up_to": 7, "key": Uuid::now_v7()});
    driver.send(frame(300, "mark_read", &beyond).to_string()).await;
    let mut positions = Vec::new();
    for up_to in 1..=6 {
        let answer = driver.wait_for(|frame| frame["re"] == 200 + up_to).await;
        positions.push(answer["ok"]["position"].as_u64().expect("each mark is on disk"));
    }
    let refused = driver.wait_for(|frame| frame["re"] == 300).await;
    assert_eq!(refused["error"]["fields"][0]["field"], "up_to", "a wrong mark spoils no other");
    positions.dedup();
    assert!(positions.len() <= 2, "they went to the log together: {positions:?}");
    let read = passenger.wait_for(|frame| frame["type"] == "read" && frame["up_to"] == 6).await;
    assert_eq!(read["account"], json!(talk.driver.account));
}

#[tokio::test]
async fn a_booking_is_made_in_the_talk() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    let proposal = json!({
        "conversation": talk.conversation, "seats": 2, "price_per_seat": {"cents": 600, "currency": "EUR"},
        "pickup": {"lat": 45.1885, "lon": 5.7245, "label": "Gare"}, "drop_off": {"lat": 45.7640, "lon": 4.8357},
    });
    let made = passenger.command("make_proposal", proposal).await;
    let seen = driver.told("proposal_made").await;
    assert_eq!(seen["data"]["proposal"], made["proposal"]);
    assert_eq!(seen["data"]["terms"]["pickup"]["label"], "Gare");
    let accept = json!({
        "conversation": talk.conversation, "proposal": made["proposal"], "terms_hash": seen["data"]["terms_hash"],
    });
    driver.command("accept_proposal", accept).await;
    for client in [&mut driver, &mut passenger] {
        let accepted = client.told("proposal_accepted").await;
        assert_eq!(accepted["data"]["acceptance"], json!({"person": talk.driver.account}));
        let confirmed = client.told("booking_confirmed").await;
        assert_eq!((&confirmed["by"], &confirmed["data"]["seats"]), (&json!("system"), &json!(2)));
    }
    let group = driver.told("participant_joined").await;
    assert_ne!(group["conversation"], talk.conversation);
    let joined = passenger.told("participant_joined").await;
    assert_eq!((&joined["conversation"], &joined["seq"]), (&group["conversation"], &json!(2)));

    let cancel = json!({"conversation": talk.conversation, "reservation": made["proposal"], "reason": "Malade"});
    let cancelled = passenger.command("cancel_booking", cancel).await;
    assert!(cancelled.get("position").is_some() && cancelled.get("seq").is_none());
    assert_eq!(driver.told("booking_cancelled").await["data"]["reason"], "Malade");
    assert_eq!(passenger.told("participant_left").await["conversation"], group["conversation"]);
    let say = json!({"conversation": group["conversation"], "text": "Entre nous"});
    driver.command("post_message", say.clone()).await;
    driver.told("message_posted").await;
    assert!(passenger.all_told().await.iter().all(|frame| frame["type"] != "message_posted"));
    let refused = passenger.ask("post_message", merged(&[&say, &json!({"key": Uuid::now_v7()})])).await;
    assert_eq!(refused["error"]["code"], "not_a_participant");
    let named = json!({group["conversation"].as_str().unwrap(): 0});
    let hello = json!({"log_id": passenger.welcome["log_id"], "conversations": named});
    let resumed = passenger.ask("hello", hello).await["ok"]["events"].clone();
    let kinds: Vec<_> = resumed.as_array().unwrap().iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hidden", "participant_joined", "participant_left"], "read back, the sequence has no holes");
}

fn merged(parts: &[&Value]) -> Value {
    let fields = parts.iter().flat_map(|part| part.as_object().unwrap().clone());
    Value::Object(fields.collect())
}
