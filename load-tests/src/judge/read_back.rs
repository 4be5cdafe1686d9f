//! Reads back what the log holds in the end, conversation by conversation, as each of its people sees it.

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::chat::Chat;
use crate::client::{Person, events_after, id_in};
use crate::crowd::Ended;
use crate::stays::Stays;
use crate::transcript::{Transcript, is_hidden};

/// Conversations that are read at once.
const READ_AT_ONCE: usize = 8;

/// The events of each conversation, as each of its people sees them.
pub(super) type Views = BTreeMap<Uuid, BTreeMap<Uuid, Vec<Value>>>;

/// Reads every conversation as each participant sees it, again until nothing is added any more.
pub(super) async fn read_back(ended: &Ended) -> Result<Views> {
    let mut before = read_once(ended).await?;
    for _ in 0..10 {
        let now = read_once(ended).await?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(before)
}

/// Each conversation of two as both see it, and each group as everybody sees it who is or was in it.
async fn read_once(ended: &Ended) -> Result<Views> {
    let both = ended.rides.iter().flat_map(|ride| {
        let of = move |(id, passenger): (&Uuid, _)| [(*id, &ride.driver), (*id, passenger)];
        ride.conversations.iter().flat_map(of)
    });
    let mut views = read_as(both.collect()).await?;
    let groups = read_as(groups_of_drivers(ended).await?).await?;
    let passengers = groups.iter().flat_map(|(id, of_driver)| {
        let people: Vec<Uuid> = stays_in(of_driver).iter().flat_map(Stays::people).collect();
        let others = people.into_iter().filter(move |account| !of_driver.contains_key(account));
        others.filter_map(move |account| Some((*id, ended.chats.get(&account)?.person())))
    });
    let of_passengers = read_as(passengers.collect()).await?;
    for (id, more) in groups.into_iter().chain(of_passengers) {
        views.entry(id).or_default().extend(more);
    }
    Ok(views)
}

/// Reads conversations, each as one person sees it.
async fn read_as(wanted: Vec<(Uuid, &Person)>) -> Result<Views> {
    let read = wanted.into_iter().map(|(id, person)| async move {
        Ok::<_, anyhow::Error>((id, person.account, events_after(&person.api, id, 0).await?))
    });
    let read: Vec<_> = stream::iter(read).buffer_unordered(READ_AT_ONCE).collect().await;
    let mut views = Views::new();
    for view in read {
        let (id, account, events) = view?;
        views.entry(id).or_default().insert(account, events);
    }
    Ok(views)
}

/// The groups in the inboxes of the drivers, each with its driver.
async fn groups_of_drivers(ended: &Ended) -> Result<Vec<(Uuid, &Person)>> {
    let drivers: BTreeMap<Uuid, &Person> = ended.rides.iter().map(|ride| (ride.driver.account, &ride.driver)).collect();
    let mut groups = Vec::new();
    for driver in drivers.into_values() {
        // What their client was told of is in the inbox by then.
        let position = ended.chats.get(&driver.account).map_or(0, |chat| last_position(chat));
        let inbox = driver.api.get(&format!("conversations?limit=200&min_position={position}")).await?;
        let items = inbox["items"].as_array().context("an inbox has items")?;
        for group in items.iter().filter(|item| item["kind"] == "group") {
            groups.push((id_in(group, "conversation")?, driver));
        }
    }
    Ok(groups)
}

/// The last position in the log that a client was told of.
fn last_position(chat: &Chat) -> u64 {
    let last = |told: &Transcript| told.events().last()?["position"].as_u64();
    chat.read(|told| told.values().filter_map(last).max()).unwrap_or(0)
}

/// Who was in a group when, by the events that its driver sees; none for a conversation of two.
pub(super) fn stays_in(views: &BTreeMap<Uuid, Vec<Value>>) -> Option<Stays> {
    let events = fullest(views)?;
    let opened = &events.first().filter(|event| event["data"]["kind"] == "group")?["data"];
    Some(Stays::of(id_in(opened, "driver").ok()?, events))
}

/// The view in which the least is hidden: in a group the driver's.
pub(super) fn fullest(views: &BTreeMap<Uuid, Vec<Value>>) -> Option<&Vec<Value>> {
    views.values().max_by_key(|view| view.iter().filter(|event| !is_hidden(event)).count())
}
