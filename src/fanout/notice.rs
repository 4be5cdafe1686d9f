//! What nodes say to each other, and on which channels. How it is written is for [`super::wire`].

use palabre_events::{AccountId, ConversationId, Envelope};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

use super::presence::Presence;

/// A node, from one start to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Uuid);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// To the nodes that an account is connected to.
    Account(AccountId),
    /// To all nodes.
    Nodes,
    /// To one node.
    Node(NodeId),
}

impl Channel {
    /// Its name in Redis, for the log of this name: several platforms may share a Redis.
    pub fn name(self, log_id: Uuid) -> String {
        let log_id = log_id.simple();
        match self {
            Self::Account(account) => format!("palabre:{log_id}:account:{}", account.0.simple()),
            Self::Nodes => format!("palabre:{log_id}:nodes"),
            Self::Node(node) => format!("palabre:{log_id}:node:{}", node.0.simple()),
        }
    }
}

/// What one node says to others. Its fields and their order are what is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// These events of one conversation were committed, in order.
    Committed {
        /// Those who took part before or after.
        audience: Vec<AccountId>,
        /// With the sealed bytes as they are in the log; at least one.
        #[serde(with = "super::passed")]
        events: Vec<Arc<Envelope>>,
    },
    /// A conversation has events up to this `seq`, too long to be passed on: they are in the log.
    Grown {
        /// Which.
        conversation: ConversationId,
        /// Its last `seq` that is known.
        seq: u64,
    },
    /// Somebody has read on.
    Read {
        /// Whom this node is to tell.
        to: AccountId,
        /// Where.
        conversation: ConversationId,
        /// Who.
        account: AccountId,
        /// Up to and with this `seq`.
        up_to: u64,
    },
    /// Somebody types, or stops.
    Typing {
        /// Whom this node is to tell.
        to: AccountId,
        /// Where.
        conversation: ConversationId,
        /// Who.
        account: AccountId,
        /// Whether they type.
        on: bool,
    },
    /// A session was ended before its time.
    SessionEnded {
        /// Whose.
        account: AccountId,
        /// Which: the id of a [`crate::vault::SessionId`].
        session: Uuid,
    },
    /// Who is connected to the node that speaks.
    Presence(Presence),
    /// A node speaks to itself, to know that it hears.
    Probe,
}

impl Notice {
    /// About how much memory it takes while it waits.
    pub fn bytes_held(&self) -> usize {
        let further = match self {
            Self::Committed { audience, events } => {
                let events = events.iter().map(|envelope| size_of::<Envelope>() + envelope.data.len());
                size_of_val(audience.as_slice()) + events.sum::<usize>()
            }
            _ => 0,
        };
        size_of::<Self>() + further
    }

    /// The same in few words, for what is too long to be passed on: events are then read from the log.
    pub(super) fn shorter(&self) -> Option<Self> {
        let Self::Committed { events, .. } = self else { return None };
        let last = events.last()?;
        Some(Self::Grown { conversation: ConversationId(last.stream.id), seq: last.version })
    }
}
