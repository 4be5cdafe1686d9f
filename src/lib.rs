//! Palabre: carpooling where the conversation is the booking.
//!
//! An event-sourced, actor-based, chat-first program. The pure rules live in `palabre-events`, the folds of the log in
//! `palabre-projections`; this crate does the I/O. `docs/ARCHITECTURE.md` has the map and two walkthroughs.

pub mod accounts;
pub mod actors;
pub mod audit;
mod backoff;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod data_folder;
pub mod demo;
pub mod fanout;
pub mod feed;
pub mod gates;
pub mod http;
pub mod import;
pub mod page;
pub mod places;
pub mod platform;
pub mod postgres;
pub mod random;
pub mod server;
pub mod stoppable;
pub mod store;
pub mod tcp;
pub mod telemetry;
pub mod vault;
pub mod wire;

/// The server that the tests of the adapters run against, shared with the integration tests.
#[cfg(test)]
#[expect(dead_code, reason = "the integration tests use more of it")]
#[path = "../tests/support/postgres.rs"]
mod test_postgres;

/// The small server that the log on KurrentDB is tested against where no real one is at hand.
#[cfg(all(test, feature = "kurrentdb"))]
#[path = "../tests/support/kurrentdb/mod.rs"]
mod test_kurrentdb;
