//! How events reach those who may see them: told at once, or read from the log when something before them is missing.
//!
//! What an actor of this node committed comes by [`Publish`], what another node committed by [`super::neighbours`], and
//! both once more by [`super::offers`]. For each conversation [`super::lines`] has the last `seq` that was told: what was
//! told before is dropped, and on a hole one task ([`super::catch_up`]) reads what is missing, while further events wait
//! there. Who is connected is for [`super::hub`].

use palabre_events::aggregate::EventData;
use palabre_events::marks::{ConversationRead, MarksEvent};
use palabre_events::{AccountId, ConversationId, Envelope, StreamKind};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

use super::catch_up::{self, CatchUp};
use super::frames;
use super::frames::ephemeral::Ephemeral;
use super::history::{self, CannotRead};
use super::hub::{Hub, Shared};
use super::lines::Line;
use super::roster::Roster;
use crate::actors::Publish;
use crate::fanout::Peers;
use crate::telemetry::metrics;

impl Publish for Hub {
    fn publish(&self, events: &[Arc<Envelope>], audience: &[AccountId]) {
        let Some(first) = events.first() else { return };
        match first.stream.kind {
            StreamKind::Conversation => {
                let conversation = ConversationId(first.stream.id);
                self.shared.tell(conversation, events, audience);
                if let Some(peers) = self.shared.peers.get() {
                    peers.committed(events, audience, &self.shared.connections.elsewhere(audience));
                }
            }
            StreamKind::Marks => events.iter().for_each(|envelope| self.shared.tell_read(envelope)),
            StreamKind::Account | StreamKind::Request | StreamKind::Ride => {}
        }
    }
}

/// Why a conversation is read from the log although its events were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Something before an event was not told.
    Hole,
    /// It is not known what was told before an event.
    Unknown,
    /// Somebody came or went, and the roster says who sees what.
    Moved,
    /// Nothing had to be read: the feed told what no faster path did.
    Late,
}

impl Repair {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Hole, Self::Unknown, Self::Moved, Self::Late];

    /// As it is counted.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hole => "hole",
            Self::Unknown => "unknown",
            Self::Moved => "moved",
            Self::Late => "late",
        }
    }

    pub(super) fn count(self) {
        metrics::told_by_repair(self);
    }
}

