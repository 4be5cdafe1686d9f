//! One booking, from the wish to the word of the platform.

use anyhow::{Context, Result, ensure};
use palabre_load_tests::chat::Chat;
use palabre_load_tests::client::id_in;
use palabre_load_tests::load::Outcome;
use palabre_load_tests::places::{GRENOBLE, LYON};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

use crate::market::{Market, Ride};

/// How long anything may take to be told.
const BOUND: Duration = Duration::from_secs(30);

/// How seats are booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By `POST reservations` on a ride whose driver has agreed beforehand.
    Instant,
    /// The passenger proposes in the conversation, and the driver accepts there as soon as it is told.
    Negotiated,
}

/// What a passenger was told in the end.
#[derive(Clone, Debug)]
pub struct Booked {
    /// What was proposed.
    pub proposal: String,
    /// Whether it was confirmed; refused otherwise, because no seat was left.
    pub confirmed: bool,
}

impl Way {
    /// What the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Negotiated => "proposed and accepted",
        }
    }
}

impl Market {
    /// Asks for the booking whose turn it is, and waits until the passenger's app is told what came of it.
    pub async fn book(&self, way: Way, rides: &[Ride], number: u64) -> Result<Outcome> {
        let (passenger, driver, ride) = self.turn(rides, number);
        let (conversation, proposal) = match way {
            Way::Instant => reserve(passenger, ride).await?,
            Way::Negotiated => agree(passenger, driver, ride).await?,
        };
        let told = |event: &Value| {
            ["booking_confirmed", "booking_refused"].iter().any(|kind| event["type"] == *kind)
                && event["data"]["proposal"] == proposal
        };
        let event = passenger.event(conversation, 0, "the outcome", BOUND, told).await?;
        let confirmed = event["type"] == "booking_confirmed";
        ensure!(confirmed || event["data"]["reason"] == "no_seats_left", "refused for another reason: {event}");
        ride.told.lock().expect("nobody panics with what was told").push(Booked { proposal, confirmed });
        Ok(if confirmed { Outcome::Done } else { Outcome::Refused })
    }
}

/// Takes a seat on list terms; answers the conversation and the proposal.
async fn reserve(passenger: &Chat, ride: &Ride) -> Result<(Uuid, String)> {
    let wanted = json!({"ride": ride.id, "seats": 1, "pickup": GRENOBLE.to_json(), "drop_off": LYON.to_json()});
    let made = passenger.person().api.post("reservations", &wanted).await.context("reserving")?;
    Ok((id_in(&made, "conversation")?, text(&made, "proposal")?))
}

/// Proposes and accepts; answers the conversation and the proposal.
async fn agree(passenger: &Chat, driver: &Chat, ride: &Ride) -> Result<(Uuid, String)> {
    let opened = passenger.ask(json!({"type": "open_conversation", "ride": ride.id})).await?.ok()?;
    let conversation = id_in(&opened, "conversation")?;
    let proposal = json!({
        "type": "make_proposal",
        "conversation": conversation,
        "seats": 1,
        "price_per_seat": {"cents": 900, "currency": "EUR"},
        "pickup": GRENOBLE.to_json(),
        "drop_off": LYON.to_json(),
    });
    let proposed = text(&passenger.ask(proposal).await?.ok()?, "proposal")?;
    let heard = |event: &Value| event["type"] == "proposal_made" && event["data"]["proposal"] == proposed;
    let heard = driver.event(conversation, 0, "the proposal", BOUND, heard).await?;
    let acceptance = json!({
        "type": "accept_proposal",
        "conversation": conversation,
        "proposal": proposed,
        "terms_hash": heard["data"]["terms_hash"],
    });
    driver.ask(acceptance).await?.ok().context("accepting")?;
    Ok((conversation, proposed))
}

fn text(answer: &Value, field: &str) -> Result<String> {
    answer[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {answer}"))
}
