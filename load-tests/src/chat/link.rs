//! The task of a chat client: it owns the connection, greets, resumes, repeats, and takes what the server sends.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Answer;
use super::state::{Pending, Shared, tick};
use crate::client::{Refused, events_after};
use crate::connection::Connection;
use crate::transcript::Transcript;

/// The most conversations that a hello names; the others are caught up by HTTP.
const HELLO_CONVERSATIONS_MAX: usize = 50;
/// The pause before the next attempt to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// The pause before a command is repeated when the error does not say.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The task that owns the connection.
pub(super) struct Link {
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<u64>,
    orders: mpsc::WeakSender<u64>,
    /// The id of the hello that is not answered yet. Until then a live frame may be ahead of what was missed.
    hello: Option<u64>,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, inbox: mpsc::Receiver<u64>, orders: mpsc::WeakSender<u64>) -> Self {
        Self { shared, inbox, orders, hello: None }
    }

    /// Connects, and connects again, until it is aborted.
    pub(super) async fn run(mut self) {
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
        self.shared.told();
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
        let named = state.conversations.iter().take(HELLO_CONVERSATIONS_MAX);
        let heads: serde_json::Map<_, _> =
            named.map(|(conversation, transcript)| (conversation.to_string(), transcript.seq().into())).collect();
        // The first time it asks for all that there is, from the beginning of whatever log this is.
        let known = state.log_id.as_ref().or(log_id.as_ref());
        let hello = json!({
            "id": id, "type": "hello", "log_id": known, "position": state.position, "conversations": heads,
        });
        state.log_id = log_id;
        let mut frames = Vec::new();
        let mut repeated = 0;
        for pending in state.pending.values_mut().filter(|pending| pending.sent.is_some()) {
            let now = tick();
            pending.sent_over = Some((now, now));
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
        let now = tick();
        pending.sent.get_or_insert(now);
        pending.sent_over = Some((pending.sent_over.map_or(now, |(first, _)| first), now));
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
        // What was committed after the answer was made may have come before it: then what lies between is still missing.
        for conversation in self.holed() {
            self.page(conversation, u64::MAX).await?;
        }
        let mut state = self.shared.state();
        if answer["fresh"] == true && state.connections > 1 {
            state.faults.push("the server says that its log is fresh, which it is not".to_owned());
        }
        state.position = state.position.max(answer["position"].as_u64().unwrap_or(0));
        self.hello = None;
        Ok(())
    }

    /// Conversations that it was told of beyond a hole.
    fn holed(&self) -> Vec<Uuid> {
        let state = self.shared.state();
        let holed = state.conversations.iter().filter(|(_, transcript)| transcript.waiting() > 0);
        holed.map(|(conversation, _)| *conversation).collect()
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
            let new = state.take(conversation, event, false);
            state.resumed += new;
        }
        Ok(())
    }

    /// Takes an event that was pushed, or that came with the hello.
    async fn take(&self, frame: Value, missed: bool) -> Result<()> {
        let conversation = frame["conversation"].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let conversation = conversation.context("an event has its conversation")?;
        // Until the hello is answered, an earlier stay in the group may have been missed: then all of it is read.
        let live = self.hello.is_none();
        let joins = self.is_own_joining(&frame);
        let hole = {
            let mut state = self.shared.state();
            let new = state.take(conversation, frame, live && joins);
            state.resumed += if missed { new } else { 0 };
            let transcript = &state.conversations[&conversation];
            let hole = live && transcript.waiting() > 0;
            // Only before one's own joining may there be what one was not told.
            if hole && !joins && !transcript.events().is_empty() {
                let fault =
                    format!("the live frames of conversation {conversation} have a hole after {}", transcript.seq());
                state.faults.push(fault);
            }
            hole
        };
        // A conversation that this client has not heard of before may have begun while it was away.
        if hole { self.page(conversation, u64::MAX).await } else { Ok(()) }
    }

    /// Whether a frame says that this person joins a group.
    fn is_own_joining(&self, frame: &Value) -> bool {
        frame["type"] == "participant_joined" && frame["data"]["account"] == self.shared.person.account.to_string()
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
        let Pending { key, sent, sent_over, answer, .. } = pending;
        let (sent, sent_over) = (sent.unwrap_or_default(), sent_over.unwrap_or_default());
        let answered = Answer { key, sent, sent_over, answered: tick(), connection: state.connections, outcome };
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
