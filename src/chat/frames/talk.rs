//! Facts of talk, as viewers see them. Texts of erased people are absent.

use crate::wire::words;
use palabre_events::conversation::{self, ConversationKind};
use palabre_events::{AccountId, RequestId, ReservationId, RideId};
use serde::Serialize;

/// A conversation begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConversationOpened {
    /// `ride` (a driver and one passenger) or `group` (the driver and the passengers).
    #[schema(value_type = words::ConversationKind)]
    pub kind: ConversationKind,
    /// The ride that it is about.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// Who drives.
    #[schema(value_type = Uuid)]
    pub driver: AccountId,
    /// Who may ride along; absent in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub passenger: Option<AccountId>,
    /// The request that the driver answers with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub in_answer_to: Option<RequestId>,
}

impl From<conversation::ConversationOpened> for ConversationOpened {
    fn from(event: conversation::ConversationOpened) -> Self {
        let conversation::ConversationOpened { kind, ride, driver, passenger, in_answer_to, .. } = event;
        Self { kind, ride, driver, passenger, in_answer_to }
    }
}

/// Somebody says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessagePosted {
    /// Who.
    #[schema(value_type = Uuid)]
    pub author: AccountId,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The `seq` of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<u64>,
}

/// An author corrects a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessageEdited {
    /// The `seq` of the message.
    pub message: u64,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// An author takes a message back. Clients show it no longer, nor its corrections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessageRetracted {
    /// The `seq` of the message.
    pub message: u64,
}

/// Somebody joins a group, because of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ParticipantJoined {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
}

/// Somebody leaves a group, because the reservation was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ParticipantLeft {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
}