impl Shared {
    /// Tells fresh events of one conversation, or has them read from the log when something is missing before them.
    pub(super) fn tell(
        self: &Arc<Self>,
        conversation: ConversationId,
        events: &[Arc<Envelope>],
        audience: &[AccountId],
    ) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let opened: Vec<_> = events.iter().map(|envelope| self.open(envelope, audience)).collect();
        let somebody_moves = events.iter().any(|envelope| Roster::is_told_by(&envelope.event_type));
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        if somebody_moves {
            self.lines.demand_roster(line, last.version);
        }
        line.wanted = line.wanted.max(last.version);
        if line.catching_up.is_some() || line.told.is_some_and(|told| last.version <= told) {
            return;
        }
        if self.connections.count() == 0 {
            // Nobody needs what lies between, but somebody may have come or gone there.
            if line.told.is_none_or(|told| first.version > told + 1) {
                self.lines.demand_roster(line, first.version - 1);
            }
            line.told = Some(last.version);
            return;
        }
        if line.told.is_none() && last.position <= self.offers.told_up_to() {
            return;
        }
        let Some(told) = line.told.or_else(|| self.told_before(first)) else {
            // Another node may have committed what comes before, and it may not have arrived here.
            return self.begin_catching_up(conversation, line, Repair::Unknown);
        };
        line.told = Some(told);
        if first.version > told + 1 {
            return self.begin_catching_up(conversation, line, Repair::Hole);
        }
        if somebody_moves {
            // Who saw what while people came and went is for the roster to say; the audience is all of them. Of those who
            // are not here nobody needs it, also who connects at this moment: they read the log.
            if self.anyone_here(audience) {
                return self.begin_catching_up(conversation, line, Repair::Moved);
            }
            line.told = Some(last.version);
            return;
        }
        let news = opened.into_iter().filter(|opened| opened.envelope.version > told).collect();
        let (last, sent) = self.send(news);
        line.told = last.or(line.told);
        if sent.is_err() {
            self.begin_catching_up(conversation, line, Repair::Hole);
        }
    }

    /// What was told before `first` in a conversation that is not remembered, if that is certain.
    fn told_before(&self, first: &Envelope) -> Option<u64> {
        let nothing_between = first.version == 1 || first.position <= self.offers.told_up_to() + 1;
        nothing_between.then_some(first.version - 1)
    }

    /// Events up to `seq` exist; they are read when nobody has told them.
    pub(super) fn want(self: &Arc<Self>, conversation: ConversationId, seq: u64) {
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        line.wanted = line.wanted.max(seq);
        if line.catching_up.is_none() && line.told.is_none_or(|told| told < seq) && self.connections.count() > 0 {
            let why = if line.told.is_some() { Repair::Hole } else { Repair::Unknown };
            self.begin_catching_up(conversation, line, why);
        }
    }

    pub(super) fn begin_catching_up(self: &Arc<Self>, conversation: ConversationId, line: &mut Line, why: Repair) {
        why.count();
        let task = CatchUp { conversation, number: self.lines.new_number(), floor: self.offers.told_up_to() };
        line.catching_up = Some(task.number);
        self.runtime.spawn(catch_up::catch_up(self.clone(), task));
    }

    /// Tells the participants, here and elsewhere, how far somebody has read: at once when they are known, else when
    /// they are read, unless too much is being read.
    fn tell_read(self: &Arc<Self>, envelope: &Envelope) {
        let Some(read) = self.read_mark(envelope) else { return };
        let peers = self.peers.get().filter(|peers| peers.are_near()).cloned();
        if self.connections.count() == 0 && peers.is_none() {
            return;
        }
        let conversation = read.conversation;
        let tell = move |shared: &Self, roster: &Roster| {
            shared.send_read(&read, roster);
            if let Some(peers) = peers {
                let viewers = shared.connections.elsewhere(&roster.present());
                peers.read(&viewers, read.conversation, read.account, read.up_to);
            }
        };
        let known = self.lines.of(conversation).known(conversation).and_then(|line| line.roster.clone());
        if let Some(roster) = known {
            return tell(self, &roster);
        }
        if let Ok(permit) = self.reads.clone().try_acquire_owned() {
            let shared = self.clone();
            self.runtime.spawn(async move {
                if let Ok(Some(roster)) = shared.read_roster(conversation, permit).await {
                    tell(&shared, &roster);
                }
            });
        }
    }

    /// Tells the participants here of a mark that the feed read, when it was not told and no faster path would tell it.
    /// Nothing is read for it: who follows the conversation here has made its roster known.
    pub(super) fn tell_offered_mark(&self, envelope: &Envelope) {
        if self.peers.get().is_some_and(Peers::are_near) {
            return;
        }
        let Some(read) = self.read_mark(envelope) else { return };
        let known = self.lines.of(read.conversation).known(read.conversation).and_then(|line| line.roster.clone());
        if let Some(roster) = known {
            self.send_read(&read, &roster);
        }
    }

    /// What a mark says, unless it was told before.
    fn read_mark(&self, envelope: &Envelope) -> Option<ConversationRead> {
        if !self.marks.note(envelope.stream.id, envelope.version) {
            return None;
        }
        let (name, version) = (&envelope.event_type, envelope.schema_version);
        match MarksEvent::from_json(name, version, &envelope.data) {
            Ok(MarksEvent::ConversationRead(read)) => Some(read),
            Err(unreadable) => {
                tracing::error!(stream = %envelope.stream, %unreadable, "cannot read a mark");
                None
            }
        }
    }

    fn send_read(&self, read: &ConversationRead, roster: &Roster) {
        let ConversationRead { account, conversation, up_to } = *read;
        roster.present().into_iter().for_each(|viewer| self.show_read(viewer, conversation, account, up_to));
    }

    /// Shows `viewer`'s connections how far `account` has read.
    pub(super) fn show_read(&self, viewer: AccountId, conversation: ConversationId, account: AccountId, up_to: u64) {
        if self.connections.is_here(viewer) {
            let frame = frames::text(&Ephemeral::Read { conversation, account, up_to });
            self.connections.push(viewer, &frame);
        }
    }

    pub(super) async fn roster(&self, conversation: ConversationId) -> Result<Option<Arc<Roster>>, CannotRead> {
        let known = self.lines.of(conversation).known(conversation).and_then(|line| line.roster.clone());
        if known.is_some() {
            return Ok(known);
        }
        let permit = self.reads.clone().acquire_owned().await.expect("the semaphore is never closed");
        self.read_roster(conversation, permit).await
    }

    /// Reads the roster from the log and remembers it, unless somebody may have come or gone meanwhile.
    async fn read_roster(
        &self,
        conversation: ConversationId,
        _permit: OwnedSemaphorePermit,
    ) -> Result<Option<Arc<Roster>>, CannotRead> {
        let era_of = |line: &mut Line| line.era;
        let before = self.lines.of(conversation).known(conversation).map(era_of);
        let Some(roster) = history::roster(self.log.as_ref(), conversation).await? else { return Ok(None) };
        let roster = Arc::new(roster);
        let mut shard = self.lines.of(conversation);
        let is_of_now = before.is_some() && shard.known(conversation).map(era_of) == before;
        let line = shard.line(conversation);
        // Of two who talk nobody comes or goes.
        if is_of_now || !roster.is_group() {
            line.roster = Some(roster.clone());
        }
        Ok(Some(roster))
    }

    pub(super) fn anyone_here(&self, accounts: &[AccountId]) -> bool {
        accounts.iter().any(|account| self.connections.is_here(*account))
    }
}
