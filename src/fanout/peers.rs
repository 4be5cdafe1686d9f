//! The other nodes, as the rest of this node speaks to them. Never waits, and writes nothing: that is for the thread of
//! the fan-out.

use palabre_events::{AccountId, ConversationId, Envelope};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Notify, watch};

use super::notice::{Channel, Notice};
use super::queue::{Dropped, Parcel, Queue};
use super::wire::Wire;
use crate::telemetry::metrics;
use crate::vault::SessionId;

/// How the link to Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// What other nodes say is heard, and they hear this node.
    Up,
    /// Nothing goes through; everything comes from the log, later.
    Down {
        /// Since when.
        since: Instant,
        /// Why, for whoever operates it.
        why: String,
    },
}

/// The other nodes. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) wire: Wire,
    pub(super) queue: Queue,
    pub(super) here: Mutex<Here>,
    /// Somebody came or went.
    pub(super) moved: Notify,
    pub(super) state: watch::Sender<LinkState>,
}

/// Whom this node listens for: the accounts connected to it.
#[derive(Default)]
pub(super) struct Here {
    pub(super) accounts: HashSet<AccountId>,
    /// Those who came or went since the session with Redis last looked, at most all.
    pub(super) moved: HashSet<AccountId>,
}

impl Peers {
    pub(super) fn new(wire: Wire) -> Self {
        let down = LinkState::Down { since: Instant::now(), why: "not connected yet".to_owned() };
        let shared = Shared {
            wire,
            queue: Queue::default(),
            here: Mutex::default(),
            moved: Notify::new(),
            state: watch::Sender::new(down),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How the link to Redis is.
    pub fn state(&self) -> LinkState {
        self.shared.state.borrow().clone()
    }

    /// Follows how the link to Redis is.
    pub fn follow_state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// Whether what is said now is likely to be heard.
    pub fn are_near(&self) -> bool {
        self.shared.queue.is_open()
    }

    /// How many messages wait to be said.
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Tells the nodes of those of `audience` who are `elsewhere` what was committed in one conversation.
    pub fn committed(&self, events: &[Arc<Envelope>], audience: &[AccountId], elsewhere: &[AccountId]) {
        // Without a session it is not known who is elsewhere, so all of it counts as dropped.
        if events.is_empty() || (elsewhere.is_empty() && self.are_near()) {
            return;
        }
        let to = elsewhere.iter().map(|account| Channel::Account(*account)).collect();
        self.say(to, || Notice::Committed { audience: audience.to_vec(), events: events.to_vec() });
    }

    /// Tells the nodes of each of `viewers` that `account` types or stops.
    pub fn typing(&self, viewers: &[AccountId], conversation: ConversationId, account: AccountId, on: bool) {
        for to in viewers.iter().copied() {
            self.say(vec![Channel::Account(to)], || Notice::Typing { to, conversation, account, on });
        }
    }

    /// Tells the nodes of each of `viewers` how far `account` has read.
    pub fn read(&self, viewers: &[AccountId], conversation: ConversationId, account: AccountId, up_to: u64) {
        for to in viewers.iter().copied() {
            self.say(vec![Channel::Account(to)], || Notice::Read { to, conversation, account, up_to });
        }
    }

    /// Tells the nodes of `account` that one of its sessions was ended.
    pub fn session_ended(&self, account: AccountId, session: SessionId) {
        self.say(vec![Channel::Account(account)], || Notice::SessionEnded { account, session: session.0 });
    }

    /// Looks again whether `account` is connected to this node, which `is_here` says. To be called after each change;
    /// `is_here` is asked under a lock, so that of two changes the later one is seen.
    pub fn look_again(&self, account: AccountId, is_here: impl FnOnce() -> bool) {
        let mut here = self.shared.here.lock();
        let changed = if is_here() { here.accounts.insert(account) } else { here.accounts.remove(&account) };
        if changed {
            here.moved.insert(account);
            drop(here);
            self.shared.moved.notify_one();
        }
    }

    fn say(&self, to: Vec<Channel>, notice: impl FnOnce() -> Notice) {
        if !self.are_near() {
            return self.dropped(Dropped::Shut, 1);
        }
        if let Err(why) = self.shared.queue.push(Parcel { to, notice: notice() }) {
            self.dropped(why, 1);
        }
    }

    pub(super) fn dropped(&self, why: Dropped, count: usize) {
        metrics::fanout_dropped(why, count);
    }
}

impl LinkState {
    /// Whether the link is up.
    pub fn is_up(&self) -> bool {
        *self == Self::Up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::NodeId;
    use crate::vault::KeyMaterial;
    use crate::vault::data_key::DataKey;
    use palabre_events::KeyId;
    use palabre_events::log::Hash;
    use palabre_events::testing::{ANNA, DORA, by, now, talk_with};
    use uuid::Uuid;

    fn event() -> Arc<Envelope> {
        Arc::new(Envelope {
            event_id: Uuid::from_u128(1),
            stream: talk_with(ANNA).into(),
            version: 4,
            position: 9,
            event_type: "MessagePosted".to_owned(),
            schema_version: 1,
            occurred_at: now(),
            recorded_at: now(),
            actor: by(ANNA),
            key: None,
            correlation_id: Uuid::nil(),
            causation_id: Uuid::nil(),
            traceparent: None,
            data: b"{}".to_vec(),
            hash: Hash([0; 32]),
        })
    }

    #[tokio::test]
    async fn what_was_committed_waits_for_the_nodes_of_those_who_are_elsewhere_alone() {
        let key = DataKey::new(KeyId::Platform, &KeyMaterial::generate()).node_key();
        let (peers, events, audience) = (Peers::new(Wire::new(NodeId(Uuid::nil()), key)), [event()], [ANNA, DORA]);
        peers.shared.queue.open();
        peers.committed(&events, &audience, &[]);
        assert_eq!(peers.waiting(), 0);
        peers.committed(&events, &audience, &[DORA]);
        let notice = Notice::Committed { audience: audience.to_vec(), events: events.to_vec() };
        assert_eq!(peers.shared.queue.take().await, [Parcel { to: vec![Channel::Account(DORA)], notice }]);
    }
}
