//! Events that are opened for those of this node who may see them, and then told.
//!
//! Opening may ask the vault, which takes up to two seconds while that does not answer. So it is done before the lock of
//! a conversation is taken, behind which everybody would wait; telling asks nobody.

use bytestring::ByteString;
use palabre_events::{AccountId, Envelope};
use std::borrow::Cow;

use super::frames::{self, CannotShow, Hidden, SeenEvent, Told};
use super::history::CannotRead;
use super::hub::Shared;

/// An event that is ready to be told.
pub(super) struct Opened<'a> {
    pub envelope: &'a Envelope,
    viewers: Cow<'a, [AccountId]>,
    /// None when no viewer was here, or the vault did not answer.
    seen: Option<SeenEvent>,
}

/// Somebody is here to be told of an event that is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotOpened;

impl From<NotOpened> for CannotRead {
    fn from(_: NotOpened) -> Self {
        Self
    }
}

impl Opened<'_> {
    /// Whether somebody was here to be told of it.
    pub fn is_for_somebody(&self) -> bool {
        self.seen.is_some()
    }
}

impl Shared {
    /// Opens an event that `viewers` may see, if any of them is here. May block for a moment.
    pub(super) fn open<'a>(&self, envelope: &'a Envelope, viewers: impl Into<Cow<'a, [AccountId]>>) -> Opened<'a> {
        let viewers = viewers.into();
        // Without the vault's answer it is not opened, which matters only when it is told.
        let seen = if self.anyone_here(&viewers) { self.see(envelope).ok() } else { None };
        Opened { envelope, viewers, seen }
    }

    fn see(&self, envelope: &Envelope) -> Result<SeenEvent, CannotShow> {
        let told = Told::open(envelope, self.opener.as_ref())?;
        Ok(told.map_or_else(|| SeenEvent::Hidden(Hidden::instead_of(envelope)), |told| SeenEvent::Told(Box::new(told))))
    }

    /// Puts events of one conversation into the outboxes of all who may see them, in order; those with the same viewers
    /// go together, so that they are sent together. Answers the `seq` of the last one that was told. Behind an event
    /// that is not opened nothing is told.
    pub(super) fn send(&self, mut events: Vec<Opened<'_>>) -> (Option<u64>, Result<(), NotOpened>) {
        let mut last = None;
        for together in events.chunk_by_mut(|one, next| one.viewers == next.viewers) {
            let mut frames = Vec::with_capacity(together.len());
            for event in &mut *together {
                match self.frames_of(event) {
                    Ok(of_event) => frames.push(of_event),
                    Err(NotOpened) => break,
                }
            }
            for viewer in together[0].viewers.iter() {
                self.connections.push_all(*viewer, &frames.iter().filter_map(|of_event| of_event.for_viewer(*viewer)));
            }
            last = frames.len().checked_sub(1).map(|told| together[told].envelope.version).or(last);
            if frames.len() < together.len() {
                return (last, Err(NotOpened));
            }
        }
        (last, Ok(()))
    }

    /// An event as those of its viewers see it who are here. Afterwards it is not opened any more.
    fn frames_of(&self, event: &mut Opened<'_>) -> Result<EventFrames, NotOpened> {
        let (viewers, is_here) = (&event.viewers, |viewer: &AccountId| self.connections.is_here(*viewer));
        match event.seen.take() {
            Some(SeenEvent::Told(told)) => {
                let author = told.author().filter(|author| told.key.is_some() && viewers.contains(author));
                let for_author = author.filter(is_here).map(|_| frames::text(&told));
                let others_here = viewers.iter().any(|viewer| Some(*viewer) != author && is_here(viewer));
                let for_others = others_here.then(|| frames::text(&told.without_key()));
                Ok(EventFrames { author, for_author, for_others })
            }
            Some(SeenEvent::Hidden(hidden)) => {
                Ok(EventFrames { author: None, for_author: None, for_others: Some(frames::text(&hidden)) })
            }
            None if self.anyone_here(viewers) => Err(NotOpened),
            None => Ok(EventFrames { author: None, for_author: None, for_others: None }),
        }
    }
}

/// One event as it is sent: its author alone is told the key of the command that made it.
struct EventFrames {
    author: Option<AccountId>,
    for_author: Option<ByteString>,
    for_others: Option<ByteString>,
}

impl EventFrames {
    /// None for whoever was not here when it was written: they will ask.
    fn for_viewer(&self, viewer: AccountId) -> Option<&ByteString> {
        if self.author == Some(viewer) { self.for_author.as_ref() } else { self.for_others.as_ref() }
    }
}
