//! PostgreSQL and Redis of one's own, started as the tests of the server start them: on free ports, in temporary folders,
//! each with a guardian that takes it away when this program ends, however it ends.

#[path = "../../tests/support/postgres.rs"]
pub mod postgres;
#[path = "../../tests/support/redis.rs"]
pub mod redis;
