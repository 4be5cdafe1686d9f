//! What the load tests share: an HTTP client, a chat client that resumes, and control over a server of their own.
//!
//! Nothing here links to the server: the tests know it only by its public protocol and its command line, as any other
//! client would. The programs lie under `src/bin/`; see `docs/LOAD-TESTS.md`.

pub mod chat;
pub mod check;
pub mod client;
pub mod connection;
pub mod crowd;
pub mod frame;
pub mod judge;
pub mod ledger;
pub mod load;
pub mod offers;
pub mod places;
pub mod procfs;
pub mod progress;
pub mod relay;
pub mod report;
pub mod ride_check;
pub mod server;
pub mod services;
pub mod stays;
pub mod talk;
pub mod timed;
pub mod transcript;
