//! Requests: posting, looking, withdrawing; and the drivers whose rides would suit.

use serde_json::{Value, json};

use crate::client::{Client, in_hours, lyon, text};
use crate::support::TestServer;

fn wish() -> Value {
    json!({
        "from": {"lat": 45.3712, "lon": 5.5934, "label": "At my door"},
        "to": lyon(),
        "pickup_at": in_hours(48),
        "tolerance_min": 120,
        "seats": 1,
        "price_per_seat_max": {"cents": 900, "currency": "EUR"},
        "comment": "With a small dog",
    })
}

#[actix_web::test]
async fn a_request_is_exact_to_its_passenger_alone() {
    let server = TestServer::start();
    let (anna, dora) = (Client::sign_up(&server, "Anna").await, Client::sign_up(&server, "Dora").await);
    let made = anna.post("/requests", wish()).await.is(201);
    let path = format!("/requests/{}?min_position={}", text(&made["request"]), made["position"]);
    let own = anna.get(&path).await.is(200);
    assert_eq!(own["from"], json!({"lat": 45.3712, "lon": 5.5934, "label": "At my door", "town": "Voiron"}));
    assert_eq!(
        (text(&own["state"]), own["tolerance_min"].clone(), own["radius_km"].clone()),
        ("open", json!(120), json!(5.0))
    );
    let others = dora.get(&path).await.is(200);
    assert_eq!(others["from"], json!({"lat": 45.37, "lon": 5.59, "town": "Voiron"}));
    assert_eq!((text(&others["passenger"]["name"]), text(&others["comment"])), ("Anna", "With a small dog"));
    Client::nobody(&server).get(&path).await.refuses(401, "not_signed_in");
}

#[actix_web::test]
async fn a_request_is_withdrawn_once_and_by_its_passenger() {
    let server = TestServer::start();
    let (anna, dora) = (Client::sign_up(&server, "Anna").await, Client::sign_up(&server, "Dora").await);
    let path = format!("/requests/{}", text(&anna.post("/requests", wish()).await.is(201)["request"]));
    dora.post(&format!("{path}/withdraw"), json!({})).await.refuses(403, "not_yours");
    let done = anna.post(&format!("{path}/withdraw"), json!({})).await.is(200);
    anna.post(&format!("{path}/withdraw"), json!({})).await.refuses(409, "request_not_open");
    let shown = anna.get(&format!("{path}?min_position={}", done["position"])).await.is(200);
    assert_eq!(text(&shown["state"]), "withdrawn");
    anna.get(&format!("/requests/{}", uuid::Uuid::new_v4())).await.refuses(404, "no_such_request");
}

#[actix_web::test]
async fn a_driver_sees_the_requests_that_the_ride_would_suit() {
    let server = TestServer::start();
    let (anna, dora, eve) = (
        Client::sign_up(&server, "Anna").await,
        Client::sign_up(&server, "Dora").await,
        Client::sign_up(&server, "Eve").await,
    );
    let ride = dora.offers(|_| {}).await;
    let mut elsewhere = wish();
    elsewhere["to"] = json!({"lat": 48.85, "lon": 2.35});
    eve.post("/requests", elsewhere).await.is(201);
    let made = anna.post("/requests", wish()).await.is(201);
    let path = format!("/rides/{ride}/requests?min_position={}", made["position"]);
    let suited = dora.get(&path).await.is(200);
    assert_eq!(suited["total"], 1);
    let request = &suited["requests"][0];
    assert_eq!((request["request"].clone(), text(&request["passenger"]["name"])), (made["request"].clone(), "Anna"));
    assert_eq!(request["from"], json!({"lat": 45.37, "lon": 5.59, "town": "Voiron"}));
    assert!(request["score"].as_f64().unwrap() > 0.5, "{request}");
    eve.get(&path).await.refuses(403, "not_yours");

    // The driver answers the request, which opens a conversation with the passenger.
    let opened = dora.post("/conversations", json!({"ride": ride, "request": made["request"]})).await.is(201);
    let shown = anna
        .get(&format!("/conversations/{}?min_position={}", text(&opened["conversation"]), opened["position"]))
        .await;
    assert_eq!(shown.is(200)["in_answer_to"], made["request"]);
}
