//! Palabre: carpooling where the conversation is the booking.
//!
//! An event-sourced, actor-based, chat-first program. The pure rules live in `palabre-events`, the folds of the log in
//! `palabre-projections`; this crate does the I/O. `docs/ARCHITECTURE.md` has the map and two walkthroughs.

pub mod accounts;
pub mod actors;
pub mod audit;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod fanout;
pub mod feed;
pub mod gates;
pub mod http;
pub mod import;
pub mod platform;
pub mod random;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod vault;
