//! Timers: what is due by the clock, done as commands of the platform. One node at a time, by a lease in the vault.
//!
//! What is due is a view, folded from the log; the command changes nothing when it was done already, so a timer that
//! runs twice does no harm.

use palabre_events::conversation::{Conversation, ConversationCommand};
use palabre_events::request::{Request, RequestCommand};
use palabre_events::ride::{Ride, RideCommand};
use palabre_events::shell::Answer;
use palabre_projections::timers::{Due, DueCommand};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use super::Directory;
use super::effects::by_platform;
use crate::clock;
use crate::feed::ViewsHandle;
use crate::vault::Vault;
use crate::vault::leases::Acquired;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// The most timers of one look.
const AT_ONCE_MAX: usize = 256;
/// How long the lease holds when its node dies, in seconds.
const LEASE_S: i64 = 10;
const LEASE_NAME: &str = "timers";

/// Does what is due.
pub struct Timers {
    directory: Directory,
    views: ViewsHandle,
    vault: Arc<dyn Vault>,
    node: Uuid,
}

impl Timers {
    /// Timers of the node with this id, drawn anew at each start.
    pub fn new(directory: Directory, views: ViewsHandle, vault: Arc<dyn Vault>, node: Uuid) -> Self {
        Self { directory, views, vault, node }
    }

    /// Looks for ever.
    pub async fn run(self) {
        loop {
            if self.holds_lease().await {
                while self.do_what_is_due().await == AT_ONCE_MAX {}
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn holds_lease(&self) -> bool {
        let now = clock::now();
        let until = now.plus_seconds(LEASE_S);
        match self.vault.acquire_lease(LEASE_NAME, self.node, now, until).await {
            Ok(Acquired::Held(_)) => true,
            Ok(Acquired::HeldByAnother { .. }) => false,
            Err(failure) => {
                tracing::warn!(%failure, "cannot ask for the lease of timers");
                false
            }
        }
    }

    /// Answers how many were due.
    async fn do_what_is_due(&self) -> usize {
        let now = clock::now();
        let due = match self.views.query(move |views| views.due(now, AT_ONCE_MAX)).await {
            Ok(due) => due,
            Err(failure) => {
                tracing::warn!(%failure, "cannot look for what is due");
                return 0;
            }
        };
        let found = due.len();
        let mut last_position = 0;
        for timer in due {
            last_position = last_position.max(self.fire(timer).await.unwrap_or(0));
        }
        if last_position > 0 && !self.views.wait_for(last_position, EVERY * 5).await {
            return 0;
        }
        // Without any progress the same would be found again at once.
        if last_position == 0 { 0 } else { found }
    }

    async fn fire(&self, due: Due) -> Option<u64> {
        match due.what {
            DueCommand::ExpireProposal(conversation, proposal) => {
                let command = ConversationCommand::ExpireProposal { proposal };
                position(self.directory.submit::<Conversation>(conversation, by_platform(command)).await)
            }
            DueCommand::Depart(ride) => {
                position(self.directory.submit::<Ride>(ride, by_platform(RideCommand::Depart)).await)
            }
            DueCommand::Complete(ride) => {
                position(self.directory.submit::<Ride>(ride, by_platform(RideCommand::Complete)).await)
            }
            DueCommand::ExpireRequest(request) => {
                position(self.directory.submit::<Request>(request, by_platform(RequestCommand::Expire)).await)
            }
        }
    }
}

fn position<R: std::fmt::Debug>(answer: Answer<R>) -> Option<u64> {
    match answer {
        Answer::Committed(events) => events.last().map(|event| event.position),
        Answer::Unchanged { .. } | Answer::Busy | Answer::Unavailable | Answer::Duplicate(_) => None,
        Answer::Rejected(rejection) => {
            // Such as a ride that was rescheduled since the view was read.
            tracing::debug!(?rejection, "a timer came too early");
            None
        }
        Answer::KeyReused => unreachable!("timers have no key"),
    }
}
