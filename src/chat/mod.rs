//! The chat: connections on their sockets, and the hub that tells them what was committed.
//!
//! `docs/PROTOCOL.md` specifies what goes over the wire. [`frames`] has its types and is the one place that turns an
//! event into what a viewer may see, by the [`roster`] of the conversation.
//!
//! What is committed goes from the actor to the [`hub`], which knows the open [`connections`] and how far each
//! conversation was told ([`lines`]), and puts frames into the [`outbox`] of each [`connection`]; [`catch_up`] reads what
//! was missed. The [`watchdog`] looks at connections from outside. [`history`] reads pages back.

mod catch_up;
pub mod close;
pub mod connection;
pub mod connections;
pub mod frames;
pub mod history;
pub mod hub;
pub mod lines;
pub mod outbox;
pub mod roster;
#[cfg(test)]
mod tests;
pub mod watchdog;

pub use hub::{Caps, Hub};
pub use watchdog::Pace;
