//! The contract of a vault that is copied into.

use palabre_events::{AccountId, KeyId};
use uuid::Uuid;

use super::{at, session, somebody};
use crate::vault::copy::{Copied, copy};
use crate::vault::open::{self, VaultUrl};
use crate::vault::{Admission, KeyMaterial, KeyState, PasswordHash, Person, Role, Roles, TokenHash};

pub(super) async fn hold(one: &VaultUrl, other: &VaultUrl) {
    a_copy_never_brings_back_what_its_target_has_ended(one).await;
    a_copy_that_was_interrupted_is_nobodys_and_begun_anew(other).await;
}

/// A vault with everything that is copied.
struct Original {
    url: VaultUrl,
    anna: Person,
    signed_in: TokenHash,
    sealing: KeyId,
    material: KeyMaterial,
    _folder: tempfile::TempDir,
}

async fn original() -> Original {
    let folder = tempfile::tempdir().unwrap();
    let url = VaultUrl::Sqlite(folder.path().join("original.db"));
    let vault = open::open(&url).unwrap();
    let (anna, material) =
        (Person { password: Some(PasswordHash("old".to_owned())), ..somebody() }, KeyMaterial::generate());
    let (signed_in, session) = session(anna.account, at(0));
    let sealing = KeyId::Person(anna.account);
    assert_eq!(vault.admit(anna.clone()).await, Ok(Admission::Admitted));
    vault.grant_role(anna.account, Role::Admin).await.unwrap();
    vault.open_session(signed_in, session).await.unwrap();
    vault.ensure_keys(vec![(sealing, material.clone())]).await.unwrap();
    vault.destroy_key(KeyId::Person(AccountId(Uuid::from_u128(7))), at(0)).await.unwrap();
    Original { url, anna, signed_in, sealing, material, _folder: folder }
}

async fn copy_into(original: &Original, url: &VaultUrl) -> anyhow::Result<Copied> {
    copy(&*open::original(&original.url)?, &*open::target(url)?, at(1)).await
}

async fn a_copy_never_brings_back_what_its_target_has_ended(url: &VaultUrl) {
    let original = original().await;
    let copied = copy_into(&original, url).await.unwrap();
    assert_eq!(copied, Copied { keys: 1, destroyed: 1, people: 1, sessions: 1 });
    let target = open::open(url).unwrap();
    let anna = original.anna.account;
    assert_eq!(target.person(anna).await, Ok(Some(original.anna.clone())));
    assert!(target.roles(anna).await.unwrap().admin);
    assert!(target.session(original.signed_in).await.unwrap().is_some());
    assert_eq!(target.key_now(original.sealing), Ok(KeyState::Held(original.material.clone())));

    target.revoke_role(anna, Role::Admin).await.unwrap();
    target.set_password(anna, PasswordHash("new".to_owned()), None).await.unwrap();
    target.destroy_key(original.sealing, at(2)).await.unwrap();
    let refused = copy_into(&original, url).await.unwrap_err().to_string();
    assert!(refused.contains("there is a vault already"), "{refused}");
    assert_eq!(target.roles(anna).await, Ok(Roles::default()));
    assert_eq!(target.session(original.signed_in).await, Ok(None));
    assert_eq!(target.person(anna).await.unwrap().unwrap().password, Some(PasswordHash("new".to_owned())));
    assert_eq!(target.key_now(original.sealing), Ok(KeyState::Destroyed));
}

async fn a_copy_that_was_interrupted_is_nobodys_and_begun_anew(url: &VaultUrl) {
    let original = original().await;
    let (anna, vault) = (original.anna.account, open::open(&original.url).unwrap());
    // As far as copying the roles.
    let begun = open::target(url).unwrap();
    assert_eq!(begun.begin_copy().await, Ok(true));
    begun.ensure_keys(vec![(original.sealing, original.material.clone())]).await.unwrap();
    begun.admit(original.anna.clone()).await.unwrap();
    begun.grant_role(anna, Role::Admin).await.unwrap();
    drop(begun);
    for refused in [open::open(url).map(drop), open::original(url).map(drop)] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("unfinished copy"), "{refused}");
    }

    vault.revoke_role(anna, Role::Admin).await.unwrap();
    vault.end_sessions(anna, None).await.unwrap();
    vault.destroy_key(original.sealing, at(2)).await.unwrap();
    let copied = copy_into(&original, url).await.unwrap();
    assert_eq!(copied, Copied { keys: 0, destroyed: 2, people: 1, sessions: 0 });
    let target = open::open(url).unwrap();
    assert_eq!(target.roles(anna).await, Ok(Roles::default()));
    assert_eq!(target.session(original.signed_in).await, Ok(None));
    assert_eq!(target.key_now(original.sealing), Ok(KeyState::Destroyed));
    assert_eq!(target.destroyed_head(), Ok(2));
}
