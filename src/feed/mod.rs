//! The feed: tails the log in order, folds the views and the matching index, and offers what it reads to the hub, so
//! that anything a faster path lost still arrives.
//!
//! One thread per node. [`ViewsHandle`] is how the rest of the program reads the views.

mod handle;
pub mod rebuild;
mod tail;

pub use handle::{FRESH_WITHIN, QueryFailure, ViewsHandle};
pub use tail::{Feed, FeedState, Follower, Offer, Stop};
