//! The people: a few drivers with rides of few seats, and passengers who all want to come along.

use anyhow::{Result, bail, ensure};
use palabre_load_tests::chat::{Answer, Chat};
use palabre_load_tests::client::{Api, Person, id_in, new_key};
use palabre_load_tests::ledger::{Entry, Ledger};
use palabre_load_tests::places::ROAD;
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

use crate::person::{Role, Someone};

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
    /// Its conversations, with the passenger of each.
    pub conversations: BTreeMap<Uuid, Person>,
}

/// The load while it runs.
pub struct Load {
    rides: Vec<Ride>,
    ledger: Ledger,
    people: Vec<JoinHandle<Result<(Person, Chat)>>>,
    goes_on: Arc<AtomicBool>,
    acceptances: watch::Sender<u64>,
}

/// What is left when everybody has stopped.
pub struct Ended {
    /// The rides.
    pub rides: Vec<Ride>,
    /// Every command that had its final answer.
    pub ledger: Ledger,
    /// The clients, still connected.
    pub chats: BTreeMap<Uuid, (Person, Chat)>,
    /// Who did not come to an end, and why.
    pub failures: Vec<String>,
}

impl Load {
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
        let people = roles
            .map(|(person, role)| {
                let someone = Someone::new(person, role, &rides, &ledger, &acceptances, rng.random());
                tokio::spawn(someone.live(Arc::clone(&goes_on)))
            })
            .collect();
        Ok(Self { rides, ledger, people, goes_on, acceptances })
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

    /// Lets everybody finish what they are at.
    pub async fn end(self) -> Ended {
        self.goes_on.store(false, Ordering::SeqCst);
        let (mut chats, mut failures) = (BTreeMap::new(), Vec::new());
        for person in self.people {
            let ended = async {
                match tokio::time::timeout(ANSWER_BOUND, person).await {
                    Ok(Ok(ended)) => ended,
                    Ok(Err(panic)) => bail!("a client failed: {panic}"),
                    Err(_) => bail!("a command has no answer {ANSWER_BOUND:?} after the last restart"),
                }
            };
            match ended.await {
                Ok((person, chat)) => drop(chats.insert(person.account, (person, chat))),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        Ended { rides: self.rides, ledger: self.ledger, chats, failures }
    }
}

/// Opens a conversation by HTTP, before anybody's client is connected, and notes it.
async fn open(passenger: &Person, ride: Uuid, ledger: &Ledger) -> Result<Uuid> {
    let (key, command) = (new_key(), json!({"type": "open_conversation", "ride": ride}));
    let opened = passenger.api.post_with(key, "conversations", &json!({"ride": ride})).await?;
    let conversation = id_in(&opened, "conversation")?;
    let answer = Answer { key, sent: 0, answered: 0, connection: 0, outcome: Ok(opened) };
    ledger.note(Entry { account: passenger.account, conversation, command, answer });
    Ok(conversation)
}

fn ride(rng: &mut StdRng) -> Value {
    let departs_at = chrono::Utc::now() + chrono::Duration::hours(rng.random_range(48..400));
    json!({
        "stops": ROAD.map(palabre_load_tests::places::Place::to_json),
        "departs_at": departs_at.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        "seats": rng.random_range(2..=3),
        "price_per_seat": {"cents": 900, "currency": "EUR"},
        "booking_mode": if rng.random_bool(0.3) { "instant" } else { "approval" },
    })
}
