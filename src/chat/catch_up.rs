//! Tells what was missed in one conversation, from the log.
//!
//! One task per conversation at most. It tries until the log and the vault answer, [`TRIES_MAX`] times; then those who
//! missed something are closed with `gap`, so that they resume. So they are when the conversation was forgotten meanwhile
//! to make room for another: whoever tells the next event cannot know what was still missing.

use palabre_events::ConversationId;
use std::sync::Arc;

use super::close::Close;
use super::history::{self, CannotRead};
use super::hub::Shared;
use super::lines::{Line, Shard};
use super::roster::{Reach, Roster};
use crate::backoff::Backoff;
use crate::store::EventStore;

/// How often it is tried, with pauses of some eight seconds in all.
pub const TRIES_MAX: u32 = 12;
/// How many events are read and told at once: of the longest messages less than an outbox holds.
const PAGE: usize = 64;

/// A task that reads what was missed.
#[derive(Clone, Copy)]
pub(super) struct CatchUp {
    /// Where.
    pub(super) conversation: ConversationId,
    /// Which, see [`Line::catching_up`].
    pub(super) number: u64,
    /// Where it is not known what was told last: up to this position of the log everything was.
    pub(super) floor: u64,
}

/// Why it is not done.
enum Undone {
    CannotRead,
    /// The conversation was forgotten, and perhaps heard of again.
    Forgotten,
}

impl<E: Into<CannotRead>> From<E> for Undone {
    fn from(_: E) -> Self {
        Self::CannotRead
    }
}

impl CatchUp {
    /// What is known of the conversation, as long as it waits for this task.
    fn line<'l>(&self, shard: &'l mut Shard) -> Option<&'l mut Line> {
        shard.known(self.conversation).filter(|line| line.catching_up == Some(self.number))
    }
}

/// Tells everything up to what is wanted.
pub(super) async fn catch_up(shared: Arc<Shared>, task: CatchUp) {
    let mut backoff = Backoff::default();
    for tries in 1.. {
        match try_to_catch_up(&shared, task).await {
            Ok(()) => return,
            Err(Undone::CannotRead) if tries < TRIES_MAX => {}
            Err(Undone::CannotRead | Undone::Forgotten) => break,
        }
        // Conversations come back one after the other, and do so alike whenever the same is played again.
        tokio::time::sleep(backoff.pause_spread_by(task.conversation.0.as_bytes()[15])).await;
    }
    give_up(&shared, task).await;
}

async fn try_to_catch_up(shared: &Arc<Shared>, task: CatchUp) -> Result<(), Undone> {
    let CatchUp { conversation, floor, .. } = task;
    // With what was told when it was folded: a group has thousands of events, so it is folded on and not read again.
    let mut at_hand: Option<(Roster, Option<u64>)> = None;
    loop {
        let (was_told, wanted, known) = {
            let mut shard = shared.lines.of(conversation);
            let line = task.line(&mut shard).ok_or(Undone::Forgotten)?;
            (line.told, line.wanted, line.roster.clone())
        };
        let permit = shared.reads.acquire().await.expect("the semaphore is never closed");
        let told = match was_told {
            Some(told) => told,
            None => told_up_to(shared.log.as_ref(), conversation, floor, wanted).await?,
        };
        let mut roster = match (at_hand.take().filter(|(_, folded)| *folded == was_told), known) {
            (Some((roster, _)), _) => roster,
            (None, Some(known)) => as_of(&known, told),
            (None, None) => history::roster(shared.log.as_ref(), conversation).await?.ok_or(CannotRead)?,
        };
        let events = shared.log.read(conversation.into(), told, PAGE).await?;
        drop(permit);
        history::fold(&mut roster, &events)?;
        let opened: Vec<_> =
            events.iter().map(|envelope| shared.open(envelope, roster.viewers(envelope.version))).collect();
        let mut shard = shared.lines.of(conversation);
        let line = task.line(&mut shard).ok_or(Undone::Forgotten)?;
        let before = *line.told.get_or_insert(told);
        let moves: Vec<_> =
            opened.iter().map(|opened| opened.envelope).filter(|it| Roster::is_told_by(&it.event_type)).collect();
        let (last, sent) = shared.send(opened);
        line.told = last.or(line.told);
        if let Some(last) = last.filter(|last| moves.iter().any(|envelope| envelope.version <= *last)) {
            shared.lines.demand_roster(line, last);
            shared.connections.follow_moves(conversation, &roster);
        }
        sent?;
        if line.told.is_some_and(|told| told >= line.wanted) {
            // It has folded all that anybody here has heard of.
            (line.catching_up, line.roster) = (None, Some(Arc::new(roster)));
            return Ok(());
        }
        if line.told == Some(before) {
            // It was committed, but the log does not show it yet.
            return Err(Undone::CannotRead);
        }
        at_hand = Some((roster, line.told));
    }
}

/// A roster that is remembered, up to what was told last, which it has folded: see [`super::lines::Line::roster`].
fn as_of(known: &Roster, told: u64) -> Roster {
    let mut roster = known.clone();
    roster.pass(told);
    roster
}

/// The last event of `conversation` that lies up to `floor` in the log; 0 when none does. Looked for from `wanted`
/// backwards, since what is missing is young.
async fn told_up_to(
    log: &dyn EventStore,
    conversation: ConversationId,
    floor: u64,
    wanted: u64,
) -> Result<u64, CannotRead> {
    let mut after = wanted;
    while after > 0 {
        after = after.saturating_sub(PAGE as u64);
        let page = log.read(conversation.into(), after, PAGE).await?;
        if let Some(told) = page.iter().rev().find(|envelope| envelope.position <= floor) {
            return Ok(told.version);
        }
    }
    Ok(0)
}

/// Closes everybody who sees anything of what was not told of a conversation; when it cannot be known who that is,
/// everybody.
async fn give_up(shared: &Shared, task: CatchUp) {
    let conversation = task.conversation;
    tracing::error!(%conversation, "events could not be told; their readers resume");
    let (remembered, told) = {
        let mut shard = shared.lines.of(conversation);
        let remembered = shard.known(conversation).and_then(|line| line.roster.clone());
        let own = task.line(&mut shard).map(|line| line.told);
        // Before anybody is closed, so that whatever is committed from now on is told by somebody who begins anew.
        if own.is_some() {
            shard.forget(conversation);
        }
        (remembered, own.flatten().unwrap_or(0))
    };
    let permit = shared.reads.acquire().await.expect("the semaphore is never closed");
    // What cannot be opened may still be read, and says who has left meanwhile.
    let roster = match history::roster(shared.log.as_ref(), conversation).await {
        Ok(roster) => roster.map(Arc::new),
        Err(CannotRead) => remembered,
    };
    drop(permit);
    let misses = |reach: Reach| reach.to_seq.is_none_or(|to_seq| to_seq > told);
    shared.connections.each(|connection| {
        if roster.as_ref().is_none_or(|roster| roster.reach(connection.account()).is_some_and(misses)) {
            connection.outbox.close(Close::Gap);
        }
    });
}
