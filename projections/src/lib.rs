//! Folds of the log: the views that answer a screen's questions, and the matching index.

pub mod matching;
