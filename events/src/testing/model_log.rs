//! A log as simple as can be, against which the shell is tested: a list of events and a map of keys.
//!
//! It says what an event store must do, without I/O, failures or speed; the stores have a contract suite of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::log::{Append, FirstAnswer, Hash, ItemAnswer, KeyedCommand};
use crate::shell::Loaded;
use crate::{AccountId, CommandKey, Envelope, StreamId, Timestamp};

/// A log in a list.
#[derive(Clone, Debug, Default)]
pub struct ModelLog {
    events: Vec<Arc<Envelope>>,
    keys: BTreeMap<(AccountId, CommandKey), FirstAnswer>,
}

impl ModelLog {
    /// Every event, in order of position.
    pub fn events(&self) -> &[Arc<Envelope>] {
        &self.events
    }

    /// The events of `stream`, in order of version.
    pub fn stream(&self, stream: StreamId) -> impl Iterator<Item = &Arc<Envelope>> {
        self.events.iter().filter(move |event| event.stream == stream)
    }

    /// What the key of `command` committed when it came first.
    pub fn first_answer(&self, command: &KeyedCommand) -> Option<FirstAnswer> {
        self.keys.get(&(command.account, command.key)).copied()
    }

    /// At most `limit` events of `stream` after a version.
    pub fn read(&self, stream: StreamId, after_version: u64, limit: usize) -> Loaded {
        let mut later = self.stream(stream).filter(|event| event.version > after_version).cloned();
        let events = later.by_ref().take(limit).collect();
        Loaded { events, more: later.next().is_some() }
    }

    /// Appends all or nothing.
    ///
    /// # Panics
    /// When the append is not well formed: the shell never makes such.
    pub fn append(&mut self, append: &Append, recorded_at: Timestamp) -> Vec<ItemAnswer> {
        assert!(append.is_well_formed(), "the shell keeps the limits: {append:?}");
        let actual = self.stream(append.stream).last().map_or(0, |last| last.version);
        let known = |item: &crate::log::AppendItem| item.key.and_then(|keyed| self.first_answer(&keyed));
        let firsts: Vec<_> = append.items.iter().map(known).collect();
        if append.expected_version != actual || firsts.iter().any(Option::is_some) {
            let refused =
                |first: Option<FirstAnswer>| first.map_or(ItemAnswer::Conflict { actual }, ItemAnswer::Duplicate);
            return firsts.into_iter().map(refused).collect();
        }
        append.items.iter().map(|item| self.commit(append.stream, item, recorded_at)).collect()
    }

    fn commit(&mut self, stream: StreamId, item: &crate::log::AppendItem, recorded_at: Timestamp) -> ItemAnswer {
        let mut committed = Vec::new();
        for new in &item.events {
            let (version, previous) =
                self.stream(stream).last().map_or((0, Hash::START), |last| (last.version, last.hash));
            let position = self.events.len() as u64 + 1;
            let envelope =
                Arc::new(Envelope::chained(new.clone(), stream, version + 1, position, recorded_at, &previous));
            self.events.push(Arc::clone(&envelope));
            committed.push(envelope);
        }
        if let (Some(keyed), Some(last)) = (item.key, committed.last()) {
            let fingerprint = keyed.fingerprint;
            let first = FirstAnswer { stream, version: last.version, position: last.position, fingerprint };
            self.keys.insert((keyed.account, keyed.key), first);
        }
        ItemAnswer::Committed(committed)
    }
}
