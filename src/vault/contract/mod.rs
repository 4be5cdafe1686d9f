//! What every vault must do, as tests that run against each adapter. Each file has a noun's part and uses accounts
//! of its own, so that all parts can share one vault.

mod copying;
mod keys;
mod leases;
mod letters;
mod people;
mod resets;
mod sessions;

use palabre_events::account::Language;
use palabre_events::{AccountId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

use super::open::VaultUrl;
use super::{Person, Session, SessionId, Token, TokenHash, Vault};

/// Runs the whole contract against one empty vault.
pub(super) async fn holds_for(vault: Arc<dyn Vault>) {
    keys::hold(&vault).await;
    people::hold(&vault).await;
    sessions::hold(&vault).await;
    resets::hold(&vault).await;
    letters::hold(&vault).await;
    leases::hold(&vault).await;
}

/// Runs the contract of copies into vaults of one kind, at places where nothing is yet.
pub(super) async fn holds_for_copies(one: &VaultUrl, other: &VaultUrl) {
    copying::hold(one, other).await;
}

/// So many seconds into the contract.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds).unwrap()
}

/// Somebody new.
fn somebody() -> Person {
    let account = AccountId(Uuid::new_v4());
    let email = format!("{account}@exemple.fr").parse().unwrap();
    Person { account, email, password: None, language: Language::Fr, opening: None }
}

/// A new session of `account`, made at a time and over 1,000 seconds later, with its token.
fn session(account: AccountId, made_at: Timestamp) -> (TokenHash, Session) {
    let id = SessionId(Uuid::new_v4());
    let expires_at = made_at.plus_seconds(1000);
    (Token::generate().hash(), Session { id, account, made_at, last_seen_at: made_at, expires_at })
}
