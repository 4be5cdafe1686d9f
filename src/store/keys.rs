//! How long the keys of commands are kept, in every log: longer than the edge accepts them, so that a command that is
//! accepted always meets the first answer to its key. Forgetting the others is each adapter's own affair.

use palabre_events::{CommandKey, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// How long a key is kept, from the time that it carries.
pub const KEPT_S: i64 = 31 * 24 * 3600;
/// The most keys that are looked at in one step of forgetting.
pub(super) const STEP: usize = 2000;
/// Between two passes through the old keys.
pub(super) const PASS_EVERY: Duration = Duration::from_secs(3600);

/// Keys that were made earlier need not be kept.
pub(super) fn oldest_kept(now: Timestamp) -> Timestamp {
    now.plus_seconds(-KEPT_S)
}

/// Whether `key` may still come back. One that carries no time always may.
pub(super) fn is_kept(key: CommandKey, oldest_kept: Timestamp) -> bool {
    key.made_at().is_none_or(|made_at| made_at >= oldest_kept)
}

/// Behind every key, in their order, whose first bytes tell a time before `oldest_kept`.
pub(super) fn behind_old_ones(oldest_kept: Timestamp) -> Uuid {
    Uuid::from_u128(u128::try_from(oldest_kept.as_millis()).unwrap_or(0) << 80)
}
