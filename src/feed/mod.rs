//! The feed: tails the log in order, offers what it reads to the hub, so that anything a faster path lost still arrives,
//! and folds the views and the matching index.
//!
//! One thread per node. [`ViewsHandle`] is how the rest of the program reads the views.

mod follower;
mod handle;
pub mod rebuild;
mod tail;
#[cfg(test)]
mod tests;

pub use follower::{FeedState, Follower, Offer, Stop};
pub use handle::{FRESH_WITHIN, QueryFailure, ViewsHandle};
pub use tail::Feed;
