//! What a node tells of itself to those who operate it: [`metrics`] for Prometheus, and lines and [`traces`] of what it
//! does, with a span for each of its [`requests`]. Neither ever holds texts, names, addresses, tokens or points.

pub mod metrics;
pub mod requests;
pub mod traces;
