//! What the feed reads from the log, told to whoever has not heard it by a faster path.
//!
//! Everything that is committed comes through here, in order, from whichever node. It waits for a moment
//! ([`OFFERED_WAIT`]) for the actor or the node that committed it to tell it; what is untold then is told from the
//! feed's own copy. Up to [`Offers::told_up_to`] everything was told to everybody here whom it concerns, which is where
//! the hub begins with a conversation that it does not know.

use futures_util::StreamExt;
use palabre_events::{ConversationId, Envelope, StreamKind};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::close::Close;
use super::hub::{Hub, READS_MAX, Shared};
use super::opened::{NotOpened, Opened};
use super::roster::Roster;
use super::telling::Repair;
use crate::fanout::Peers;
use crate::feed::Offer;

/// How long the feed's events wait for whoever committed them to tell them.
const OFFERED_WAIT: Duration = Duration::from_millis(25);
/// The most batches that wait.
const BATCHES_MAX: usize = 1_024;
/// The most events that wait; beyond it everybody is closed with `gap`, and resumes from the log.
const EVENTS_MAX: usize = 65_536;

/// Takes what the feed reads.
pub struct Offers {
    batches: mpsc::Sender<Batch>,
    events: AtomicUsize,
    missed: AtomicBool,
    told_up_to: AtomicU64,
}

/// What the feed read at once.
pub struct Batch {
    read_at: Instant,
    up_to: u64,
    /// Those of conversations and marks that are not known to be told.
    events: Vec<Arc<Envelope>>,
}

impl Offers {
    /// The taking end and what it takes, when everything up to `born_at` is nobody's news.
    pub fn new(born_at: u64) -> (Self, mpsc::Receiver<Batch>) {
        let (batches, offered) = mpsc::channel(BATCHES_MAX);
        let (events, missed) = (AtomicUsize::new(0), AtomicBool::new(false));
        (Self { batches, events, missed, told_up_to: AtomicU64::new(born_at) }, offered)
    }

    /// Up to this position of the log everything was told to everybody here whom it concerns.
    pub fn told_up_to(&self) -> u64 {
        self.told_up_to.load(Ordering::SeqCst)
    }

    fn take(&self, batch: Batch) {
        let count = batch.events.len();
        let waiting = self.events.fetch_add(count, Ordering::Relaxed) + count;
        if waiting > EVENTS_MAX || self.batches.try_send(batch).is_err() {
            self.events.fetch_sub(count, Ordering::Relaxed);
            self.missed.store(true, Ordering::SeqCst);
        }
    }
}

impl Offer for Hub {
    /// Takes events that the feed read from the log, of any stream, in order.
    fn offer(&self, events: &[Arc<Envelope>]) {
        let Some(last) = events.last() else { return };
        events.iter().for_each(|envelope| self.shared.note_move(envelope));
        let untold = events.iter().filter(|envelope| self.shared.is_untold(envelope)).cloned().collect();
        self.shared.offers.take(Batch { read_at: Instant::now(), up_to: last.position, events: untold });
    }

    fn relies_on_this(&self) -> bool {
        !self.shared.peers.get().is_some_and(Peers::are_near)
    }
}

/// Tells what is still untold, batch by batch, until the hub is gone.
pub(super) async fn tell(hub: Weak<Shared>, mut offered: mpsc::Receiver<Batch>) {
    while let Some(batch) = offered.recv().await {
        if !batch.events.is_empty() {
            tokio::time::sleep_until(batch.read_at + OFFERED_WAIT).await;
        }
        let Some(shared) = hub.upgrade() else { return };
        shared.offers.events.fetch_sub(batch.events.len(), Ordering::Relaxed);
        let mut by_conversation: BTreeMap<ConversationId, Vec<Arc<Envelope>>> = BTreeMap::new();
        for envelope in batch.events {
            match envelope.stream.kind {
                StreamKind::Marks => shared.tell_offered_mark(&envelope),
                _ => by_conversation.entry(ConversationId(envelope.stream.id)).or_default().push(envelope),
            }
        }
        let tell_one = |(conversation, events)| shared.tell_offered(conversation, events);
        futures_util::stream::iter(by_conversation.into_iter().map(tell_one))
            .for_each_concurrent(READS_MAX, |telling| telling)
            .await;
        if shared.offers.missed.swap(false, Ordering::SeqCst) {
            tracing::error!("the feed is read faster than it can be told; everybody resumes");
            shared.connections.each(|connection| connection.outbox.close(Close::Gap));
        }
        shared.offers.told_up_to.fetch_max(batch.up_to, Ordering::SeqCst);
    }
}

