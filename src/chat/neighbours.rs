//! What other nodes say, told to the connections of this one.
//!
//! Heard on the thread of the fan-out. Only what the log confirms is lasting: an event that another node passes on is
//! told as if it had been committed here, and the feed brings the same once more.

use palabre_events::{AccountId, ConversationId, StreamKind};

use super::hub::Hub;
use crate::fanout::{Hear, Notice};
use crate::vault::SessionId;

impl Hear for Hub {
    fn hear(&self, notice: Notice) {
        let shared = &self.shared;
        match notice {
            Notice::Committed { audience, events } => {
                if let Some(first) = events.first().filter(|first| first.stream.kind == StreamKind::Conversation) {
                    shared.tell(ConversationId(first.stream.id), &events, &audience);
                }
            }
            Notice::Grown { conversation, seq } => shared.want(conversation, seq),
            Notice::Read { to, conversation, account, up_to } => shared.show_read(to, conversation, account, up_to),
            Notice::Typing { to, conversation, account, on } => shared.show_typing(to, conversation, account, on),
            Notice::SessionEnded { account, session } => self.end_session(account, SessionId(session)),
            // Those are for the fan-out itself.
            Notice::Presence(_) | Notice::Probe => {}
        }
    }

    fn came_elsewhere(&self, account: AccountId) {
        self.shared.connections.came_elsewhere(account);
    }

    fn gone_elsewhere(&self, account: AccountId) {
        self.shared.connections.gone_elsewhere(account, self.elapsed_ms());
    }
}
