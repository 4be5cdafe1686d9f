//! The feed: tails the log and folds the views.
