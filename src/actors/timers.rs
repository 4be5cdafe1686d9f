//! Timers: what is due by the clock, done as commands of the platform. One node at a time, by a lease in the vault,
//! which is kept for as long as something is being done and given back when the node stops.
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
use crate::stoppable::{IsToStop, Stoppable};
use crate::vault::{Holding, Vault};

#[cfg(test)]
mod tests;

/// How long the lease holds when its node dies, in seconds.
pub const LEASE_S: u32 = 10;
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// The most timers of one look.
const AT_ONCE_MAX: usize = 256;
const LEASE_NAME: &str = "timers";

/// Does what is due.
pub struct Timers {
    directory: Directory,
    views: ViewsHandle,
    lease: Holding,
}

impl Timers {
    /// Timers of the node with this id, drawn anew at each start, with a lease of `lease_s` seconds.
    pub fn new(directory: Directory, views: ViewsHandle, vault: Arc<dyn Vault>, node: Uuid, lease_s: u32) -> Self {
        Self { directory, views, lease: Holding::new(vault, LEASE_NAME, node, lease_s) }
    }

    /// Looks until it is stopped. Must be called within an actix system.
    pub fn start(self) -> Stoppable {
        Stoppable::start("timers", |is_to_stop| actix::spawn(self.run(is_to_stop)))
    }

    async fn run(mut self, mut is_to_stop: IsToStop) {
        loop {
            while self.do_what_is_due(&mut is_to_stop).await {}
            // Nobody left who could say so is the same.
            if tokio::time::timeout(EVERY, is_to_stop.wait_for(|told| *told)).await.is_ok() {
                break;
            }
        }
        self.lease.give_back().await;
    }

    /// Does a page of what is due, while it holds the lease. Answers whether there may be more to do at once.
    async fn do_what_is_due(&mut self, is_to_stop: &mut IsToStop) -> bool {
        if self.lease.take().await.is_none() {
            return false;
        }
        let now = clock::now();
        let due = match self.views.query(move |views| views.due(now, AT_ONCE_MAX)).await {
            Ok(due) => due,
            Err(failure) => {
                tracing::warn!(%failure, "cannot look for what is due");
                return false;
            }
        };
        let is_full = due.len() == AT_ONCE_MAX;
        let mut last_position = 0;
        for timer in due {
            if *is_to_stop.borrow() {
                return false;
            }
            let Some(position) = self.lease.during(fire(&self.directory, timer)).await else { return false };
            last_position = last_position.max(position.unwrap_or(0));
        }
        // Without any progress, or before the views show it, the same would be found again at once.
        last_position > 0 && self.views_show(last_position, is_to_stop).await && is_full
    }

    async fn views_show(&self, position: u64, is_to_stop: &mut IsToStop) -> bool {
        tokio::select! {
            shown = self.views.wait_for(position, EVERY * 5) => shown,
            _ = is_to_stop.wait_for(|told| *told) => false,
        }
    }
}

async fn fire(directory: &Directory, due: Due) -> Option<u64> {
    match due.what {
        DueCommand::ExpireProposal(conversation, proposal) => {
            let command = ConversationCommand::ExpireProposal { proposal };
            position(directory.submit::<Conversation>(conversation, by_platform(command)).await)
        }
        DueCommand::Depart(ride) => position(directory.submit::<Ride>(ride, by_platform(RideCommand::Depart)).await),
        DueCommand::Complete(ride) => {
            position(directory.submit::<Ride>(ride, by_platform(RideCommand::Complete)).await)
        }
        DueCommand::ExpireRequest(request) => {
            position(directory.submit::<Request>(request, by_platform(RequestCommand::Expire)).await)
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
