//! What a chat client knows and waits for, shared between its task and whoever uses it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::Answer;
use crate::client::Person;
use crate::transcript::{Taken, Transcript};

/// A command that has no final answer yet.
pub(super) struct Pending {
    pub(super) key: Uuid,
    pub(super) frame: String,
    pub(super) sent: Option<u64>,
    /// First and last, over the present connection.
    pub(super) sent_over: Option<(u64, u64)>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// All that a client knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) log_id: Option<String>,
    pub(super) position: u64,
    pub(super) conversations: BTreeMap<Uuid, Transcript>,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) last_id: u64,
    pub(super) connections: u64,
    pub(super) faults: Vec<String>,
    pub(super) resumed: u64,
    pub(super) repeated: u64,
    pub(super) duplicates: u64,
}

/// What the task and the handle share.
pub(super) struct Shared {
    pub(super) person: Person,
    state: Mutex<State>,
    pub(super) changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(person: &Person) -> Self {
        Self { person: person.clone(), state: Mutex::default(), changed: watch::Sender::new(0) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("whoever holds the state does not panic")
    }

    pub(super) fn told(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

impl State {
    /// Takes one event; answers how many more are readable now. What was not known of its conversation may begin with it
    /// where it `may_begin` one.
    pub(super) fn take(&mut self, conversation: Uuid, frame: Value, may_begin: bool) -> u64 {
        let seq = frame["seq"].clone();
        let transcript = self.conversations.entry(conversation).or_default();
        match transcript.take(frame, may_begin) {
            Taken::Next(new) => new as u64,
            Taken::Ahead | Taken::Known => 0,
            Taken::Differs => {
                self.faults.push(format!("event {seq} of conversation {conversation} was told in two ways"));
                0
            }
        }
    }
}

/// Orders what all clients of this process do: a later call has a larger number.
pub(super) fn tick() -> u64 {
    static CLOCK: AtomicU64 = AtomicU64::new(1);
    CLOCK.fetch_add(1, Ordering::SeqCst)
}
