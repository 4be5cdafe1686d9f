//! Several nodes on one log in PostgreSQL, with and without a real Redis between them, whatever happens to it.

#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../chat/client.rs"]
mod client;
mod killed;
mod links;
mod nodes;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/process.rs"]
mod process;
#[path = "../support/redis.rs"]
mod redis;
mod revoked;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/mod.rs"]
mod support;
