//! Whose lines an import brings: people by their e-mail address, who are let in without a password, or the import
//! account.
//!
//! Somebody who was let in so can set a password by the link that a reset sends.

use palabre_events::account::{Account, AccountCommand, AccountOpened, Language};
use palabre_events::log::ItemAnswer;
use palabre_events::sealed::{DisplayName, KeyId};
use palabre_events::{AccountId, StreamId};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

use super::decided;
use crate::store::EventStore;
use crate::vault::{Admission, Email, Keyring, Person, Vault};

/// The address of the account that owns lines which name nobody. The domain is reserved: no mail ever goes there.
const IMPORT_EMAIL: &str = "import@palabre.invalid";
/// The name that people see on its rides.
const IMPORT_NAME: &str = "Import";
/// How many owners are remembered between lines.
const KNOWN_MAX: usize = 100_000;

/// Finds owners, and lets in those who are new.
pub struct Owners {
    log: Arc<dyn EventStore>,
    vault: Arc<dyn Vault>,
    keyring: Keyring,
    known: HashMap<Option<String>, AccountId>,
}

impl Owners {
    /// Owners as `vault` and `log` know them.
    pub fn new(log: Arc<dyn EventStore>, vault: Arc<dyn Vault>, keyring: Keyring) -> Self {
        Self { log, vault, keyring, known: HashMap::new() }
    }

    /// The account behind `email`, or the import account; the inner error says what is wrong with the address.
    pub async fn owner(&mut self, email: Option<&str>) -> anyhow::Result<Result<AccountId, String>> {
        if let Some(known) = self.known.get(&email.map(str::to_owned)) {
            return Ok(Ok(*known));
        }
        let address: Email = match email.unwrap_or(IMPORT_EMAIL).parse() {
            Ok(address) => address,
            Err(not_an_email) => return Ok(Err(format!("driver is {not_an_email}"))),
        };
        let account = self.account_of(address, email.is_none()).await?;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(email.map(str::to_owned), account);
        Ok(Ok(account))
    }

    async fn account_of(&self, email: Email, is_import: bool) -> anyhow::Result<AccountId> {
        let person = match self.vault.person_by_email(email.clone()).await? {
            Some(person) => person,
            None => self.let_in(email, is_import).await?,
        };
        self.keyring.ready(&[KeyId::Person(person.account)]).await?;
        // A crash may have come between letting them in and opening the account.
        if let Some(opening) = &person.opening {
            self.open_account(person.account, opening).await?;
        }
        Ok(person.account)
    }

    async fn let_in(&self, email: Email, is_import: bool) -> anyhow::Result<Person> {
        let account = AccountId(Uuid::now_v7());
        let key = KeyId::Person(account);
        self.keyring.ready(&[key]).await?;
        let name = if is_import { IMPORT_NAME } else { email.local_part() };
        let name = self.keyring.seal(key, &DisplayName(name.to_owned()))?;
        let language = Language::default();
        let opening = serde_json::to_vec(&AccountOpened { account, name, language })?;
        let person = Person { account, email, password: None, language, opening: Some(opening) };
        Ok(match self.vault.admit(person.clone()).await? {
            Admission::Admitted => person,
            Admission::Taken(known) => *known,
        })
    }

    async fn open_account(&self, account: AccountId, opening: &[u8]) -> anyhow::Result<()> {
        let opened: AccountOpened = serde_json::from_slice(opening)?;
        let command = AccountCommand::Open(Box::new(opened));
        let append = decided::<Account>(StreamId::account(account), command).map_err(anyhow::Error::msg)?;
        match self.log.append(append).await?.first() {
            Some(ItemAnswer::Committed(_) | ItemAnswer::Conflict { .. }) => Ok(self.vault.note_opened(account).await?),
            other => anyhow::bail!("the log answered {other:?} to the opening of an account"),
        }
    }
}
