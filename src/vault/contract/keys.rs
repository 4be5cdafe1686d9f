//! The contract of data keys.

use futures_util::future::join_all;
use palabre_events::{AccountId, ConversationId, KeyId};
use std::sync::Arc;
use uuid::Uuid;

use super::at;
use crate::vault::{KeyMaterial, KeyState, Vault};

fn key(n: u128) -> KeyId {
    KeyId::Person(AccountId(Uuid::from_u128(n)))
}

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    a_key_is_made_once_and_fetched_in_order(vault).await;
    all_who_make_one_key_at_once_get_the_same(vault).await;
    a_destroyed_key_is_told_from_one_never_made_and_never_comes_back(vault).await;
    destroyed_keys_are_listed_in_order(vault).await;
    many_keys_are_made_at_once(vault).await;
}

async fn a_key_is_made_once_and_fetched_in_order(vault: &Arc<dyn Vault>) {
    let talk = KeyId::Conversation(ConversationId(Uuid::from_u128(1)));
    let (first, second) = (KeyMaterial::generate(), KeyMaterial::generate());
    let made = vault.ensure_keys(vec![(key(1), first.clone()), (talk, second.clone())]).await;
    assert_eq!(made, Ok(vec![KeyState::Held(first.clone()), KeyState::Held(second.clone())]));
    let again = vault.ensure_keys(vec![(key(1), KeyMaterial::generate())]).await;
    assert_eq!(again, Ok(vec![KeyState::Held(first.clone())]));
    let fetched = vault.keys(vec![talk, key(2), key(1)]).await;
    assert_eq!(fetched, Ok(vec![KeyState::Held(second), KeyState::NeverMade, KeyState::Held(first.clone())]));
    assert_eq!(vault.key_now(key(1)), Ok(KeyState::Held(first)));
    assert_eq!(vault.key_now(key(2)), Ok(KeyState::NeverMade));
}

async fn all_who_make_one_key_at_once_get_the_same(vault: &Arc<dyn Vault>) {
    let made = join_all((0..50).map(|_| vault.ensure_keys(vec![(key(10), KeyMaterial::generate())]))).await;
    let winner = vault.keys(vec![key(10)]).await;
    assert!(matches!(winner.as_deref(), Ok([KeyState::Held(_)])));
    assert!(made.iter().all(|answer| *answer == winner));
}

async fn a_destroyed_key_is_told_from_one_never_made_and_never_comes_back(vault: &Arc<dyn Vault>) {
    let made = vault.ensure_keys(vec![(key(20), KeyMaterial::generate())]).await;
    assert!(matches!(made.as_deref(), Ok([KeyState::Held(_)])));
    // One that was never made can be destroyed too, and then never will be.
    for id in [key(20), key(20), key(21)] {
        assert_eq!(vault.destroy_key(id, at(0)).await, Ok(()));
    }
    for id in [key(20), key(21)] {
        assert_eq!(vault.ensure_keys(vec![(id, KeyMaterial::generate())]).await, Ok(vec![KeyState::Destroyed]));
        assert_eq!(vault.keys(vec![id]).await, Ok(vec![KeyState::Destroyed]));
        assert_eq!(vault.key_now(id), Ok(KeyState::Destroyed));
    }
    assert_eq!(vault.key_now(key(22)), Ok(KeyState::NeverMade));
}

async fn destroyed_keys_are_listed_in_order(vault: &Arc<dyn Vault>) {
    let head = vault.destroyed_head().unwrap();
    assert_eq!(vault.destroyed_after(head), Ok(vec![]));
    for id in [key(32), key(30), key(31), key(30)] {
        vault.destroy_key(id, at(0)).await.unwrap();
    }
    let after = vault.destroyed_after(head).unwrap();
    assert_eq!(after.iter().map(|destroyed| destroyed.id).collect::<Vec<_>>(), [key(32), key(30), key(31)]);
    assert!(after.is_sorted_by_key(|destroyed| destroyed.sequence));
    assert_eq!(vault.destroyed_after(after[0].sequence), Ok(after[1..].to_vec()));
    assert_eq!(vault.destroyed_head(), Ok(after[2].sequence));
}

async fn many_keys_are_made_at_once(vault: &Arc<dyn Vault>) {
    let ids: Vec<_> = (1000..2000).map(key).collect();
    let made = join_all(ids.iter().map(|id| vault.ensure_keys(vec![(*id, KeyMaterial::generate())]))).await;
    let made: Vec<_> = made.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(vault.keys(ids).await, Ok(made));
}
