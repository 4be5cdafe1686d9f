//! The HTTP API as clients use it: over a real server on a free port.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod booking;
mod client;
mod contract;
mod guards;
mod lists;
mod page;
mod places;
mod record;
mod requests;
mod rides;
mod searches;
mod talk;
