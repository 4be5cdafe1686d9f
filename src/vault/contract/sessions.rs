//! The contract of sessions.

use std::sync::Arc;

use super::{at, session, somebody};
use crate::vault::sessions::SESSIONS_PER_ACCOUNT_MAX;
use crate::vault::{EndedSession, Ending, Endings, PasswordHash, Role, Roles, Session, SessionId, Token, Vault};

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    a_session_is_found_by_its_token_with_its_roles(vault).await;
    using_a_session_moves_its_end(vault).await;
    a_session_ends_only_for_its_own_account(vault).await;
    all_sessions_of_an_account_end_but_the_kept_one(vault).await;
    the_session_unused_for_longest_gives_way(vault).await;
    expired_sessions_are_forgotten_when_another_opens(vault).await;
    every_ending_is_told_in_order_and_an_expiry_is_none(vault).await;
}

async fn a_session_is_found_by_its_token_with_its_roles(vault: &Arc<dyn Vault>) {
    let anna = somebody().account;
    let (token, session) = session(anna, at(0));
    assert_eq!(vault.session(token).await, Ok(None));
    for _ in 0..2 {
        assert_eq!(vault.open_session(token, session).await, Ok(vec![]));
    }
    assert_eq!(vault.session(token).await, Ok(Some((session, Roles::default()))));
    vault.grant_role(anna, Role::Support).await.unwrap();
    assert_eq!(vault.session(token).await, Ok(Some((session, Roles { support: true, admin: false }))));
    assert_eq!(vault.session(Token::generate().hash()).await, Ok(None));
}

async fn using_a_session_moves_its_end(vault: &Arc<dyn Vault>) {
    let (token, session) = session(somebody().account, at(0));
    vault.open_session(token, session).await.unwrap();
    vault.touch_session(session.id, at(500), at(1500)).await.unwrap();
    let moved = Session { last_seen_at: at(500), expires_at: at(1500), ..session };
    assert_eq!(vault.session(token).await.unwrap().unwrap().0, moved);
    vault.end_session(session.account, session.id).await.unwrap();
    vault.touch_session(session.id, at(600), at(1600)).await.unwrap();
    assert_eq!(vault.session(token).await, Ok(None));
}

async fn a_session_ends_only_for_its_own_account(vault: &Arc<dyn Vault>) {
    let (token, session) = session(somebody().account, at(0));
    vault.open_session(token, session).await.unwrap();
    assert_eq!(vault.end_session(somebody().account, session.id).await, Ok(None));
    let ended = EndedSession { id: session.id, token };
    assert_eq!(vault.end_session(session.account, session.id).await, Ok(Some(ended)));
    assert_eq!(vault.end_session(session.account, session.id).await, Ok(None));
    assert_eq!(vault.session(token).await, Ok(None));
}

async fn all_sessions_of_an_account_end_but_the_kept_one(vault: &Arc<dyn Vault>) {
    let (anna, ben) = (somebody().account, somebody().account);
    let [old, young, bens] = [(anna, at(0)), (anna, at(1)), (ben, at(0))].map(|(who, made_at)| session(who, made_at));
    for (token, session) in [old, young, bens] {
        vault.open_session(token, session).await.unwrap();
    }
    assert_eq!(vault.sessions(anna).await, Ok(vec![young.1, old.1]), "last used first");
    let ended_old = EndedSession { id: old.1.id, token: old.0 };
    assert_eq!(vault.end_sessions(anna, Some(young.1.id)).await, Ok(vec![ended_old]));
    let ended_young = EndedSession { id: young.1.id, token: young.0 };
    assert_eq!(vault.end_sessions(anna, None).await, Ok(vec![ended_young]));
    assert_eq!(vault.end_sessions(anna, None).await, Ok(vec![]));
    assert_eq!(vault.sessions(ben).await, Ok(vec![bens.1]));
}

async fn the_session_unused_for_longest_gives_way(vault: &Arc<dyn Vault>) {
    let anna = somebody().account;
    let mut opened: Vec<SessionId> = Vec::new();
    for n in 0..=SESSIONS_PER_ACCOUNT_MAX {
        let (token, session) = session(anna, at(n as i64));
        let ended = vault.open_session(token, session).await.unwrap();
        let expected = if n == SESSIONS_PER_ACCOUNT_MAX { vec![opened[1]] } else { vec![] };
        assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), expected);
        opened.push(session.id);
        if n == 1 {
            vault.touch_session(opened[0], at(900), at(2000)).await.unwrap();
        }
    }
    assert_eq!(vault.sessions(anna).await.unwrap().len(), SESSIONS_PER_ACCOUNT_MAX);
}

async fn expired_sessions_are_forgotten_when_another_opens(vault: &Arc<dyn Vault>) {
    let (anna, ben) = (somebody().account, somebody().account);
    let (old, new) = (session(anna, at(10_000)), session(ben, at(11_000)));
    vault.open_session(old.0, old.1).await.unwrap();
    assert!(vault.session(old.0).await.unwrap().is_some());
    vault.open_session(new.0, new.1).await.unwrap();
    assert_eq!(vault.session(old.0).await, Ok(None));
}

async fn every_ending_is_told_in_order_and_an_expiry_is_none(vault: &Arc<dyn Vault>) {
    let head = vault.endings_head().await.unwrap();
    assert_eq!(vault.endings_after(head).await, Ok(Endings { head, page: vec![] }));
    let anna = somebody().account;
    let [one, two, three] = [0, 1, 2].map(|at_s| session(anna, at(at_s)));
    for (token, session) in [one, two, three] {
        vault.open_session(token, session).await.unwrap();
    }
    vault.end_session(anna, one.1.id).await.unwrap();
    vault.end_session(anna, one.1.id).await.unwrap();
    vault.end_sessions(anna, Some(three.1.id)).await.unwrap();
    vault.set_password(anna, PasswordHash("$argon2id$new".to_owned()), None).await.unwrap();
    let Endings { head: now_head, page: endings } = vault.endings_after(head).await.unwrap();
    assert_eq!(now_head, head + 3);
    let expected = [one, two, three].map(|(token, session)| EndedSession { id: session.id, token });
    assert_eq!(endings.iter().map(|ending| ending.session).collect::<Vec<_>>(), expected);
    assert!(endings.iter().zip(head + 1..).all(|(ending, due)| ending.sequence == due && ending.account == anna));
    assert_eq!(vault.endings_head().await, Ok(head + 3));
    assert_eq!(vault.endings_after(head + 1).await, Ok(Endings { head: head + 3, page: endings[1..].to_vec() }));
    let ahead = vault.endings_after(head + 9).await;
    assert_eq!(ahead, Ok(Endings { head: head + 3, page: vec![] }), "it knows fewer than were told of");

    let (expired, later) = (session(anna, at(20_000)), session(anna, at(30_000)));
    vault.open_session(expired.0, expired.1).await.unwrap();
    vault.open_session(later.0, later.1).await.unwrap();
    assert_eq!(vault.endings_head().await, Ok(head + 3), "whoever holds an expired session knows when it ends");
    let gave_way: Vec<Ending> = {
        for n in 0..SESSIONS_PER_ACCOUNT_MAX {
            let (token, session) = session(anna, at(30_001 + n as i64));
            vault.open_session(token, session).await.unwrap();
        }
        vault.endings_after(head + 3).await.unwrap().page
    };
    assert_eq!(gave_way.iter().map(|ending| ending.session.id).collect::<Vec<_>>(), [later.1.id]);
}
