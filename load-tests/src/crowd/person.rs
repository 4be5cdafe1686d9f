//! What one person does all the time: talk with one or with all in the car, propose, agree, decline, cancel, change their
//! mind.
//!
//! Drivers answer every proposal that waits in all their conversations at once, so that acceptances compete for the few
//! seats. Refusals are part of the game: the checks only ask that what was answered is what happened.

use crate::chat::{Answer, Chat};
use crate::client::{Person, Refused, new_key};
use crate::ledger::{Entry, Ledger};
use crate::places::ROAD;
use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::Ride;
use super::seen::Seen;

/// The longest pause between two actions, in ms.
const THINKING_MS_MAX: u64 = 20;
/// The most messages that somebody sends without waiting for an answer.
const BURST: u32 = 4;

/// Which side somebody is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Offers rides.
    Driver,
    /// Wants to come along.
    Passenger,
}

/// One person at work.
pub struct Someone {
    person: Person,
    role: Role,
    chat: Arc<Chat>,
    conversations: BTreeMap<Uuid, Seen>,
    /// The groups that the client was told of.
    groups: BTreeMap<Uuid, Seen>,
    rides: Vec<Uuid>,
    ledger: Ledger,
    acceptances: watch::Sender<u64>,
    rng: StdRng,
    said: u64,
}

type Asked = (Uuid, Value, oneshot::Receiver<Answer>);

impl Someone {
    /// Somebody with this client, who takes part in the conversations of `rides` that are theirs.
    pub fn new(
        chat: Arc<Chat>,
        role: Role,
        rides: &[Ride],
        ledger: &Ledger,
        acceptances: &watch::Sender<u64>,
        seed: u64,
    ) -> Self {
        let person = chat.person().clone();
        let mine = rides.iter().filter(|ride| ride.driver.account == person.account);
        let takes_part = |ride: &Ride, passenger: &Person| {
            ride.driver.account == person.account || passenger.account == person.account
        };
        let conversations = rides.iter().flat_map(|ride| {
            ride.conversations
                .iter()
                .filter(|(_, passenger)| takes_part(ride, passenger))
                .map(|(id, _)| (*id, Seen::default()))
        });
        Self {
            conversations: conversations.collect(),
            groups: BTreeMap::new(),
            role,
            rides: mine.map(|ride| ride.id).collect(),
            person,
            chat,
            ledger: ledger.clone(),
            acceptances: acceptances.clone(),
            rng: StdRng::seed_from_u64(seed),
            said: 0,
        }
    }