impl Shared {
    /// Takes note of it where somebody comes or goes: whoever committed it may not have told this node.
    fn note_move(&self, envelope: &Envelope) {
        if envelope.stream.kind == StreamKind::Conversation && Roster::is_told_by(&envelope.event_type) {
            let conversation = ConversationId(envelope.stream.id);
            if let Some(line) = self.lines.of(conversation).known(conversation) {
                self.lines.demand_roster(line, envelope.version);
                // Whoever is catching up does not end before it, with a roster that lacks it.
                line.wanted = line.wanted.max(envelope.version);
            }
        }
    }

    fn is_untold(&self, envelope: &Envelope) -> bool {
        if envelope.position <= self.born_at || self.connections.count() == 0 {
            return false;
        }
        match envelope.stream.kind {
            StreamKind::Conversation => {
                let conversation = ConversationId(envelope.stream.id);
                let told = self.lines.of(conversation).known(conversation).and_then(|line| line.told);
                told.is_none_or(|told| told < envelope.version)
            }
            StreamKind::Marks => true,
            StreamKind::Account | StreamKind::Request | StreamKind::Ride => false,
        }
    }

    /// Tells those of `events`, which follow each other in one conversation, that nobody has told yet.
    async fn tell_offered(self: &Arc<Self>, conversation: ConversationId, events: Vec<Arc<Envelope>>) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let somebody_moves = events.iter().any(|envelope| Roster::is_told_by(&envelope.event_type));
        {
            let mut shard = self.lines.of(conversation);
            let line = shard.line(conversation);
            // What came before in the log was offered before, and was told.
            let told = *line.told.get_or_insert(first.version - 1);
            line.wanted = line.wanted.max(last.version);
            if line.catching_up.is_some() || last.version <= told {
                return;
            }
            if somebody_moves {
                self.lines.demand_roster(line, last.version);
            }
        }
        let roster = self.roster(conversation).await.ok().flatten();
        let open = |roster: &Arc<Roster>| {
            let opened = events.iter().map(|envelope| self.open(envelope, roster.viewers(envelope.version)));
            opened.collect::<Vec<_>>()
        };
        let opened = roster.as_ref().map(open);
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        line.wanted = line.wanted.max(last.version);
        let told = *line.told.get_or_insert(first.version - 1);
        if line.catching_up.is_some() || last.version <= told {
            return;
        }
        let Some(opened) = opened else {
            return self.begin_catching_up(conversation, line, Repair::Unknown);
        };
        let news: Vec<_> = opened.into_iter().filter(|opened| opened.envelope.version > told).collect();
        let follows = news.iter().zip(told + 1..).all(|(opened, due)| opened.envelope.version == due);
        let anyone = news.iter().any(Opened::is_for_somebody);
        let (last, sent) = if follows { self.send(news) } else { (None, Err(NotOpened)) };
        line.told = last.or(line.told);
        if let Some(roster) = roster.filter(|_| somebody_moves) {
            self.connections.follow_moves(conversation, &roster);
        }
        if sent.is_err() {
            return self.begin_catching_up(conversation, line, Repair::Hole);
        }
        if anyone {
            Repair::Late.count();
        }
    }
}
