//! Offering, looking at, changing, rescheduling and cancelling rides.

use serde_json::json;
use uuid::Uuid;

use crate::client::{Client, in_hours, ride, text};
use crate::support::TestServer;

#[actix_web::test]
async fn an_offered_ride_can_be_looked_at_by_everyone() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let made = dora.post("/rides", ride()).await;
    let location = made.header("location").to_owned();
    let made = made.is(201);
    assert_eq!(location, format!("/api/v1/rides/{}", text(&made["ride"])));
    let shown = Client::nobody(&server).get(&location).await.is(200);
    assert_eq!(text(&shown["stage"]), "offered");
    assert_eq!(text(&shown["driver"]["name"]), "Dora");
    assert_eq!((shown["seats"].clone(), shown["seats_left"].clone()), (json!(3), json!(3)));
    assert_eq!(shown["seats_left_by_leg"], json!([3, 3]));
    assert_eq!(
        shown["stops"][0],
        json!({"lat": 45.188, "lon": 5.724, "label": "Grenoble station", "town": "Grenoble"})
    );
    assert_eq!(shown["price_per_seat"], json!({"cents": 800, "currency": "EUR"}));
    assert_eq!((text(&shown["time_zone"]), text(&shown["booking_mode"])), ("Europe/Paris", "approval"));
    assert_eq!(text(&shown["comment"]), "No smoking, please");
}

#[actix_web::test]
async fn a_repeated_offer_is_one_ride() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let (key, offer) = (Uuid::now_v7(), ride());
    let first = dora.post_with_key("/rides", key, offer.clone()).await.is(201);
    let second = dora.post_with_key("/rides", key, offer.clone()).await.is(201);
    assert_eq!(first, second);
    let mut other = offer;
    other["seats"] = json!(2);
    dora.post_with_key("/rides", key, other).await.refuses(422, "key_reused");
}

#[actix_web::test]
async fn keys_are_fresh_uuids_of_version_7() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let problem = dora.post_with_key("/rides", Uuid::new_v4(), ride()).await.refuses(422, "invalid");
    assert_eq!(text(&problem["fields"][0]["code"]), "not_a_key");
    let old = Uuid::new_v7(uuid::Timestamp::from_unix_time(1_600_000_000, 0, 0, 0));
    dora.post_with_key("/rides", old, ride()).await.refuses(422, "key_too_old");
}

#[actix_web::test]
async fn the_driver_alone_changes_a_ride() {
    let server = TestServer::start();
    let (dora, eve) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Eve").await);
    let path = format!("/rides/{}", dora.offers(|_| {}).await);
    let change = json!({"seats": 2, "price_per_seat": {"cents": 900, "currency": "EUR"}, "vehicle": "a red car"});
    eve.patch(&path, change.clone()).await.refuses(403, "not_yours");
    dora.patch(&path, change.clone()).await.is(200);
    let shown = dora.get(&path).await.is(200);
    assert_eq!((shown["seats"].clone(), shown["price_per_seat"]["cents"].clone()), (json!(2), json!(900)));
    assert_eq!(text(&shown["vehicle"]), "a red car");
    assert_eq!(shown["terms_version"], 2);

    let later = in_hours(50);
    eve.post(&format!("{path}/reschedule"), json!({ "departs_at": later })).await.refuses(403, "not_yours");
    dora.post(&format!("{path}/reschedule"), json!({ "departs_at": later })).await.is(200);
    assert_eq!(text(&dora.get(&path).await.is(200)["departs_at"]), later);

    eve.post(&format!("{path}/cancel"), json!({})).await.refuses(403, "not_yours");
    dora.post(&format!("{path}/cancel"), json!({"reason": "The car broke down"})).await.is(200);
    assert_eq!(text(&dora.get(&path).await.is(200)["stage"]), "cancelled");
    dora.patch(&path, json!({"seats": 1})).await.refuses(409, "ride_cancelled");
    // To cancel once more changes nothing, with or without a body.
    assert_eq!(dora.post(&format!("{path}/cancel"), json!({})).await.is(200)["unchanged"], true);
}

#[actix_web::test]
async fn null_clears_what_a_driver_said_and_absent_keeps_it() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let path = format!("/rides/{}", dora.offers(|ride| ride["vehicle"] = json!("a red car")).await);
    let said = async || {
        let shown = dora.get(&path).await.is(200);
        (shown.get("vehicle").cloned(), shown.get("comment").cloned())
    };
    let (car, remark) = (Some(json!("a red car")), Some(json!("No smoking, please")));
    assert_eq!(said().await, (car, remark.clone()));

    let change = (Uuid::now_v7(), json!({"vehicle": null}));
    dora.patch_with_key(&path, change.0, change.1.clone()).await.is(200);
    assert_eq!(said().await, (None, remark.clone()));
    // The same key with another body is told apart, even where the other body only leaves the field out.
    dora.patch_with_key(&path, change.0, json!({})).await.refuses(422, "key_reused");
    dora.patch(&path, json!({"seats": 2})).await.is(200);
    assert_eq!(said().await, (None, remark));
    dora.patch(&path, json!({"vehicle": "a blue van", "comment": "  "})).await.is(200);
    assert_eq!(said().await, (Some(json!("a blue van")), None));

    let record = dora.get(&format!("{path}/events")).await.is(200);
    assert_eq!(record["events"][1]["data"]["cleared"], json!(["vehicle"]));
}

#[actix_web::test]
async fn a_ride_leaves_in_the_future_and_within_reason() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let mut late = ride();
    late["departs_at"] = json!(in_hours(-1));
    dora.post("/rides", late).await.refuses(409, "departure_in_the_past");
    let mut far = ride();
    far["departs_at"] = json!(in_hours(24 * 366 * 3));
    let problem = dora.post("/rides", far).await.refuses(422, "invalid");
    assert_eq!(text(&problem["fields"][0]["field"]), "departs_at");
}

#[actix_web::test]
async fn each_time_has_its_state() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let before = palabre::clock::now();
    let path = format!("/rides/{}", dora.offers(|_| {}).await);
    let offered = dora.get(&format!("{path}/events")).await.is(200)["events"][0]["recorded_at"].clone();
    // The log's clock has milliseconds; the change comes in another one.
    while palabre::clock::now() <= text(&offered).parse().unwrap() {
        tokio::task::yield_now().await;
    }
    dora.patch(&path, json!({"seats": 1})).await.is(200);
    let then = dora.get(&format!("{path}?at={}", text(&offered))).await.is(200);
    assert_eq!((then["seats"].clone(), text(&then["recorded_until"])), (json!(3), text(&offered)));
    assert_eq!(dora.get(&path).await.is(200)["seats"], 1);
    let long_before = before.plus_seconds(-1);
    dora.get(&format!("{path}?at={long_before}")).await.refuses(404, "no_such_ride");
}

#[actix_web::test]
async fn what_nobody_offered_is_not_there() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let path = format!("/rides/{}", Uuid::new_v4());
    dora.get(&path).await.refuses(404, "no_such_ride");
    dora.get(&format!("{path}/events")).await.refuses(404, "no_such_ride");
    dora.get(&format!("{path}/requests")).await.refuses(404, "no_such_ride");
    dora.patch(&path, json!({"seats": 1})).await.refuses(404, "no_such_ride");
    dora.post(&format!("{path}/cancel"), json!({})).await.refuses(404, "no_such_ride");
}
