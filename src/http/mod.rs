//! The HTTP API: JSON under `/api/v1`, its OpenAPI document and the page that reads it, and `/healthz`.
//!
//! [`mod@routes`] has every address. Handlers are files by noun: [`accounts`], [`sessions`], [`rides`], [`searches`],
//! [`places`], [`requests`], [`conversations`], [`talk`], [`proposals`], [`reservations`], [`mine`] (one's own lists),
//! [`settings`], [`health`], [`metrics`]. Each takes what it needs by extractors ([`identity`]: who asks; [`key`]: under
//! which key; [`at`]: what the path names; [`body`], [`query`]; [`freshness`]: after which write), asks `commands`, the
//! views or `audit`, and answers in shapes of its own or of [`answer`]. No rule lives here: rules are in `events`, checks
//! of what people write in `commands`, who may read what in `audit::visibility`. [`problem`] is the one shape of every
//! error; [`headers`] guards every answer, [`mod@whole`] sends it, and [`encoding`] picks from what lies there compressed;
//! [`origin`] knows the own page from foreign ones; [`docs`] tells all of it to machines.

pub mod accounts;
pub mod answer;
pub mod at;
pub mod body;
pub mod conversations;
pub mod docs;
pub mod encoding;
pub mod freshness;
pub mod headers;
pub mod health;
pub mod identity;
pub mod key;
pub mod metrics;
pub mod mine;
pub mod origin;
pub mod places;
pub mod problem;
pub mod proposals;
pub mod query;
pub mod requests;
pub mod reservations;
pub mod rides;
pub mod routes;
pub mod searches;
pub mod sessions;
pub mod settings;
pub mod talk;
pub mod whole;

pub use routes::routes;
