//! What the people of a demo do with each other, so that every state of a conversation is there to be looked at. Each scene
//! is told in its own function; those that agree are in [`agreeing`], those that do not in [`parting`], those whose ride
//! changes in [`changing`].

pub mod agreeing;
pub mod changing;
pub mod parting;

use chrono::{Days, NaiveDate};
use palabre_events::Timestamp;
use palabre_events::ride::BookingMode;

use super::DemoFailure;
use super::plan::{TIME_ZONE, local, moment};
use super::stage::{Stage, euros};
use crate::clock;
use crate::commands::input::{OfferRide, PlaceInput};

/// How many scenes there are.
pub const COUNT: u64 = 9;

/// Plays all scenes; `played` is told of each. Answers when the last of their rides leaves.
pub async fn play(stage: &Stage<'_>, mut played: impl FnMut()) -> Result<Timestamp, DemoFailure> {
    let days = Calendar { today: local(clock::now()).date_naive() };
    // The one whose proposal expires first, so that it has expired soon.
    parting::answers_of_all_kinds(stage, &days).await?;
    played();
    agreeing::a_price_is_bargained_for(stage, &days).await?;
    played();
    agreeing::a_car_full_of_people(stage, &days).await?;
    played();
    agreeing::a_request_is_answered(stage, &days).await?;
    played();
    agreeing::somebody_leaves_soon(stage).await?;
    played();
    parting::a_driver_leaves_somebody_behind(stage, &days).await?;
    played();
    changing::a_ride_is_moved(stage, &days).await?;
    played();
    changing::a_ride_is_cancelled(stage, &days).await?;
    played();
    changing::one_seat_more(stage, &days).await?;
    played();
    Ok(days.at(LAST_DAY, 23, 0))
}

/// The day of the last scene, counted from today.
const LAST_DAY: u64 = 4;

/// The coming days.
pub struct Calendar {
    today: NaiveDate,
}

impl Calendar {
    /// An hour of a day, counted from today.
    pub fn at(&self, days: u64, hour: i64, minute: i64) -> Timestamp {
        moment(self.today + Days::new(days), hour * 60 + minute)
    }
}

/// A ride on approval.
fn ride(stops: Vec<PlaceInput>, departs_at: Timestamp, seats: u8, cents: u32) -> OfferRide {
    OfferRide {
        stops,
        departs_at,
        time_zone: TIME_ZONE.name().to_owned(),
        seats,
        price_per_seat: euros(cents),
        booking_mode: BookingMode::Approval,
        preferences: palabre_events::ride::Preferences::default(),
        vehicle: None,
        comment: None,
    }
}

/// A ride whose list terms are accepted beforehand.
fn instant(ride: OfferRide) -> OfferRide {
    OfferRide { booking_mode: BookingMode::Instant, ..ride }
}

fn place(label: &str, lat: f64, lon: f64) -> PlaceInput {
    PlaceInput { lat, lon, label: Some(label.to_owned()) }
}

fn grenoble() -> PlaceInput {
    place("Gare de Grenoble", 45.1915, 5.7145)
}

fn bourgoin() -> PlaceInput {
    place("Gare de Bourgoin-Jallieu", 45.5857, 5.2725)
}

fn lyon() -> PlaceInput {
    place("Lyon Part-Dieu", 45.7605, 4.8595)
}

fn voiron() -> PlaceInput {
    place("Gare de Voiron", 45.3637, 5.5926)
}

fn valence() -> PlaceInput {
    place("Gare de Valence-Ville", 44.9280, 4.8936)
}

fn chambery() -> PlaceInput {
    place("Gare de Chambéry", 45.5712, 5.9195)
}

fn annecy() -> PlaceInput {
    place("Gare d'Annecy", 45.9022, 6.1215)
}

fn geneva() -> PlaceInput {
    place("Genève Cornavin", 46.2104, 6.1426)
}
