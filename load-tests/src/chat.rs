//! A chat client as an app would write it: it reconnects, resumes with `hello`, and repeats what was not answered with
//! the same key. What it is told goes into one [`Transcript`] per conversation; whatever the protocol does not allow is
//! noted as a fault.
//!
//! One task per client owns the connection; the rest talks to it through [`Chat`].

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::client::{Person, Refused, events_after, new_key};
use crate::connection::Connection;
use crate::transcript::{Taken, Transcript};

/// Frames that may wait to be sent; whoever asks for more waits.
const QUEUE: usize = 256;
/// The most conversations that a hello names; the others are caught up by HTTP.
const HELLO_CONVERSATIONS_MAX: usize = 50;
/// The pause before the next attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// The pause before a command is repeated when the error does not say.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Orders what all clients of this process do: a later call has a larger number.
fn tick() -> u64 {
    static CLOCK: AtomicU64 = AtomicU64::new(1);
    CLOCK.fetch_add(1, Ordering::SeqCst)
}

/// The final answer to a command, and how it came about.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The key of the command.
    pub key: Uuid,
    /// When it was first sent, in ticks of this process.
    pub sent: u64,
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
}

struct Pending {
    key: Uuid,
    frame: String,
    sent: Option<u64>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct State {
    log_id: Option<String>,
    position: u64,
    conversations: BTreeMap<Uuid, Transcript>,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    connections: u64,
    faults: Vec<String>,
    resumed: u64,
    repeated: u64,
    duplicates: u64,
}

struct Shared {
    person: Person,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
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
        let shared =
            Arc::new(Shared { person: person.clone(), state: Mutex::default(), changed: watch::Sender::new(0) });
        let task =
            tokio::spawn(Link { shared: Arc::clone(&shared), inbox, orders: orders.downgrade(), hello: None }.run());
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
            state.pending.insert(id, Pending { key, frame: command.to_string(), sent: None, answer });
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

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("whoever holds the state does not panic")
    }

