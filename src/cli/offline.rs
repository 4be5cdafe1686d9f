//! What commands use that run without a server: log, vault and accounts, without actors.

use futures_util::future::BoxFuture;
use palabre_events::account::{Account, AccountCommand, AccountOpened};
use palabre_events::log::ItemAnswer;
use palabre_events::{Actor, StreamId, Timestamp};
use std::sync::Arc;

use crate::accounts::mail::{Mailer, Outlet};
use crate::accounts::opening::{NotOpened, OpenAccount, Opened};
use crate::accounts::throttle::Quotas;
use crate::accounts::{Accounts, Parts};
use crate::config::Config;
use crate::import::decided;
use crate::store::EventStore;
use crate::store::sqlite::SqliteStore;
use crate::vault::{Keyring, SqliteVault, Vault};

/// The parts that are there without a server.
pub(super) struct Offline {
    pub log: Arc<dyn EventStore>,
    pub keyring: Keyring,
    pub accounts: Accounts,
}

impl Offline {
    /// Opens them. Refused while a server has the log.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let log: Arc<dyn EventStore> = Arc::new(SqliteStore::open(&config.log_folder()?)?);
        let vault: Arc<dyn Vault> = Arc::new(SqliteVault::open(&config.vault_file()?)?);
        let keyring = Keyring::new(vault.clone())?;
        let accounts = Accounts::new(Parts {
            vault,
            keyring: keyring.clone(),
            opening: Arc::new(InLog(log.clone())),
            mailer: Mailer::start(Outlet::folder(&config.mail_folder())?, &config.mail_from)?,
            quotas: Quotas::default(),
            public_url: config.public_url(),
        });
        Ok(Self { log, keyring, accounts })
    }
}

/// Opens accounts straight in the log, which nobody else writes to meanwhile.
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
