//! Copying a vault into another: with its log, from one machine to many and back.
//!
//! Keys, destroyed keys, people, roles and open sessions are copied; links to reset a password and leases are not, they
//! would be over by then. Whatever is there already stays, so that a copy which was interrupted is simply begun anew.

use futures_util::future::BoxFuture;
use palabre_events::{AccountId, KeyId, Timestamp};

use super::keys::DESTROYED_PER_CALL_MAX;
use super::{Admission, Answer, KeyMaterial, KeyState, Person, Role, Session, TokenHash, Vault};

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

/// Copies `original` into `target`, which nobody else uses meanwhile. `now` tells which sessions are open.
pub async fn copy(original: &dyn Original, target: &dyn Vault, now: Timestamp) -> anyhow::Result<Copied> {
    Ok(Copied {
        // First, so that no key of the copy is one that was destroyed.
        destroyed: copy_destroyed(original, target, now).await?,
        keys: copy_keys(original, target).await?,
        people: copy_people(original, target).await?,
        sessions: copy_sessions(original, target, now).await?,
    })
}

async fn copy_destroyed(original: &dyn Original, target: &dyn Vault, now: Timestamp) -> anyhow::Result<u64> {
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

async fn copy_keys(original: &dyn Original, target: &dyn Vault) -> anyhow::Result<u64> {
    each_page(
        |after: Option<(KeyId, KeyMaterial)>| original.keys_behind(after.map(|(id, _)| id)),
        async |page| {
            for ((id, material), state) in page.iter().zip(target.ensure_keys(page.clone()).await?) {
                anyhow::ensure!(state == KeyState::Held(material.clone()), "the target has another key {id}");
            }
            Ok(page.len() as u64)
        },
    )
    .await
}

async fn copy_people(original: &dyn Original, target: &dyn Vault) -> anyhow::Result<u64> {
    each_page(
        |after: Option<Person>| original.people_behind(after.map(|person| person.account)),
        async |page| {
            for person in &page {
                if let Admission::Taken(there) = target.admit(person.clone()).await? {
                    let same = there.account == person.account && there.email == person.email;
                    anyhow::ensure!(same, "the target has another person instead of {}", person.account);
                }
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

async fn copy_sessions(original: &dyn Original, target: &dyn Vault, now: Timestamp) -> anyhow::Result<u64> {
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
    ask: impl Fn(Option<T>) -> BoxFuture<'static, Result<Vec<T>, super::VaultFailure>>,
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