    fn told(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

/// The task that owns the connection.
struct Link {
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<u64>,
    orders: mpsc::WeakSender<u64>,
    /// The id of the hello that is not answered yet. Until then a live frame may be ahead of what was missed.
    hello: Option<u64>,
}

impl Link {
    async fn run(mut self) {
        loop {
            let person = &self.shared.person;
            let opened = Connection::open(person.api.server(), &person.token).await;
            if let Ok(mut connection) = opened {
                // A broken connection is what this client is for.
                self.converse(&mut connection).await.ok();
            }
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }

    async fn converse(&mut self, connection: &mut Connection) -> Result<()> {
        let (hello, unanswered) = self.begin(&connection.welcome);
        connection.send(&hello).await?;
        for frame in unanswered {
            connection.send(&frame).await?;
        }
        loop {
            tokio::select! {
                frame = connection.next() => match frame? {
                    Some(frame) => self.hear(frame).await?,
                    None => return Ok(()),
                },
                Some(id) = self.inbox.recv() => {
                    // Answered or sent with the hello in the meantime: nothing to do.
                    if let Some(frame) = self.frame_of(id) {
                        connection.send(&frame).await?;
                    }
                }
            }
        }
    }

    /// The hello, and all that was sent before and not answered, in the order in which it was asked.
    fn begin(&mut self, welcome: &Value) -> (String, Vec<String>) {
        let mut state = self.shared.state();
        state.connections += 1;
        state.last_id += 1;
        let id = state.last_id;
        self.hello = Some(id);
        let log_id = welcome["log_id"].as_str().map(str::to_owned);
        if state.log_id.is_some() && state.log_id != log_id {
            state.faults.push("the log is another one after a restart".to_owned());
        }
        let mut hello = json!({"id": id, "type": "hello"});
        if let Some(known) = &state.log_id {
            let named = state.conversations.iter().take(HELLO_CONVERSATIONS_MAX);
            let heads: serde_json::Map<_, _> =
                named.map(|(conversation, transcript)| (conversation.to_string(), transcript.seq().into())).collect();
            hello["log_id"] = json!(known);
            hello["position"] = json!(state.position);
            hello["conversations"] = heads.into();
        }
        state.log_id = log_id;
        let mut frames = Vec::new();
        let mut repeated = 0;
        for pending in state.pending.values_mut().filter(|pending| pending.sent.is_some()) {
            frames.push(pending.frame.clone());
            repeated += 1;
        }
        state.repeated += repeated;
        (hello.to_string(), frames)
    }

    fn frame_of(&self, id: u64) -> Option<String> {
        let mut state = self.shared.state();
        let pending = state.pending.get_mut(&id)?;
        let again = pending.sent.is_some();
        pending.sent.get_or_insert_with(tick);
        let frame = pending.frame.clone();
        state.repeated += u64::from(again);
        Some(frame)
    }

    async fn hear(&mut self, frame: Value) -> Result<()> {
        if let Some(re) = frame.get("re") {
            match re.as_u64() {
                Some(id) if Some(id) == self.hello => self.resume(&frame).await?,
                Some(id) => self.answer(id, &frame),
                None => self.shared.state().faults.push(format!("a frame could not be read: {frame}")),
            }
        } else if frame.get("seq").is_some() {
            self.take(frame, false).await?;
        }
        self.shared.told();
        Ok(())
    }

    /// The server's answer to the hello: what was missed.
    async fn resume(&mut self, frame: &Value) -> Result<()> {
        if let Some(error) = frame.get("error").filter(|error| error["temporary"] != true) {
            self.shared.state().faults.push(format!("the hello was refused: {error}"));
        }
        let answer = frame.get("ok").context("the hello was refused")?;
        for event in answer["events"].as_array().context("the answer to a hello has events")? {
            self.take(event.clone(), true).await?;
        }
        for changed in answer["changed"].as_array().context("the answer to a hello has what changed")? {
            let conversation = changed["conversation"].as_str().and_then(|text| Uuid::try_parse(text).ok());
            let (conversation, head) =
                conversation.zip(changed["seq"].as_u64()).context("a changed conversation has a head")?;
            self.page(conversation, head).await?;
        }
        for far in answer["too_far"].as_array().into_iter().flatten() {
            let conversation =
                far.as_str().or(far["conversation"].as_str()).and_then(|text| Uuid::try_parse(text).ok());
            self.page(conversation.context("a conversation that is too far has an id")?, u64::MAX).await?;
        }
        let mut state = self.shared.state();
        if answer["fresh"] == true && state.connections > 1 {
            state.faults.push("the server says that its log is fresh, which it is not".to_owned());
        }
        state.position = state.position.max(answer["position"].as_u64().unwrap_or(0));
        self.hello = None;
        Ok(())
    }

    /// Reads by HTTP what this client lacks of `conversation` up to `head`.
    async fn page(&self, conversation: Uuid, head: u64) -> Result<()> {
        let known = self.shared.state().conversations.get(&conversation).map_or(0, Transcript::seq);
        if known >= head {
            return Ok(());
        }
        let events = events_after(&self.shared.person.api, conversation, known).await?;
        let mut state = self.shared.state();
        for event in events {
            let new = state.take(conversation, event);
            state.resumed += new;
        }
        Ok(())
    }

    /// Takes an event that was pushed, or that came with the hello.
    async fn take(&self, frame: Value, missed: bool) -> Result<()> {
        let conversation = frame["conversation"].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let conversation = conversation.context("an event has its conversation")?;
        let hole = {
            let mut state = self.shared.state();
            let new = state.take(conversation, frame);
            state.resumed += if missed { new } else { 0 };
            let transcript = &state.conversations[&conversation];
            let hole = self.hello.is_none() && transcript.waiting() > 0;
            if hole && transcript.seq() > 0 {
                let fault =
                    format!("the live frames of conversation {conversation} have a hole after {}", transcript.seq());
                state.faults.push(fault);
            }
            hole
        };
        // A conversation that this client has not heard of before may have begun while it was away.
        if hole { self.page(conversation, u64::MAX).await } else { Ok(()) }
    }

    fn answer(&self, id: u64, frame: &Value) {
        let mut state = self.shared.state();
        let Some(pending) = state.pending.remove(&id) else {
            // A command that was repeated after a temporary error may be answered twice.
            return;
        };
        let outcome = match frame.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => Err(refused(&frame["error"])),
        };
        if let Err(Refused { temporary: true, retry_after_ms, .. }) = &outcome {
            let pause = retry_after_ms.map_or(RETRY_PAUSE, Duration::from_millis);
            state.pending.insert(id, pending);
            self.repeat(id, pause);
            return;
        }
        state.duplicates += u64::from(frame["ok"]["duplicate"] == true);
        let Pending { key, sent, answer, .. } = pending;
        let answered =
            Answer { key, sent: sent.unwrap_or(0), answered: tick(), connection: state.connections, outcome };
        // Whoever asked may have given up waiting.
        answer.send(answered).ok();
    }

    /// Sends the command `id` again after `pause`, on whatever connection there is then.
    fn repeat(&self, id: u64, pause: Duration) {
        let orders = self.orders.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(orders) = orders.upgrade() {
                // The client may be gone by now.
                orders.send(id).await.ok();
            }
        });
    }
}

impl State {
    /// Takes one event; answers how many more are readable now.
    fn take(&mut self, conversation: Uuid, frame: Value) -> u64 {
        let seq = frame["seq"].clone();
        // Everybody sees a conversation of two from its first event on; only members of a group join later.
        let opening = frame["type"] == "conversation_opened";
        let transcript = self.conversations.entry(conversation).or_default();
        let late = !opening && frame["type"] == "participant_joined";
        match transcript.take(frame, late) {
            Taken::Next(new) => new as u64,
            Taken::Ahead | Taken::Known => 0,
            Taken::Differs => {
                self.faults.push(format!("event {seq} of conversation {conversation} was told in two ways"));
                0
            }
        }
    }
}

fn refused(error: &Value) -> Refused {
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    Refused {
        status: 0,
        code: text("code"),
        message: text("message"),
        temporary: error["temporary"] == true,
        retry_after_ms: error["retry_after_ms"].as_u64(),
    }
}
