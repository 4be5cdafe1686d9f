//! Talk over many connections at once, as fast as it goes or at a steady rate, counted and timed.
//!
//! [`rooms`] makes who talks, [`seats`] opens their connections, and a [`fleet::Fleet`] sends over them, reads what comes
//! and says what it [`measured`]. [`wire`] is the small WebSocket client underneath. For benchmarks; whoever wants to know
//! what was said uses [`crate::chat`].

pub mod fleet;
pub mod measured;
pub mod rooms;
pub mod seats;
pub mod wire;
