//! What was committed, wherever it was, brought to who must know of it on this node: to the actors that are awake, so
//! that they read on before a command finds them behind, and to the hub.

use palabre_events::{AccountId, Envelope};
use std::sync::Arc;

use super::Directory;
use crate::chat::Hub;
use crate::fanout::{Hear, Notice};
use crate::feed::Offer;

/// Brings news. Cheap to clone.
#[derive(Clone)]
pub struct News {
    /// Finds the actors.
    pub directory: Directory,
    /// Tells connections.
    pub hub: Hub,
}

impl Offer for News {
    fn offer(&self, events: &[Arc<Envelope>]) {
        events.iter().for_each(|envelope| self.directory.heard_of(envelope.stream, envelope.version));
        self.hub.offer(events);
    }

    fn relies_on_this(&self) -> bool {
        self.hub.relies_on_this()
    }
}

impl Hear for News {
    fn hear(&self, notice: Notice) {
        if let Notice::Committed { events, .. } = &notice
            && let Some(last) = events.last()
        {
            self.directory.heard_of(last.stream, last.version);
        }
        self.hub.hear(notice);
    }

    fn came_elsewhere(&self, account: AccountId) {
        self.hub.came_elsewhere(account);
    }

    fn gone_elsewhere(&self, account: AccountId) {
        self.hub.gone_elsewhere(account);
    }
}
