//! Sessions: who asks, checked on use; ending them.
//!
//! A session ends when it was not used for [`IDLE_S`], when it is [`AGE_S_MAX`] old, or when somebody ends it. What the
//! vault said is believed for [`BELIEVED_MS`], so a session ended on another node is over here a second later. That
//! nobody has ended it is believed for [`BELIEVED_FOLLOWING_MS`] while the vault's list of endings is followed to its
//! end, at least once in [`BELIEVED_MS`]: so a socket whose owner says something now and then asks nothing.

use lru::LruCache;
use palabre_events::{AccountId, Timestamp};
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{AccountRefusal, Accounts};
use crate::vault::{Roles, Session, SessionId, TokenHash};

/// After how long without use a session is over: 30 days.
pub const IDLE_S: i64 = 30 * 24 * 3600;
/// How old a session may become: half a year.
pub const AGE_S_MAX: i64 = 183 * 24 * 3600;
/// For how long what the vault said of a session is believed.
const BELIEVED_MS: i64 = 1_000;
/// For how long it is believed that a session goes on, while all endings are heard of.
const BELIEVED_FOLLOWING_MS: i64 = 60_000;
/// How coarse the time of last use is: an hour, so that reading hardly ever writes.
const LAST_SEEN_S: i64 = 3600;
/// Sessions that are remembered, whether or not they are still believed; for more, those unused for longest are
/// forgotten.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// The account.
    pub account: AccountId,
    /// In which session.
    pub session: SessionId,
    /// What the account may do beyond its own affairs.
    pub roles: Roles,
    /// When the session is over unless it is used before.
    pub expires_at: Timestamp,
}

impl Accounts {
    /// Whether the session of this token goes on. Cheaper than [`Accounts::who`], because it tells nothing else: sockets
    /// ask at every command and at every ping.
    pub async fn is_signed_in(&self, token: TokenHash, now: Timestamp) -> Result<bool, AccountRefusal> {
        if self.cache.goes_on(token, now) {
            return Ok(true);
        }
        Ok(self.who(token, now).await?.is_some())
    }

    /// Who holds the token of this hash, or `None` when its session is over or never was. Cheap: the vault is asked
    /// about once a second.
    pub async fn who(&self, token: TokenHash, now: Timestamp) -> Result<Option<SessionInfo>, AccountRefusal> {
        if let Some(info) = self.cache.believed(token, now) {
            return Ok(Some(info));
        }
        let asked = self.cache.ask();
        let told = self.vault.session(token).await?;
        let Some((session, roles)) = told.filter(|(session, _)| session.expires_at > now) else {
            self.cache.gone(token);
            return Ok(None);
        };
        let mut expires_at = session.expires_at;
        if now.millis_since(session.last_seen_at) >= LAST_SEEN_S * 1000 {
            expires_at = end_of(session.made_at, now);
            if let Err(failure) = self.vault.touch_session(session.id, now, expires_at).await {
                tracing::warn!(%failure, "the use of a session could not be noted");
            }
        }
        let info = SessionInfo { account: session.account, session: session.id, roles, expires_at };
        self.cache.keep(token, info, now, asked);
        Ok(Some(info))
    }

    /// Whether a session with this token was opened here or went on when the vault was asked last, however long ago. No
    /// made-up token is remembered.
    pub fn remembers(&self, token: TokenHash) -> bool {
        self.cache.remembers(token)
    }

    /// Believes nothing any more of the session with this token: another node has ended it.
    pub fn forget_session(&self, token: TokenHash) {
        self.cache.forget(token);
    }

    /// Believes nothing any more of any session: some ending was missed.
    pub fn forget_sessions(&self) {
        self.cache.doubt_all();
    }

    /// Every session that had ended in the vault at `at` was forgotten.
    pub fn endings_followed(&self, at: Instant) {
        *self.cache.followed_at.lock() = Some(at);
    }

    /// The account's open sessions, last used first.
    pub async fn sessions(&self, account: AccountId, now: Timestamp) -> Result<Vec<Session>, AccountRefusal> {
        let mut sessions = self.vault.sessions(account).await?;
        sessions.retain(|session| session.expires_at > now);
        Ok(sessions)
    }

    /// Ends one session of the account; `false` when it has none of that name.
    pub async fn end_session(&self, account: AccountId, session: SessionId) -> Result<bool, AccountRefusal> {
        let ended = self.vault.end_session(account, session).await?;
        self.tell_ended(account, ended.as_slice());
        Ok(ended.is_some())
    }

