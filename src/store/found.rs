//! An event as it is found in a log: with what recognises the command that it ends.

use palabre_events::Envelope;
use palabre_events::log::{FirstAnswer, KeyedCommand};
use std::sync::Arc;

/// An event, and its command's key where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// The command that it is the last event of, where that had a key.
    pub keyed: Option<KeyedCommand>,
}

impl Found {
    /// What its key committed.
    pub fn first_answer(&self) -> Option<(KeyedCommand, FirstAnswer)> {
        let (keyed, event) = (self.keyed?, &self.envelope);
        let (stream, version, position) = (event.stream, event.version, event.position);
        Some((keyed, FirstAnswer { stream, version, position, fingerprint: keyed.fingerprint }))
    }
}