    /// Acts until told to stop.
    pub(super) async fn live(mut self, goes_on: Arc<AtomicBool>) -> Result<()> {
        while goes_on.load(Ordering::SeqCst) {
            self.catch_up();
            match self.role {
                Role::Driver => self.drive().await?,
                Role::Passenger => self.wish().await?,
            }
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..=THINKING_MS_MAX))).await;
        }
        Ok(())
    }

    /// Takes note of what the client was told since. What is no conversation of two is the group of a ride.
    fn catch_up(&mut self) {
        let me = self.person.account.to_string();
        let told: Vec<Uuid> = self.chat.read(|told| told.keys().copied().collect());
        for group in told.into_iter().filter(|id| !self.conversations.contains_key(id)) {
            self.groups.entry(group).or_default();
        }
        for (conversation, seen) in self.conversations.iter_mut().chain(&mut self.groups) {
            seen.fold(&self.chat.events_after(*conversation, seen.seq), &me);
        }
    }

    /// One action of a driver.
    async fn drive(&mut self) -> Result<()> {
        match self.rng.random_range(0..100) {
            0..60 => self.answer_all().await,
            60..77 => self.talk().await,
            77..85 => self.talk_in_group().await,
            85..88 => self.cancel().await,
            88..91 => self.change_ride().await,
            _ => self.tidy_up().await,
        }
    }

    /// One action of a passenger.
    async fn wish(&mut self) -> Result<()> {
        match self.rng.random_range(0..100) {
            0..35 => self.propose().await,
            35..50 => self.answer_all().await,
            50..70 => self.talk().await,
            70..80 => self.talk_in_group().await,
            80..88 => self.cancel().await,
            _ => self.tidy_up().await,
        }
    }

    fn any_conversation(&mut self) -> (Uuid, Seen) {
        let all: Vec<_> = self.conversations.iter().collect();
        let (conversation, seen) = all.choose(&mut self.rng).expect("everybody takes part in a conversation");
        (**conversation, (*seen).clone())
    }

    /// Answers every proposal of others that waits, all at once.
    async fn answer_all(&mut self) -> Result<()> {
        let waiting: Vec<_> = self
            .conversations
            .iter()
            .flat_map(|(conversation, seen)| seen.waiting.values().map(move |waiting| (*conversation, waiting.clone())))
            .filter(|(_, waiting)| !waiting.mine)
            .collect();
        let mut asked = Vec::new();
        for (conversation, waiting) in waiting {
            let proposal = waiting.proposal;
            let command = match self.rng.random_range(0..10) {
                0 => json!({"type": "decline_proposal", "proposal": proposal}),
                1 | 2 => {
                    let mut counter = self.terms();
                    counter["in_reply_to"] = proposal;
                    counter
                }
                _ => json!({"type": "accept_proposal", "proposal": proposal, "terms_hash": waiting.terms_hash}),
            };
            asked.push(self.begin(conversation, command).await?);
        }
        self.finish(asked).await
    }

    async fn talk(&mut self) -> Result<()> {
        let (conversation, _) = self.any_conversation();
        self.say_in(conversation).await
    }

    /// Says something in a group that this person is in, as far as they know. Whoever has just left is refused.
    async fn talk_in_group(&mut self) -> Result<()> {
        let drives = self.role == Role::Driver;
        let mine = self.groups.iter().filter(|(_, seen)| drives || !seen.in_group_by.is_empty());
        let mine: Vec<Uuid> = mine.map(|(group, _)| *group).collect();
        match mine.choose(&mut self.rng) {
            Some(group) => self.say_in(*group).await,
            None => Ok(()),
        }
    }

    async fn say_in(&mut self, conversation: Uuid) -> Result<()> {
        let mut asked = Vec::new();
        for _ in 0..self.rng.random_range(1..=BURST) {
            self.said += 1;
            let text = format!("{} dit une {}e chose", self.person.name, self.said);
            asked.push(self.begin(conversation, json!({"type": "post_message", "text": text})).await?);
        }
        self.finish(asked).await
    }

    async fn propose(&mut self) -> Result<()> {
        let (conversation, seen) = self.any_conversation();
        let mut command = self.terms();
        if let Some(reservation) = seen.booking {
            command["replaces"] = reservation;
        }
        let asked = self.begin(conversation, command).await?;
        self.finish(vec![asked]).await
    }

    /// Terms for some stretch of the road.
    fn terms(&mut self) -> Value {
        let from = self.rng.random_range(0..ROAD.len() - 1);
        let to = self.rng.random_range(from + 1..ROAD.len());
        // The list price now and then, which an instant ride accepts by itself.
        let cents = *[900, 500, 700].choose(&mut self.rng).expect("there are prices");
        json!({
            "type": "make_proposal",
            "seats": self.rng.random_range(1..=2),
            "price_per_seat": {"cents": cents, "currency": "EUR"},
            "pickup": ROAD[from].to_json(),
            "drop_off": ROAD[to].to_json(),
        })
    }

    async fn cancel(&mut self) -> Result<()> {
        let booked = self.conversations.iter().find_map(|(id, seen)| Some((*id, seen.booking.clone()?)));
        let Some((conversation, reservation)) = booked else { return Ok(()) };
        let asked = self.begin(conversation, json!({"type": "cancel_booking", "reservation": reservation})).await?;
        self.finish(vec![asked]).await
    }

    /// Edits, retracts, withdraws or marks as read.
    async fn tidy_up(&mut self) -> Result<()> {
        let (conversation, seen) = self.any_conversation();
        let mine = seen.my_messages.choose(&mut self.rng).copied();
        let my_proposal = seen.waiting.values().find(|waiting| waiting.mine);
        let command = match (self.rng.random_range(0..4), mine, my_proposal) {
            (0, Some(seq), _) => {
                json!({"type": "edit_message", "message": seq, "text": "Je voulais dire autre chose."})
            }
            (1, Some(seq), _) => json!({"type": "retract_message", "message": seq}),
            (2, _, Some(waiting)) => json!({"type": "withdraw_proposal", "proposal": waiting.proposal}),
            _ if seen.seq > 0 => json!({"type": "mark_read", "up_to": seen.seq}),
            _ => return Ok(()),
        };
        let asked = self.begin(conversation, command).await?;
        self.finish(vec![asked]).await
    }

    /// Changes seats or price of a ride, by HTTP. Seats that are reserved cannot be taken away: that is a refusal.
    async fn change_ride(&mut self) -> Result<()> {
        let ride = *self.rides.choose(&mut self.rng).context("a driver has rides")?;
        let change = if self.rng.random_bool(0.8) {
            json!({"seats": self.rng.random_range(1..=4)})
        } else {
            json!({"price_per_seat": {"cents": self.rng.random_range(8..=10) * 100, "currency": "EUR"}})
        };
        match self.person.api.patch(&format!("rides/{ride}"), &change).await {
            Err(error) if error.downcast_ref::<Refused>().is_none_or(|refused| refused.status != 409) => Err(error),
            _ => Ok(()),
        }
    }

    async fn begin(&self, conversation: Uuid, mut command: Value) -> Result<Asked> {
        command["conversation"] = json!(conversation);
        let answer = self.chat.ask_with(new_key(), command.clone()).await?;
        if command["type"] == "accept_proposal" {
            self.acceptances.send_modify(|count| *count += 1);
        }
        Ok((conversation, command, answer))
    }

    async fn finish(&self, asked: Vec<Asked>) -> Result<()> {
        for (conversation, command, answer) in asked {
            let answer = answer.await.context("the client has ended")?;
            self.ledger.note(Entry { account: self.person.account, conversation, command, answer });
        }
        Ok(())
    }
}
