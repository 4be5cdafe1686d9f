//! Signing in, and changing one's password.

use palabre_events::account::AccountOpened;
use palabre_events::{AccountId, Actor, Timestamp};
use std::net::IpAddr;
use uuid::Uuid;

use super::opening::Opened;
use super::password::{self, Busy, Unfit};
use super::sessions::{SessionInfo, end_of};
use super::{AccountRefusal, Accounts};
use crate::vault::{Email, Person, Session, SessionId, Token};

/// Somebody has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub account: AccountId,
    /// The session.
    pub session: Session,
    /// The secret that stands for it, for the cookie. The vault keeps only its hash.
    pub token: Token,
    /// The position of the account's opening if that has just been appended, for reads that follow; else 0.
    pub position: u64,
}

impl Accounts {
    /// Signs in from `address` with e-mail and password. An unknown address takes as long as a wrong password.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<SignedIn, AccountRefusal> {
        let email = read_email(email)?;
        self.throttle.try_password(address, &email)?;
        let person = self.vault.person_by_email(email).await?;
        let hash = person.as_ref().and_then(|person| person.password.as_ref());
        let right = self.hasher.verify(password, hash).await?;
        match person {
            Some(person) if right => self.let_in(person, now).await,
            _ => Err(AccountRefusal::WrongCredentials),
        }
    }

    /// Changes the password of who asks, ends their other sessions, and tells them by mail.
    pub async fn change_password(
        &self,
        info: &SessionInfo,
        current: &str,
        new: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), AccountRefusal> {
        let person = self.vault.person(info.account).await?.ok_or(AccountRefusal::WrongCredentials)?;
        self.throttle.try_password(address, &person.email)?;
        check_password(new, &person.email, "new_password")?;
        if !self.hasher.verify(current, person.password.as_ref()).await? {
            return Err(AccountRefusal::WrongCredentials);
        }
        let hash = self.hasher.hash(new).await?;
        let ended = self.vault.set_password(info.account, hash, Some(info.session)).await?;
        self.tell_ended(info.account, &ended);
        self.tell_password_changed(info.account, now).await;
        Ok(())
    }

    /// Opens a session for somebody who has proved to be `person`, whose sign-up is completed if a crash cut it short.
    pub(super) async fn let_in(&self, person: Person, now: Timestamp) -> Result<SignedIn, AccountRefusal> {
        let account = person.account;
        let opened = self.complete(person, Actor::Person(account), now).await?;
        let (id, token) = (SessionId(Uuid::new_v4()), Token::generate());
        let session = Session { id, account, made_at: now, last_seen_at: now, expires_at: end_of(now, now) };
        let ended = self.vault.open_session(token.hash(), session).await?;
        self.tell_ended(account, &ended);
        self.cache.opened(token.hash(), session);
        Ok(SignedIn { account, session, token, position: opened.position })
    }

    /// Has the log take the person's opening, if it has not yet.
    pub(super) async fn complete(&self, person: Person, by: Actor, now: Timestamp) -> Result<Opened, AccountRefusal> {
        let Some(opening) = person.opening else { return Ok(Opened { position: 0 }) };
        let opened: AccountOpened = serde_json::from_slice(&opening).map_err(|error| {
            tracing::error!(%error, account = %person.account, "the vault holds an opening that cannot be read");
            AccountRefusal::Unavailable
        })?;
        let opened = self.opening.open(opened, by, now).await.map_err(|_| AccountRefusal::Unavailable)?;
        self.vault.note_opened(person.account).await?;
        Ok(opened)
    }
}

pub(super) fn read_email(text: &str) -> Result<Email, AccountRefusal> {
    text.parse()
        .map_err(|_| AccountRefusal::field("email", "not_an_email", "an e-mail address, such as anna@example.org"))
}

pub(super) fn check_password(password: &str, email: &Email, field: &str) -> Result<(), AccountRefusal> {
    password::judge(password, email).map_err(|unfit| match unfit {
        Unfit::TooShort => AccountRefusal::field(field, "too_short", "at least 10 characters"),
        Unfit::TooLong => AccountRefusal::field(field, "too_long", "at most 200 characters"),
        Unfit::IsEmail => AccountRefusal::field(field, "is_email", "not your own address"),
    })
}

impl From<Busy> for AccountRefusal {
    fn from(_: Busy) -> Self {
        tracing::warn!("too many passwords wait to be checked");
        Self::Unavailable
    }
}
