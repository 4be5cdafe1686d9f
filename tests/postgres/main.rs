//! The log and the vault in a real PostgreSQL, beyond what each adapter's contract says: restarts of the server under
//! load, nodes that write at once, whole servers and the command line on it.

mod command_line;
mod copying;
mod nodes;
mod opening;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/postgres.rs"]
mod postgres;
mod restarts;
mod silence;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/mod.rs"]
mod support;
mod unknown;
mod writing;
