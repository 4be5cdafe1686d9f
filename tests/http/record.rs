//! A ride's record over HTTP: whole to its driver, in parts to others.

use serde_json::{Value, json};

use crate::client::{Client, terms, text};
use crate::support::TestServer;

struct Story {
    server: TestServer,
    dora: Client,
    anna: Client,
    ben: Client,
    ride: String,
}

/// Anna talks with Dora and books; Ben only talks. The record of it is whole.
async fn story() -> Story {
    let server = TestServer::start();
    let (dora, anna, ben) = (
        Client::sign_up(&server, "Dora").await,
        Client::sign_up(&server, "Anna").await,
        Client::sign_up(&server, "Ben").await,
    );
    let ride = dora.offers(|_| {}).await;
    let with_anna = format!("/conversations/{}", anna.talks_about(&ride).await);
    let with_ben = format!("/conversations/{}", ben.talks_about(&ride).await);
    anna.post(&format!("{with_anna}/messages"), json!({"text": "I bring a cello"})).await.is(201);
    ben.post(&format!("{with_ben}/messages"), json!({"text": "I bring a bicycle"})).await.is(201);
    let made = anna.post(&format!("{with_anna}/proposals"), terms(2, 700)).await.is(201);
    let accept = format!("{with_anna}/proposals/{}/accept", text(&made["proposal"]));
    dora.post(&accept, json!({"terms_hash": made["terms_hash"]})).await.is(200);
    dora.until(&format!("/rides/{ride}"), |ride| ride["seats_left"] == 1).await;
    // Both follow from the reservation, in either order; nothing comes after them.
    let over = ["The booking of Anna was confirmed", "Anna joined the conversation of the car"];
    dora.until(&format!("/rides/{ride}/events?limit=200"), |record| {
        over.iter().all(|last| sentences(record).iter().any(|sentence| sentence.starts_with(last)))
    })
    .await;
    Story { server, dora, anna, ben, ride }
}

fn sentences(record: &Value) -> Vec<&str> {
    record["events"].as_array().unwrap().iter().map(|entry| text(&entry["sentence"])).collect()
}

#[actix_web::test]
async fn the_driver_reads_who_did_what_and_why() {
    let story = story().await;
    let head = *story.server.platform.log.head().borrow();
    let record = story.dora.get(&format!("/rides/{}/events?min_position={head}", story.ride)).await.is(200);
    let told = sentences(&record);
    for expected in [
        "Dora offered a ride from Grenoble station by Voiron to Lyon,",
        "Anna wrote: “I bring a cello”",
        "Ben wrote: “I bring a bicycle”",
        "Anna proposed 2 seats at 7.00 EUR each, from At my door (Grenoble) to",
        "Dora accepted 2 seats at 7.00 EUR each",
        "The ride reserved for Anna: 2 seats",
        "The booking of Anna was confirmed",
    ] {
        assert!(told.iter().any(|sentence| sentence.starts_with(expected)), "{expected}: {told:#?}");
    }
    let entries = record["events"].as_array().unwrap();
    let positions: Vec<_> = entries.iter().map(|entry| entry["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted());
    let of_type = |event_type: &str| entries.iter().find(|entry| entry["type"] == event_type).unwrap();
    assert_eq!(of_type("SeatsReserved")["caused_by"], of_type("ProposalAccepted")["position"]);
    assert_eq!(of_type("SeatsReserved")["by"], json!({"kind": "system"}));
    assert_eq!(of_type("RideOffered")["by"]["name"], "Dora");
    assert_eq!(of_type("SeatsReserved")["data"]["terms"]["pickup"]["label"], "At my door");
    assert_eq!(record["state"]["seats_left"], 1);
    // The hash is the log's own.
    let stored = story.server.platform.log.read_all(positions[0] - 1, 1).await.unwrap();
    assert_eq!(text(&entries[0]["hash"]), stored[0].hash.to_string());
}

#[actix_web::test]
async fn one_passenger_never_reads_another_s() {
    let story = story().await;
    let head = *story.server.platform.log.head().borrow();
    let path = format!("/rides/{}/events?min_position={head}", story.ride);
    let annas = story.anna.get(&path).await.is(200).to_string();
    assert!(
        annas.contains("cello") && annas.contains("At my door") && !annas.contains("bicycle") && !annas.contains("Ben")
    );
    let anna = story.anna.account().await;
    let bens = story.ben.get(&path).await.is(200).to_string();
    assert!(bens.contains("bicycle") && bens.contains("The ride reserved 2 seats"));
    for secret in ["cello", "At my door", "Anna", anna.as_str(), "7.00", "\"cents\":700"] {
        assert!(!bens.contains(secret), "Ben learns {secret}: {bens}");
    }
    let strangers = Client::nobody(&story.server).get(&path).await.is(200);
    assert_eq!(sentences(&strangers).len(), 2, "{strangers:#}");
    assert_eq!(strangers["events"][1]["data"], json!({"seats": 2}));
    assert!(!strangers.to_string().contains(&anna));
}

#[actix_web::test]
async fn a_long_record_comes_in_pages() {
    let story = story().await;
    let head = *story.server.platform.log.head().borrow();
    let path = format!("/rides/{}/events", story.ride);
    let whole = story.dora.get(&format!("{path}?limit=200&min_position={head}")).await.is(200);
    let (mut pages, mut after) = (Vec::new(), json!(0));
    loop {
        let page = story.dora.get(&format!("{path}?limit=3&after={after}")).await.is(200);
        pages.extend(page["events"].as_array().unwrap().clone());
        match page.get("next_after") {
            Some(next) => after = next.clone(),
            None => break,
        }
    }
    assert_eq!(&pages, whole["events"].as_array().unwrap());
}

#[actix_web::test]
async fn support_reads_facts_without_words() {
    let story = story().await;
    let sue = story.server.sign_up("Sue").await;
    let role = palabre::vault::Role::Support;
    story.server.platform.vault.grant_role(sue.account, role).await.unwrap();
    let sue = Client::of(&story.server, &sue);
    let path = format!("/rides/{}/events", story.ride);
    let record = sue.until(&path, |record| record["events"].as_array().unwrap().len() > 5).await.to_string();
    assert!(record.contains("Anna wrote a message") && record.contains("The ride reserved for Anna"));
    for words in ["cello", "bicycle", "At my door", "45.19"] {
        assert!(!record.contains(words), "{words}");
    }
}
