//! Conversations: opening, saying, correcting, paging, reading, the inbox.

use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::support::TestServer;

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[actix_web::test]
async fn two_people_have_one_conversation_about_a_ride() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let ride = dora.offers(|_| {}).await;
    let first = anna.post("/conversations", json!({ "ride": ride })).await.is(201);
    let second = anna.post("/conversations", json!({ "ride": ride })).await.is(200);
    assert_eq!(first["conversation"], second["conversation"]);
    dora.post("/conversations", json!({ "ride": ride })).await.refuses(409, "own_ride");
}

#[actix_web::test]
async fn what_is_said_is_read_by_both_and_by_nobody_else() {
    let server = TestServer::start();
    let (dora, anna, eve) = (
        Client::sign_up(&server, "Dora").await,
        Client::sign_up(&server, "Anna").await,
        Client::sign_up(&server, "Eve").await,
    );
    let conversation = anna.talks_about(&dora.offers(|_| {}).await).await;
    let path = format!("/conversations/{conversation}");
    let said = anna.post(&format!("{path}/messages"), json!({"text": "Do you leave from the station?"})).await.is(201);
    assert_eq!(said["seq"], 2);
    dora.post(&format!("{path}/messages"), json!({"text": "Yes", "in_reply_to": 2})).await.is(201);

    let page = dora.get(&format!("{path}/events")).await.is(200);
    assert_eq!((seqs(&page), page["head"].clone()), (vec![1, 2, 3], json!(3)));
    assert_eq!(page["events"][1]["type"], "message_posted");
    assert_eq!(page["events"][1]["data"]["text"], "Do you leave from the station?");
    assert_eq!(page["events"][1].get("key"), None, "the key is Anna's");
    assert!(anna.get(&format!("{path}/events")).await.is(200)["events"][1]["key"].is_string());

    // Whether two others talk is nobody's business.
    for answer in [eve.get(&path).await, eve.get(&format!("{path}/events")).await] {
        answer.refuses(404, "no_such_conversation");
    }
    eve.post(&format!("{path}/messages"), json!({"text": "Hello"})).await.refuses(404, "no_such_conversation");
    Client::nobody(&server).get(&path).await.refuses(401, "not_signed_in");
}

#[actix_web::test]
async fn messages_can_be_corrected_and_taken_back() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let path = format!("/conversations/{}", anna.talks_about(&dora.offers(|_| {}).await).await);
    anna.post(&format!("{path}/messages"), json!({"text": "Helo"})).await.is(201);
    anna.patch(&format!("{path}/messages/2"), json!({"text": "Hello"})).await.is(200);
    dora.patch(&format!("{path}/messages/2"), json!({"text": "Mine"})).await.refuses(403, "not_the_author");
    dora.delete(&format!("{path}/messages/2")).await.refuses(403, "not_the_author");
    anna.delete(&format!("{path}/messages/2")).await.is(200);
    anna.patch(&format!("{path}/messages/2"), json!({"text": "Again"})).await.refuses(409, "message_retracted");
    anna.delete(&format!("{path}/messages/9")).await.refuses(404, "no_such_message");
    let page = dora.get(&format!("{path}/events")).await.is(200);
    let types: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| text(&event["type"])).collect();
    assert_eq!(types, ["conversation_opened", "message_posted", "message_edited", "message_retracted"]);
}

#[actix_web::test]
async fn a_conversation_is_read_in_pages_from_either_end() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let path = format!("/conversations/{}", anna.talks_about(&dora.offers(|_| {}).await).await);
    for number in 2..=10 {
        anna.post(&format!("{path}/messages"), json!({"text": format!("message {number}")})).await.is(201);
    }
    let page = |span: &str| {
        let (dora, path) = (dora.clone(), format!("{path}/events?{span}"));
        async move { seqs(&dora.get(&path).await.is(200)) }
    };
    assert_eq!(page("after=0&limit=4").await, [1, 2, 3, 4]);
    assert_eq!(page("after=8&limit=4").await, [9, 10]);
    assert_eq!(page("before=11&limit=3").await, [8, 9, 10]);
    assert_eq!(page("before=3&limit=5").await, [1, 2]);
    assert_eq!(page("before=9007199254740991&limit=3").await, [8, 9, 10], "from the end, however long it is");
    assert_eq!(page("after=10").await, [0; 0]);
    dora.get(&format!("{path}/events?after=1&before=5")).await.refuses(422, "invalid");
    dora.get(&format!("{path}/events?limit=201")).await.refuses(422, "invalid");
}

