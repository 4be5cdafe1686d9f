//! Streams and their names.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

use crate::{AccountId, ConversationId, RequestId, RideId};

/// The kinds of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named after its aggregate")]
pub enum StreamKind {
    Account,
    Conversation,
    Marks,
    Request,
    Ride,
}

impl StreamKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Account, Self::Conversation, Self::Marks, Self::Request, Self::Ride];

    /// The first half of a stream's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Conversation => "conversation",
            Self::Marks => "marks",
            Self::Request => "request",
            Self::Ride => "ride",
        }
    }

    /// The kind of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A stream: one aggregate's events, versions dense from 1. Written `kind-uuid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId {
    /// What it is the stream of.
    pub kind: StreamKind,
    /// The aggregate's id.
    pub id: Uuid,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.name(), self.id)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What names no stream.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a stream's name such as ride-0190…")]
pub struct NotAStream;

impl FromStr for StreamId {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let (kind, id) = text.split_once('-').ok_or(NotAStream)?;
        let kind = StreamKind::of_name(kind).ok_or(NotAStream)?;
        Ok(Self { kind, id: Uuid::try_parse(id).map_err(|_| NotAStream)? })
    }
}

impl TryFrom<String> for StreamId {
    type Error = NotAStream;
    fn try_from(text: String) -> Result<Self, NotAStream> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> Self {
        stream.to_string()
    }
}

macro_rules! stream_of {
    ($($id:ident => $kind:ident),+ $(,)?) => {$(
        impl From<$id> for StreamId {
            fn from(id: $id) -> Self {
                Self { kind: StreamKind::$kind, id: id.0 }
            }
        }
    )+};
}

stream_of! { ConversationId => Conversation, RequestId => Request, RideId => Ride }

impl StreamId {
    /// The stream of a person's account.
    pub fn account(account: AccountId) -> Self {
        Self { kind: StreamKind::Account, id: account.0 }
    }

    /// The stream of a person's read marks.
    pub fn marks(account: AccountId) -> Self {
        Self { kind: StreamKind::Marks, id: account.0 }
    }
}
