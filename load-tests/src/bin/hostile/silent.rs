//! Clients that never read: what is told to them waits in the server, which bears it up to 1 MiB each. They, and those
//! who talk to them, stay within the limits of how fast anybody may ask.

use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use futures_util::future::try_join_all;
use palabre_load_tests::client::new_key;
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::wire::{self, Heard};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::report::Kind;
use crate::visit::{End, Visit, end_of, tally};
use crate::world::World;

/// They are told as much as those who never read: what the talk itself costs the server, and what it keeps at hand.
pub const READ: Kind = Kind { name: "are told as much, and read", bytes_each: 16 << 20 };
/// They are told more than they may leave waiting: 1 MiB, and what is being written.
pub const NEVER_READ: Kind = Kind { name: "never read", bytes_each: 2 << 20 };
/// They ask for more than they may leave waiting: besides, an answer of 512 KiB is being put together, and another sent.
pub const ASK_AND_NEVER_READ: Kind = Kind { name: "ask, and never read", bytes_each: 4 << 20 };
/// Messages that each is told, of the longest kind: 3 MB.
const MESSAGES: u64 = 400;
/// Messages of one sender that are on their way at once.
const IN_FLIGHT: u64 = 8;
/// How long a sender waits that was told to be too fast.
const TOO_FAST_PAUSE: Duration = Duration::from_millis(500);
/// The most characters of a message; here each has two bytes.
const CHARS: usize = 4_000;
/// Messages that each asks for: 410 kB, less than the 512 KiB that one answer may hold.
const MISSED: u64 = 50;
/// What an outbox is closed with that holds too much.
const SLOW: u16 = 4001;
/// What a connection is closed with that has said nothing for too long.
const NO_PONG: u16 = 4002;

/// One side of each room reads, while the other talks as fast as it may.
pub async fn read(world: &World, rooms: &[Room]) -> Result<String> {
    let attack = async |room: &Room| {
        let Visit { mut stream, mut buffer, .. } = Visit::enter(world.server, &room.people[1]).await?;
        tokio::select! {
            told = tell(world, room) => told,
            end = end_of(&mut stream, &mut buffer) => bail!("who reads is {}", end?),
        }
    };
    try_join_all(rooms.iter().map(attack)).await?;
    Ok("told everything".to_owned())
}

/// One side of each room never reads, while the other talks as fast as it may.
pub async fn never_read(world: &World, rooms: &[Room]) -> Result<String> {
    let attack = async |room: &Room| {
        let mut silent = Visit::enter(world.server, &room.people[1]).await?;
        tell(world, room).await?;
        silent.end().await
    };
    // Whoever did not read that it is closed is cut. Nothing else ends it so soon: silence is noticed after a minute.
    ended_by(&[End::Close(SLOW), End::Cut], &try_join_all(rooms.iter().map(attack)).await?)
}

fn ended_by(expected: &[End], ends: &[End]) -> Result<String> {
    let became = tally(ends);
    ensure!(ends.iter().all(|end| expected.contains(end)), "not ended as they should be: {became}");
    Ok(became)
}

/// Each asks again and again for what it missed, and reads nothing of it.
pub async fn ask_and_never_read(world: &World, rooms: &[Room]) -> Result<String> {
    let attack = async |room: &Room| {
        let mut silent = Visit::enter(world.server, &room.people[1]).await?;
        let shown = room.people[1].api.get(&format!("conversations/{}", room.conversation)).await?;
        let head = shown["seq"].as_u64().context("a conversation has a seq")?;
        let mut hello = json!({"type": "hello", "conversations": { room.conversation.to_string(): head - MISSED }});
        for known in ["log_id", "position"] {
            hello[known] = silent.welcome[known].clone();
        }
        silent
            .insist(|id| {
                hello["id"] = id.into();
                wire::text_frame(&hello.to_string())
            })
            .await;
        silent.end().await
    };
    // What is not taken holds up what is asked next; so it is silence that ends it, if the outbox does not.
    ended_by(&[End::Close(SLOW), End::Close(NO_PONG), End::Cut], &try_join_all(rooms.iter().map(attack)).await?)
}

/// Sends the messages, a few at a time, and reads everything.
async fn tell(world: &World, room: &Room) -> Result<()> {
    let Visit { mut stream, mut buffer, .. } = Visit::enter(world.server, &room.people[0]).await?;
    let text = "é".repeat(CHARS);
    let (mut id, mut posted, mut in_flight) = (0, 0, 0);
    while posted < MESSAGES {
        while in_flight < IN_FLIGHT.min(MESSAGES - posted) {
            (id, in_flight) = (id + 1, in_flight + 1);
            let conversation = room.conversation;
            let message = json!({
                "id": id, "key": new_key(), "type": "post_message", "conversation": conversation, "text": text,
            });
            stream.write_all(&wire::text_frame(&message.to_string())).await?;
        }
        let (accepted, refused) = read_answers(&mut buffer)?;
        posted += accepted;
        in_flight -= accepted + refused;
        if refused > 0 {
            tokio::time::sleep(TOO_FAST_PAUSE).await;
        } else if accepted == 0 {
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the sender's connection is closed");
        }
    }
    Ok(())
}

/// How many messages were accepted, and how many refused because they come too fast.
fn read_answers(buffer: &mut BytesMut) -> Result<(u64, u64)> {
    let (mut accepted, mut refused) = (0, 0);
    wire::hear(buffer, |heard| {
        if let Heard::Text(text) = heard
            && text.starts_with(br#"{"re":"#)
        {
            let answer: Value = serde_json::from_slice(text)?;
            ensure!(
                answer["error"].is_null() || answer["error"]["temporary"] == true,
                "a message is refused: {answer}"
            );
            *(if answer["error"].is_null() { &mut accepted } else { &mut refused }) += 1;
        }
        Ok(())
    })?;
    Ok((accepted, refused))
}
