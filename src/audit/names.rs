//! The names of the people in a record, read from their accounts' streams.

use palabre_events::account::AccountEvent;
use palabre_events::aggregate::EventData;
use palabre_events::sealed::CannotOpen;
use palabre_events::{AccountId, Opener, StreamId};
use std::collections::{BTreeMap, BTreeSet};

use super::AuditFailure;
use crate::store::{EventStore, PAGE_MAX};

/// Names by account, as they are now.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<AccountId, String>);

impl Names {
    /// Reads the names of `accounts`.
    pub async fn read(
        log: &dyn EventStore,
        opener: &dyn Opener,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<Self, AuditFailure> {
        let mut names = Self::default();
        for account in accounts.into_iter().collect::<BTreeSet<_>>() {
            if let Some(name) = latest_name(log, opener, account).await? {
                names.0.insert(account, name);
            }
        }
        Ok(names)
    }

    /// The name of `account`, unless it was erased.
    pub fn get(&self, account: AccountId) -> Option<&str> {
        self.0.get(&account).map(String::as_str)
    }

    /// How a sentence calls `account`.
    pub fn call(&self, account: AccountId) -> &str {
        self.get(account).unwrap_or("somebody who was erased")
    }
}

async fn latest_name(
    log: &dyn EventStore,
    opener: &dyn Opener,
    account: AccountId,
) -> Result<Option<String>, AuditFailure> {
    let (mut latest, mut after_version) = (None, 0);
    loop {
        let page = log.read(StreamId::account(account), after_version, PAGE_MAX).await?;
        for envelope in &page {
            after_version = envelope.version;
            match AccountEvent::from_json(&envelope.event_type, envelope.schema_version, &envelope.data)? {
                AccountEvent::AccountOpened(event) => latest = Some(event.name),
                AccountEvent::ProfileChanged(event) => latest = event.name.or(latest),
            }
        }
        if page.len() < PAGE_MAX {
            break;
        }
    }
    match latest.map(|sealed| sealed.open(opener)).transpose() {
        Ok(name) => Ok(name.map(|name| name.0)),
        Err(CannotOpen::Erased) => Ok(None),
        Err(CannotOpen::Forged) => Err(AuditFailure::Damaged(format!("the name of {account} does not match its key"))),
        Err(CannotOpen::Unavailable) => Err(AuditFailure::Unavailable),
    }
}
