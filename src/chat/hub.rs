//! The connections of this node and what they are told: where sockets come in, follow, and go.
//!
//! What was committed reaches them in [`super::telling`]: fresh events come from the actor that committed them and are
//! told at once, with nothing read; what the feed reads is offered as well, so that nothing that was committed stays
//! untold.
//!
//! Nothing here waits for a connection or for the log: outboxes are bounded, and what cannot be told at once is read
//! later. Whoever connects reads what came before from the log ([`super::resume`]).

use palabre_events::{AccountId, ConversationId, Opener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::close::Close;
use super::connection::{Connection, Followed};
use super::connections::Connections;
use super::frames;
use super::frames::ephemeral::Ephemeral;
use super::history::CannotRead;
use super::lines::Lines;
use super::offers::{self, Offers};
use super::resume::RESUMES_MAX;
use super::roster::Roster;
use super::told_marks::ToldMarks;
use super::watchdog::{self, Pace};
use crate::fanout::Peers;
use crate::store::EventStore;
use crate::vault::SessionId;

/// The most reads of the log by the hub at the same time; further ones wait, and ephemeral ones are dropped.
pub const READS_MAX: usize = 32;
/// How long commands may take to be answered when the server stops.
pub const FINISH_WITHIN: Duration = Duration::from_secs(3);
const FINISH_LOOK_EVERY: Duration = Duration::from_millis(10);

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
    pub(super) marks: ToldMarks,
    pub(super) offers: Offers,
    /// Set when there are other nodes to speak to at once.
    pub(super) peers: OnceLock<Peers>,
    pub(super) reads: Arc<Semaphore>,
    pub(super) resumes: Semaphore,
    pub(super) runtime: Handle,
    caps: Caps,
    started: Instant,
    /// What was committed before is nobody's news: every connection is younger.
    pub(super) born_at: u64,
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
        let (offers, offered) = Offers::new(born_at);
        let shared = Arc::new(Shared {
            log,
            opener,
            connections: Connections::default(),
            lines: Lines::default(),
            marks: ToldMarks::default(),
            offers,
            peers: OnceLock::new(),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            resumes: Semaphore::new(RESUMES_MAX),
            runtime: Handle::current(),
            caps,
            started: Instant::now(),
            born_at,
            next_number: AtomicU64::new(1),
            closing: AtomicBool::new(false),
        });
        shared.runtime.spawn(watchdog::watch(Arc::downgrade(&shared), pace));
        shared.runtime.spawn(offers::tell(Arc::downgrade(&shared), offered));
        Self { shared }
    }

    /// The position of the log's last event when the hub was made: it is to be offered all that comes after.
    pub fn born_at(&self) -> u64 {
        self.shared.born_at
    }

    /// From now on says to `peers` what concerns people who are connected to other nodes. To be called once, before
    /// anybody connects.
    pub fn join(&self, peers: Peers) {
        if self.shared.peers.set(peers).is_err() {
            unreachable!("a hub joins the other nodes once");
        }
    }

    /// Takes a connection; afterwards everything that is committed is told to it.
    pub fn connect(&self, connection: &Arc<Connection>) -> Result<(), Close> {
        let Caps { per_account, per_address } = self.shared.caps;
        let is_first = self.shared.connections.add(connection, per_account, per_address).map_err(|too_many| {
            tracing::debug!(account = %connection.account(), ?too_many, "a connection too many");
            Close::Overloaded
        })?;
        if is_first {
            self.look_again(connection.account());
        }
        // Looked at after adding, so that `shut_down` or we see the other.
        if self.shared.closing.load(Ordering::SeqCst) {
            connection.outbox.close(Close::Shutdown);
        }
        Ok(())
    }

    /// Forgets a connection.
    pub fn disconnect(&self, connection: &Arc<Connection>) {
        if self.shared.connections.remove(connection, self.elapsed_ms()) {
            self.look_again(connection.account());
        }
    }

    /// Has the other nodes know whether `account` is here.
    fn look_again(&self, account: AccountId) {
        if let Some(peers) = self.shared.peers.get() {
            peers.look_again(account, || self.shared.connections.is_here(account));
        }
    }

    /// Closes the connections that `session` of `account` opened, here and elsewhere.
    pub fn session_ended(&self, account: AccountId, session: SessionId) {
        self.end_session(account, session);
        if let Some(peers) = self.shared.peers.get() {
            peers.session_ended(account, session);
        }
    }

    /// Closes the connections that `session` of `account` opened here.
    pub fn end_session(&self, account: AccountId, session: SessionId) {
        let of_session = |connection: &Arc<Connection>| connection.holder.session == session;
        let connections = self.shared.connections.of(account);
        connections.into_iter().filter(of_session).for_each(|connection| connection.outbox.close(Close::Revoked));
    }

    /// Closes all connections, also those that come from now on, because the server stops: each as soon as the commands
    /// that it has under way are answered, at the latest after [`FINISH_WITHIN`]. Further commands are refused.
    pub fn shut_down(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        if self.shared.close_the_idle() {
            return;
        }
        let shared = self.shared.clone();
        self.shared.runtime.spawn(async move {
            let finish_until = Instant::now() + FINISH_WITHIN;
            while Instant::now() < finish_until && !shared.close_the_idle() {
                tokio::time::sleep(FINISH_LOOK_EVERY).await;
            }
            shared.connections.each(|connection| connection.outbox.close(Close::Shutdown));
        });
    }

    /// Whether the server stops.
    pub fn is_shutting_down(&self) -> bool {
        self.shared.closing.load(Ordering::SeqCst)
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
        let others: Vec<_> = roster.present().into_iter().filter(|other| *other != account).collect();
        others.iter().for_each(|other| self.shared.show_typing(*other, conversation, account, on));
        if let Some(peers) = self.shared.peers.get() {
            peers.typing(&self.shared.connections.elsewhere(&others), conversation, account, on);
        }
        Ok(true)
    }

    /// From now on tells `connection` of typing and presence in those of `conversations` that its account takes part
    /// in, and answers which of their other participants are online. Once the connection has that answer,
    /// [`Hub::tell_since`] is due.
    pub async fn follow(
        &self,
        connection: &Arc<Connection>,
        conversations: &[ConversationId],
    ) -> Result<Vec<AccountId>, CannotRead> {
        let account = connection.account();
        let mut followed = Vec::new();
        for conversation in conversations {
            if let Some(roster) = self.roster(*conversation).await?.filter(|roster| roster.takes_part(account)) {
                followed.push(Followed::by(account, *conversation, &roster));
            }
        }
        // Registered before it looks who has come or gone meanwhile, so that nobody's coming or going falls between.
        self.shared.connections.follow(connection, followed.clone());
        for Followed { conversation, seq, .. } in followed {
            match self.roster(conversation).await {
                Ok(Some(roster)) if roster.seq() != seq => self.shared.connections.follow_moves(conversation, &roster),
                Ok(_) => {}
                // What it followed before is replaced already: the answer must be true for what it follows now.
                Err(_) => self.shared.connections.unfollow(connection, conversation),
            }
        }
        let mut online = connection.following.lock().others();
        online.retain(|other| self.shared.connections.is_online(*other));
        Ok(online)
    }

    /// Tells `connection`, which was answered that `online` are online, who has come or gone since: what it was told of
    /// that before the answer, the answer made untrue.
    pub fn tell_since(&self, connection: &Connection, online: &[AccountId]) {
        self.shared.connections.tell_since(connection, online);
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

impl Shared {
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Closes the connections that have nothing under way; whether those were all.
    fn close_the_idle(&self) -> bool {
        let mut all = true;
        self.connections.each(|connection| {
            if connection.is_busy() {
                all = false;
            } else {
                connection.outbox.close(Close::Shutdown);
            }
        });
        all
    }

    /// Shows `viewer`'s connections that follow `conversation` that `account` types there or stops.
    pub(super) fn show_typing(&self, viewer: AccountId, conversation: ConversationId, account: AccountId, on: bool) {
        let frame = frames::text(&Ephemeral::Typing { conversation, account, on });
        for connection in self.connections.of(viewer) {
            if connection.follows(conversation) {
                connection.outbox.push(frame.clone());
            }
        }
    }
}
