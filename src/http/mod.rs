//! The HTTP API: JSON under `/api/v1`, its OpenAPI document and the page that reads it, and `/healthz`.
//!
//! Handlers are files by noun. Each takes what it needs by extractors, asks `commands` or the views, and answers; no rule
//! lives here. [`problem`] is the one shape of every error; [`headers`] guards every answer.

pub mod body;
pub mod freshness;
pub mod headers;
pub mod origin;
pub mod problem;
pub mod query;