#[actix_web::test]
async fn the_inbox_tells_what_is_new_and_what_it_is_about() {
    let server = TestServer::start();
    let (dora, anna, ben) = (
        Client::sign_up(&server, "Dora").await,
        Client::sign_up(&server, "Anna").await,
        Client::sign_up(&server, "Ben").await,
    );
    let ride = dora.offers(|_| {}).await;
    let (with_anna, with_ben) = (anna.talks_about(&ride).await, ben.talks_about(&ride).await);
    ben.post(&format!("/conversations/{with_ben}/messages"), json!({"text": "Hello from Ben"})).await.is(201);
    anna.post(&format!("/conversations/{with_anna}/messages"), json!({"text": "Hello"})).await.is(201);
    let said =
        anna.post(&format!("/conversations/{with_anna}/messages"), json!({"text": "Hello from Anna"})).await.is(201);

    let inbox = dora.get(&format!("/conversations?min_position={}", said["position"])).await.is(200);
    let [newest, older] = inbox["items"].as_array().unwrap().as_slice() else { panic!("{inbox}") };
    assert_eq!((text(&newest["conversation"]), text(&older["conversation"])), (with_anna.as_str(), with_ben.as_str()));
    assert_eq!((newest["unread"].clone(), newest["seq"].clone()), (json!(2), json!(3)));
    assert_eq!(newest["last_message"]["data"]["text"], "Hello from Anna");
    assert_eq!(newest["passenger"]["name"], "Anna");
    assert_eq!((text(&newest["ride"]["ride"]), text(&newest["ride"]["stage"])), (ride.as_str(), "offered"));

    let first = dora.get("/conversations?limit=1").await.is(200);
    let second = dora.get(&format!("/conversations?limit=1&before={}", first["next"])).await.is(200);
    assert_eq!(second["items"][0]["conversation"], older["conversation"]);
    assert_eq!(second.get("next"), None);

    let marked = dora.post(&format!("/conversations/{with_anna}/marks"), json!({"up_to": 3})).await.is(200);
    let read = dora.get(&format!("/conversations/{with_anna}?min_position={}", marked["position"])).await.is(200);
    assert_eq!((read["unread"].clone(), read["read_seq"].clone()), (json!(0), json!(3)));
    dora.post(&format!("/conversations/{with_anna}/marks"), json!({"up_to": 4})).await.refuses(422, "invalid");
    let hers = anna.get(&format!("/conversations/{with_anna}?min_position={}", marked["position"])).await.is(200);
    assert_eq!(hers["marks"], json!([{"account": dora.account().await, "up_to": 3}]));
    assert_eq!(ben.get("/conversations").await.is(200)["items"].as_array().unwrap().len(), 1);
}

/// What is at `path` once the views have seen what `written` answered.
async fn read_after(who: &Client, path: &str, written: &Value) -> Value {
    who.get(&format!("{path}?min_position={}", written["position"])).await.is(200)
}

#[actix_web::test]
async fn the_inbox_tells_what_became_of_the_last_message() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let ride = dora.offers(|_| {}).await;
    let path = format!("/conversations/{}", anna.talks_about(&ride).await);
    let messages = format!("{path}/messages");
    anna.post(&messages, json!({"text": "First"})).await.is(201);
    let second = anna.post(&messages, json!({"text": "Secnd"})).await.is(201);
    assert_eq!(read_after(&anna, &path, &second).await.get("last_correction"), None);

    let corrected = anna.patch(&format!("{messages}/3"), json!({"text": "Second"})).await.is(200);
    let shown = read_after(&dora, &path, &corrected).await;
    assert_eq!(shown["last_message"]["data"]["text"], "Secnd");
    assert_eq!(shown["last_correction"]["data"], json!({"message": 3, "text": "Second"}));
    // What happens to an earlier message does not show in the inbox.
    let earlier = anna.delete(&format!("{messages}/2")).await.is(200);
    assert_eq!(read_after(&dora, &path, &earlier).await["last_correction"]["type"], "message_edited");
    let retracted = anna.delete(&format!("{messages}/3")).await.is(200);
    assert_eq!(read_after(&dora, &path, &retracted).await["last_correction"]["type"], "message_retracted");
}
