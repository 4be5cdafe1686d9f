//! Keeps one session with Redis going: connects, and when that ends, waits a moment and connects again, for ever.
//!
//! On a thread of its own, like the feed, so that encoding for and reading from other nodes takes no time from those
//! who serve people.

use parking_lot::Mutex;
use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Hear;
use super::listener::Listener;
use super::notice::NodeId;
use super::peers::{LinkState, Peers};
use super::queue::Dropped;
use super::session::{Context, Session};
use super::wire::Wire;
use crate::backoff::Backoff;
use crate::telemetry::metrics;
use crate::vault::data_key::NodeKey;

/// How often it is looked which nodes fell silent.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a stop may take to take leave of the other nodes.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// What cannot be a Redis.
#[derive(Debug, thiserror::Error)]
#[error("`redis` must be a URL such as redis://127.0.0.1:6379/ or rediss://…: {0}")]
pub struct BadRedisUrl(#[from] redis::RedisError);

/// The thread that keeps the link to the other nodes, until it is stopped or dropped.
pub struct Fanout {
    peers: Peers,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Fanout {
    /// Starts it for `node` of the log of this name. `ears` hear what other nodes say.
    pub fn start(url: &str, log_id: Uuid, node: NodeId, key: NodeKey, ears: Arc<dyn Hear>) -> anyhow::Result<Self> {
        let client = redis::Client::open(connection_info(url)?).map_err(BadRedisUrl)?;
        let peers = Peers::new(Wire::new(node, key));
        let listener = Listener::new(node, peers.shared.wire.clone(), ears);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let context = Context { client, log_id, node, peers: peers.clone(), listener };
        let run = move || runtime.block_on(keep(&context, stopped));
        let thread = std::thread::Builder::new().name("fanout".to_owned()).spawn(run)?;
        Ok(Self { peers, stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) })
    }

    /// The other nodes.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Takes leave of the other nodes and ends.
    pub fn stop(&self) {
        // Told or dropped, it stops.
        drop(self.stop.lock().take());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the fan-out had panicked; other nodes heard this one from the log alone");
        }
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.stop();
    }
}

fn connection_info(url: &str) -> Result<ConnectionInfo, BadRedisUrl> {
    let info = url.into_connection_info()?;
    // RESP3, so that what is heard is handed over as it is read, and nothing piles up in between.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

async fn keep(context: &Context, stopped: oneshot::Receiver<()>) {
    let forget_the_silent = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            context.listener.expire();
        }
    };
    tokio::select! {
        () = keep_connected(context) => {}
        () = forget_the_silent => {}
        _ = stopped => {}
    }
    context.peers.shared.queue.shut();
    if context.peers.state().is_up() && !matches!(tokio::time::timeout(LEAVE_WITHIN, context.leave()).await, Ok(Ok(())))
    {
        tracing::debug!("the other nodes will notice by themselves that this one is gone");
    }
}

async fn keep_connected(context: &Context) {
    let peers = &context.peers;
    let (mut backoff, mut said) = (Backoff::default(), String::new());
    loop {
        let (ended, was_up) = one_session(context).await;
        peers.dropped(Dropped::Shut, peers.shared.queue.shut());
        if was_up {
            backoff.reset();
            metrics::fanout_link_lost();
        }
        // It is tried again and again; each reason is worth one line.
        if was_up || said != ended {
            tracing::warn!(why = %ended, "no link to Redis; other nodes are heard from the log, later");
            said.clone_from(&ended);
        }
        peers.shared.state.send_modify(|state| match state {
            LinkState::Down { why, .. } => *why = ended,
            LinkState::Up => *state = LinkState::Down { since: Instant::now(), why: ended },
        });
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Why it ended, and whether it was ever up.
async fn one_session(context: &Context) -> (String, bool) {
    let session = match Session::open(context).await {
        Ok(session) => session,
        Err(failure) => return (failure.to_string(), false),
    };
    tracing::info!("linked to the other nodes through Redis");
    context.peers.shared.queue.open();
    context.peers.shared.state.send_replace(LinkState::Up);
    let ended = session.run().await;
    (ended.to_string(), true)
}
