//! What a client missed since it was last connected.
//!
//! The connection is known to the hub before anything is read here, so that whatever is committed later is told to it,
//! and whatever was committed before is read: nothing falls between. The answer is whole or says what is not in it;
//! there is no partial replay.
//!
//! A long answer takes milliseconds to put together, on the threads that everybody's messages go by. So each connection
//! has one made at a time, only some are being made at once, each of them often lets others go first, and none is made
//! for a peer that is gone.

use palabre_events::{AccountId, ConversationId};
use serde_json::value::RawValue;
use std::sync::Arc;

use super::asking::Hello;
use super::connection::Connection;
use super::frames;
use super::frames::answer::{ChangedHead, Resumed};
use super::history::{self, CannotRead, PAGE_EVENTS_MAX};
use super::hub::Hub;
use crate::commands::Refusal;
use crate::feed::FRESH_WITHIN;
use crate::platform::Platform;

/// The most bytes of events in one answer; conversations that do not fit are too far.
pub const RESUMED_BYTES_MAX: usize = 512 * 1024;
/// The most hellos that are being answered at once; further ones wait.
pub(super) const RESUMES_MAX: usize = 16;
/// The most conversations listed as changed.
pub const CHANGED_MAX: usize = 200;

impl From<CannotRead> for Refusal {
    fn from(_: CannotRead) -> Self {
        Self::Unavailable
    }
}

/// Answers a hello, and follows the conversations that it names.
pub async fn resume(platform: &Platform, connection: &Arc<Connection>, hello: Hello) -> Result<Resumed, Refusal> {
    let _turn = connection.following_turn.lock().await;
    let log_id = platform.log.log_id();
    let mut head = *platform.log.head().borrow();
    let mut ahead = false;
    if let Some(position) = hello.position.filter(|position| *position > head) {
        // Another node may have told it of what this one has not heard of yet: the log itself knows.
        ahead = platform.log.event_at(position).await.map_err(CannotRead::from)?.is_none();
        head = position;
    }
    let mut resumed = Resumed {
        log_id,
        position: if ahead { *platform.log.head().borrow() } else { head },
        fresh: false,
        changed: Vec::new(),
        more_changed: false,
        events: Vec::new(),
        too_far: Vec::new(),
        not_yours: Vec::new(),
        online: Vec::new(),
    };
    if ahead || hello.log_id.is_some_and(|known| known != log_id) {
        return Ok(Resumed { fresh: true, ..resumed });
    }
    if let Some(position) = hello.position {
        changed_heads(platform, connection, position, head, &mut resumed).await?;
    }
    let mut bytes_left = RESUMED_BYTES_MAX;
    let permit = match hello.conversations.is_empty() {
        true => None,
        false => Some(platform.hub.shared.resumes.acquire().await.expect("the semaphore is never closed")),
    };
    for (conversation, seq) in &hello.conversations {
        if connection.outbox.closing().is_some() {
            return Err(Refusal::Unavailable);
        }
        match missing(&platform.hub, connection.account(), *conversation, *seq, bytes_left).await? {
            Missing::Ahead => return Ok(Resumed { fresh: true, changed: vec![], events: vec![], ..resumed }),
            Missing::NotYours => resumed.not_yours.push(*conversation),
            Missing::Events(events) => {
                bytes_left -= events.iter().map(|event| bytes_of(event)).sum::<usize>();
                resumed.events.extend(events);
            }
            Missing::TooMuch => resumed.too_far.push(*conversation),
        }
    }
    drop(permit);
    let named: Vec<_> = hello.conversations.into_keys().collect();
    resumed.online = platform.hub.follow(connection, &named).await?;
    Ok(resumed)
}

/// Lists what moved after `position`, once the views have seen all that was committed before the hello.
async fn changed_heads(
    platform: &Platform,
    connection: &Connection,
    position: u64,
    head: u64,
    resumed: &mut Resumed,
) -> Result<(), Refusal> {
    if !platform.views.wait_for(head, FRESH_WITHIN).await {
        return Err(Refusal::Unavailable);
    }
    let account = connection.account();
    let asked = platform.views.query(move |views| views.inbox_changed_since(account, position, CHANGED_MAX)).await;
    let changed = asked.map_err(|failure| {
        tracing::error!(%failure, "the inbox cannot be read");
        Refusal::Unavailable
    })?;
    let head_of = |entry: &palabre_projections::conversations::inbox::InboxEntry| ChangedHead {
        conversation: entry.conversation.conversation,
        seq: entry.own.head_seq,
        from_seq: entry.own.stays.iter().map(|stay| stay.from_seq).min().unwrap_or(1),
        unread: entry.own.unread,
    };
    resumed.changed = changed.entries.iter().map(head_of).collect();
    resumed.more_changed = changed.more;
    resumed.position = changed.position;
    Ok(())
}

/// What a client misses in one conversation.
#[derive(Debug)]
pub enum Missing {
    /// These frames, in order; none when it knows all.
    Events(Vec<Box<RawValue>>),
    /// More than one page, or than the answer has room for.
    TooMuch,
    /// The account never took part, or there is no such conversation.
    NotYours,
    /// The client knows more than there is.
    Ahead,
}

/// What `account`, which is connected to `hub`, misses of `conversation` when it knows it up to `seq`, unless that has
/// more than `bytes_max`.
pub async fn missing(
    hub: &Hub,
    account: AccountId,
    conversation: ConversationId,
    seq: u64,
    bytes_max: usize,
) -> Result<Missing, CannotRead> {
    let (log, opener) = (hub.shared.log.as_ref(), hub.shared.opener.as_ref());
    let Some(mut roster) = hub.roster(conversation).await? else { return Ok(Missing::NotYours) };
    if roster.is_group() {
        // Who may see what is committed at this very moment depends on the roster of this very moment.
        roster = history::roster(log, conversation).await?.map(Arc::new).ok_or(CannotRead)?;
    }
    let Some(reach) = roster.reach(account) else { return Ok(Missing::NotYours) };
    if reach.to_seq.is_some_and(|to_seq| seq > to_seq) {
        // Whether there is such an event is none of theirs.
        return Ok(Missing::Ahead);
    }
    // One event that the client has comes along, to see that we have it too.
    let known = u64::from(seq > 0);
    let limit = PAGE_EVENTS_MAX + 1 + usize::from(seq > 0);
    let mut events = log.read(conversation.into(), seq - known, limit).await?;
    if seq > 0 && events.is_empty() {
        return Ok(Missing::Ahead);
    }
    let last = if roster.is_group() { roster.seq() } else { u64::MAX }.min(reach.to_seq.unwrap_or(u64::MAX));
    events.retain(|envelope| envelope.version > seq && envelope.version <= last);
    if events.len() > PAGE_EVENTS_MAX {
        return Ok(Missing::TooMuch);
    }
    let (mut told, mut bytes) = (Vec::with_capacity(events.len()), 0);
    for envelope in &events {
        let frame = frames::frame(envelope, account, &roster, opener)?;
        history::let_others_go(told.len()).await;
        bytes += bytes_of(&frame);
        if bytes > bytes_max {
            return Ok(Missing::TooMuch);
        }
        told.push(frame);
    }
    Ok(Missing::Events(told))
}

/// What a frame takes of an answer, with the comma after it.
fn bytes_of(frame: &RawValue) -> usize {
    frame.get().len() + 1
}
