//! What a node tells of itself to those who operate it: [`metrics`] for Prometheus, and lines and [`traces`] of what it
//! does. Neither ever holds texts, names, addresses, tokens or points.

pub mod metrics;
pub mod traces;
