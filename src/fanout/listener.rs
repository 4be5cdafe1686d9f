//! What comes from Redis, judged and handed on: to the ears of this node, or to who keeps presence.
//!
//! Called where the connection is read, so that nothing piles up between: a node that cannot keep up reads more slowly,
//! Redis in the end drops it, and the session begins anew while the log tells.

use lru::LruCache;
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

use super::Hear;
use super::notice::{NodeId, Notice};
use super::presence::{Elsewhere, Heard, Presence};
use super::wire::{Unheard, Wire};
use crate::telemetry::metrics;
use crate::vault::data_key::TAG_LENGTH;

/// Messages that are remembered by their tags: one to several accounts comes once for each of them.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// Hears for a node, over all its sessions with Redis.
pub(super) struct Listener {
    node: NodeId,
    wire: Wire,
    ears: Arc<dyn Hear>,
    started: Instant,
    state: Mutex<State>,
    asks: Mutex<Vec<NodeId>>,
    /// Another node asks for the roll of this one, or this one is to ask another.
    pub(super) asked: Notify,
    own_roll_asked: AtomicBool,
}

struct State {
    seen: LruCache<[u8; TAG_LENGTH], ()>,
    elsewhere: Elsewhere,
}

/// What one session has heard.
#[derive(Debug, Default)]
pub(super) struct SessionEar {
    /// Milliseconds from the start of the listener to the last message.
    heard_at_ms: AtomicU64,
    /// Channels that Redis has confirmed to listen for, as it counts them.
    pub(super) confirmed: AtomicUsize,
    /// A probe came back.
    pub(super) probed: Notify,
    /// The connection is gone.
    pub(super) lost: Notify,
}

impl Listener {
    pub(super) fn new(node: NodeId, wire: Wire, ears: Arc<dyn Hear>) -> Arc<Self> {
        let state = State { seen: LruCache::sparse(REMEMBERED_MAX), elsewhere: Elsewhere::default() };
        Arc::new(Self {
            node,
            wire,
            ears,
            started: Instant::now(),
            state: Mutex::new(state),
            asks: Mutex::default(),
            asked: Notify::new(),
            own_roll_asked: AtomicBool::new(false),
        })
    }

    /// An ear for a new session.
    pub(super) fn new_ear(&self) -> Arc<SessionEar> {
        let ear = SessionEar::default();
        ear.heard_at_ms.store(self.now_ms(), Ordering::Relaxed);
        Arc::new(ear)
    }

    /// How long nothing came by this session.
    pub(super) fn silent_for(&self, ear: &SessionEar) -> Duration {
        Duration::from_millis(self.now_ms().saturating_sub(ear.heard_at_ms.load(Ordering::Relaxed)))
    }

    /// Takes what Redis pushes.
    pub(super) fn pushed(&self, ear: &SessionEar, push: PushInfo) {
        match (push.kind, <[Value; 2]>::try_from(push.data)) {
            (PushKind::Message, Ok([_channel, Value::BulkString(message)])) => {
                ear.heard_at_ms.store(self.now_ms(), Ordering::Relaxed);
                self.message(ear, &message);
            }
            (PushKind::Disconnection, _) => ear.lost.notify_one(),
            (PushKind::Subscribe, _) => drop(ear.confirmed.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    fn message(&self, ear: &SessionEar, message: &[u8]) {
        let tag = message.first_chunk::<TAG_LENGTH>();
        if tag.is_some_and(|tag| self.state.lock().seen.get(tag).is_some()) {
            return;
        }
        let (from, notice) = match self.wire.read(message) {
            Ok(said) => said,
            Err(Unheard::Own) => return,
            Err(why) => {
                metrics::fanout_unheard(why);
                return tracing::debug!(?why, "a message on a channel of the nodes is left out");
            }
        };
        match notice {
            Notice::Probe if from == self.node => ear.probed.notify_one(),
            Notice::Probe => {}
            Notice::Presence(Presence::Ask { node }) => {
                if node == self.node {
                    self.own_roll_asked.store(true, Ordering::Relaxed);
                    self.asked.notify_one();
                }
            }
            Notice::Presence(presence) => {
                let now = self.started.elapsed();
                let heard = self.state.lock().elsewhere.hear(from, presence, now);
                if heard.ask {
                    self.asks.lock().push(from);
                    self.asked.notify_one();
                }
                self.tell(heard);
            }
            notice => {
                metrics::fanout_heard();
                if let (Some(tag), Notice::Committed { .. } | Notice::Grown { .. }) = (tag, &notice) {
                    self.state.lock().seen.put(*tag, ());
                }
                self.ears.hear(notice);
            }
        }
    }

    /// Lets go of the nodes that fell silent.
    pub(super) fn expire(&self) {
        let now = self.started.elapsed();
        let (heard, nodes) = {
            let mut state = self.state.lock();
            (state.elsewhere.expire(now), state.elsewhere.nodes())
        };
        metrics::fanout_nodes(nodes);
        self.tell(heard);
    }

    fn tell(&self, heard: Heard) {
        // First who came, so that somebody who changes nodes is not told as gone.
        heard.came.into_iter().for_each(|account| self.ears.came_elsewhere(account));
        heard.gone.into_iter().for_each(|account| self.ears.gone_elsewhere(account));
    }

    /// The nodes to ask for their rolls, and whether the roll of this one is asked for.
    pub(super) fn take_asks(&self) -> (Vec<NodeId>, bool) {
        (std::mem::take(&mut *self.asks.lock()), self.own_roll_asked.swap(false, Ordering::Relaxed))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
