//! A chat client as an app would write it: it reconnects, resumes with `hello`, and repeats what was not answered with
//! the same key. What it is told goes into one [`Transcript`] per conversation; whatever the protocol does not allow is
//! noted as a fault.
//!
//! One task per client owns the connection; the rest talks to it through [`Chat`].

mod link;
mod state;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::link::Link;
use self::state::{Pending, Shared, State};
use crate::client::{Person, Refused, new_key};
use crate::transcript::Transcript;

/// Frames that may wait to be sent; whoever asks for more waits.
const QUEUE: usize = 256;

/// The final answer to a command, and how it came about.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The key of the command.
    pub key: Uuid,
    /// When it was first sent, in ticks of this process.
    pub sent: u64,
    /// When it was first and last sent over the connection that brought the answer.
    pub sent_over: (u64, u64),
    /// When it was answered, in ticks of this process.
    pub answered: u64,
    /// Which connection of this client brought the answer, from 1.
    pub connection: u64,
    /// `ok`, or the error.
    pub outcome: Result<Value, Refused>,
}

impl Answer {
    /// What was committed, or the refusal as an error.
    pub fn ok(self) -> Result<Value> {
        Ok(self.outcome?)
    }

    /// Whether the command was sent before over another connection, whose answer may never have come.
    pub fn was_sent_elsewhere(&self) -> bool {
        self.sent < self.sent_over.0
    }
}

/// What a client has gone through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Connections that reached the welcome.
    pub connections: u64,
    /// Events that came in the answer to a hello or by paging, because they had been missed.
    pub resumed: u64,
    /// Commands that were sent again with their key.
    pub repeated: u64,
    /// Answers that said that the command had been committed before.
    pub duplicates: u64,
}

/// A person's chat client. Dropping it disconnects.
pub struct Chat {
    shared: Arc<Shared>,
    orders: mpsc::Sender<u64>,
    task: JoinHandle<()>,
}

impl Chat {
    /// Starts a client for `person`, which connects as soon as the server lets it.
    pub fn start(person: &Person) -> Self {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::new(person));
        let task = tokio::spawn(Link::new(Arc::clone(&shared), inbox, orders.downgrade()).run());
        Self { shared, orders, task }
    }

    /// Whose client it is.
    pub fn person(&self) -> &Person {
        &self.shared.person
    }

    /// Sends a command with a new key and waits for its final answer, over as many connections as that takes.
    pub async fn ask(&self, command: Value) -> Result<Answer> {
        self.ask_with(new_key(), command).await?.await.context("the client was dropped before the answer")
    }

    /// Sends a command under `key` and answers at once: with what will bring the answer.
    pub async fn ask_with(&self, key: Uuid, mut command: Value) -> Result<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut state = self.shared.state();
            state.last_id += 1;
            let id = state.last_id;
            command["id"] = json!(id);
            command["key"] = json!(key);
            state.pending.insert(id, Pending { key, frame: command.to_string(), sent: None, sent_over: None, answer });
            id
        };
        self.orders.send(id).await.map_err(|_| anyhow!("the client has ended"))?;
        Ok(answered)
    }

    /// Whether the command under `key` has been sent or even answered.
    pub fn has_sent(&self, key: Uuid) -> bool {
        self.shared.state().pending.values().find(|pending| pending.key == key).is_none_or(|known| known.sent.is_some())
    }

    /// The events of `conversation` after `seq`, as far as they are gapless.
    pub fn events_after(&self, conversation: Uuid, seq: u64) -> Vec<Value> {
        let state = self.shared.state();
        state.conversations.get(&conversation).map(|transcript| transcript.after(seq).to_vec()).unwrap_or_default()
    }

    /// Looks at everything that this client was told.
    pub fn read<T>(&self, look: impl FnOnce(&BTreeMap<Uuid, Transcript>) -> T) -> T {
        look(&self.shared.state().conversations)
    }

    /// Everything that this client was told.
    pub fn transcripts(&self) -> BTreeMap<Uuid, Transcript> {
        self.shared.state().conversations.clone()
    }

    /// The last `seq` known of `conversation`.
    pub fn seq(&self, conversation: Uuid) -> u64 {
        self.shared.state().conversations.get(&conversation).map_or(0, Transcript::seq)
    }

    /// What the protocol does not allow and was seen all the same.
    pub fn faults(&self) -> Vec<String> {
        self.shared.state().faults.clone()
    }

    /// What it has gone through.
    pub fn tally(&self) -> Tally {
        let state = self.shared.state();
        let State { connections, resumed, repeated, duplicates, .. } = *state;
        Tally { connections, resumed, repeated, duplicates }
    }

    /// A signal that rises with everything that this client is told.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Waits until `find` answers something, at most for `bound`; `what` names it in the error.
    pub async fn wait_until<T>(&self, what: &str, bound: Duration, find: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let mut changes = self.changes();
        let waiting = async {
            loop {
                if let Some(found) = find(self) {
                    return Ok(found);
                }
                changes.changed().await?;
            }
        };
        let late = || format!("{}: {what} did not come within {bound:?}", self.shared.person.name);
        tokio::time::timeout(bound, waiting).await.with_context(late)?
    }

    /// Waits for the first event of `conversation` after `seq` that `is` says yes to.
    pub async fn event(
        &self,
        conversation: Uuid,
        seq: u64,
        what: &str,
        bound: Duration,
        is: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.wait_until(what, bound, |chat| chat.events_after(conversation, seq).into_iter().find(&is)).await
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
