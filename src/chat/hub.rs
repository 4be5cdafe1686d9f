//! Tells the connections of this node what was committed, in order, and what has no place in the log.
//!
//! Fresh events come from the actor that committed them ([`Publish`]) and are told at once, with nothing read; each is
//! turned into bytes once per kind of viewer. For each conversation the hub knows the last `seq` that it told: what was
//! told before is dropped, and on a hole one task ([`super::catch_up`]) reads what is missing from the log, while
//! further events wait there. What the feed reads is offered as well ([`Offer`]), so that nothing that was
//! committed stays untold.
//!
//! Nothing here waits for a connection or for the log: outboxes are bounded, and what cannot be told at once is read
//! later. Whoever connects reads what came before from the log ([`super::resume`]).

use bytestring::ByteString;
use palabre_events::aggregate::EventData;
use palabre_events::marks::{ConversationRead, MarksEvent};
use palabre_events::{AccountId, ConversationId, Envelope, Opener, StreamKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::close::Close;
use super::connection::Connection;
use super::connections::Connections;
use super::frames::ephemeral::Ephemeral;
use super::frames::{self, CannotShow, Told};
use super::history::{self, CannotRead};
use super::lines::{Line, Lines};
use super::roster::Roster;
use super::watchdog::{self, Pace};
use crate::actors::Publish;
use crate::feed::Offer;
use crate::store::EventStore;
use crate::vault::SessionId;

/// The most reads of the log by the hub at the same time; further ones wait, and ephemeral ones are dropped.
pub const READS_MAX: usize = 32;
/// How long the feed's events wait for the actor that committed them to tell them itself.
const OFFERED_WAIT: Duration = Duration::from_millis(100);

/// How many connections are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Of one account.
    pub per_account: usize,
    /// From one address; an IPv6 network of 64 bits counts as one.
    pub per_address: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { per_account: 20, per_address: 200 }
    }
}

/// Tells connections. Cheap to clone; every clone is the same hub.
#[derive(Clone)]
pub struct Hub {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) log: Arc<dyn EventStore>,
    pub(super) opener: Arc<dyn Opener + Send + Sync>,
    pub(super) connections: Connections,
    pub(super) lines: Lines,
    pub(super) reads: Arc<Semaphore>,
    pub(super) runtime: Handle,
    caps: Caps,
    started: Instant,
    /// What was committed before is nobody's news: every connection is younger.
    born_at: u64,
    next_number: AtomicU64,
    closing: AtomicBool,
}

impl Hub {
    /// A hub that reads from `log` and opens with `opener`, with the usual limits. Must be called within a tokio
    /// runtime, which then runs its tasks.
    pub fn new(log: Arc<dyn EventStore>, opener: Arc<dyn Opener + Send + Sync>) -> Self {
        Self::with(log, opener, Caps::default(), Pace::default())
    }

    /// The same with other limits.
    pub fn with(log: Arc<dyn EventStore>, opener: Arc<dyn Opener + Send + Sync>, caps: Caps, pace: Pace) -> Self {
        let born_at = *log.head().borrow();
        let shared = Arc::new(Shared {
            log,
            opener,
            connections: Connections::default(),
            lines: Lines::default(),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            runtime: Handle::current(),
            caps,
            started: Instant::now(),
            born_at,
            next_number: AtomicU64::new(1),
            closing: AtomicBool::new(false),
        });
        shared.runtime.spawn(watchdog::watch(Arc::downgrade(&shared), pace));
        Self { shared }
    }

    /// Takes a connection; afterwards everything that is committed is told to it.
    pub fn connect(&self, connection: &Arc<Connection>) -> Result<(), Close> {
        let Caps { per_account, per_address } = self.shared.caps;
        self.shared.connections.add(connection, per_account, per_address).map_err(|too_many| {
            tracing::debug!(account = %connection.account(), ?too_many, "a connection too many");
            Close::Overloaded
        })?;
        // Looked at after adding, so that `shut_down` or we see the other.
        if self.shared.closing.load(Ordering::SeqCst) {
            connection.outbox.close(Close::Shutdown);
        }
        Ok(())
    }

    /// Forgets a connection.
    pub fn disconnect(&self, connection: &Arc<Connection>) {
        self.shared.connections.remove(connection, self.elapsed_ms());
    }

    /// Closes the connections that `session` of `account` opened.
    pub fn end_session(&self, account: AccountId, session: SessionId) {
        let of_session = |connection: &Arc<Connection>| connection.holder.session == session;
        let connections = self.shared.connections.of(account);
        connections.into_iter().filter(of_session).for_each(|connection| connection.outbox.close(Close::Revoked));
    }

    /// Closes all connections, also those that come from now on, because the server stops.
    pub fn shut_down(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.connections.each(|connection| connection.outbox.close(Close::Shutdown));
    }

    /// How many connections are open.
    pub fn connection_count(&self) -> usize {
        self.shared.connections.count()
    }

    /// Tells the other participants who follow `conversation` that `account` types or stops. Nothing when `account`
    /// does not take part.
    pub async fn typing(&self, account: AccountId, conversation: ConversationId, on: bool) -> Result<bool, CannotRead> {
        let Some(roster) = self.roster(conversation).await?.filter(|roster| roster.takes_part(account)) else {
            return Ok(false);
        };
        let frame = frames::text(&Ephemeral::Typing { conversation, account, on });
        let others = roster.present().into_iter().filter(|other| *other != account);
        for connection in others.flat_map(|other| self.shared.connections.of(other)) {
            if connection.follows(conversation) {
                connection.outbox.push(frame.clone());
            }
        }
        Ok(true)
    }

    /// From now on tells `connection` of typing and presence in those of `conversations` that its account takes part
    /// in, and answers which of their other participants are online.
    pub async fn follow(
        &self,
        connection: &Arc<Connection>,
        conversations: &[ConversationId],
    ) -> Result<Vec<AccountId>, CannotRead> {
        let (mut followed, mut others) = (Vec::new(), Vec::new());
        for conversation in conversations {
            if let Some(roster) = self.roster(*conversation).await?.filter(|it| it.takes_part(connection.account())) {
                followed.push(*conversation);
                others.extend(roster.present().into_iter().filter(|other| *other != connection.account()));
            }
        }
        others.sort_unstable();
        others.dedup();
        // Registered before it looks who is there, so that nobody's coming falls between.
        self.shared.connections.follow(connection, followed, others.clone());
        others.retain(|other| self.shared.connections.is_online(*other));
        Ok(others)
    }

    /// Who takes part in a conversation, from memory or from the log; none when it was never opened. For what is
    /// ephemeral: it may be a moment old.
    pub async fn roster(&self, conversation: ConversationId) -> Result<Option<Arc<Roster>>, CannotRead> {
        self.shared.roster(conversation).await
    }

    /// A number for a new connection.
    pub fn next_number(&self) -> u64 {
        self.shared.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Milliseconds since the hub was made: the clock of its connections.
    pub fn elapsed_ms(&self) -> u64 {
        self.shared.elapsed_ms()
    }
}

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
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

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

    async fn roster(&self, conversation: ConversationId) -> Result<Option<Arc<Roster>>, CannotRead> {
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
