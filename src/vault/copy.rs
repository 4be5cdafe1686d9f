//! Copying a vault into another: with its log, from one machine to many and back.
//!
//! Keys, destroyed keys, people, roles and open sessions are copied; links to reset a password, mail that waits and leases are
//! not, they would be over by then. A copy goes into an empty vault, so that it brings back nothing that the target has ended since
//! it came into use. One that was interrupted is begun anew; until it is complete, nobody else can open it.

use futures_util::future::BoxFuture;
use palabre_events::{AccountId, KeyId, Timestamp};

use super::keys::DESTROYED_PER_CALL_MAX;
use super::{Admission, Answer, KeyMaterial, KeyState, Person, Role, Session, TokenHash, Vault, VaultFailure};

/// The most rows that one call of an [`Original`] answers.
pub const ROWS_PER_CALL_MAX: usize = 512;

/// A vault that can be copied: it tells all that is in it, page by page, at most [`ROWS_PER_CALL_MAX`] rows each.
pub trait Original: Vault {
    /// The keys behind `after`, in the order of their names.
    fn keys_behind(&self, after: Option<KeyId>) -> Answer<Vec<(KeyId, KeyMaterial)>>;

    /// The people behind `after`, in the order of their accounts.
    fn people_behind(&self, after: Option<AccountId>) -> Answer<Vec<Person>>;

    /// The sessions behind `after`, in the order of their tokens' hashes.
    fn sessions_behind(&self, after: Option<TokenHash>) -> Answer<Vec<(TokenHash, Session)>>;
}

/// A vault that can be copied into.
pub trait Target: Vault {
    /// Begins a copy: what an unfinished one left is dropped. Says false, and changes nothing, when anything else is
    /// there.
    fn begin_copy(&self) -> Answer<bool>;

    /// Declares the copy complete: from now on it is a vault as any other.
    fn finish_copy(&self) -> Answer<()>;
}

/// What whoever opens an unfinished copy is told.
pub(super) fn unfinished() -> VaultFailure {
    VaultFailure::Damaged("it is an unfinished copy; finish it with `palabre copy vault`".to_owned())
}

/// What is in a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Keys that open something.
    pub keys: u64,
    /// Keys that were destroyed, and are so there too.
    pub destroyed: u64,
    /// People, with their roles.
    pub people: u64,
    /// Sessions that are open.
    pub sessions: u64,
}

/// Copies `original`, which nobody uses meanwhile, into `target`. `now` tells which sessions are open.
pub async fn copy(original: &dyn Original, target: &dyn Target, now: Timestamp) -> anyhow::Result<Copied> {
    anyhow::ensure!(target.begin_copy().await?, "there is a vault already; copy into an empty place");
    let copied = Copied {
        // First, so that no key of the copy is one that was destroyed.
        destroyed: copy_destroyed(original, target, now).await?,
        keys: copy_keys(original, target).await?,
        people: copy_people(original, target).await?,
        sessions: copy_sessions(original, target, now).await?,
    };
    target.finish_copy().await?;
    Ok(copied)
}

async fn copy_destroyed(original: &dyn Original, target: &dyn Target, now: Timestamp) -> anyhow::Result<u64> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = original.destroyed_after(after)?;
        for destroyed in &page {
            target.destroy_key(destroyed.id, now).await?;
            after = destroyed.sequence;
        }
        count += page.len() as u64;
        if page.len() < DESTROYED_PER_CALL_MAX {
            return Ok(count);
        }
    }
}

async fn copy_keys(original: &dyn Original, target: &dyn Target) -> anyhow::Result<u64> {
    each_page(
        |after: Option<(KeyId, KeyMaterial)>| original.keys_behind(after.map(|(id, _)| id)),
        async |page| {
            for ((id, material), state) in page.iter().zip(target.ensure_keys(page.clone()).await?) {
                anyhow::ensure!(
                    state == KeyState::Held(material.clone()),
                    "the target was written to meanwhile: it has another key {id}"
                );
            }
            Ok(page.len() as u64)
        },
    )
    .await
}

async fn copy_people(original: &dyn Original, target: &dyn Target) -> anyhow::Result<u64> {
    each_page(
        |after: Option<Person>| original.people_behind(after.map(|person| person.account)),
        async |page| {
            for person in &page {
                let admitted = target.admit(person.clone()).await? == Admission::Admitted;
                anyhow::ensure!(admitted, "the target was written to meanwhile: {} is there already", person.account);
                let roles = original.roles(person.account).await?;
                for (role, held) in [(Role::Support, roles.support), (Role::Admin, roles.admin)] {
                    if held {
                        target.grant_role(person.account, role).await?;
                    }
                }
            }
            Ok(page.len() as u64)
        },
    )
    .await
}

async fn copy_sessions(original: &dyn Original, target: &dyn Target, now: Timestamp) -> anyhow::Result<u64> {
    each_page(
        |after: Option<(TokenHash, Session)>| original.sessions_behind(after.map(|(token, _)| token)),
        async |page| {
            let mut open = 0;
            for (token, session) in page.into_iter().filter(|(_, session)| session.expires_at > now) {
                target.open_session(token, session).await?;
                open += 1;
            }
            Ok(open)
        },
    )
    .await
}

/// Has `take` take every page that `ask` answers, each asked for behind the last row of the one before, and sums up
/// what it counts.
async fn each_page<T: Clone>(
    ask: impl Fn(Option<T>) -> BoxFuture<'static, Result<Vec<T>, VaultFailure>>,
    take: impl AsyncFn(Vec<T>) -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    let (mut count, mut last) = (0, None);
    loop {
        let page = ask(last).await?;
        last = page.last().cloned();
        if last.is_none() {
            return Ok(count);
        }
        count += take(page).await?;
    }
}
