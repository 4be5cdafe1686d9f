//! The views, from events to rows: each projection by what it answers, and all of them by replay.

mod answers;
mod booking;
mod failures;
mod log;
mod replay;

mod world;
