//! Follows the vault's list of sessions that ended, whoever ended them and on whichever node, and closes their
//! connections.
//!
//! The vault is the truth: what other nodes say through the fan-out only closes sockets sooner. While the list is
//! followed, sockets need not ask for their sessions. While the vault does not answer nobody is sent away by this; every
//! command asks it for itself, and nothing that was known before is believed afterwards: the one that answers then may
//! be another, which lacks what the first had told. Sessions that end by their own time are found at the next command or
//! ping.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hub::Hub;
use super::session;
use crate::accounts::Accounts;
use crate::vault::sessions::ENDINGS_PER_CALL_MAX;
use crate::vault::{Ending, Endings, Vault, VaultFailure};

/// How often it is looked: a session that ends is over everywhere within a second.
const EVERY: Duration = Duration::from_millis(400);
/// How many connections are looked at together when endings were missed.
const TOGETHER_MAX: usize = 64;

/// Follows the list of endings.
pub struct Revocation {
    hub: Hub,
    accounts: Arc<Accounts>,
    vault: Arc<dyn Vault>,
    /// The last ending that was seen.
    seen: u64,
}

impl Revocation {
    /// Begins where the list ends now. To be called before anybody connects.
    pub async fn new(hub: Hub, accounts: Arc<Accounts>, vault: Arc<dyn Vault>) -> Result<Self, VaultFailure> {
        let seen = vault.endings_head().await?;
        Ok(Self { hub, accounts, vault, seen })
    }

    /// Follows until the node stops.
    pub async fn follow(mut self) {
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            while self.look().await {}
        }
    }

    /// Takes one page of the list; whether there may be more.
    async fn look(&mut self) -> bool {
        let looked_at = Instant::now();
        let Ok(Endings { head, page }) = self.vault.endings_after(self.seen).await else {
            self.accounts.forget_sessions();
            return false;
        };
        if page.is_empty() && head != self.seen {
            // The vault was restored, or stands in for one that knew more.
            self.seen = head;
            self.ask_for_all().await;
            return true;
        }
        for Ending { sequence, account, session } in &page {
            if *sequence != self.seen + 1 {
                self.ask_for_all().await;
            }
            self.seen = *sequence;
            self.accounts.forget_session(session.token);
            self.hub.end_session(*account, session.id);
        }
        let is_all = page.len() < ENDINGS_PER_CALL_MAX;
        if is_all {
            self.accounts.endings_followed(looked_at);
        }
        !is_all
    }

    /// Asks for the session of every connection, because some endings were missed.
    async fn ask_for_all(&self) {
        self.accounts.forget_sessions();
        let mut connections = Vec::new();
        self.hub.shared.connections.each(|connection| connections.push(connection.clone()));
        tracing::warn!(connections = connections.len(), "endings of sessions were missed; asking for all");
        for together in connections.chunks(TOGETHER_MAX) {
            let looks = together.iter().map(|connection| session::still_signed_in(&self.accounts, connection));
            futures_util::future::join_all(looks).await;
        }
    }
}
