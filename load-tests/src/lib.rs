//! What the load tests share: an HTTP client, a chat client that resumes, and control over a server of their own.
//!
//! Nothing here links to the server: the tests know it only by its public protocol and its command line, as any other
//! client would. The programs are `story`, `crash` and `bench-chat` under `src/bin/`; see `docs/LOAD-TESTS.md`.

pub mod chat;
pub mod check;
pub mod client;
pub mod connection;
pub mod ledger;
pub mod places;
pub mod procfs;
pub mod progress;
pub mod report;
pub mod ride_check;
pub mod server;
pub mod services;
pub mod talk;
pub mod transcript;
