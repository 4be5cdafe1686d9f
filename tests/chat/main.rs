//! The chat over real sockets, on a real server.

mod client;
mod protocol;
mod resuming;
#[path = "../support/mod.rs"]
mod support;
mod talk;
mod transport;
