//! The chat: connections on their sockets, and the hub that tells them what was committed.
//!
//! `docs/PROTOCOL.md` specifies what goes over the wire. [`frames`] has its types and is the one place that turns an
//! event into what a viewer may see, by the [`roster`] of the conversation; [`asking`] reads what clients write.
//!
//! In: [`socket`] has all that is transport; [`door`] says who may open one; [`session`] has each frame done and
//! answered, with [`resume`] for what a client missed and `marks` for how far it has read.
//!
//! Out: what is committed goes from the actor to the [`hub`], which knows the open [`connections`]; `telling` knows how
//! far each conversation was told ([`lines`]) and puts frames of what was `opened` into the [`outbox`] of each
//! [`connection`]; `catch_up` reads what was missed, and `offers` tells what nobody told. `neighbours` hears what other nodes say. The [`watchdog`]
//! looks at connections from outside, and [`revocation`] follows which sessions end elsewhere. [`history`] reads pages
//! back.

pub mod asking;
mod catch_up;
pub mod close;
pub mod connection;
pub mod connections;
pub mod door;
pub mod fields;
pub mod frames;
pub mod history;
pub mod hub;
pub mod lines;
mod marks;
mod neighbours;
mod offers;
mod opened;
pub mod outbox;
pub mod resume;
pub mod revocation;
pub mod roster;
pub mod session;
pub mod socket;
mod telling;
#[cfg(test)]
mod tests;
mod told_marks;
pub mod watchdog;

pub use hub::{Caps, Hub};
pub(crate) use telling::Repair;
pub use watchdog::Pace;
