//! Searches over HTTP: 436 of them over 10,000 imported offers, to the digit; and what else a search tells.

use palabre_events::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::fs;

use crate::client::{Client, in_hours, ride, text};
use crate::support::TestServer;

#[actix_web::test]
async fn a_ride_is_found_from_a_place_that_it_passes() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    let offered = dora.offers(|_| {}).await;
    let head = *server.platform.log.head().borrow();
    let near_voiron = format!(
        "/searches?from=45.37,5.60&to=45.764,4.836&at={}&tolerance_min=120&radius_km=5&min_position={head}",
        in_hours(48)
    );
    let found = Client::nobody(&server).get(&near_voiron).await.is(200);
    assert_eq!(found["total"], 1);
    let offer = &found["offers"][0];
    assert_eq!((text(&offer["ride"]), text(&offer["driver"]["name"])), (offered.as_str(), "Dora"));
    assert_eq!((offer["seats_left"].clone(), offer["price_per_seat"]["cents"].clone()), (json!(3), json!(800)));
    assert!(offer["explain"]["walk_to_pickup_m"].as_u64().unwrap() < 2_000, "{offer}");
    assert_eq!(offer["stops"].as_array().unwrap().len(), 3);
    // One's own ride is no answer to one's own search.
    assert_eq!(dora.get(&near_voiron).await.is(200)["total"], 0);
}

#[actix_web::test]
async fn a_search_that_finds_nothing_says_what_to_loosen() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    dora.post("/rides", ride()).await.is(201);
    let head = *server.platform.log.head().borrow();
    let strict =
        format!("/searches?from=45.188,5.724&to=45.764,4.836&at={}&tolerance_min=30&min_position={head}", in_hours(49));
    let found = Client::nobody(&server).get(&strict).await.is(200);
    assert_eq!((found["total"].clone(), found["offers"].clone()), (json!(0), json!([])));
    assert_eq!(found["loosen"], json!([{"change": {"tolerance_min": 120}, "total": 1}]));
}

#[actix_web::test]
async fn where_no_single_wish_helps_hour_and_way_are_loosened_together() {
    let server = TestServer::start();
    let dora = Client::sign_up(&server, "Dora").await;
    dora.post("/rides", ride()).await.is(201);
    let head = *server.platform.log.head().borrow();
    let near = |at: &str| {
        let wishes = format!("from=45.188,5.824&to=45.764,4.836&at={at}&tolerance_min=30&radius_km=1");
        format!("/searches?{wishes}&min_position={head}")
    };
    let found = Client::nobody(&server).get(&near(&in_hours(49))).await.is(200);
    assert_eq!(found["loosen"], json!([{"change": {"tolerance_min": 120, "radius_km": 10.0}, "total": 1}]));
    let far_away = Client::nobody(&server).get(&near(&in_hours(24 * 30))).await.is(200);
    assert_eq!((far_away["total"].clone(), far_away.get("loosen")), (json!(0), None));
}

#[derive(Deserialize)]
struct SearchLine {
    id: String,
    pickup: [f64; 2],
    dropoff: [f64; 2],
    time: i64,
    tolerance_min: u32,
    radius_km: f64,
    seats: u8,
}

#[derive(Deserialize)]
struct Expected {
    search: String,
    total: usize,
    offers: Vec<String>,
    scores: Vec<f64>,
}

const DAY_S: i64 = 24 * 3600;

/// The days by which offers and searches move so that all of them lie ahead.
fn days_to_move(earliest_s: i64, now: Timestamp) -> i64 {
    let ahead_ms = Timestamp::from_seconds(earliest_s).unwrap().millis_since(now);
    // A day to spare, so that nothing passes while the test runs.
    let lacking_ms = (2 * DAY_S * 1000 - ahead_ms).max(0);
    (lacking_ms + DAY_S * 1000 - 1) / (DAY_S * 1000)
}

fn lines(name: &str) -> Vec<String> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[actix_web::test]
async fn the_searches_answer_exactly_what_an_exhaustive_scan_does() {
    let searches: Vec<SearchLine> =
        lines("searches.jsonl").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<Expected> =
        lines("expected-top20.jsonl").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut offers: Vec<serde_json::Value> =
        lines("offers-10k.jsonl").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((searches.len(), offers.len()), (436, 10_000));
    let departures = offers.iter().map(|offer| offer["departure"].as_i64().unwrap());
    let earliest_s = departures.chain(searches.iter().map(|search| search.time)).min().unwrap();
    let moved_s = days_to_move(earliest_s, palabre::clock::now()) * DAY_S;
    for offer in &mut offers {
        offer["departure"] = json!(offer["departure"].as_i64().unwrap() + moved_s);
    }

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offers.jsonl");
    fs::write(&file, offers.iter().map(|offer| format!("{offer}\n")).collect::<String>()).unwrap();
    let data = folder.path().join("data");
    let imported = std::process::Command::new(env!("CARGO_BIN_EXE_palabre"))
        .args(["import", "offers"])
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));

    let server = TestServer::start_with(|config| config.data = data);
    let nobody = Client::nobody(&server);
    let head = *server.platform.log.head().borrow();
    assert!(head >= 10_000, "{head}");
    nobody.until("/healthz", |health| health["views_position"].as_u64() >= Some(head)).await;
    for (search, expected) in searches.iter().zip(&expected) {
        assert_eq!(search.id, expected.search);
        let path = format!(
            "/searches?from={},{}&to={},{}&at={}&tolerance_min={}&radius_km={}&seats={}",
            search.pickup[0],
            search.pickup[1],
            search.dropoff[0],
            search.dropoff[1],
            search.time + moved_s,
            search.tolerance_min,
            search.radius_km,
            search.seats
        );
        let found = nobody.get(&path).await.is(200);
        let offers = found["offers"].as_array().unwrap();
        let ids: Vec<_> = offers.iter().map(|offer| text(&offer["import_reference"])).collect();
        let scores: Vec<_> = offers.iter().map(|offer| offer["score"].as_f64().unwrap()).collect();
        assert_eq!(found["total"].as_u64().unwrap() as usize, expected.total, "{}", search.id);
        assert_eq!(ids, expected.offers, "{}", search.id);
        assert_eq!(scores, expected.scores, "{}", search.id);
    }
}
