//! The client of the server, and another one when it has ended.
//!
//! The client finds the leader of a cluster and connects anew by itself; but after some attempts it gives up for good,
//! and answers nothing any more. Then it is replaced, after a pause that grows and is partly random.

use eventstore::{Client, ClientSettings, Error};
use parking_lot::Mutex;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

use crate::backoff::Backoff;

/// What takes longer may have waited for acknowledgements of TCP: see `nodelay`.
const SLOW: Duration = Duration::from_millis(30);
/// Between two looks at the sockets. The client connects anew by itself, and does not say so.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Keeps one client.
pub(super) struct Connection {
    runtime: Handle,
    settings: ClientSettings,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    client: Option<Client>,
    /// Counts the clients.
    number: u64,
    backoff: Backoff,
    again_at: Option<Instant>,
    /// When the sockets were looked at.
    looked_at: Option<Instant>,
}

/// A client to ask something of.
pub(super) struct Leased {
    pub client: Client,
    number: u64,
    since: Instant,
}

impl Connection {
    /// Connects when something is asked, on `runtime`.
    pub fn new(runtime: Handle, settings: &ClientSettings) -> Self {
        Self { runtime, settings: settings.clone(), current: Mutex::default() }
    }

    /// The client; `None` while the last one has ended a moment ago.
    pub fn client(&self) -> Option<Leased> {
        let mut current = self.current.lock();
        if current.client.is_none() {
            if current.again_at.is_some_and(|at| Instant::now() < at) {
                return None;
            }
            match Client::with_runtime_handle(self.runtime.clone(), self.settings.clone()) {
                Ok(client) => {
                    current.number += 1;
                    current.client = Some(client);
                }
                Err(error) => {
                    tracing::error!(%error, "there is no client for the log's server");
                    current.pause();
                    return None;
                }
            }
        }
        let number = current.number;
        current.client.clone().map(|client| Leased { client, number, since: Instant::now() })
    }

    /// A call was answered.
    pub fn worked(&self) {
        let mut current = self.current.lock();
        current.backoff.reset();
        current.again_at = None;
    }

    /// The one call for which `leased` was asked for was answered.
    pub fn answered(&self, leased: &Leased) {
        self.worked();
        let mut current = self.current.lock();
        let is_due = current.looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if leased.since.elapsed() >= SLOW && is_due {
            current.looked_at = Some(Instant::now());
            #[cfg(target_os = "linux")]
            self.runtime.spawn_blocking(|| {
                if let Err(error) = super::nodelay::send_at_once() {
                    tracing::warn!(%error, "sockets of the log's client cannot be told to send at once; see OPERATING");
                }
            });
        }
    }

    /// A call over `leased` failed.
    pub fn failed(&self, leased: &Leased, error: &Error) {
        let mut current = self.current.lock();
        if has_ended(error) && current.number == leased.number && current.client.take().is_some() {
            tracing::warn!(%error, "the log's server is away");
            current.pause();
        }
    }
}

impl Current {
    fn pause(&mut self) {
        self.again_at = Some(Instant::now() + self.backoff.pause());
    }
}

/// Whether the client that says so will never answer again.
fn has_ended(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::GrpcConnectionError(_))
}

/// Whether a call that failed so never reached a server that could have carried it out.
pub(super) fn was_not_sent(error: &Error) -> bool {
    has_ended(error) || matches!(error, Error::NotLeaderException(_))
}

/// Whether a question that failed so may be answered when it is asked at once again.
pub(super) fn may_work_again(error: &Error) -> bool {
    matches!(error, Error::ServerError(_) | Error::NotLeaderException(_))
}
