//! What commands use that run without a server: log, vault and accounts, without actors.

use futures_util::future::BoxFuture;
use palabre_events::account::{Account, AccountCommand, AccountOpened};
use palabre_events::log::ItemAnswer;
use palabre_events::{Actor, StreamId, Timestamp};
use std::sync::Arc;

use crate::accounts::mail::Bell;
use crate::accounts::opening::{NotOpened, OpenAccount, Opened};
use crate::accounts::throttle::Quotas;
use crate::accounts::{Accounts, Parts};
use crate::config::Config;
use crate::demo::marker::Marker;
use crate::import::decided;
use crate::store::open::Access;
use crate::store::{self, EventStore};
use crate::vault::{self, Keyring};

/// The parts that are there without a server.
pub(super) struct Offline {
    pub log: Arc<dyn EventStore>,
    pub keyring: Keyring,
    pub accounts: Accounts,
}

impl Offline {
    /// Opens them. Refused while a server has the log, unless that is one that several nodes may write to.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let log = store::open::open(&config.store_url()?, Access::Write)?;
        if Marker::read(&config.data, log.log_id())?.is_some() {
            // Renewing it would wipe what was put there.
            anyhow::bail!("{} is a demo; real people and rides need a folder of their own", config.data.display());
        }
        let vault = vault::open::open(&config.vault_url()?)?;
        let keyring = Keyring::new(vault.clone())?;
        let accounts = Accounts::new(Parts {
            vault,
            keyring: keyring.clone(),
            opening: Arc::new(InLog(log.clone())),
            bell: Bell::default(),
            quotas: Quotas::default(),
        });
        Ok(Self { log, keyring, accounts })
    }
}

/// Opens accounts straight in the log.
struct InLog(Arc<dyn EventStore>);

impl OpenAccount for InLog {
    fn open(&self, opened: AccountOpened, by: Actor, now: Timestamp) -> BoxFuture<'static, Result<Opened, NotOpened>> {
        let log = self.0.clone();
        let stream = StreamId::account(opened.account);
        let append = decided::<Account>(stream, AccountCommand::Open(Box::new(opened)), by, now);
        Box::pin(async move {
            let append = append.map_err(|_| NotOpened)?;
            match log.append(append).await.map_err(|_| NotOpened)?.first() {
                Some(ItemAnswer::Committed(events)) => {
                    Ok(Opened { position: events.last().map_or(0, |event| event.position) })
                }
                // Open already.
                Some(ItemAnswer::Conflict { .. }) => Ok(Opened { position: 0 }),
                _ => Err(NotOpened),
            }
        })
    }
}
