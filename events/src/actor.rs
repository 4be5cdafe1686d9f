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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_reads_back_as_it_was_written() {
        for actor in [Actor::System, Actor::Operator, Actor::Person(AccountId(Uuid::from_u128(7)))] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for text in ["", "System", "person", "person-", "person-7", "bot-00000000-0000-0000-0000-000000000007"] {
            assert_eq!(text.parse::<Actor>(), Err(NotAnActor), "{text}");
        }
    }
}
