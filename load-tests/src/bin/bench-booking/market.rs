//! Who books what: drivers with rides of few seats, and passengers of whom more want each ride than it has seats.

use anyhow::{Context, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use palabre_load_tests::chat::Chat;
use palabre_load_tests::client::{Api, Person, id_in};
use palabre_load_tests::places::{GRENOBLE, LYON};
use palabre_load_tests::progress::bar;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use uuid::Uuid;

use crate::booking::{Booked, Way};

/// Seats of each ride.
pub const SEATS: u64 = 3;
/// How many passengers want a seat in each ride.
const WANTED_BY: u64 = 5;
const DRIVERS: usize = 8;
const PASSENGERS: usize = 64;
/// People who sign up at once. Hashing passwords takes all processors, so that more would only wait.
const SIGN_UPS_AT_ONCE: usize = 4;
/// Rides that are offered at once.
const OFFERS_AT_ONCE: usize = 32;
/// How long a client may take to connect.
const CONNECT_BOUND: Duration = Duration::from_secs(30);

/// Drivers and passengers, each with an app that is connected.
pub struct Market {
    pub(crate) drivers: Vec<Chat>,
    pub(crate) passengers: Vec<Chat>,
}

/// A ride on offer.
pub struct Ride {
    /// Its id.
    pub id: Uuid,
    /// Who drives.
    pub driver: Person,
    /// What those who wanted a seat were told in the end.
    pub told: Mutex<Vec<Booked>>,
}

impl Market {
    /// Has everybody sign up and connect.
    pub async fn gather(server: SocketAddr) -> Result<Self> {
        let (api, bar) = (Api::new(server, None), bar(DRIVERS + PASSENGERS, "people sign up")?);
        let people = (0..DRIVERS + PASSENGERS).map(|number| enter(&api, number));
        let mut drivers: Vec<Chat> =
            stream::iter(people).buffered(SIGN_UPS_AT_ONCE).inspect(|_| bar.inc(1)).try_collect().await?;
        bar.finish_and_clear();
        let passengers = drivers.split_off(DRIVERS);
        Ok(Self { drivers, passengers })
    }

    /// Offers as many rides as are wanted when bookings are asked for `asks` times.
    pub async fn offer(&self, way: Way, asks: u64) -> Result<Vec<Ride>> {
        let count = asks.div_ceil(WANTED_BY);
        let bar = bar(usize::try_from(count)?, "rides are offered")?;
        let offers = (0..count as usize).map(|number| offer(self.drivers[number % DRIVERS].person(), way));
        let rides = stream::iter(offers).buffered(OFFERS_AT_ONCE).inspect(|_| bar.inc(1)).try_collect().await?;
        bar.finish_and_clear();
        Ok(rides)
    }

    /// Who asks for the booking of this number, and the ride that is wanted: those of one ride are different people, and
    /// ask at the same time where several bookings are under way.
    pub fn turn<'a>(&self, rides: &'a [Ride], number: u64) -> (&Chat, &Chat, &'a Ride) {
        let ride = (number / WANTED_BY) as usize;
        (&self.passengers[number as usize % PASSENGERS], &self.drivers[ride % DRIVERS], &rides[ride])
    }
}

async fn enter(api: &Api, number: usize) -> Result<Chat> {
    let person = api.sign_up(&format!("person-{number}@example.org"), "Camille").await?;
    let chat = Chat::start(&person);
    chat.wait_until("the welcome", CONNECT_BOUND, |chat| (chat.tally().connections > 0).then_some(())).await?;
    Ok(chat)
}

async fn offer(driver: &Person, way: Way) -> Result<Ride> {
    let offered = driver.api.post("rides", &ride(way)).await.context("offering a ride")?;
    Ok(Ride { id: id_in(&offered, "ride")?, driver: driver.clone(), told: Mutex::default() })
}

fn ride(way: Way) -> Value {
    let departs_at = chrono::Utc::now() + chrono::Duration::days(7);
    json!({
        "stops": [GRENOBLE.to_json(), LYON.to_json()],
        "departs_at": departs_at.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        "seats": SEATS,
        "price_per_seat": {"cents": 900, "currency": "EUR"},
        "booking_mode": match way { Way::Instant => "instant", Way::Negotiated => "approval" },
    })
}
