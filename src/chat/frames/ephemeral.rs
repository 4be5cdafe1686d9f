//! What is told and not kept: who types, who is there, how far others have read. Such frames may be lost.

use palabre_events::{AccountId, ConversationId};
use serde::Serialize;

/// What has no place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Ephemeral {
    /// Somebody types, or stops.
    Typing {
        /// Where.
        #[schema(value_type = Uuid)]
        conversation: ConversationId,
        /// Who.
        #[schema(value_type = Uuid)]
        account: AccountId,
        /// Whether they type. Clients take it for off after six seconds.
        on: bool,
    },
    /// Somebody comes or goes.
    Presence {
        /// Who.
        #[schema(value_type = Uuid)]
        account: AccountId,
        /// Whether they are there.
        online: bool,
    },
    /// Somebody has read on.
    Read {
        /// Where.
        #[schema(value_type = Uuid)]
        conversation: ConversationId,
        /// Who.
        #[schema(value_type = Uuid)]
        account: AccountId,
        /// Up to and with this `seq`.
        up_to: u64,
    },
}
