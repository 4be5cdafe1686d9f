//! How the program speaks to PostgreSQL, for the log and for the vault alike.
//!
//! [`Address`] says where and how (and shows no secret), [`Database`] keeps connections on threads of its own, so that
//! callers may come from any thread, `migrations` bring a schema to the present shape. What is stored is the business
//! of `store::postgres` and `vault::postgres`.

mod address;
mod database;
mod failure;
mod migrations;
mod session;

pub use address::{Address, BadAddress};
pub use failure::OpenFailure;

pub(crate) use database::{Asking, Database, Unanswered};
pub(crate) use failure::{explained, is_damage, only_this_statement};
pub(crate) use migrations::Schema;
pub(crate) use session::{ANSWER_WITHIN, Messages, NoAnswer, answered, connect, demand_durability, ignore};
