//! The port for sessions: who is signed in, known by the hash of a token.
//!
//! When a session ends for lack of use is judged in `accounts`; here times are only kept.

use palabre_events::{AccountId, Timestamp};
use std::fmt;
use uuid::Uuid;

use super::{Answer, Roles, TokenHash};

/// Sessions of one account; when a further one opens, the one unused for longest ends.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 50;

/// The most endings that one [`Sessions::endings_after`] answers.
pub const ENDINGS_PER_CALL_MAX: usize = 1024;

/// The sessions of a vault.
pub trait Sessions: Send + Sync + 'static {
    /// Opens a session, known by `token`'s hash from now on. Answers the account's sessions that gave way to it
    /// ([`SESSIONS_PER_ACCOUNT_MAX`]); sessions of anybody that expired before it was made are forgotten.
    fn open_session(&self, token: TokenHash, session: Session) -> Answer<Vec<EndedSession>>;

    /// The session with that token, and what its account may do; also when it has expired.
    fn session(&self, token: TokenHash) -> Answer<Option<(Session, Roles)>>;

    /// Notes that a session was used. Changes nothing when it has ended.
    fn touch_session(&self, id: SessionId, last_seen_at: Timestamp, expires_at: Timestamp) -> Answer<()>;

    /// The account's sessions, last used first.
    fn sessions(&self, account: AccountId) -> Answer<Vec<Session>>;

    /// Ends a session if it is the account's; answers it, or `None` when there is none.
    fn end_session(&self, account: AccountId, id: SessionId) -> Answer<Option<EndedSession>>;

    /// Ends all sessions of the account except `keep`; answers those that ended.
    fn end_sessions(&self, account: AccountId, keep: Option<SessionId>) -> Answer<Vec<EndedSession>>;

    /// The sessions of anybody that ended before their time after `sequence`, whoever ended them, on whichever node;
    /// in order, at most [`ENDINGS_PER_CALL_MAX`]. Sequences are dense and nothing is added before what was answered;
    /// endings are kept for an hour at least, so whoever finds a gap has missed some. A vault that was restored may know
    /// fewer than it has told of.
    fn endings_after(&self, sequence: u64) -> Answer<Endings>;

    /// The sequence of the session that ended last, 0 when none did.
    fn endings_head(&self) -> Answer<u64>;
}

/// Names a session. Public: it is no secret and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.0)
    }
}

/// Somebody signed in, on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Who.
    pub account: AccountId,
    /// Since when.
    pub made_at: Timestamp,
    /// When it was last used; coarse, so that reading does not write.
    pub last_seen_at: Timestamp,
    /// From when on it is over.
    pub expires_at: Timestamp,
}

/// A session that has ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Which.
    pub id: SessionId,
    /// The hash of its token.
    pub token: TokenHash,
}

/// That a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its place among the endings, dense from 1.
    pub sequence: u64,
    /// Whose session it was.
    pub account: AccountId,
    /// Which.
    pub session: EndedSession,
}

/// A part of the list of endings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endings {
    /// The sequence of the last one there is, asked for or not; 0 when there is none.
    pub head: u64,
    /// Those that were asked for, in order.
    pub page: Vec<Ending>,
}
