//! What is asked of the log, and what it answers.

use std::sync::Arc;

use crate::{AccountId, CommandKey, Envelope, NewEvent, StreamId};

/// A keyed digest of a command's body, so that a key which comes back with another body is noticed.
/// It is an HMAC with a secret key of the person, since commands hold text that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// The client's key of a command, and what is needed to recognise the same command again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyedCommand {
    /// Whose key it is; keys are unique per account.
    pub account: AccountId,
    /// The key.
    pub key: CommandKey,
    /// Digest of the command's body.
    pub fingerprint: Fingerprint,
}

/// The events of one command.
#[derive(Clone, Debug)]
pub struct AppendItem {
    /// The command's key; commands of the platform itself have none, they are idempotent by their content.
    pub key: Option<KeyedCommand>,
    /// At least one and at most [`AppendItem::EVENTS_MAX`] events.
    pub events: Vec<NewEvent>,
}

impl AppendItem {
    /// The most events that one command may make.
    pub const EVENTS_MAX: usize = 256;
}

impl NewEvent {
    /// The longest [`NewEvent::data`], in bytes. So many bytes in every item of an append still fit it.
    pub const DATA_BYTES_MAX: usize = 64 * 1024;
    /// The longest [`NewEvent::traceparent`], in bytes, all of them visible ASCII; W3C's own is 55.
    pub const TRACEPARENT_BYTES_MAX: usize = 128;
}

/// Events for one stream: the items of commands that were decided one after the other on the same state.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The stream's version that the first item was decided on; 0 for a new stream.
    pub expected_version: u64,
    /// 1 to [`Append::ITEMS_MAX`] items.
    pub items: Vec<AppendItem>,
}

impl Append {
    /// The most items in one append.
    pub const ITEMS_MAX: usize = 64;
    /// The most bytes of [`NewEvent::data`] in one append.
    pub const DATA_BYTES_MAX: usize = Self::ITEMS_MAX * NewEvent::DATA_BYTES_MAX;

    /// Bytes of [`NewEvent::data`] in all its events.
    pub fn data_bytes(&self) -> usize {
        self.items.iter().flat_map(|item| &item.events).map(|event| event.data.len()).sum()
    }

    /// Whether it keeps every limit, no item is empty, every event bears its command's key, and no key comes twice in it. A
    /// store answers any other append with [`AppendFailure::Malformed`].
    pub fn is_well_formed(&self) -> bool {
        // No database stores every character in a text.
        let trace_fits = |text: &String| {
            text.len() <= NewEvent::TRACEPARENT_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let event_fits = |event: &NewEvent| {
            event.data.len() <= NewEvent::DATA_BYTES_MAX && event.traceparent.as_ref().is_none_or(trace_fits)
        };
        let item_fits = |item: &AppendItem| {
            let has_its_key = |event: &NewEvent| item.key.is_none_or(|keyed| event.key == Some(keyed.key));
            (1..=AppendItem::EVENTS_MAX).contains(&item.events.len())
                && item.events.iter().all(|event| event_fits(event) && has_its_key(event))
        };
        let key_of = |item: &AppendItem| item.key.map(|keyed| (keyed.account, keyed.key));
        let comes_again = |(place, item): (usize, &AppendItem)| {
            item.key.is_some() && self.items[..place].iter().any(|before| key_of(before) == key_of(item))
        };
        (1..=Self::ITEMS_MAX).contains(&self.items.len())
            && self.items.iter().all(item_fits)
            && self.data_bytes() <= Self::DATA_BYTES_MAX
            && !self.items.iter().enumerate().any(comes_again)
    }
}

/// What the store says of one item. An append is all or nothing: when any item is a duplicate, the items beside it
/// answer [`ItemAnswer::Conflict`], because they were decided on a state that counted the duplicate twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemAnswer {
    /// On disk.
    Committed(Vec<Arc<Envelope>>),
    /// The key was committed before; nothing was appended.
    Duplicate(FirstAnswer),
    /// The stream is not at the expected version, or the item stood beside a duplicate; nothing was appended.
    Conflict {
        /// The stream's version now.
        actual: u64,
    },
}

impl ItemAnswer {
    /// The events that were appended.
    pub fn committed(&self) -> &[Arc<Envelope>] {
        match self {
            Self::Committed(envelopes) => envelopes,
            Self::Duplicate(_) | Self::Conflict { .. } => &[],
        }
    }
}

/// What a key committed when it came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Where: the stream of the first command.
    pub stream: StreamId,
    /// Version of the last event that it made.
    pub version: u64,
    /// Position of that event.
    pub position: u64,
    /// The body that came with it.
    pub fingerprint: Fingerprint,
}

/// Why an append has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendFailure {
    /// Nothing was appended; the same may be tried again.
    #[error("the log cannot take more at present")]
    Unavailable,
    /// Nothing was appended, nor will it ever be: see [`Append::is_well_formed`]. Whoever asked has a bug.
    #[error("the append is empty, breaks a limit, holds a key twice or an event without its key")]
    Malformed,
    /// It may have been appended or not. Whoever decided on it must rebuild from the log.
    #[error("the outcome of the append is unknown")]
    Unknown,
}
