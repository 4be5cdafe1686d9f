//! The shell around any aggregate, as a state machine without I/O: load, decide, append, evolve, publish.
//!
//! The host (an actor, or a simulation) feeds it [`Input`]s and carries out its [`Output`]s. While an append is in
//! flight, further commands gather and then go together, so that one busy stream is not held to one command per disk
//! flush. What was decided is folded in at once; when the log then says anything but "committed", the state is thrown
//! away and rebuilt from the log. So state is only ever ahead of the log by the one append in flight, and nobody is
//! answered before the log has answered: a "no" too waits for a read, since other nodes append as well.
//!
//! [`exchange`] has what the host and the shell say to each other, [`machine`] the machine.

pub mod exchange;
pub mod machine;
#[cfg(test)]
mod tests;

pub use exchange::{Answer, Input, Loaded, Output, StopReason, Submission};
pub use machine::{CONFLICTS_MAX, Shell, WAITING_MAX};
