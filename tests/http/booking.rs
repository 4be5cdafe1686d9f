//! From a proposal to a booking, and what may become of it.

use serde_json::{Value, json};

use crate::client::{Client, grenoble, in_hours, lyon, terms, text};
use crate::support::TestServer;

/// Dora, her ride, and passengers who talk with her about it.
struct Stage {
    server: TestServer,
    dora: Client,
    ride: String,
}

impl Stage {
    async fn set(change: impl FnOnce(&mut Value)) -> Self {
        let server = TestServer::start();
        let dora = Client::sign_up(&server, "Dora").await;
        let ride = dora.offers(change).await;
        Self { server, dora, ride }
    }

    /// Somebody who talks with Dora, and the path of their conversation.
    async fn passenger(&self, name: &str) -> (Client, String) {
        let passenger = Client::sign_up(&self.server, name).await;
        let path = format!("/conversations/{}", passenger.talks_about(&self.ride).await);
        (passenger, path)
    }

    /// `passenger` and Dora agree on `seats`; answers the proposal.
    async fn agree(&self, passenger: &Client, path: &str, seats: u8) -> String {
        let made = passenger.post(&format!("{path}/proposals"), terms(seats, 700)).await.is(201);
        let proposal = text(&made["proposal"]).to_owned();
        let accept = json!({"terms_hash": made["terms_hash"]});
        self.dora.post(&format!("{path}/proposals/{proposal}/accept"), accept).await.is(200);
        proposal
    }
}

fn last_type(page: &Value) -> &str {
    page["events"].as_array().and_then(|events| events.last()).and_then(|event| event["type"].as_str()).unwrap_or("")
}

#[actix_web::test]
async fn what_two_agree_on_is_booked() {
    let stage = Stage::set(|_| {}).await;
    let (anna, path) = stage.passenger("Anna").await;
    let proposal = stage.agree(&anna, &path, 2).await;
    for reader in [&anna, &stage.dora] {
        let page = reader.until(&format!("{path}/events"), |page| last_type(page) == "booking_confirmed").await;
        assert_eq!(page["events"].as_array().unwrap().last().unwrap()["data"]["seats"], 2);
    }
    let shown = stage.dora.get(&format!("/rides/{}", stage.ride)).await.is(200);
    assert_eq!(shown["seats_left"], 1);
    assert_eq!(shown["reservations"][0]["passenger"]["name"], "Anna");
    assert_eq!(
        Client::nobody(&stage.server).get(&format!("/rides/{}", stage.ride)).await.is(200)["reservations"],
        json!([])
    );

    let reservation = anna.until(&format!("/reservations/{proposal}"), |_| true).await;
    assert_eq!((text(&reservation["state"]), reservation["terms"]["seats"].clone()), ("active", json!(2)));
    assert_eq!(reservation["terms"]["pickup"]["label"], "At my door");
    stage.dora.get(&format!("/reservations/{proposal}")).await.is(200);
    let eve = Client::sign_up(&stage.server, "Eve").await;
    eve.get(&format!("/reservations/{proposal}")).await.refuses(404, "no_such_reservation");
}

#[actix_web::test]
async fn the_seat_that_is_gone_is_refused() {
    let stage = Stage::set(|ride| ride["seats"] = json!(2)).await;
    let (anna, with_anna) = stage.passenger("Anna").await;
    let (ben, with_ben) = stage.passenger("Ben").await;
    stage.agree(&anna, &with_anna, 2).await;
    anna.until(&format!("{with_anna}/events"), |page| last_type(page) == "booking_confirmed").await;
    stage.agree(&ben, &with_ben, 1).await;
    let page = ben.until(&format!("{with_ben}/events"), |page| last_type(page) == "booking_refused").await;
    assert_eq!(page["events"].as_array().unwrap().last().unwrap()["data"]["reason"], "no_seats_left");
}

#[actix_web::test]
async fn only_the_other_side_answers_and_names_what_it_saw() {
    let stage = Stage::set(|_| {}).await;
    let (anna, path) = stage.passenger("Anna").await;
    let made = anna.post(&format!("{path}/proposals"), terms(1, 500)).await.is(201);
    let at = format!("{path}/proposals/{}", text(&made["proposal"]));
    let accept = json!({"terms_hash": made["terms_hash"]});
    anna.post(&format!("{at}/accept"), accept.clone()).await.refuses(409, "own_proposal");
    let other = json!({"terms_hash": "00".repeat(32)});
    stage.dora.post(&format!("{at}/accept"), other).await.refuses(409, "terms_differ");
    stage.dora.post(&format!("{at}/withdraw"), json!({})).await.refuses(409, "not_the_proposer");
    let eve = Client::sign_up(&stage.server, "Eve").await;
    eve.post(&format!("{at}/accept"), accept.clone()).await.refuses(404, "no_such_conversation");

    let mut counter = terms(1, 600);
    counter["in_reply_to"] = made["proposal"].clone();
    let countered = stage.dora.post(&format!("{path}/proposals"), counter).await.is(201);
    stage.dora.post(&format!("{at}/accept"), accept).await.refuses(409, "proposal_countered");
    let at = format!("{path}/proposals/{}", text(&countered["proposal"]));
    anna.post(&format!("{at}/decline"), json!({"reason": "Too much"})).await.is(200);
    let accept = json!({"terms_hash": countered["terms_hash"]});
    anna.post(&format!("{at}/accept"), accept).await.refuses(409, "proposal_declined");

    let made = anna.post(&format!("{path}/proposals"), terms(1, 550)).await.is(201);
    let at = format!("{path}/proposals/{}", text(&made["proposal"]));
    anna.post(&format!("{at}/withdraw"), json!({})).await.is(200);
    let nothing = format!("{path}/proposals/{}/withdraw", uuid::Uuid::new_v4());
    anna.post(&nothing, json!({})).await.refuses(404, "no_such_proposal");
}

