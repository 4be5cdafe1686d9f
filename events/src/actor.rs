//! Who did it: the `actor` of every event.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

use crate::AccountId;

/// Who gives a command, and so who stands behind the facts that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A person, signed in.
    Person(AccountId),
    /// The platform itself: effects of other facts, and timers.
    System,
    /// Whoever operates the platform, at its command line.
    Operator,
}

impl Actor {
    /// The person, unless it was the platform or its operator.
    pub fn person(&self) -> Option<AccountId> {
        match self {
            Self::Person(account) => Some(*account),
            Self::System | Self::Operator => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(account) => write!(f, "person-{account}"),
            Self::System => f.write_str("system"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// What names no actor.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("names no actor")]
pub struct NotAnActor;

impl FromStr for Actor {
    type Err = NotAnActor;
    fn from_str(text: &str) -> Result<Self, NotAnActor> {
        match text {
            "system" => Ok(Self::System),
            "operator" => Ok(Self::Operator),
            _ => {
                let id = text.strip_prefix("person-").ok_or(NotAnActor)?;
                Ok(Self::Person(AccountId(Uuid::try_parse(id).map_err(|_| NotAnActor)?)))
            }
        }
    }
}

impl TryFrom<String> for Actor {
    type Error = NotAnActor;
    fn try_from(text: String) -> Result<Self, NotAnActor> {
        text.parse()
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}
