//! Who plays: three people with chat clients, and the ledger of everything that they were acknowledged.

use anyhow::{Context, Result, bail, ensure};
use palabre_load_tests::chat::{Answer, Chat};
use palabre_load_tests::check::Conversation;
use palabre_load_tests::client::{Api, Person, Refused, events_after, id_in, new_key};
use palabre_load_tests::ledger::{Entry, Ledger};
use palabre_load_tests::places::Place;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// How long anything may take to be told, a restart of the server included.
pub const BOUND: Duration = Duration::from_secs(30);

/// Somebody in the story.
pub struct Player {
    /// Their account and API.
    pub person: Person,
    /// Their chat client.
    pub chat: Chat,
    ledger: Ledger,
}

/// A command that is on its way.
pub struct Asked {
    /// Its key.
    pub key: Uuid,
    conversation: Uuid,
    command: Value,
    answer: oneshot::Receiver<Answer>,
}

impl Player {
    /// Signs up and connects.
    pub async fn enter(api: &Api, name: &str, ledger: &Ledger) -> Result<Self> {
        let email = format!("{}@example.org", name.to_lowercase().replace(|c: char| !c.is_ascii(), "e"));
        let person = api.sign_up(&email, name).await?;
        let chat = Chat::start(&person);
        chat.wait_until("the welcome", BOUND, |chat| (chat.tally().connections > 0).then_some(())).await?;
        Ok(Self { chat, person, ledger: ledger.clone() })
    }

    /// Their name.
    pub fn name(&self) -> &str {
        &self.person.name
    }

    /// Asks for something in `conversation` and waits for the answer.
    pub async fn ask(&self, conversation: Uuid, command: Value) -> Result<Value> {
        let asked = self.begin(conversation, command).await?;
        self.finish(asked).await
    }

    /// Sends a command in `conversation`.
    pub async fn begin(&self, conversation: Uuid, mut command: Value) -> Result<Asked> {
        command["conversation"] = json!(conversation);
        self.begin_with(conversation, command).await
    }

    async fn begin_with(&self, conversation: Uuid, command: Value) -> Result<Asked> {
        let key = new_key();
        let answer = self.chat.ask_with(key, command.clone()).await?;
        Ok(Asked { key, conversation, command, answer })
    }

    /// Waits for the answer to a command and notes it.
    pub async fn finish(&self, asked: Asked) -> Result<Value> {
        let Asked { conversation, command, answer, .. } = asked;
        let kind = command["type"].clone();
        let late = || format!("{}: no answer to {kind} within {BOUND:?}", self.name());
        let answer = tokio::time::timeout(BOUND, answer).await.with_context(late)??;
        let outcome = answer.outcome.clone();
        let made = outcome.as_ref().ok().and_then(|ok| id_in(ok, "conversation").ok());
        self.ledger.note(Entry {
            account: self.person.account,
            conversation: made.unwrap_or(conversation),
            command,
            answer,
        });
        outcome.map_err(|refused: Refused| anyhow::anyhow!("{}: {kind} was refused: {refused}", self.name()))
    }

    /// Opens the conversation about `ride`.
    pub async fn open(&self, ride: Uuid) -> Result<Uuid> {
        let asked = self.begin_with(Uuid::nil(), json!({"type": "open_conversation", "ride": ride})).await?;
        id_in(&self.finish(asked).await?, "conversation")
    }

    /// Says something, and the other side reads it.
    pub async fn say(&self, conversation: Uuid, text: &str, to: &Self) -> Result<u64> {
        let said = self.ask(conversation, json!({"type": "post_message", "text": text})).await?;
        let seq = said["seq"].as_u64().context("a message has a seq")?;
        for reader in [self, to] {
            let heard =
                reader.chat.event(conversation, seq - 1, "the message", BOUND, |event| event["seq"] == seq).await?;
            ensure!(heard["data"]["text"] == text, "{} reads {heard} instead", reader.name());
        }
        Ok(seq)
    }

    /// Waits for the first event of a type after `seq`.
    pub async fn sees(&self, conversation: Uuid, seq: u64, kind: &str) -> Result<Value> {
        self.chat.event(conversation, seq, kind, BOUND, |event| event["type"] == kind).await
    }
}

/// The terms of a proposal.
pub fn proposal(seats: u64, cents: u64, pickup: Place, drop_off: Place) -> Value {
    json!({
        "type": "make_proposal",
        "seats": seats,
        "price_per_seat": {"cents": cents, "currency": "EUR"},
        "pickup": pickup.to_json(),
        "drop_off": drop_off.to_json(),
    })
}

/// Checks that nothing of a conversation was lost, doubled or told differently; answers how many events it has.
pub async fn compare(conversation: Uuid, players: [&Player; 2], ledger: &Ledger) -> Result<usize> {
    let mut views = std::collections::BTreeMap::new();
    for player in players {
        views.insert(player.person.account, events_after(&player.person.api, conversation, 0).await?);
    }
    let head = views.values().map(Vec::len).max().unwrap_or(0);
    for player in players {
        let all = |chat: &Chat| (chat.seq(conversation) >= head as u64).then_some(());
        player.chat.wait_until("the last event", BOUND, all).await?;
    }
    let told = players.map(|player| (player.person.account, player.chat.transcripts().remove(&conversation)));
    let transcripts = told.iter().filter_map(|(account, told)| Some((*account, told.as_ref()?))).collect();
    let entries = ledger.by_conversation().remove(&conversation).unwrap_or_default();
    let between_two = Conversation { id: conversation, stays: None, views, transcripts, entries: &entries };
    let mut violations = between_two.violations();
    violations.extend(players.iter().flat_map(|player| player.chat.faults()));
    if !violations.is_empty() {
        bail!("{}", violations.join("\n"));
    }
    Ok(head)
}

/// Whether an object anywhere in `value` has `id` under `field`.
pub fn mentions(value: &Value, field: &str, id: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get(field).is_some_and(|found| found == id)
                || fields.values().any(|inner| mentions(inner, field, id))
        }
        Value::Array(items) => items.iter().any(|inner| mentions(inner, field, id)),
        _ => false,
    }
}
