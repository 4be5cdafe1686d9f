//! Read marks, one stream per account: how far each conversation was read. Marks only move forward.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::aggregate::Rejection;
use crate::{AccountId, Actor, Aggregate, ConversationId, StreamKind, Timestamp, events};

#[cfg(test)]
mod tests;

events! {
    /// What happens to a person's marks.
    MarksEvent {
        ConversationRead = 1,
    }
}

/// A person has read a conversation up to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRead {
    /// Who read.
    pub account: AccountId,
    /// What.
    pub conversation: ConversationId,
    /// Up to and with this `seq`.
    pub up_to: u64,
}

/// What may be asked of marks.
#[derive(Clone, Debug)]
pub enum MarksCommand {
    /// Move the mark of a conversation forward.
    MarkRead {
        /// Whose marks.
        account: AccountId,
        /// Which conversation.
        conversation: ConversationId,
        /// Up to and with this `seq`; the caller has checked that it exists.
        up_to: u64,
    },
}

/// Why marks say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarksRejection {
    /// Marks are one's own.
    #[error("only the person concerned may do this")]
    NotYours,
}

impl Rejection for MarksRejection {
    fn code(&self) -> &'static str {
        "not_yours"
    }

    fn explain(&self) -> String {
        self.to_string()
    }
}

/// A person's marks as their rules see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    read: BTreeMap<ConversationId, u64>,
}

impl Aggregate for Marks {
    type Command = MarksCommand;
    type Event = MarksEvent;
    type Rejection = MarksRejection;

    const KIND: StreamKind = StreamKind::Marks;

    fn decide(&self, command: MarksCommand, by: Actor, _now: Timestamp) -> Result<Vec<MarksEvent>, MarksRejection> {
        let MarksCommand::MarkRead { account, conversation, up_to } = command;
        if by != Actor::Person(account) {
            return Err(MarksRejection::NotYours);
        }
        let known = self.read.get(&conversation).copied().unwrap_or(0);
        Ok(if up_to <= known { vec![] } else { vec![ConversationRead { account, conversation, up_to }.into()] })
    }

    fn evolve(&mut self, event: &MarksEvent) {
        let MarksEvent::ConversationRead(read) = event;
        let known = self.read.entry(read.conversation).or_default();
        *known = read.up_to.max(*known);
    }
}
