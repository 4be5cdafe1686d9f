//! One's own lists: rides, requests, reservations, history.

use serde_json::json;

use crate::client::{Client, grenoble, in_hours, lyon, text};
use crate::support::TestServer;

#[actix_web::test]
async fn rides_are_listed_newest_first_in_pages() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let mut rides = Vec::new();
    for _ in 0..3 {
        rides.insert(0, dora.offers(|_| {}).await);
    }
    let first = dora.get("/me/rides?limit=2").await.is(200);
    let second = dora.get(&format!("/me/rides?limit=2&before={}", first["next"])).await.is(200);
    let listed = [&first, &second].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let listed: Vec<_> = listed.iter().map(|ride| text(&ride["ride"])).collect();
    assert_eq!(listed, rides);
    assert_eq!(second.get("next"), None);
    assert_eq!(first["items"][0]["stops"][0]["label"], "Grenoble station");
    Client::sign_up(&server, "Anna").await.get("/me/rides").await.is(200)["items"]
        .as_array()
        .unwrap()
        .is_empty()
        .then_some(())
        .unwrap();
}

#[actix_web::test]
async fn reservations_and_history_are_each_side_s_own() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let ride = dora.offers(|ride| ride["booking_mode"] = json!("instant")).await;
    let reserve = json!({"ride": ride, "seats": 1, "pickup": grenoble(), "drop_off": lyon()});
    let asked = anna.post("/reservations", reserve).await.is(201);
    let at = format!("/reservations/{}", text(&asked["proposal"]));
    anna.until(&at, |_| true).await;

    let upcoming = anna.get("/me/reservations").await.is(200);
    assert_eq!(upcoming["items"][0]["driver"]["name"], "Dora");
    let driving = dora.get("/me/reservations?side=driver").await.is(200);
    assert_eq!(driving["items"][0]["passenger"]["name"], "Anna");
    assert_eq!(dora.get("/me/reservations").await.is(200)["items"], json!([]));
    assert_eq!(anna.get("/me/reservations?when=past").await.is(200)["items"], json!([]));

    let done = anna.post(&format!("{at}/cancel"), json!({})).await.is(200);
    let past = anna.get(&format!("/me/reservations?when=past&min_position={}", done["position"])).await.is(200);
    assert_eq!(text(&past["items"][0]["state"]), "cancelled");

    let history = anna.get("/me/history").await.is(200);
    let what: Vec<_> = history["items"].as_array().unwrap().iter().map(|entry| text(&entry["what"])).collect();
    assert_eq!(what, ["reservation_cancelled", "reservation_made"]);
    assert_eq!(history["items"][0]["other_party"]["name"], "Dora");
    assert_eq!(
        (text(&history["items"][0]["cancelled_by"]), history["items"][0]["blameless"].clone()),
        ("passenger", json!(false))
    );
    let history = dora.get("/me/history").await.is(200);
    assert_eq!(text(&history["items"].as_array().unwrap().last().unwrap()["what"]), "ride_offered");
}

#[actix_web::test]
async fn requests_are_listed_to_their_passenger() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    let wish = json!({"from": grenoble(), "to": lyon(), "pickup_at": in_hours(30), "seats": 2});
    let made = anna.post("/requests", wish).await.is(201);
    let listed = anna.get(&format!("/me/requests?min_position={}", made["position"])).await.is(200);
    assert_eq!(
        (listed["items"][0]["request"].clone(), listed["items"][0]["seats"].clone()),
        (made["request"].clone(), json!(2))
    );
    assert_eq!(listed["items"][0]["from"]["label"], "Grenoble station");
}
