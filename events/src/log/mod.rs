//! The vocabulary of the log: streams, envelopes, appends and their answers; the chain of hashes.
//!
//! Event stores implement it, the aggregate shell speaks it. No I/O here.

mod append;
mod envelope;
mod stream;
#[cfg(test)]
mod tests;

pub use append::{Append, AppendFailure, AppendItem, Fingerprint, FirstAnswer, ItemAnswer, KeyedCommand};
pub use envelope::{Envelope, Hash, NewEvent};
pub use stream::{NotAStream, StreamId, StreamKind};
