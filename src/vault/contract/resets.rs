//! The contract of password resets.

use futures_util::future::join_all;
use std::sync::Arc;

use super::{at, session, somebody};
use crate::vault::{PasswordHash, Token, Vault};

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    a_reset_works_once_and_ends_all_sessions(vault).await;
    a_reset_is_over_at_its_time(vault).await;
    a_new_reset_replaces_the_last(vault).await;
    one_of_many_who_redeem_at_once_succeeds(vault).await;
}

fn password(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

async fn a_reset_works_once_and_ends_all_sessions(vault: &Arc<dyn Vault>) {
    let (anna, reset) = (somebody(), Token::generate().hash());
    let (token, session) = session(anna.account, at(0));
    vault.admit(anna.clone()).await.unwrap();
    vault.open_session(token, session).await.unwrap();
    assert_eq!(vault.redeem_reset(reset, password("none"), at(0)).await, Ok(None));
    vault.keep_reset(anna.account, reset, at(100)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(vault.reset_holder(reset, at(99)).await.unwrap().unwrap().account, anna.account);
    }
    let redeemed = vault.redeem_reset(reset, password("new"), at(99)).await.unwrap().unwrap();
    assert_eq!(redeemed.account, anna.account);
    assert_eq!(redeemed.ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [session.id]);
    assert_eq!(vault.redeem_reset(reset, password("again"), at(99)).await, Ok(None));
    assert_eq!(vault.person(anna.account).await.unwrap().unwrap().password, Some(password("new")));
    assert_eq!(vault.session(token).await, Ok(None));
}

async fn a_reset_is_over_at_its_time(vault: &Arc<dyn Vault>) {
    let (anna, reset) = (somebody(), Token::generate().hash());
    vault.admit(anna.clone()).await.unwrap();
    vault.keep_reset(anna.account, reset, at(100)).await.unwrap();
    assert_eq!(vault.reset_holder(reset, at(100)).await, Ok(None));
    assert_eq!(vault.redeem_reset(reset, password("late"), at(100)).await, Ok(None));
    assert_eq!(vault.person(anna.account).await, Ok(Some(anna)));
}

async fn a_new_reset_replaces_the_last(vault: &Arc<dyn Vault>) {
    let (anna, first, second) = (somebody(), Token::generate().hash(), Token::generate().hash());
    vault.admit(anna.clone()).await.unwrap();
    for token in [first, second] {
        vault.keep_reset(anna.account, token, at(100)).await.unwrap();
    }
    assert_eq!(vault.redeem_reset(first, password("first"), at(1)).await, Ok(None));
    assert!(vault.redeem_reset(second, password("second"), at(1)).await.unwrap().is_some());
}

async fn one_of_many_who_redeem_at_once_succeeds(vault: &Arc<dyn Vault>) {
    let (anna, reset) = (somebody(), Token::generate().hash());
    vault.admit(anna.clone()).await.unwrap();
    vault.keep_reset(anna.account, reset, at(100)).await.unwrap();
    let answers = join_all((0..20).map(|_| vault.redeem_reset(reset, password("new"), at(1)))).await;
    assert_eq!(answers.into_iter().filter(|answer| answer.as_ref().unwrap().is_some()).count(), 1);
}