#[actix_web::test]
async fn an_instant_ride_is_booked_at_once() {
    let stage = Stage::set(|ride| ride["booking_mode"] = json!("instant")).await;
    let anna = Client::sign_up(&stage.server, "Anna").await;
    let reserve = json!({"ride": stage.ride, "seats": 1, "pickup": grenoble(), "drop_off": lyon()});
    let asked = anna.post("/reservations", reserve).await;
    let location = asked.header("location").to_owned();
    let asked = asked.is(201);
    assert_eq!(asked["reservation"], asked["proposal"]);
    let reservation = anna.until(&location, |_| true).await;
    assert_eq!(reservation["terms"]["price_per_seat"]["cents"], 800);
}

#[actix_web::test]
async fn a_ride_on_approval_waits_for_its_driver() {
    let stage = Stage::set(|_| {}).await;
    let anna = Client::sign_up(&stage.server, "Anna").await;
    let reserve = json!({"ride": stage.ride, "seats": 1, "pickup": grenoble(), "drop_off": lyon()});
    let asked = anna.post("/reservations", reserve).await.is(201);
    assert_eq!(asked.get("reservation"), None);
    let to_handle = stage.dora.get(&format!("/me/to-handle?min_position={}", asked["position"])).await.is(200);
    let waiting = &to_handle["proposals"][0];
    assert_eq!(
        (waiting["proposal"].clone(), waiting["by"]["name"].clone()),
        (asked["proposal"].clone(), json!("Anna"))
    );
    let accept = json!({"terms_hash": waiting["terms_hash"]});
    let at = format!("/conversations/{}/proposals/{}/accept", text(&asked["conversation"]), text(&asked["proposal"]));
    stage.dora.post(&at, accept).await.is(200);
    anna.until(&format!("/reservations/{}", text(&asked["proposal"])), |_| true).await;
}

#[actix_web::test]
async fn either_side_cancels_a_booking() {
    let stage = Stage::set(|_| {}).await;
    let (anna, path) = stage.passenger("Anna").await;
    let proposal = stage.agree(&anna, &path, 2).await;
    let at = format!("/reservations/{proposal}");
    anna.until(&at, |_| true).await;
    let eve = Client::sign_up(&stage.server, "Eve").await;
    eve.post(&format!("{at}/cancel"), json!({})).await.refuses(404, "no_such_conversation");
    let done = anna.post(&format!("{at}/cancel"), json!({"reason": "My train runs after all"})).await.is(200);
    let shown = stage.dora.get(&format!("{at}?min_position={}", done["position"])).await.is(200);
    assert_eq!(text(&shown["state"]), "cancelled");
    assert_eq!(
        (text(&shown["cancelled"]["by"]), text(&shown["cancelled"]["reason"])),
        ("passenger", "My train runs after all")
    );
    assert_eq!(stage.dora.get(&format!("/rides/{}", stage.ride)).await.is(200)["seats_left"], 3);
    anna.post(&format!("/reservations/{}/cancel", uuid::Uuid::new_v4()), json!({}))
        .await
        .refuses(404, "no_such_reservation");
}

#[actix_web::test]
async fn who_has_booked_is_asked_again_when_the_hour_changes() {
    let stage = Stage::set(|_| {}).await;
    let (anna, path) = stage.passenger("Anna").await;
    let proposal = stage.agree(&anna, &path, 1).await;
    let at = format!("/reservations/{proposal}");
    anna.until(&at, |_| true).await;
    let ride = format!("/rides/{}", stage.ride);
    let done = stage.dora.post(&format!("{ride}/reschedule"), json!({"departs_at": in_hours(60)})).await.is(200);
    let waiting = anna.get(&format!("/me/to-handle?min_position={}", done["position"])).await.is(200);
    assert_eq!(waiting["to_reconfirm"][0]["reservation"], proposal.as_str());
    let version = stage.dora.get(&ride).await.is(200)["terms_version"].clone();
    anna.post(&format!("{at}/reconfirm"), json!({"terms_version": 1})).await.refuses(409, "terms_outdated");
    let done = anna.post(&format!("{at}/reconfirm"), json!({ "terms_version": version })).await.is(200);
    let waiting = anna.get(&format!("/me/to-handle?min_position={}", done["position"])).await.is(200);
    assert_eq!(waiting["to_reconfirm"], json!([]));
    anna.post(&format!("{at}/no-show"), json!({})).await.refuses(403, "not_yours");
    stage.dora.post(&format!("{at}/no-show"), json!({})).await.refuses(409, "too_early");
}
