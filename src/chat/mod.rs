//! The chat: hub, sessions, frames.
