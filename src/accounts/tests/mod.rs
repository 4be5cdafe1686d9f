//! Accounts on a real vault and real actors, with a log in memory that can be made to fail.

mod reset;
mod sessions;
mod sign_in;
mod sign_up;

use futures_util::future::BoxFuture;
use palabre_events::account::{AccountEvent, AccountOpened, Language};
use palabre_events::{AccountId, Actor, DomainEvent, Envelope, StreamId, Timestamp};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::letters::Letter;
use super::mail::{Bell, Office};
use super::opening::{NotOpened, OpenAccount, Opened};
use super::outlet::Outlet;
use super::throttle::Quotas;
use super::{AccountRefusal, Accounts, Parts, SignUp, SignedIn};
use crate::actors::Publish;
use crate::actors::aggregate::Surroundings;
use crate::actors::directory::Directory;
use crate::actors::effects::Effects;
use crate::store::EventStore;
use crate::store::memory::MemoryStore;
use crate::vault::{KeptLetter, Keyring, Letters, SqliteVault};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PASSWORD: &str = "une voiture verte";

/// A node's accounts with all around them.
struct Place {
    accounts: Arc<Accounts>,
    office: Office,
    keyring: Keyring,
    vault: Arc<SqliteVault>,
    log: Arc<dyn EventStore>,
    line: Arc<Line>,
    _arbiters: Vec<actix::Arbiter>,
    folder: tempfile::TempDir,
}

fn place() -> Place {
    place_with(Quotas { per_person_per_5_min: 100.try_into().unwrap(), ..Quotas::default() })
}

fn place_with(quotas: Quotas) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(SqliteVault::open(&folder.path().join("vault.db")).unwrap());
    let keyring = Keyring::new(vault.clone()).unwrap();
    let log: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let (effects, _) = Effects::new();
    let surroundings = Surroundings { log: log.clone(), publish: Arc::new(Nobody), effects };
    let arbiters = vec![actix::Arbiter::new()];
    let directory = Directory::new(&surroundings, &[arbiters[0].handle()]);
    let line = Arc::new(Line { directory, cut: Mutex::new(Cut::Nowhere) });
    let (outlet, url) =
        (Outlet::folder(&folder.path().join("mail")).unwrap(), "https://covoiturage.exemple".to_owned());
    let office = Office::new(vault.clone(), outlet, "Palabre <palabre@exemple.fr>", url).unwrap();
    let accounts = Arc::new(Accounts::new(Parts {
        vault: vault.clone(),
        keyring: keyring.clone(),
        opening: line.clone(),
        bell: Bell::default(),
        quotas,
    }));
    Place { accounts, office, keyring, vault, log, line, _arbiters: arbiters, folder }
}

impl Place {
    /// The accounts of another node on the same vault.
    fn another_node(&self) -> Accounts {
        Accounts::new(Parts {
            vault: self.vault.clone(),
            keyring: self.keyring.clone(),
            opening: self.line.clone(),
            bell: Bell::default(),
            quotas: Quotas::default(),
        })
    }

    /// The letters that wait.
    async fn waiting(&self) -> Vec<KeptLetter> {
        self.vault.letters_due(at(1_000_000), 100).await.unwrap()
    }

    /// Takes the next letter away, as it is sent at `now`; waits until there is one.
    async fn letter(&self, now: Timestamp) -> Letter {
        loop {
            if let Some(kept) = self.waiting().await.first() {
                self.vault.drop_letter(kept.id).await.unwrap();
                return self.office.written(kept, now).await.unwrap().unwrap();
            }
        }
    }

    /// From now on whoever asks the vault for a session is told that it has no answer.
    fn lose_sessions(&self) {
        let vault = rusqlite::Connection::open(self.folder.path().join("vault.db")).unwrap();
        vault.execute_batch("ALTER TABLE sessions RENAME TO lost").unwrap();
    }

    async fn sign_up(&self, sign_up: &SignUp) -> Result<SignedIn, AccountRefusal> {
        self.accounts.sign_up(sign_up, HOME, at(0)).await
    }

    /// What the log holds of an account.
    async fn facts(&self, account: AccountId) -> Vec<(Actor, AccountOpened)> {
        let events = self.log.read(StreamId::account(account), 0, 10).await.unwrap();
        let opened = |event: &Arc<Envelope>| match DomainEvent::read(event).unwrap() {
            DomainEvent::Account(AccountEvent::AccountOpened(opened)) => (event.actor, opened),
            other => panic!("{other:?}"),
        };
        events.iter().map(opened).collect()
    }

    async fn name_in_log(&self, account: AccountId) -> String {
        let facts = self.facts(account).await;
        assert_eq!(facts.len(), 1, "an account is opened once");
        facts[0].1.name.open(&self.keyring).unwrap().0
    }
}

/// So many seconds into the test.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds).unwrap()
}

fn anna() -> SignUp {
    SignUp {
        email: "Anna@Exemple.fr".to_owned(),
        password: PASSWORD.to_owned(),
        name: " Anna Dupont ".to_owned(),
        language: Language::Fr,
    }
}

fn codes(refusal: &AccountRefusal) -> Vec<(&str, &str)> {
    match refusal {
        AccountRefusal::Invalid(fields) => fields.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect(),
        other => panic!("not a matter of form: {other:?}"),
    }
}

/// Where the line to the log is cut.
#[derive(Clone, Copy)]
enum Cut {
    Nowhere,
    BeforeTheLog,
    /// The log takes the fact, and the answer is lost.
    BehindTheLog,
}

/// The line to the actors, which can be cut as a crash or an outage would.
struct Line {
    directory: Directory,
    cut: Mutex<Cut>,
}

impl OpenAccount for Line {
    fn open(&self, opened: AccountOpened, by: Actor, now: Timestamp) -> BoxFuture<'static, Result<Opened, NotOpened>> {
        let (cut, opening) = (*self.cut.lock(), self.directory.open(opened, by, now));
        Box::pin(async move {
            match cut {
                Cut::Nowhere => opening.await,
                Cut::BeforeTheLog => Err(NotOpened),
                Cut::BehindTheLog => opening.await.and(Err(NotOpened)),
            }
        })
    }
}

struct Nobody;

impl Publish for Nobody {
    fn publish(&self, _: &[Arc<Envelope>], _: &[AccountId]) {}
}
