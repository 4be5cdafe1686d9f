//! What an aggregate is: a state that decides what a command makes happen and folds what has happened.

use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

use crate::{AccountId, Actor, StreamKind, Timestamp};

/// One kind of aggregate. The default value is the state before the first event.
pub trait Aggregate: Default + Send + Unpin + 'static {
    /// What may be asked of it.
    type Command: Send + Clone + Debug + 'static;
    /// What happens to it.
    type Event: EventData + Send + Clone + Debug + 'static;
    /// Why something asked for cannot be.
    type Rejection: Rejection + Send + Clone + Debug + 'static;

    /// The kind of its streams.
    const KIND: StreamKind;

    /// What `command` makes happen, or why it cannot. No event means that it is so already.
    ///
    /// A command may cite events by version: the first event that it makes gets `self`'s version plus one.
    fn decide(&self, command: Self::Command, by: Actor, now: Timestamp) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// Folds one fact in. Never fails: it has happened.
    fn evolve(&mut self, event: &Self::Event);

    /// The accounts whose sessions are told of its events; those before an event and those after it are both told.
    fn audience(&self) -> Vec<AccountId> {
        Vec::new()
    }
}

/// Events as the log keeps them: a type's name, the version of its shape, and JSON.
pub trait EventData: Sized {
    /// The type's name, such as `SeatsReserved`.
    fn event_type(&self) -> &'static str;
    /// The version of the shape that [`EventData::to_json`] writes.
    fn schema_version(&self) -> u16;
    /// The bytes that are stored and hashed.
    fn to_json(&self) -> Vec<u8>;
    /// Reads an event of any version that was ever stored.
    fn from_json(event_type: &str, schema_version: u16, data: &[u8]) -> Result<Self, UnreadableEvent>;
}

/// A rejection: a normal answer, with a stable code that clients translate.
pub trait Rejection {
    /// A stable code in snake_case, such as `no_seats_left`.
    fn code(&self) -> &'static str;
    /// One plain English sentence for developers and logs; holds nothing personal.
    fn explain(&self) -> String;
}

/// An event that this program cannot read. Never skipped: whoever meets it stops and says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read event {event_type} v{schema_version}: {why}")]
pub struct UnreadableEvent {
    /// The type's name.
    pub event_type: String,
    /// The version of its shape.
    pub schema_version: u16,
    /// What is wrong with it.
    pub why: String,
}

/// Reads the JSON of one event type; used by the `events!` macro.
pub fn read_json<T: DeserializeOwned>(
    event_type: &str,
    schema_version: u16,
    data: &[u8],
) -> Result<T, UnreadableEvent> {
    serde_json::from_slice(data).map_err(|error| UnreadableEvent {
        event_type: event_type.to_owned(),
        schema_version,
        why: error.to_string(),
    })
}

/// Writes the JSON of one event.
pub fn write_json<T: Serialize>(event: &T) -> Vec<u8> {
    serde_json::to_vec(event).expect("events are plain data without maps of odd keys")
}

/// Declares the enum of an aggregate's events and how each is stored: `Variant = version`, each variant holding the
/// struct of the same name. How shapes evolve: `docs/EVENTS.md`.
#[macro_export]
macro_rules! events {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident = $version:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant holds the documented struct of its name")]
        pub enum $enum { $($variant($variant)),+ }

        $(impl From<$variant> for $enum {
            fn from(event: $variant) -> Self {
                Self::$variant(event)
            }
        })+

        impl $enum {
            /// The names of all its types, with the version of the shape written now.
            pub const TYPES: &'static [(&'static str, u16)] = &[$((stringify!($variant), $version)),+];
        }

        impl $crate::aggregate::EventData for $enum {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant)),+ }
            }
            fn schema_version(&self) -> u16 {
                match self { $(Self::$variant(_) => $version),+ }
            }
            fn to_json(&self) -> Vec<u8> {
                match self { $(Self::$variant(event) => $crate::aggregate::write_json(event)),+ }
            }
            fn from_json(
                event_type: &str,
                schema_version: u16,
                data: &[u8],
            ) -> Result<Self, $crate::aggregate::UnreadableEvent> {
                match (event_type, schema_version) {
                    $((stringify!($variant), $version) => {
                        $crate::aggregate::read_json(event_type, schema_version, data).map(Self::$variant)
                    })+
                    _ => Err($crate::aggregate::UnreadableEvent {
                        event_type: event_type.to_owned(),
                        schema_version,
                        why: "this program does not know this type in this version".to_owned(),
                    }),
                }
            }
        }
    };
}
