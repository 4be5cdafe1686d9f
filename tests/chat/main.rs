//! The chat over real sockets, on a real server.

#[expect(dead_code, reason = "other test programs use more of it")]
mod client;
mod hostile;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/process.rs"]
mod process;
mod protocol;
mod resuming;
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod transport;
