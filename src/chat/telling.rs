//! How events reach those who may see them: told at once, or read from the log when something before them is missing.
//!
//! What an actor committed comes by [`Publish`], what the feed read by [`Offer`]. For each conversation [`super::lines`]
//! has the last `seq` that was told: what was told before is dropped, and on a hole one task ([`super::catch_up`]) reads
//! what is missing, while further events wait there. Who is connected is for [`super::hub`].

use bytestring::ByteString;
use palabre_events::aggregate::EventData;
use palabre_events::marks::{ConversationRead, MarksEvent};
use palabre_events::{AccountId, ConversationId, Envelope, StreamKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

use super::frames::ephemeral::Ephemeral;
use super::frames::{self, CannotShow, Told};
use super::history::{self, CannotRead};
use super::hub::{Hub, Shared};
use super::lines::Line;
use super::roster::Roster;
use crate::actors::Publish;
use crate::feed::Offer;

/// How long the feed's events wait for the actor that committed them to tell them itself.
const OFFERED_WAIT: Duration = Duration::from_millis(100);

impl Publish for Hub {
    fn publish(&self, events: &[Arc<Envelope>], audience: &[AccountId]) {
        let Some(first) = events.first() else { return };
        match first.stream.kind {
            StreamKind::Conversation => self.shared.tell(ConversationId(first.stream.id), events, audience),
            StreamKind::Marks => events.iter().for_each(|envelope| self.shared.tell_read(envelope)),
            StreamKind::Account | StreamKind::Request | StreamKind::Ride => {}
        }
    }
}

impl Offer for Hub {
    /// Takes events that the feed read from the log, of any stream, in order. What was told already is skipped; what
    /// was not, because another node committed it or an actor died before it could tell, is told a moment later.
    fn offer(&self, events: &[Arc<Envelope>]) {
        if self.shared.connections.count() == 0 {
            return;
        }
        let mut untold = Vec::new();
        for envelope in events {
            if envelope.stream.kind != StreamKind::Conversation || envelope.position <= self.shared.born_at {
                continue;
            }
            let conversation = ConversationId(envelope.stream.id);
            let mut shard = self.shared.lines.of(conversation);
            let line = shard.line(conversation);
            if line.told.is_none_or(|told| told < envelope.version) && !line.catching_up {
                line.told.get_or_insert(envelope.version - 1);
                untold.push((conversation, envelope.version));
            }
        }
        if !untold.is_empty() {
            let shared = self.shared.clone();
            self.shared.runtime.spawn(async move {
                tokio::time::sleep(OFFERED_WAIT).await;
                untold.into_iter().for_each(|(conversation, seq)| shared.want(conversation, seq));
            });
        }
    }
}

impl Shared {
    /// Tells fresh events of one conversation, or has them read from the log when something is missing before them.
    fn tell(self: &Arc<Self>, conversation: ConversationId, events: &[Arc<Envelope>], audience: &[AccountId]) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let somebody_moves = events.iter().any(|envelope| Roster::is_told_by(&envelope.event_type));
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        if somebody_moves {
            (line.roster, line.era) = (None, self.lines.new_era());
        }
        let told = *line.told.get_or_insert(first.version - 1);
        line.wanted = line.wanted.max(last.version);
        if line.catching_up || last.version <= told {
            return;
        }
        if self.connections.count() == 0 {
            line.told = Some(last.version);
            return;
        }
        let hole = first.version > told + 1;
        // Who saw what while people came and went is for the roster to say; the audience is all of them.
        if hole || (somebody_moves && self.anyone_online(audience)) {
            return self.begin_catching_up(conversation, line);
        }
        for envelope in events.iter().filter(|envelope| envelope.version > told) {
            if self.send(envelope, audience).is_err() {
                return self.begin_catching_up(conversation, line);
            }
            line.told = Some(envelope.version);
        }
    }

    /// Events up to `seq` exist; they are read when nobody has told them.
    fn want(self: &Arc<Self>, conversation: ConversationId, seq: u64) {
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        line.wanted = line.wanted.max(seq);
        if !line.catching_up && line.told.is_none_or(|told| told < seq) {
            line.told.get_or_insert(seq - 1);
            self.begin_catching_up(conversation, line);
        }
    }

    fn begin_catching_up(self: &Arc<Self>, conversation: ConversationId, line: &mut Line) {
        line.catching_up = true;
        self.runtime.spawn(super::catch_up::catch_up(self.clone(), conversation));
    }

    /// Puts one event into the outboxes of all of `viewers`, who may see it.
    pub(super) fn send(&self, envelope: &Envelope, viewers: &[AccountId]) -> Result<(), CannotShow> {
        if !self.anyone_online(viewers) {
            return Ok(());
        }
        let Some(told) = Told::open(envelope, self.opener.as_ref())? else {
            let frame = frames::text(&frames::Hidden::instead_of(envelope));
            viewers.iter().for_each(|viewer| self.connections.push(*viewer, &frame));
            return Ok(());
        };
        let author = told.author().filter(|author| told.key.is_some() && viewers.contains(author));
        if let Some(author) = author.filter(|author| self.connections.is_online(*author)) {
            self.connections.push(author, &frames::text(&told));
        }
        let others = viewers.iter().filter(|viewer| Some(**viewer) != author);
        let mut frame: Option<ByteString> = None;
        let mut told = Some(told);
        for viewer in others.filter(|viewer| self.connections.is_online(**viewer)) {
            let frame =
                frame.get_or_insert_with(|| frames::text(&told.take().expect("it is written once").without_key()));
            self.connections.push(*viewer, frame);
        }
        Ok(())
    }

    /// Tells the participants how far somebody has read: at once when they are known, else when they are read, unless
    /// too much is being read.
    fn tell_read(self: &Arc<Self>, envelope: &Envelope) {
        let (name, version) = (&envelope.event_type, envelope.schema_version);
        let Ok(MarksEvent::ConversationRead(read)) = MarksEvent::from_json(name, version, &envelope.data) else {
            return tracing::error!(stream = %envelope.stream, "cannot read a mark");
        };
        if self.connections.count() == 0 {
            return;
        }
        let known = self.lines.of(read.conversation).known(read.conversation).and_then(|line| line.roster.clone());
        if let Some(roster) = known {
            return self.send_read(&read, &roster);
        }
        if let Ok(permit) = self.reads.clone().try_acquire_owned() {
            let shared = self.clone();
            self.runtime.spawn(async move {
                if let Ok(Some(roster)) = shared.read_roster(read.conversation, permit).await {
                    shared.send_read(&read, &roster);
                }
            });
        }
    }

    fn send_read(&self, read: &ConversationRead, roster: &Roster) {
        let ConversationRead { account, conversation, up_to } = *read;
        let frame = frames::text(&Ephemeral::Read { conversation, account, up_to });
        roster.present().into_iter().for_each(|viewer| self.connections.push(viewer, &frame));
    }

    pub(super) async fn roster(&self, conversation: ConversationId) -> Result<Option<Arc<Roster>>, CannotRead> {
        let known = self.lines.of(conversation).known(conversation).and_then(|line| line.roster.clone());
        if known.is_some() {
            return Ok(known);
        }
        let permit = self.reads.clone().acquire_owned().await.expect("the semaphore is never closed");
        self.read_roster(conversation, permit).await
    }

    /// Reads the roster from the log and remembers it, unless somebody came or went meanwhile.
    async fn read_roster(
        &self,
        conversation: ConversationId,
        _permit: OwnedSemaphorePermit,
    ) -> Result<Option<Arc<Roster>>, CannotRead> {
        let era = self.lines.of(conversation).known(conversation).map_or(0, |line| line.era);
        let Some(roster) = history::roster(self.log.as_ref(), conversation).await? else { return Ok(None) };
        let roster = Arc::new(roster);
        let mut shard = self.lines.of(conversation);
        let line = shard.line(conversation);
        if line.era == era {
            line.roster = Some(roster.clone());
        }
        Ok(Some(roster))
    }

    fn anyone_online(&self, accounts: &[AccountId]) -> bool {
        accounts.iter().any(|account| self.connections.is_online(*account))
    }
}
