//! What the server says first, and what it answers to commands.

use palabre_events::{AccountId, ConversationId, ProposalId, TermsHash, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::SeenEvent;
use crate::commands::{Done, FieldError, Refusal};

/// The server's first frame.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename = "welcome")]
pub struct Welcome {
    /// Names the log. Another name than the client knows: forget everything and start afresh.
    pub log_id: Uuid,
    /// Whose session it is.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The log's last position.
    pub position: u64,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// What is taken.
    pub limits: WelcomeLimits,
}

/// What is taken.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct WelcomeLimits {
    /// The longest frame, in bytes.
    pub frame_bytes: usize,
    /// The longest message, in characters.
    pub message_chars: usize,
}

/// The answer to a command: `re` is the command's `id`, none where it could not be read.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// The command's `id`.
    pub re: Option<u64>,
    /// What it made, or why not.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a command made, or why not.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Ok(Made),
    /// Not done.
    Error(CommandError),
}

/// What commands make.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Made {
    /// An event of the conversation.
    Event {
        /// The conversation, where the command opened one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Uuid>)]
        conversation: Option<ConversationId>,
        /// The proposal, where the command made one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Uuid>)]
        proposal: Option<ProposalId>,
        /// The hash of its terms.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        terms_hash: Option<TermsHash>,
        /// The `seq` of the command's last event, where it belongs to the conversation.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Its place in the log; absent when nothing was appended.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
        /// Whether the same command had been committed before.
        #[serde(skip_serializing_if = "is_false")]
        duplicate: bool,
        /// Whether it was so already.
        #[serde(skip_serializing_if = "is_false")]
        unchanged: bool,
    },
    /// What the client missed.
    Resumed(Box<Resumed>),
    /// Who is there.
    Following {
        /// Those of the followed conversations' participants that are online.
        #[schema(value_type = Vec<Uuid>)]
        online: Vec<AccountId>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Made {
    /// What a command made in its conversation.
    pub fn in_conversation(done: Done) -> Self {
        Self::of(done, None, None, None, true)
    }

    /// What a command made in a conversation that it opened.
    pub fn opened(conversation: ConversationId, done: Done) -> Self {
        Self::of(done, Some(conversation), None, None, true)
    }

    /// What a command made that proposes.
    pub fn proposed(proposal: ProposalId, terms_hash: TermsHash, done: Done) -> Self {
        Self::of(done, None, Some(proposal), Some(terms_hash), true)
    }

    /// What a command made outside of the conversation: on the ride, or in the marks.
    pub fn elsewhere(done: Done) -> Self {
        Self::of(done, None, None, None, false)
    }

    fn of(
        done: Done,
        conversation: Option<ConversationId>,
        proposal: Option<ProposalId>,
        terms_hash: Option<TermsHash>,
        in_conversation: bool,
    ) -> Self {
        Self::Event {
            conversation,
            proposal,
            terms_hash,
            seq: in_conversation.then_some(done.seq),
            position: (done.position > 0).then_some(done.position),
            duplicate: done.duplicate,
            unchanged: done.unchanged,
        }
    }
}

/// What the client missed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Resumed {
    /// Names the log.
    pub log_id: Uuid,
    /// What is answered here goes at least up to this position; the next hello may name it.
    pub position: u64,
    /// Whether this is another log than the client's, so that it starts afresh.
    pub fresh: bool,
    /// Conversations whose head has moved since the client's position.
    pub changed: Vec<ChangedHead>,
    /// Whether more have than are listed: the inbox must be read by HTTP.
    pub more_changed: bool,
    /// All missing events of the named conversations, in order of conversation and `seq`.
    #[schema(value_type = Vec<SeenEvent>)]
    pub events: Vec<Box<RawValue>>,
    /// Named conversations that miss more than fits here, and are to be paged by HTTP.
    #[schema(value_type = Vec<Uuid>)]
    pub too_far: Vec<ConversationId>,
    /// Named conversations that the account never took part in.
    #[schema(value_type = Vec<Uuid>)]
    pub not_yours: Vec<ConversationId>,
    /// Those of the named conversations' participants that are online.
    #[schema(value_type = Vec<Uuid>)]
    pub online: Vec<AccountId>,
}

/// A conversation whose head has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedHead {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// The last `seq` that the viewer may see.
    pub seq: u64,
    /// The first one.
    pub from_seq: u64,
    /// How many messages, proposals and bookings of others are unread.
    pub unread: u64,
}

/// Why a command is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CommandError {
    /// A stable code.
    pub code: &'static str,
    /// One plain English sentence.
    pub message: String,
    /// Whether the same command with the same key may succeed later.
    pub temporary: bool,
    /// After how long to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

impl CommandError {
    /// A permanent error.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), temporary: false, retry_after_ms: None, fields: Vec::new() }
    }

    /// Too many commands in a short time.
    pub fn too_many_requests(retry_after_ms: u64) -> Self {
        Self {
            temporary: true,
            retry_after_ms: Some(retry_after_ms),
            ..Self::new("too_many_requests", "too many commands in a short time; try again with the same key")
        }
    }
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code(),
            message: refusal.message(),
            temporary: refusal.is_temporary(),
            retry_after_ms: refusal.retry_after_ms(),
            fields: if let Refusal::Invalid(fields) = refusal { fields } else { Vec::new() },
        }
    }
}
