//! The pure core of Palabre: facts, commands and rules.
//!
//! Everything here is a function of its arguments. There is no clock, no randomness, no database and no async
//! runtime in the manifest, so the compiler keeps it so: time, ids and nonces arrive as arguments.
//!
//! Where to start: [`aggregate`] says what an aggregate is, [`ride`] and [`conversation`] hold the two that matter
//! most, [`shell`] drives any of them as a state machine without I/O, [`policy`] says which fact causes which
//! further command, and [`log`] is the vocabulary shared with the event stores.

pub mod account;
pub mod actor;
pub mod aggregate;
pub mod conversation;
pub mod domain;
pub mod geometry;
pub mod ids;
pub mod log;
pub mod marks;
pub mod money;
pub mod place;
pub mod policy;
pub mod request;
pub mod ride;
pub mod sealed;
pub mod seats;
pub mod shell;
pub mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;

pub use actor::Actor;
pub use aggregate::Aggregate;
pub use domain::DomainEvent;
pub use ids::{AccountId, CommandKey, ConversationId, ProposalId, RequestId, ReservationId, RideId, SeriesId};
pub use log::{Envelope, NewEvent, StreamId, StreamKind};
pub use money::{Currency, Price};
pub use place::{ExactPlace, Place, Point, Route};
pub use sealed::{KeyId, Opener, Sealable, Sealed};
pub use seats::Stretch;
pub use terms::{Terms, TermsHash};
pub use time::Timestamp;
