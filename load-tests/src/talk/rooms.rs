//! Who talks: people in rooms, made through the public API. A room is a conversation: of a driver and a passenger about
//! a ride, or of everyone in the car.

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use uuid::Uuid;

use crate::client::{Api, Person, events_after, id_in};
use crate::places::{GRENOBLE, LYON, Place};
use crate::progress::bar;

/// The most people in a room: a ride has at most 128 reservations at a time, and its driver talks too.
pub const PEOPLE_MAX: usize = 129;
/// The most seats of a ride; more passengers than that come along on stretches that do not overlap.
const SEATS: usize = 8;
/// People who sign up at once. Hashing passwords takes all processors, so that more would only wait.
const AT_ONCE: usize = 4;
/// How long it may take until everybody who booked is a member of the group.
const JOIN_BOUND: Duration = Duration::from_secs(60);
/// Between two looks at who has joined.
const PAUSE: Duration = Duration::from_millis(50);

/// A conversation and who takes part.
#[derive(Clone, Debug)]
pub struct Room {
    /// The driver first.
    pub people: Vec<Person>,
    /// What they talk in.
    pub conversation: Uuid,
}

impl Room {
    /// The same with the first `people` of its members alone.
    pub fn first(&self, people: usize) -> Self {
        Self { people: self.people[..people].to_vec(), conversation: self.conversation }
    }
}

/// Makes `count` rooms of two, each about a ride of its own.
pub async fn pairs(server: SocketAddr, count: usize) -> Result<Vec<Room>> {
    let api = Api::new(server, None);
    make(count, "people sign up", |number| pair(&api, number)).await
}

async fn pair(api: &Api, number: usize) -> Result<Room> {
    let driver = api.sign_up(&format!("driver-{number}@example.org"), "Dominique").await?;
    let passenger = api.sign_up(&format!("passenger-{number}@example.org"), "Pascale").await?;
    let ride = driver.api.post("rides", &ride(3, "approval")).await.context("offering a ride")?;
    let opened =
        passenger.api.post("conversations", &json!({"ride": ride["ride"]})).await.context("opening a conversation")?;
    Ok(Room { people: vec![driver, passenger], conversation: id_in(&opened, "conversation")? })
}

/// Makes one room of `people`: the group of a ride that all but its driver have booked, each on a stretch of the way.
pub async fn group(server: SocketAddr, people: usize) -> Result<Room> {
    ensure!((2..=PEOPLE_MAX).contains(&people), "a group has 2 to {PEOPLE_MAX} people");
    let api = Api::new(server, None);
    let driver = api.sign_up("driver@example.org", "Dominique").await?;
    let ride = driver.api.post("rides", &ride(SEATS, "instant")).await.context("offering a ride")?;
    let (ride, passengers) = (&ride["ride"], people - 1);
    let booked = make(passengers, "people book", |number| book(&api, ride, number, passengers));
    let members = [vec![driver], booked.await?].concat();
    let conversation = joined(&members).await?;
    Ok(Room { people: members, conversation })
}

async fn book(api: &Api, ride: &Value, number: usize, passengers: usize) -> Result<Person> {
    let passenger = api.sign_up(&format!("member-{number}@example.org"), "Pascale").await?;
    let stretches = passengers.div_ceil(SEATS) as f64;
    // Not up to the ends, so that rounding to metres makes no two stretches touch.
    let along = |part: f64| between(GRENOBLE, LYON, ((number / SEATS) as f64 + part) / stretches).to_json();
    let wanted = json!({"ride": ride, "seats": 1, "pickup": along(0.1), "drop_off": along(0.9)});
    let made = passenger.api.post("reservations", &wanted).await.context("booking")?;
    ensure!(made["reservation"].is_string(), "an instant ride has not accepted: {made}");
    Ok(passenger)
}

/// The place at `part` of the straight way between two, which is short enough for the earth to be flat.
fn between(from: Place, to: Place, part: f64) -> Place {
    let at = |from: f64, to: f64| from + (to - from) * part;
    Place::new("on the way", at(from.lat, to.lat), at(from.lon, to.lon))
}

/// Waits until all `members` take part in the group of their ride; answers which conversation that is.
async fn joined(members: &[Person]) -> Result<Uuid> {
    let (driver, give_up) = (&members[0].api, Instant::now() + JOIN_BOUND);
    loop {
        let inbox = driver.get("conversations?limit=200").await?;
        let items = inbox["items"].as_array().context("an inbox has items")?;
        if let Some(group) = items.iter().find(|item| item["kind"] == "group") {
            let conversation = id_in(group, "conversation")?;
            let events = events_after(driver, conversation, 0).await?;
            if events.iter().filter(|event| event["type"] == "participant_joined").count() == members.len() - 1 {
                return Ok(conversation);
            }
        }
        ensure!(Instant::now() < give_up, "{JOIN_BOUND:?} after the last booking, somebody is not in the group");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes `count` things, a few at once, with a progress bar.
async fn make<T, F: Future<Output = Result<T>>>(
    count: usize,
    what: &'static str,
    make_one: impl Fn(usize) -> F,
) -> Result<Vec<T>> {
    let bar = bar(count, what)?;
    let made = stream::iter((0..count).map(make_one))
        .buffer_unordered(AT_ONCE)
        .inspect(|_| bar.inc(1))
        .collect::<Vec<_>>()
        .await;
    bar.finish_and_clear();
    made.into_iter().collect()
}

fn ride(seats: usize, booking_mode: &str) -> Value {
    let departs_at = chrono::Utc::now() + chrono::Duration::days(7);
    json!({
        "stops": [GRENOBLE.to_json(), LYON.to_json()],
        "departs_at": departs_at.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        "seats": seats,
        "price_per_seat": {"cents": 900, "currency": "EUR"},
        "booking_mode": booking_mode,
    })
}
