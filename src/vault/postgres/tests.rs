//! What only the vault on PostgreSQL can show, beside the contract that it shares.

use palabre_events::{AccountId, KeyId, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

use super::*;
use crate::test_postgres::PostgresServer;
use crate::vault::open::VaultUrl;
use crate::vault::{KeyMaterial, KeyState, Keys, Letters};

fn open(url: &str) -> Result<PostgresVault, OpenFailure> {
    PostgresVault::open(&Address::parse(url).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract() {
    let vault = Arc::new(open(&PostgresServer::shared().fresh_database()).unwrap());
    crate::vault::contract::holds_for(vault).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_into_it_keep_the_contract() {
    let place = || VaultUrl::Postgres(Box::new(Address::parse(&PostgresServer::shared().fresh_database()).unwrap()));
    crate::vault::contract::holds_for_copies(&place(), &place()).await;
}

#[tokio::test]
async fn nodes_share_it_and_start_it_at_once() {
    let url = PostgresServer::shared().fresh_database();
    let opened = std::thread::scope(|scope| {
        let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&url).unwrap())).collect();
        opening.into_iter().map(|vault| vault.join().unwrap()).collect::<Vec<_>>()
    });
    let (id, material) = (KeyId::Person(AccountId(Uuid::from_u128(1))), KeyMaterial::generate());
    opened[0].ensure_keys(vec![(id, material.clone())]).await.unwrap();
    assert_eq!(opened[1].key_now(id), Ok(KeyState::Held(material)));
    opened[2].destroy_key(id, Timestamp::from_seconds(1_800_000_000).unwrap()).await.unwrap();
    assert_eq!(opened[3].key_now(id), Ok(KeyState::Destroyed));
    assert_eq!(opened[0].destroyed_after(0).unwrap().len(), 1);
}

/// Whoever makes a key and whoever destroys it meet in one row: what is destroyed never comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_made_while_it_is_destroyed_stays_destroyed() {
    let vault = open(&PostgresServer::shared().fresh_database()).unwrap();
    for number in 0..50 {
        let id = KeyId::Person(AccountId(Uuid::from_u128(number)));
        let made = vault.ensure_keys(vec![(id, KeyMaterial::generate())]);
        let destroyed = vault.destroy_key(id, Timestamp::from_seconds(1_800_000_000).unwrap());
        let (made, destroyed) = tokio::join!(made, destroyed);
        assert!(made.is_ok() && destroyed.is_ok());
        assert_eq!(vault.key_now(id), Ok(KeyState::Destroyed));
    }
    let destroyed = vault.destroyed_after(0).unwrap();
    assert_eq!(destroyed.iter().map(|key| key.sequence).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
}

#[test]
fn a_schema_of_a_newer_version_is_refused() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    drop(open(&url).unwrap());
    server.sql(&url, "UPDATE palabre_vault.schema_version SET version = 99");
    let refused = open(&url).map(drop).unwrap_err().to_string();
    assert_eq!(refused, "the vault has schema 99, this palabre knows up to 3; use a newer palabre");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_of_an_earlier_version_keeps_what_it_has() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    let (id, material) = (KeyId::Person(AccountId(Uuid::from_u128(1))), KeyMaterial::generate());
    let vault = open(&url).unwrap();
    vault.ensure_keys(vec![(id, material.clone())]).await.unwrap();
    drop(vault);
    server.sql(&url, "DROP TABLE palabre_vault.letters; UPDATE palabre_vault.schema_version SET version = 2");
    let vault = open(&url).unwrap();
    assert_eq!(vault.key_now(id), Ok(KeyState::Held(material)));
    assert_eq!(vault.letters_due(Timestamp::from_seconds(0).unwrap(), 1).await, Ok(vec![]));
}
