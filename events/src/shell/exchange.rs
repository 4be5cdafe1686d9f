//! What the host and the shell say to each other. No behaviour.

use std::sync::Arc;
use uuid::Uuid;

use crate::aggregate::UnreadableEvent;
use crate::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use crate::{AccountId, Actor, Envelope, Timestamp};

/// A command with everything that its events will need to say.
#[derive(Clone, Debug)]
pub struct Submission<C> {
    /// What is asked.
    pub command: C,
    /// Who asks.
    pub by: Actor,
    /// The client's key, where there is one.
    pub key: Option<KeyedCommand>,
    /// A fresh UUIDv7; the ids of the events count up from it.
    pub command_id: Uuid,
    /// Shared by everything that one first command leads to.
    pub correlation_id: Uuid,
    /// The event that causes the command, or none for a first command.
    pub causation_id: Option<Uuid>,
    /// W3C trace context, where the command is traced.
    pub traceparent: Option<String>,
    /// The clock of the node that decides.
    pub now: Timestamp,
}

/// What a command is answered.
#[derive(Clone, Debug)]
pub enum Answer<R> {
    /// Its events are on disk.
    Committed(Vec<Arc<Envelope>>),
    /// It was so already; nothing was appended.
    Unchanged {
        /// The stream's version.
        version: u64,
    },
    /// The same command was committed before.
    Duplicate(FirstAnswer),
    /// The key was used before for another command.
    KeyReused,
    /// The rules say no.
    Rejected(R),
    /// Too many commands wait here; try again soon.
    Busy,
    /// The log does not answer at present, or others kept winning; it may or may not have been committed. The same
    /// key finds out.
    Unavailable,
}

/// What the host tells the shell.
#[derive(Debug)]
pub enum Input<C> {
    /// A command, with the host's ticket for the answer.
    Command(u64, Box<Submission<C>>),
    /// The events asked for by [`Output::Load`], from the version after the one it named, in order; `more` when
    /// further events may follow. `None` when the log does not answer.
    Loaded(Option<Loaded>),
    /// The answer to [`Output::Append`].
    Appended(Result<Vec<ItemAnswer>, AppendFailure>),
    /// The answer to [`Output::LookUp`]; `Err` when the log does not answer.
    LookedUp(u64, Result<Option<FirstAnswer>, AppendFailure>),
}

/// A page of a stream.
#[derive(Debug)]
pub struct Loaded {
    /// In order of version.
    pub events: Vec<Arc<Envelope>>,
    /// Whether further events may follow.
    pub more: bool,
}

/// What the host does for the shell, in order.
#[derive(Debug)]
pub enum Output<R> {
    /// Read the stream after this version, and answer with [`Input::Loaded`].
    Load {
        /// The last version that is known.
        after_version: u64,
    },
    /// Append, and answer with [`Input::Appended`].
    Append(Append),
    /// Ask the log whether the key of a command that is rejected, or changes nothing, was committed before; answer
    /// with [`Input::LookedUp`].
    LookUp(u64, KeyedCommand),
    /// Answer the command with this ticket.
    Reply(u64, Answer<R>),
    /// Tell these accounts of what was committed, before anybody is answered.
    Publish(Vec<Arc<Envelope>>, Vec<AccountId>),
    /// Stop: state can no longer be trusted. The next command starts a new shell from the log.
    Stop(StopReason),
}

/// Why a shell stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The outcome of an append is unknown.
    UnknownOutcome,
    /// The log does not answer.
    LogUnavailable,
    /// The stream holds an event that this program cannot read.
    Unreadable(UnreadableEvent),
    /// The stream has a hole.
    Gap {
        /// The version that should have come.
        expected: u64,
        /// The version that came.
        found: u64,
    },
}
