//! A ride: what a driver offers, and the only owner of its seats.
//!
//! [`event`] holds its facts, [`command`] what may be asked and why it may be refused, `decide` and `booking` the
//! rules, [`state`] what the rules read. The ride trusts nobody about seats: conversations ask, the ride's first
//! outcome for a proposal is final.

mod booking;
pub mod command;
mod decide;
pub mod event;
pub mod state;
#[cfg(test)]
mod tests;

pub use booking::RESERVATIONS_MAX;
pub use command::{Reserve, RideCommand, RideRejection};
pub use event::*;
pub use state::Ride;
