//! Places over HTTP: found while somebody types, the town of a point, whose data they are; and how towns get into rides.

use serde_json::json;

use crate::client::{Client, grenoble, in_hours, lyon, terms, text};
use crate::support::TestServer;

#[actix_web::test]
async fn whoever_types_finds_places_without_an_account() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    let found = nobody.get("/places?q=Greno").await.is(200);
    let grenoble = &found["items"][0];
    assert_eq!(
        (text(&grenoble["name"]), text(&grenoble["region"]), text(&grenoble["country"]), text(&grenoble["kind"])),
        ("Grenoble", "Isère", "FR", "town")
    );
    assert!(grenoble["population"].as_u64().unwrap() > 150_000);
    assert!(text(&grenoble["id"]).starts_with("geonames:"));
    let (lat, lon) = (grenoble["lat"].as_f64().unwrap(), grenoble["lon"].as_f64().unwrap());
    assert!((45.1..45.3).contains(&lat) && (5.6..5.8).contains(&lon));

    let saint = nobody.get("/places?q=saint%20etienne&limit=1").await.is(200);
    let items = saint["items"].as_array().unwrap();
    assert_eq!((items.len(), text(&items[0]["name"])), (1, "Saint-Étienne"));
    let near = nobody.get("/places?q=montceau&near=45.6,5.3").await.is(200);
    assert!(near["items"].as_array().unwrap().iter().any(|place| place["name"] == "Ruy-Montceau"), "{near}");
    assert_eq!(nobody.get("/places?q=xqzt").await.is(200), json!({"items": []}));
}

#[actix_web::test]
async fn a_point_has_a_town_or_none() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    assert_eq!(nobody.get("/places/nearest?at=45.1915,5.7145").await.is(200)["place"]["name"], "Grenoble");
    assert_eq!(nobody.get("/places/nearest?at=44.9,-8").await.is(200), json!({}));
}

#[actix_web::test]
async fn every_source_is_named_with_its_licence() {
    let server = TestServer::start();
    let told = Client::nobody(&server).get("/places/sources").await.is(200);
    let licences: Vec<&str> =
        told["sources"].as_array().unwrap().iter().map(|source| text(&source["licence"])).collect();
    assert_eq!(licences, ["CC BY 4.0", "Licence Ouverte 2.0", "ODbL 1.0"]);
}

#[actix_web::test]
async fn rides_requests_and_proposals_know_the_towns_of_their_places() {
    let server = TestServer::start();
    let (dora, anna) = (Client::sign_up(&server, "Dora").await, Client::sign_up(&server, "Anna").await);
    let ride = dora.offers(|_| {}).await;
    let shown = dora.get(&format!("/rides/{ride}")).await.is(200);
    let towns: Vec<&str> = shown["stops"].as_array().unwrap().iter().map(|stop| text(&stop["town"])).collect();
    assert_eq!(towns, ["Grenoble", "Voiron", "Lyon"]);

    let talk = anna.talks_about(&ride).await;
    anna.post(&format!("/conversations/{talk}/proposals"), terms(1, 700)).await.is(201);
    let page = anna.get(&format!("/conversations/{talk}/events")).await.is(200);
    let made = page["events"].as_array().unwrap().last().unwrap();
    let terms = &made["data"]["terms"];
    assert_eq!((text(&terms["pickup"]["town"]), text(&terms["drop_off"]["town"])), ("Grenoble", "Lyon"), "{made}");

    let wish = json!({"from": lyon(), "to": grenoble(), "pickup_at": in_hours(30), "seats": 1});
    let posted = anna.post("/requests", wish).await.is(201);
    let path = format!("/requests/{}?min_position={}", text(&posted["request"]), posted["position"]);
    let shown = anna.get(&path).await.is(200);
    assert_eq!((text(&shown["from"]["town"]), text(&shown["to"]["town"])), ("Lyon", "Grenoble"));
}
