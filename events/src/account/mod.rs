//! An account: facts only. Credentials, sessions and e-mail addresses live in the vault, where they can be forgotten.

use serde::{Deserialize, Serialize};

use crate::aggregate::Rejection;
use crate::sealed::DisplayName;
use crate::{AccountId, Actor, Aggregate, Sealed, StreamKind, Timestamp, events};

#[cfg(test)]
mod tests;

events! {
    /// What happens to an account.
    AccountEvent {
        AccountOpened = 1,
        ProfileChanged = 1,
    }
}

/// Somebody signs up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountOpened {
    /// Who.
    pub account: AccountId,
    /// The name others see.
    pub name: Sealed<DisplayName>,
    /// In which language to write to them.
    pub language: Language,
}

/// A language of the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fr, Self::En];

    /// Its tag, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The language of that tag.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }
}

/// A person changes what others see; absent fields stay as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// Who.
    pub account: AccountId,
    /// The name others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed<DisplayName>>,
    /// In which language to write to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// What may be asked of an account.
#[derive(Clone, Debug)]
pub enum AccountCommand {
    /// Open it.
    Open(Box<AccountOpened>),
    /// Change what others see.
    ChangeProfile(Box<ProfileChanged>),
}

/// Why an account says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRejection {
    /// Nobody ever opened it.
    #[error("there is no such account")]
    NoSuchAccount,
    /// It is open already.
    #[error("this account is open already")]
    AlreadyOpen,
    /// Whoever asks has no say in this.
    #[error("only the person concerned may do this")]
    NotYours,
}

impl Rejection for AccountRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchAccount => "no_such_account",
            Self::AlreadyOpen => "already_open",
            Self::NotYours => "not_yours",
        }
    }

    fn explain(&self) -> String {
        self.to_string()
    }
}

/// An account as its rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    owner: Option<AccountId>,
}

impl Aggregate for Account {
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    const KIND: StreamKind = StreamKind::Account;

    fn decide(
        &self,
        command: AccountCommand,
        by: Actor,
        _now: Timestamp,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        match (command, self.owner) {
            (AccountCommand::Open(_), Some(_)) => Err(AccountRejection::AlreadyOpen),
            (AccountCommand::Open(opened), None) => {
                let theirs = by == Actor::Person(opened.account) || by == Actor::Operator;
                if theirs { Ok(vec![(*opened).into()]) } else { Err(AccountRejection::NotYours) }
            }
            (AccountCommand::ChangeProfile(_), None) => Err(AccountRejection::NoSuchAccount),
            (AccountCommand::ChangeProfile(changed), Some(owner)) => {
                let theirs = by == Actor::Person(owner) && changed.account == owner;
                if !theirs {
                    return Err(AccountRejection::NotYours);
                }
                let nothing = changed.name.is_none() && changed.language.is_none();
                Ok(if nothing { vec![] } else { vec![(*changed).into()] })
            }
        }
    }

    fn evolve(&mut self, event: &AccountEvent) {
        if let AccountEvent::AccountOpened(opened) = event {
            self.owner = Some(opened.account);
        }
    }
}
