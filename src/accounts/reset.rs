//! A new password by e-mail: a link that works once, for an hour.
//!
//! Whoever asks gets the same answer, as fast, whether the address is known or not: looking it up comes after.

use palabre_events::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

use super::sign_in::{check_password, read_email};
use super::{AccountRefusal, Accounts};
use crate::vault::{Email, LetterKind, Token};

/// For how long a link works.
pub const LINK_S: i64 = 3600;

impl Accounts {
    /// Has a link to set a new password sent to `email`, if somebody has that address. Answers before it is looked up.
    pub fn request_reset(self: &Arc<Self>, email: &str, address: IpAddr, now: Timestamp) -> Result<(), AccountRefusal> {
        let email = read_email(email)?;
        self.throttle.try_reset(address, &email)?;
        let permit = self.resets.clone().try_acquire_owned().map_err(|_| AccountRefusal::Unavailable)?;
        let accounts = self.clone();
        tokio::spawn(async move {
            if let Err(refusal) = accounts.send_reset(email, now).await {
                tracing::warn!(code = refusal.code(), "a reset could not be sent");
            }
            drop(permit);
        });
        Ok(())
    }

    /// Has the link sent, if somebody has that address.
    pub(super) async fn send_reset(&self, email: Email, now: Timestamp) -> Result<(), AccountRefusal> {
        match self.vault.person_by_email(email).await? {
            Some(person) => self.keep_letter(person.account, LetterKind::PasswordReset, now).await,
            None => Ok(()),
        }
    }

    /// Sets a new password with the token of a link, ends all sessions, and tells the person by mail.
    pub async fn reset_password(
        &self,
        token: &str,
        password: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), AccountRefusal> {
        self.throttle.try_anything(address)?;
        let token = token.parse::<Token>().map_err(|_| AccountRefusal::ResetOver)?.hash();
        let person = self.vault.reset_holder(token, now).await?.ok_or(AccountRefusal::ResetOver)?;
        check_password(password, &person.email, "password")?;
        let hash = self.hasher.hash(password).await?;
        let redeemed = self.vault.redeem_reset(token, hash, now).await?.ok_or(AccountRefusal::ResetOver)?;
        self.tell_ended(redeemed.account, &redeemed.ended);
        self.tell_password_changed(redeemed.account, now).await;
        Ok(())
    }
}
