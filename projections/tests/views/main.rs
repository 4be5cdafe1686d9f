//! The views, from events to rows: each projection by what it answers, and all of them by replay.

mod answers;
mod booking;
mod effects;
mod failures;
mod groups;
mod log;
mod people;
mod replay;
mod requests;
mod reservations;
mod timers;
mod world;
