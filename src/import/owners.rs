//! Whose lines an import brings: people by their e-mail address, who are let in without a password, or the import
//! account.
//!
//! Somebody who was let in so can set a password by the link that a reset sends.

use palabre_events::AccountId;
use palabre_events::account::Language;
use palabre_events::sealed::KeyId;
use std::collections::HashMap;

use crate::accounts::Accounts;
use crate::clock;
use crate::vault::{Email, Keyring};

/// The address of the account that owns lines which name nobody. The domain is reserved: no mail ever goes there.
const IMPORT_EMAIL: &str = "import@palabre.invalid";
/// The name that people see on its rides.
const IMPORT_NAME: &str = "Import";
/// How many owners are remembered between lines.
const KNOWN_MAX: usize = 100_000;

/// Finds owners, and lets in those who are new.
pub struct Owners<'a> {
    accounts: &'a Accounts,
    keyring: &'a Keyring,
    known: HashMap<Option<String>, AccountId>,
}

impl<'a> Owners<'a> {
    /// Owners as `accounts` know them.
    pub fn new(accounts: &'a Accounts, keyring: &'a Keyring) -> Self {
        Self { accounts, keyring, known: HashMap::new() }
    }

    /// The account behind `email`, or the import account; the inner error says what is wrong with the address.
    pub async fn owner(&mut self, email: Option<&str>) -> anyhow::Result<Result<AccountId, String>> {
        let named = email.map(str::to_owned);
        if let Some(known) = self.known.get(&named) {
            return Ok(Ok(*known));
        }
        let address: Email = match email.unwrap_or(IMPORT_EMAIL).parse() {
            Ok(address) => address,
            Err(not_an_email) => return Ok(Err(format!("its owner is {not_an_email}"))),
        };
        let name = if email.is_some() { address.local_part().to_owned() } else { IMPORT_NAME.to_owned() };
        let account = self.accounts.introduce(address, &name, Language::default(), clock::now()).await;
        let account = account.map_err(|refusal| anyhow::anyhow!("{}", refusal.message()))?;
        self.keyring.ready(&[KeyId::Person(account)]).await?;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(named, account);
        Ok(Ok(account))
    }
}