    /// Signs out: ends the session that asks.
    pub async fn sign_out(&self, info: &SessionInfo) -> Result<(), AccountRefusal> {
        self.end_session(info.account, info.session).await.map(drop)
    }

    /// Signs out everywhere, or everywhere else when `keep` names a session. Answers how many ended.
    pub async fn sign_out_everywhere(
        &self,
        account: AccountId,
        keep: Option<SessionId>,
    ) -> Result<usize, AccountRefusal> {
        let ended = self.vault.end_sessions(account, keep).await?;
        self.tell_ended(account, &ended);
        Ok(ended.len())
    }
}

/// When a session that is used `now` ends.
pub(super) fn end_of(made_at: Timestamp, now: Timestamp) -> Timestamp {
    now.plus_seconds(IDLE_S).min(made_at.plus_seconds(AGE_S_MAX))
}

/// What the vault said last of each session, and those that it was not asked about since they were opened here.
pub(super) struct SessionCache {
    remembered: Mutex<LruCache<TokenHash, Remembered>>,
    endings: AtomicU64,
    /// Up to when all endings are known. Not by the clock on the wall, which may be set back meanwhile.
    followed_at: Mutex<Option<Instant>>,
}

/// What is known of a session.
#[derive(Clone, Copy)]
struct Remembered {
    info: SessionInfo,
    /// When the vault said so; none where it must be asked before any of it is believed.
    said_at: Option<Timestamp>,
}

/// When the vault was asked, by the count of endings.
#[derive(Clone, Copy)]
pub(super) struct Asked(u64);

impl SessionCache {
    pub(super) fn new() -> Self {
        let remembered = Mutex::new(LruCache::sparse(REMEMBERED_MAX));
        Self { remembered, endings: AtomicU64::new(0), followed_at: Mutex::new(None) }
    }

    /// Remembers a session that was opened just now, and believes nothing of it: only the vault knows its roles.
    pub(super) fn opened(&self, token: TokenHash, session: Session) {
        let Session { id, account, expires_at, .. } = session;
        let info = SessionInfo { account, session: id, roles: Roles::default(), expires_at };
        self.remembered.lock().put(token, Remembered { info, said_at: None });
    }

    /// Forgets a session that has ended, and what is being answered about any at this moment.
    pub(super) fn forget(&self, token: TokenHash) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        self.remembered.lock().pop(&token);
    }

    /// Believes none any more. They stay remembered: after a pause of the vault nobody is taken for a stranger.
    fn doubt_all(&self) {
        self.endings.fetch_add(1, Ordering::SeqCst);
        for (_, known) in self.remembered.lock().iter_mut() {
            known.said_at = None;
        }
    }

    /// Whether it is certain enough that the session with this token goes on.
    fn goes_on(&self, token: TokenHash, now: Timestamp) -> bool {
        // First, so that every ending that was known by then has been forgotten before the session is looked up.
        let followed_at = *self.followed_at.lock();
        let followed = followed_at.is_some_and(|at| at.elapsed() < Duration::from_millis(BELIEVED_MS as u64));
        let for_ms = if followed { BELIEVED_FOLLOWING_MS } else { BELIEVED_MS };
        self.said_within(for_ms, token, now).is_some()
    }

    fn remembers(&self, token: TokenHash) -> bool {
        self.remembered.lock().contains(&token)
    }

    /// Forgets a session that the vault does not know or that has run out. Answers about others stay good.
    fn gone(&self, token: TokenHash) {
        self.remembered.lock().pop(&token);
    }

    fn believed(&self, token: TokenHash, now: Timestamp) -> Option<SessionInfo> {
        self.said_within(BELIEVED_MS, token, now)
    }

    /// What the vault said of it not longer ago than that. A clock that was set back or forth makes it ask.
    fn said_within(&self, ms: i64, token: TokenHash, now: Timestamp) -> Option<SessionInfo> {
        let Remembered { info, said_at } = *self.remembered.lock().get(&token)?;
        let is_fresh = (0..ms).contains(&now.millis_since(said_at?));
        (is_fresh && info.expires_at > now).then_some(info)
    }

    pub(super) fn ask(&self) -> Asked {
        Asked(self.endings.load(Ordering::SeqCst))
    }

    /// Remembers what the vault said, unless a session has ended since it was asked: the answer may be older. Strangers
    /// are not remembered, so that made-up tokens push nobody out.
    pub(super) fn keep(&self, token: TokenHash, info: SessionInfo, now: Timestamp, asked: Asked) {
        let mut remembered = self.remembered.lock();
        if self.endings.load(Ordering::SeqCst) == asked.0 {
            remembered.put(token, Remembered { info, said_at: Some(now) });
        }
    }
}
