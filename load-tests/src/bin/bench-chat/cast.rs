//! Who talks: people in pairs, each with a ride and a conversation about it, made through the public API.

use anyhow::{Context, Result};
use futures_util::StreamExt as _;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use palabre_load_tests::client::{Api, Person, id_in};
use palabre_load_tests::places::{GRENOBLE, LYON};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Pairs that are made at once. Hashing passwords takes all processors, so that more would only wait.
const AT_ONCE: usize = 4;

/// A driver, a passenger and their conversation.
pub struct Pair {
    /// Both, the driver first.
    pub people: [Person; 2],
    /// What they talk in.
    pub conversation: uuid::Uuid,
}

/// Makes `count` pairs, each with a ride of its own.
pub async fn pairs(server: SocketAddr, count: usize) -> Result<Vec<Pair>> {
    let bar = bar(count, "people sign up")?;
    let api = Api::new(server, None);
    let pairs = stream::iter(0..count)
        .map(|number| {
            let (api, bar) = (api.clone(), bar.clone());
            async move {
                let pair = pair(&api, number).await;
                bar.inc(1);
                pair
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    bar.finish_and_clear();
    pairs.into_iter().collect()
}

async fn pair(api: &Api, number: usize) -> Result<Pair> {
    let driver = api.sign_up(&format!("driver-{number}@example.org"), "Dominique").await?;
    let passenger = api.sign_up(&format!("passenger-{number}@example.org"), "Pascale").await?;
    let ride = driver.api.post("rides", &ride()).await.context("offering a ride")?;
    let opened =
        passenger.api.post("conversations", &json!({"ride": ride["ride"]})).await.context("opening a conversation")?;
    Ok(Pair { people: [driver, passenger], conversation: id_in(&opened, "conversation")? })
}

fn ride() -> Value {
    let departs_at = chrono::Utc::now() + chrono::Duration::days(7);
    json!({
        "stops": [GRENOBLE.to_json(), LYON.to_json()],
        "departs_at": departs_at.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        "seats": 3,
        "price_per_seat": {"cents": 900, "currency": "EUR"},
    })
}

/// A progress bar for `count` things.
pub fn bar(count: usize, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?;
    Ok(ProgressBar::new(count as u64).with_style(style).with_message(what))
}
