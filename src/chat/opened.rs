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

    /// Puts an event into the outboxes of all who may see it.
    pub(super) fn send(&self, opened: Opened<'_>) -> Result<(), NotOpened> {
        let Opened { viewers, seen, .. } = opened;
        match seen {
            Some(SeenEvent::Told(told)) => self.send_told(*told, &viewers),
            Some(SeenEvent::Hidden(hidden)) => {
                let frame = frames::text(&hidden);
                viewers.iter().for_each(|viewer| self.connections.push(*viewer, &frame));
            }
            None if self.anyone_here(&viewers) => return Err(NotOpened),
            None => {}
        }
        Ok(())
    }

    fn send_told(&self, told: Told, viewers: &[AccountId]) {
        let author = told.author().filter(|author| told.key.is_some() && viewers.contains(author));
        if let Some(author) = author.filter(|author| self.connections.is_here(*author)) {
            self.connections.push(author, &frames::text(&told));
        }
        let others = viewers.iter().filter(|viewer| Some(**viewer) != author);
        let mut frame: Option<ByteString> = None;
        let mut told = Some(told);
        for viewer in others.filter(|viewer| self.connections.is_here(**viewer)) {
            let frame =
                frame.get_or_insert_with(|| frames::text(&told.take().expect("it is written once").without_key()));
            self.connections.push(*viewer, frame);
        }
    }
}
