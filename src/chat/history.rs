//! What is read back from a conversation's stream: who took part, and a page of it as one viewer sees it.
//!
//! For resuming and for paging by HTTP. Live frames come from [`super::hub`].

use palabre_events::aggregate::EventData;
use palabre_events::conversation::ConversationEvent;
use palabre_events::{AccountId, ConversationId, Envelope, Opener, StreamId};
use serde_json::value::RawValue;
use std::sync::Arc;

use super::frames::{self, CannotShow};
use super::roster::Roster;
use crate::store::{EventStore, PAGE_MAX, ReadFailure};

/// After so many events others go first.
const SLICE: usize = 8;
/// The most events of one page.
pub const PAGE_EVENTS_MAX: usize = 200;

/// The log or the vault does not answer, or holds what this program cannot read; the latter is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the conversation cannot be read at present")]
pub struct CannotRead;

impl From<ReadFailure> for CannotRead {
    fn from(failure: ReadFailure) -> Self {
        if let ReadFailure::Damaged(why) = &failure {
            tracing::error!(why, "the log is damaged");
        }
        Self
    }
}

impl From<CannotShow> for CannotRead {
    fn from(_: CannotShow) -> Self {
        Self
    }
}

/// Which events of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Those after this `seq`, the first of them.
    After(u64),
    /// Those before this `seq`, the last of them. It is at most the one after the conversation's last.
    Before(u64),
}

/// The roster of `conversation` as the log has it now; none when it was never opened. Reads all of a group's stream, but
/// only the first event where nobody comes or goes.
pub async fn roster(log: &dyn EventStore, conversation: ConversationId) -> Result<Option<Roster>, CannotRead> {
    let stream = StreamId::from(conversation);
    let Some(first) = log.read(stream, 0, 1).await?.into_iter().next() else { return Ok(None) };
    let mut roster = Roster::opened(&event(&first)?).ok_or_else(|| {
        tracing::error!(%stream, "a conversation does not begin with its opening");
        CannotRead
    })?;
    while roster.is_group() {
        let page = log.read(stream, roster.seq(), PAGE_MAX).await?;
        fold(&mut roster, &page)?;
        if page.len() < PAGE_MAX {
            break;
        }
    }
    Ok(Some(roster))
}

/// Folds the events of one page, which follow those folded before.
pub(super) fn fold(roster: &mut Roster, page: &[Arc<Envelope>]) -> Result<(), CannotRead> {
    for envelope in page {
        if Roster::is_told_by(&envelope.event_type) {
            roster.fold(envelope.version, &event(envelope)?);
        } else {
            roster.pass(envelope.version);
        }
    }
    Ok(())
}

pub(super) fn event(envelope: &Envelope) -> Result<ConversationEvent, CannotRead> {
    ConversationEvent::from_json(&envelope.event_type, envelope.schema_version, &envelope.data).map_err(|unreadable| {
        tracing::error!(stream = %envelope.stream, seq = envelope.version, %unreadable, "cannot read an event");
        CannotRead
    })
}

/// At most `limit` (and at most [`PAGE_EVENTS_MAX`]) events in `span` as frames for `viewer`, in order of `seq`, hidden
/// ones included; nothing after the event with which the viewer left for good.
pub async fn page(
    log: &dyn EventStore,
    opener: &dyn Opener,
    conversation: ConversationId,
    roster: &Roster,
    viewer: AccountId,
    span: Span,
    limit: usize,
) -> Result<Vec<Box<RawValue>>, CannotRead> {
    let Some(reach) = roster.reach(viewer) else { return Ok(Vec::new()) };
    let limit = limit.min(PAGE_EVENTS_MAX);
    // What has come to a group since its roster was read may have changed who sees it; it comes with the next page.
    let known = if roster.is_group() { roster.seq() } else { u64::MAX };
    let end = reach.to_seq.unwrap_or(u64::MAX).min(known).saturating_add(1);
    let (after, before) = match span {
        Span::After(after) => (after, end),
        Span::Before(before) => (before.min(end).saturating_sub(1).saturating_sub(limit as u64), before.min(end)),
    };
    let events = log.read(conversation.into(), after, limit).await?;
    let mut page = Vec::with_capacity(events.len());
    for envelope in events.iter().filter(|envelope| envelope.version < before) {
        page.push(frames::frame(envelope, viewer, roster, opener)?);
        let_others_go(page.len()).await;
    }
    Ok(page)
}

/// To be awaited after each of many events that are put into frames. All of them take milliseconds, on the threads that
/// everybody's messages go by.
pub(super) async fn let_others_go(done: usize) {
    if done.is_multiple_of(SLICE) {
        tokio::task::yield_now().await;
    }
}
