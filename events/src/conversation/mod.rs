//! A conversation: where people talk, propose and agree, and where a booking begins.
//!
//! One gapless sequence, its version, for talk, proposals and bookings. [`event`] holds its facts, [`command`] what may
//! be asked, `decide` the rules, [`state`] what the rules read. It never decides about seats: the ride does.

pub mod command;
mod decide;
pub mod event;
mod negotiation;
pub mod state;
#[cfg(test)]
mod tests;

pub use command::{ConversationCommand, ConversationRejection, MakeProposal, Opening, Outcome, StandingOffer};
pub use event::*;
pub use state::Conversation;
