//! A log in memory and views beside it, for tests that say what is folded and what the views answer.

use palabre_events::account::AccountEvent;
use palabre_events::conversation::ConversationEvent;
use palabre_events::domain::Recorded;
use palabre_events::request::RequestEvent;
use palabre_events::ride::RideEvent;
use palabre_events::testing::*;
use palabre_events::{AccountId, Actor, ConversationId, DomainEvent, Opener, StreamId, Timestamp};
use palabre_projections::{Folded, Views, ViewsReader};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// The log that all tests fold from.
pub const LOG: Uuid = Uuid::from_u128(0x109);

/// Events in commit order.
#[derive(Default)]
pub struct Log {
    pub events: Vec<Recorded>,
    versions: HashMap<StreamId, u64>,
}

impl Log {
    /// Appends an event and answers its position.
    pub fn append(&mut self, stream: impl Into<StreamId>, event: DomainEvent, by: Actor, at: Timestamp) -> u64 {
        let stream = stream.into();
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        let (version, position) = (*version, self.events.len() as u64 + 1);
        self.events.push(Recorded { stream, version, position, occurred_at: at, actor: by, event });
        position
    }

    /// Something happens to Dora's ride.
    pub fn ride(&mut self, event: impl Into<RideEvent>) -> u64 {
        self.append(RIDE, DomainEvent::Ride(event.into()), by(DORA), now())
    }

    /// Something happens in a conversation.
    pub fn talk(&mut self, conversation: ConversationId, event: impl Into<ConversationEvent>) -> u64 {
        self.append(conversation, DomainEvent::Conversation(event.into()), Actor::System, now())
    }

    /// Something happens to Anna's request.
    pub fn request(&mut self, event: impl Into<RequestEvent>) -> u64 {
        self.append(REQUEST, DomainEvent::Request(event.into()), by(ANNA), now())
    }

    /// Something happens to an account.
    pub fn account(&mut self, account: AccountId, event: impl Into<AccountEvent>) -> u64 {
        self.append(StreamId::account(account), DomainEvent::Account(event.into()), by(account), now())
    }

    /// Views that have folded all of it, and their reader.
    pub fn folded(&self) -> (Place, ViewsReader) {
        let mut place = Place::new();
        let parked = place.catch_up(self).parked;
        assert!(parked.is_empty(), "{parked:?}");
        let reader = place.reader();
        (place, reader)
    }

    /// The version of a stream; 0 before its first event.
    pub fn version(&self, stream: impl Into<StreamId>) -> u64 {
        self.versions.get(&stream.into()).copied().unwrap_or(0)
    }
}

/// Views in a folder of their own.
pub struct Place {
    pub views: Views,
    pub path: PathBuf,
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self::with(Arc::new(PlainOpener::default()))
    }

    pub fn with(opener: Arc<dyn Opener + Send + Sync>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("views.db");
        Self { views: Views::open(&path, LOG, opener).unwrap(), path, folder }
    }

    /// Closes and opens the views.
    pub fn reopened(self) -> Self {
        let Self { views, path, folder } = self;
        drop(views);
        Self { views: Views::open(&path, LOG, Arc::new(PlainOpener::default())).unwrap(), path, folder }
    }

    /// Folds what `log` has beyond the views.
    pub fn catch_up(&mut self, log: &Log) -> Folded {
        let position = usize::try_from(self.views.position()).unwrap();
        self.views.fold(&log.events[position..]).unwrap()
    }

    pub fn reader(&self) -> ViewsReader {
        self.views.reader(1).unwrap()
    }
}
