//! The matching index: which offered rides suit a search, best first, each with why.
//!
//! The rule is `docs/MATCHING.md`, to the digit; [`matches()`] applies it to one ride, [`MatchingIndex`] finds all rides
//! it can apply to, and [`Loosening`] says what to give way on when there are none. Nothing here reads the log, knows
//! roads or remembers searches: a projection feeds the index with [`Change`]s, and alerts are made elsewhere.

mod entry;
mod grid;
mod index;
mod loosen;
mod offers;
mod rule;
mod search;

pub use entry::{Change, Entry};
pub use index::MatchingIndex;
pub use loosen::{Loosening, RADIUS_STEPS_KM, TOLERANCE_STEPS_S};
pub use rule::matches;
pub use search::{Found, Match, Search};
