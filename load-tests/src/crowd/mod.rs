//! People at work: a few drivers with rides of few seats, and passengers who all want to come along. They talk, by two and
//! in the groups of rides, and book as fast as they are answered, whatever happens to the servers; [`crate::judge`] then
//! says what was violated.

mod person;
mod seen;

use anyhow::{Result, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::person::{Role, Someone};
use crate::chat::{Answer, Chat};
use crate::client::{Api, Person, id_in, new_key};
use crate::ledger::{Entry, Ledger};
use crate::places::{Place, ROAD};
use crate::stays::Stays;

const DRIVERS: usize = 4;
const RIDES_OF_A_DRIVER: usize = 3;
const PASSENGERS: usize = 12;
/// Rides that one passenger talks about; with these numbers each ride has four passengers.
const RIDES_OF_A_PASSENGER: usize = 4;
/// How long the last commands may take to be answered.
const ANSWER_BOUND: Duration = Duration::from_secs(60);

/// A ride and the conversations about it.
#[derive(Clone, Debug)]
pub struct Ride {
    /// Its id.
    pub id: Uuid,
    /// Who drives.
    pub driver: Person,
    /// Its conversations of two, with the passenger of each.
    pub conversations: BTreeMap<Uuid, Person>,
}

/// All of them, while they are at it.
pub struct Crowd {
    rides: Vec<Ride>,
    ledger: Ledger,
    chats: BTreeMap<Uuid, Arc<Chat>>,
    people: Vec<JoinHandle<Result<()>>>,
    goes_on: Arc<AtomicBool>,
    acceptances: watch::Sender<u64>,
}

/// What is left when everybody has stopped.
pub struct Ended {
    /// The rides.
    pub rides: Vec<Ride>,
    /// Every command that had its final answer.
    pub ledger: Ledger,
    /// The clients, still connected, by account.
    pub chats: BTreeMap<Uuid, Arc<Chat>>,
    /// Who did not come to an end, and why.
    pub failures: Vec<String>,
}

impl Crowd {
    /// Makes people, rides and conversations, and lets everybody begin.
    pub async fn begin(server: SocketAddr, seed: u64) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let api = Api::new(server, None);
        let ledger = Ledger::default();
        let mut drivers = Vec::new();
        let mut rides = Vec::new();
        for number in 0..DRIVERS {
            let driver = api.sign_up(&format!("driver-{number}@example.org"), "Dominique").await?;
            for _ in 0..RIDES_OF_A_DRIVER {
                let offered = driver.api.post("rides", &ride(&mut rng)).await?;
                rides.push(Ride {
                    id: id_in(&offered, "ride")?,
                    driver: driver.clone(),
                    conversations: BTreeMap::new(),
                });
            }
            drivers.push(driver);
        }
        let mut passengers = Vec::new();
        for number in 0..PASSENGERS {
            let passenger = api.sign_up(&format!("passenger-{number}@example.org"), "Pascale").await?;
            for turn in 0..RIDES_OF_A_PASSENGER {
                let index = (number + turn * RIDES_OF_A_DRIVER) % rides.len();
                let conversation = open(&passenger, rides[index].id, &ledger).await?;
                rides[index].conversations.insert(conversation, passenger.clone());
            }
            passengers.push(passenger);
        }
        let goes_on = Arc::new(AtomicBool::new(true));
        let acceptances = watch::Sender::new(0);
        let roles = drivers
            .iter()
            .map(|person| (person, Role::Driver))
            .chain(passengers.iter().map(|person| (person, Role::Passenger)));
        let mut chats = BTreeMap::new();
        let people = roles
            .map(|(person, role)| {
                let chat = Arc::new(Chat::start(person));
                chats.insert(person.account, Arc::clone(&chat));
                let someone = Someone::new(chat, role, &rides, &ledger, &acceptances, rng.random());
                tokio::spawn(someone.live(Arc::clone(&goes_on)))
            })
            .collect();
        Ok(Self { rides, ledger, chats, people, goes_on, acceptances })
    }

    /// Waits until the next acceptance is sent; answers whether one was.
    pub async fn next_acceptance(&self, bound: Duration) -> bool {
        let mut acceptances = self.acceptances.subscribe();
        tokio::time::timeout(bound, acceptances.changed()).await.is_ok_and(|changed| changed.is_ok())
    }

    /// Fails when somebody has given up.
    pub fn check(&self) -> Result<()> {
        ensure!(self.people.iter().all(|person| !person.is_finished()), "somebody has given up");
        Ok(())
    }

    /// How far each conversation is known to be: by what was acknowledged and by what anybody was told.
    pub fn heads(&self) -> BTreeMap<Uuid, u64> {
        let mut heads = self.ledger.heads();
        for chat in self.chats.values() {
            chat.read(|told| {
                for (conversation, transcript) in told {
                    let head = heads.entry(*conversation).or_default();
                    *head = transcript.seq().max(*head);
                }
            });
        }
        heads
    }

    /// Whether everybody has been told all of their conversations up to `heads`, groups as far as they are in them.
    pub fn has_been_told(&self, heads: &BTreeMap<Uuid, u64>) -> bool {
        let told = |person: &Person, id: &Uuid| {
            let head = heads.get(id).copied().unwrap_or_default();
            self.chats.get(&person.account).is_some_and(|chat| chat.seq(*id) >= head)
        };
        self.rides
            .iter()
            .all(|ride| ride.conversations.iter().all(|(id, passenger)| told(&ride.driver, id) && told(passenger, id)))
            && self.groups(heads).all(|(group, head)| self.has_group_been_told(group, head))
    }

    /// The conversations in `heads` that are not of two.
    fn groups(&self, heads: &BTreeMap<Uuid, u64>) -> impl Iterator<Item = (Uuid, u64)> {
        let rides = &self.rides;
        let is_group = move |id: &Uuid| !rides.iter().any(|ride| ride.conversations.contains_key(id));
        heads.iter().map(|(id, head)| (*id, *head)).filter(move |(id, _)| is_group(id))
    }

    /// Whether the driver of `group` was told it up to `head`, and everybody else as much of that as they may see.
    fn has_group_been_told(&self, group: Uuid, head: u64) -> bool {
        let stays_by = |driver: Uuid| {
            self.chats.get(&driver)?.read(|told| {
                let transcript = told.get(&group).filter(|transcript| transcript.seq() >= head)?;
                let until = |event: &&Value| event["seq"].as_u64().is_some_and(|seq| seq <= head);
                Some(Stays::of(driver, transcript.moves().filter(until)))
            })
        };
        let Some(stays) = self.rides.iter().find_map(|ride| stays_by(ride.driver.account)) else { return false };
        stays.people().all(|account| {
            let last = stays.left_at(account).unwrap_or(head);
            self.chats.get(&account).is_some_and(|chat| chat.seq(group) >= last)
        })
    }

    /// Commands that had their final answer until now.
    pub fn answered(&self) -> usize {
        self.ledger.len()
    }

    /// Lets everybody finish what they are at.
    pub async fn end(self) -> Ended {
        self.goes_on.store(false, Ordering::SeqCst);
        let mut failures = Vec::new();
        for person in self.people {
            let ended = async {
                match tokio::time::timeout(ANSWER_BOUND, person).await {
                    Ok(Ok(ended)) => ended,
                    Ok(Err(panic)) => bail!("a client failed: {panic}"),
                    Err(_) => bail!("a command has no answer {ANSWER_BOUND:?} after the last fault"),
                }
            };
            failures.extend(ended.await.err().map(|error| format!("{error:#}")));
        }
        Ended { rides: self.rides, ledger: self.ledger, chats: self.chats, failures }
    }
}

/// Opens a conversation by HTTP, before anybody's client is connected, and notes it.
async fn open(passenger: &Person, ride: Uuid, ledger: &Ledger) -> Result<Uuid> {
    let (key, command) = (new_key(), json!({"type": "open_conversation", "ride": ride}));
    let opened = passenger.api.post_with(key, "conversations", &json!({"ride": ride})).await?;
    let conversation = id_in(&opened, "conversation")?;
    let answer = Answer { key, sent: 0, sent_over: (0, 0), answered: 0, connection: 0, outcome: Ok(opened) };
    ledger.note(Entry { account: passenger.account, conversation, command, answer });
    Ok(conversation)
}

fn ride(rng: &mut StdRng) -> Value {
    let departs_at = chrono::Utc::now() + chrono::Duration::hours(rng.random_range(48..400));
    json!({
        "stops": ROAD.map(Place::to_json),
        "departs_at": departs_at.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        "seats": rng.random_range(2..=3),
        "price_per_seat": {"cents": 900, "currency": "EUR"},
        "booking_mode": if rng.random_bool(0.3) { "instant" } else { "approval" },
    })
}
