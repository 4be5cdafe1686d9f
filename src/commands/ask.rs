//! Who asks, and what is answered.

use palabre_events::log::FirstAnswer;
use palabre_events::shell::Answer;
use palabre_events::{AccountId, CommandKey, aggregate::Rejection};
use serde::Serialize;
use uuid::Uuid;

use crate::store::keys::KEPT_S;

/// Who asks, authenticated, and under which key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who.
    pub account: AccountId,
    /// The client's key, checked by [`Asked::new`].
    pub key: CommandKey,
    /// W3C trace context, where the request is traced.
    pub traceparent: Option<String>,
}

/// How old a key may be: a day less than what it committed is remembered.
pub const KEY_AGE_S_MAX: i64 = KEPT_S - 24 * 3600;
/// How far ahead of our clock a key may be.
pub const KEY_AHEAD_S_MAX: i64 = 24 * 3600;

impl Asked {
    /// Checks the key: a UUIDv7, at most 30 days old and at most a day ahead.
    pub fn new(account: AccountId, key: CommandKey, now: palabre_events::Timestamp) -> Result<Self, Refusal> {
        let Some(made_at) = key.made_at() else {
            return Err(Refusal::field("key", "not_a_key", "a key is a UUID of version 7"));
        };
        let age_ms = now.millis_since(made_at);
        if age_ms > KEY_AGE_S_MAX * 1000 {
            return Err(Refusal::KeyTooOld);
        }
        if age_ms < -KEY_AHEAD_S_MAX * 1000 {
            return Err(Refusal::field("key", "not_a_key", "the key's time lies in the future; check the clock"));
        }
        Ok(Self { account, key, traceparent: None })
    }
}

/// What a command made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The stream's version after it: in a conversation, the `seq` of its last event.
    pub seq: u64,
    /// The position of its last event; 0 when nothing was appended.
    pub position: u64,
    /// Whether the same command had been committed before.
    pub duplicate: bool,
    /// Whether it was so already, and nothing was appended.
    pub unchanged: bool,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Its name, with dots and indexes, such as `stops[1].lat`.
    pub field: String,
    /// A stable code in snake_case, which clients translate.
    pub code: &'static str,
    /// One plain English sentence.
    pub message: String,
}

/// Why something asked for is not done. Codes are stable; messages hold nothing internal and nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body is not acceptable.
    Invalid(Vec<FieldError>),
    /// The rules say no: code and sentence of the rejection.
    Rejected(&'static str, String),
    /// The key was used for another command.
    KeyReused,
    /// The key is older than 30 days.
    KeyTooOld,
    /// Too much waits there at present.
    Busy,
    /// The log or the vault does not answer at present.
    Unavailable,
}

impl Refusal {
    /// One field is wrong.
    pub fn field(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), code, message: message.into() }])
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Rejected(code, _) => code,
            Self::KeyReused => "key_reused",
            Self::KeyTooOld => "key_too_old",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
        }
    }

    /// One plain English sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Invalid(fields) => fields.first().map_or_else(String::new, |first| first.message.clone()),
            Self::Rejected(_, sentence) => sentence.clone(),
            Self::KeyReused => "this key was used for another command; use a new one".to_owned(),
            Self::KeyTooOld => "this key is older than 30 days; use a new one".to_owned(),
            Self::Busy => "too much is asked of this at the moment; try again with the same key".to_owned(),
            Self::Unavailable => "this cannot be done at the moment; try again with the same key".to_owned(),
        }
    }

    /// Whether the same command with the same key may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }

    /// After how long to try again, in milliseconds, when it is temporary.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(500),
            Self::Unavailable => Some(1_000),
            _ => None,
        }
    }
}

/// The answer of an aggregate, as people are told it.
pub fn done<R: Rejection>(answer: Answer<R>) -> Result<Done, Refusal> {
    let first =
        |FirstAnswer { version, position, .. }| Done { seq: version, position, duplicate: true, unchanged: false };
    match answer {
        Answer::Committed(events) => {
            let last = events.last().expect("what was committed has at least one event");
            Ok(Done { seq: last.version, position: last.position, duplicate: false, unchanged: false })
        }
        Answer::Unchanged { version } => Ok(Done { seq: version, position: 0, duplicate: false, unchanged: true }),
        Answer::Duplicate(answer) => Ok(first(answer)),
        Answer::KeyReused => Err(Refusal::KeyReused),
        Answer::Rejected(rejection) => Err(Refusal::Rejected(rejection.code(), rejection.explain())),
        Answer::Busy => Err(Refusal::Busy),
        Answer::Unavailable => Err(Refusal::Unavailable),
    }
}

/// An id made by a command, and what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The id: of a ride, request, conversation or proposal.
    pub id: Uuid,
    /// What the command made.
    pub done: Done,
}
