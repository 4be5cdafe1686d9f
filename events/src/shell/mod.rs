//! The shell around any aggregate, as a state machine without I/O: load, decide, append, evolve, publish.
//!
//! The host (an actor, or a simulation) feeds it [`Input`]s and carries out its [`Output`]s. While an append is in
//! flight, further commands gather and then go together, so that one busy stream is not held to one command per disk
//! flush. Within such a round each is decided on what the ones before it leave. State itself only ever holds what the
//! log has taken: when the log says anything but "committed", what came in between is read and the commands are decided
//! again. Nobody is answered before the log has answered: a "no" too waits for a read, since other nodes append as well.
//!
//! [`exchange`] has what the host and the shell say to each other, [`machine`] the machine.

pub mod exchange;
pub mod machine;
#[cfg(test)]
mod tests;

pub use exchange::{Answer, Input, Loaded, Output, StopReason, Submission};
pub use machine::{CONFLICTS_MAX, Look, Shell, WAITING_MAX};
