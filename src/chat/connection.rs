//! One open socket of an account, as the hub, the watchdog and the socket's own task share it.
//!
//! Everything here is small: ten thousand idle connections must fit into a modest machine. What goes over the wire is
//! for [`super::session`] and [`super::socket`].

use palabre_events::{AccountId, ConversationId};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};

use super::close::Close;
use super::marks::Gathering;
use super::outbox::Outbox;
use super::roster::Roster;
use crate::vault::{SessionId, TokenHash};

/// The most commands of one connection that run at the same time; further ones are answered `busy`.
pub const COMMANDS_IN_FLIGHT_MAX: u16 = 32;
/// With so many unreadable frames a connection is closed.
pub const BAD_FRAMES_MAX: u8 = 10;

/// Whose a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// Who.
    pub account: AccountId,
    /// Signed in by this session.
    pub session: SessionId,
    /// The hash of its token.
    pub token: TokenHash,
}

/// With so many frames in a row that came too fast, although it was told to wait, a connection is closed.
pub const HURRIED_MAX: u16 = 500;

/// One open socket.
pub struct Connection {
    /// Distinguishes it on this node.
    pub number: u64,
    /// Whose it is.
    pub holder: Holder,
    /// Where it comes from.
    pub address: IpAddr,
    /// What waits to be sent.
    pub outbox: Outbox,
    heard_at_ms: AtomicU64,
    pinged_at_ms: AtomicU64,
    closing_since_ms: AtomicU64,
    in_flight: AtomicU16,
    bad_frames: AtomicU8,
    hurried: AtomicU16,
    pub(super) following: Mutex<Following>,
    descriptor: Mutex<Option<RawFd>>,
    /// Held while its session is looked at, so that commands go on in the order in which they came.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Held while a hello or what it follows is answered: one at a time, in the order in which they came.
    pub(super) following_turn: tokio::sync::Mutex<()>,
    pub(super) marks: Mutex<Gathering>,
}

impl Connection {
    /// A connection that was opened `now_ms` after the hub.
    pub fn new(number: u64, holder: Holder, address: IpAddr, descriptor: Option<RawFd>, now_ms: u64) -> Self {
        Self {
            number,
            holder,
            address,
            outbox: Outbox::default(),
            heard_at_ms: AtomicU64::new(now_ms),
            pinged_at_ms: AtomicU64::new(now_ms),
            closing_since_ms: AtomicU64::new(0),
            in_flight: AtomicU16::new(0),
            bad_frames: AtomicU8::new(0),
            hurried: AtomicU16::new(0),
            following: Mutex::default(),
            descriptor: Mutex::new(descriptor),
            turn: tokio::sync::Mutex::default(),
            following_turn: tokio::sync::Mutex::default(),
            marks: Mutex::default(),
        }
    }

    /// Whose it is.
    pub fn account(&self) -> AccountId {
        self.holder.account
    }

    /// Something came from the peer.
    pub fn heard(&self, now_ms: u64) {
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// For how long nothing came from the peer.
    pub fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_at_ms.load(Ordering::Relaxed))
    }

    /// Asks for a ping when the last one is at least `every_ms` ago.
    pub fn ping_if_due(&self, now_ms: u64, every_ms: u64) {
        if now_ms.saturating_sub(self.pinged_at_ms.load(Ordering::Relaxed)) >= every_ms {
            self.pinged_at_ms.store(now_ms, Ordering::Relaxed);
            self.outbox.ping();
        }
    }

    /// For how long it has been closing, as far as the watchdog has seen; none while it is open.
    pub fn closing_ms(&self, now_ms: u64) -> Option<u64> {
        self.outbox.closing()?;
        let since = self.closing_since_ms.compare_exchange(0, now_ms.max(1), Ordering::Relaxed, Ordering::Relaxed);
        Some(now_ms.saturating_sub(since.err().unwrap_or(now_ms)))
    }

    /// Begins a command, unless too many run already; ends it when what is answered is dropped.
    pub fn begin(self: &Arc<Self>) -> Option<InFlight> {
        let one_more = |running| (running < COMMANDS_IN_FLIGHT_MAX).then_some(running + 1);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(InFlight(self.clone()))
    }

    /// Whether commands are under way.
    pub fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Notes an unreadable frame; with [`BAD_FRAMES_MAX`] the connection is closed.
    pub fn misbehaved(&self) {
        if self.bad_frames.fetch_add(1, Ordering::Relaxed) + 1 >= BAD_FRAMES_MAX {
            self.outbox.close(Close::Misbehaving);
        }
    }

    /// Notes a frame that came too fast; with [`HURRIED_MAX`] in a row the connection is closed.
    pub fn hurried(&self) {
        if self.hurried.fetch_add(1, Ordering::Relaxed) + 1 >= HURRIED_MAX {
            self.outbox.close(Close::Misbehaving);
        }
    }

    /// Notes a frame that did not.
    pub fn waited(&self) {
        self.hurried.store(0, Ordering::Relaxed);
    }

    /// Whether typing in `conversation` is to be told.
    pub fn follows(&self, conversation: ConversationId) -> bool {
        self.following.lock().of(conversation).is_some_and(|followed| followed.others.is_some())
    }

    /// The socket is about to be closed by its owner: from now on nobody else touches it.
    pub fn gone(&self) {
        *self.descriptor.lock() = None;
    }

    /// Shuts the socket down under its owner, which then ends with an error. For a peer that takes nothing: its owner
    /// is not polled any more and cannot close by itself.
    pub fn cut(&self) {
        let descriptor = self.descriptor.lock();
        if let Some(descriptor) = *descriptor {
            // The owner calls `gone` before it closes the socket, so the number still means this socket. An error says
            // that the peer has gone in the meantime, which is as good.
            nix::sys::socket::shutdown(descriptor, nix::sys::socket::Shutdown::Both).ok();
        }
    }
}

/// Whose typing and presence a connection is told.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// In order of the conversations.
    pub(super) followed: Box<[Followed]>,
    /// The connection is closed, and follows nothing any more.
    pub(super) over: bool,
}

/// A conversation that a connection follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Which.
    pub conversation: ConversationId,
    /// As of which event.
    pub seq: u64,
    /// Who takes part beside the connection's account; none while that takes no part itself, and is told nothing.
    pub others: Option<Box<[AccountId]>>,
}

impl Followed {
    /// As `account` follows `conversation`.
    pub fn by(account: AccountId, conversation: ConversationId, roster: &Roster) -> Self {
        let others = || roster.present().into_iter().filter(|other| *other != account).collect();
        Self { conversation, seq: roster.seq(), others: roster.takes_part(account).then(others) }
    }
}

impl Following {
    /// The other participants of all conversations, each once, in order.
    pub(super) fn others(&self) -> Vec<AccountId> {
        let mut others: Vec<_> =
            self.followed.iter().filter_map(|followed| followed.others.as_deref()).flatten().copied().collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// What is followed of `conversation`.
    pub(super) fn of(&mut self, conversation: ConversationId) -> Option<&mut Followed> {
        let place = self.followed.binary_search_by_key(&conversation, |followed| followed.conversation).ok()?;
        Some(&mut self.followed[place])
    }
}

/// A command that runs.
pub struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
