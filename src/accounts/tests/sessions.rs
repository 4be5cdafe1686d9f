//! Sessions: who asks, and until when.

use super::super::sessions::{AGE_S_MAX, IDLE_S, SessionInfo};
use super::{AccountRefusal, HOME, PASSWORD, anna, at, place};
use crate::config::Config;
use crate::gates::{Gates, Unrecognised};
use crate::vault::{Roles, SessionId, Token, TokenHash};
use palabre_events::testing::ANNA;
use std::time::{Duration, Instant};
use uuid::Uuid;

const DAY_S: i64 = 24 * 3600;

#[actix::test]
async fn a_made_up_token_is_nobodys() {
    let place = place();
    assert_eq!(place.accounts.who(Token::generate().hash(), at(0)).await, Ok(None));
}

#[actix::test]
async fn a_session_is_over_when_it_was_not_used_for_long() {
    let place = place();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    assert!(place.accounts.who(token, at(IDLE_S - 1)).await.unwrap().is_some());
    assert!(place.accounts.who(token, at(2 * IDLE_S - 2)).await.unwrap().is_some(), "each use prolongs it");
    assert_eq!(place.accounts.who(token, at(3 * IDLE_S - 2)).await, Ok(None));
}

#[actix::test]
async fn a_session_is_over_at_its_greatest_age_however_much_it_was_used() {
    let place = place();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    for day in (10 * DAY_S..AGE_S_MAX).step_by(10 * DAY_S as usize) {
        let info = place.accounts.who(token, at(day)).await.unwrap().unwrap();
        assert!(info.expires_at <= at(AGE_S_MAX));
    }
    assert!(place.accounts.who(token, at(AGE_S_MAX - 1)).await.unwrap().is_some());
    assert_eq!(place.accounts.who(token, at(AGE_S_MAX)).await, Ok(None));
}

#[actix::test]
async fn signing_out_is_over_here_at_once_and_elsewhere_a_second_later() {
    let place = place();
    let elsewhere = place.another_node();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    let info = place.accounts.who(token, at(1)).await.unwrap().unwrap();
    assert_eq!(elsewhere.who(token, at(1)).await, Ok(Some(info)));
    let mut endings = place.accounts.endings();
    place.accounts.sign_out(&info).await.unwrap();
    let ended = endings.try_recv().unwrap();
    assert_eq!((ended.account, ended.session), (info.account, info.session));
    assert_eq!(place.accounts.who(token, at(1)).await, Ok(None));
    assert_eq!(elsewhere.who(token, at(2)).await, Ok(None));
}

#[actix::test]
async fn while_endings_are_followed_a_session_goes_on_without_the_vault_and_ends_with_them() {
    let (place, token) = (place(), Token::generate().hash());
    let cache = &place.accounts.cache;
    let info = SessionInfo {
        account: ANNA,
        session: SessionId(Uuid::nil()),
        roles: Roles::default(),
        expires_at: at(100_000),
    };
    let told = || cache.keep(token, info, at(10), cache.ask());
    // The vault does not know this session, so whoever asks it is told that it is over, and it is forgotten.
    let goes_on = async |seconds| place.accounts.is_signed_in(token, at(seconds)).await.unwrap();
    told();
    assert!(!goes_on(11).await, "nothing is known of endings");
    let followed = |ago_s| place.accounts.endings_followed(Instant::now() - Duration::from_secs(ago_s));
    told();
    followed(0);
    assert!(goes_on(60).await);
    followed(1);
    assert!(!goes_on(60).await, "endings were not looked at for a second");
    followed(0);
    told();
    assert!(!goes_on(9).await, "the clock was set back");
    told();
    assert!(!goes_on(71).await, "the vault is asked now and then in any case");
    told();
    assert!(goes_on(60).await);
    place.accounts.forget_session(token);
    assert!(!goes_on(60).await, "it was ended");
    told();
    assert!(goes_on(60).await);
    place.accounts.forget_sessions();
    assert!(place.accounts.remembers(token), "who was signed in is no stranger for that");
    assert!(!goes_on(60).await, "an ending was missed");
}

#[actix::test]
async fn an_answer_that_was_under_way_when_a_session_ended_is_not_believed_after() {
    let place = place();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    let cache = &place.accounts.cache;
    let asked = cache.ask();
    let info = place.accounts.who(token, at(1)).await.unwrap().unwrap();
    place.accounts.sign_out(&info).await.unwrap();
    cache.keep(token, info, at(1), asked);
    assert_eq!(place.accounts.who(token, at(1)).await, Ok(None));
}

#[actix::test]
async fn a_clock_that_was_set_back_does_not_prolong_belief() {
    let place = place();
    let elsewhere = place.another_node();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    let info = elsewhere.who(token, at(100)).await.unwrap().unwrap();
    place.accounts.sign_out(&info).await.unwrap();
    assert_eq!(elsewhere.who(token, at(50)).await, Ok(None));
}

#[actix::test]
async fn signing_out_everywhere_can_spare_the_session_that_asks() {
    let place = place();
    let here = place.sign_up(&anna()).await.unwrap();
    for _ in 0..2 {
        place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap();
    }
    let sessions = place.accounts.sessions(here.account, at(2)).await.unwrap();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions[2].id, here.session.id, "last used first");
    assert_eq!(place.accounts.sign_out_everywhere(here.account, Some(here.session.id)).await, Ok(2));
    assert!(place.accounts.who(here.token.hash(), at(2)).await.unwrap().is_some());
    assert_eq!(place.accounts.sign_out_everywhere(here.account, None).await, Ok(1));
    assert_eq!(place.accounts.who(here.token.hash(), at(2)).await, Ok(None));
    assert_eq!(place.accounts.sessions(here.account, at(2)).await, Ok(vec![]));
}

#[actix::test]
async fn one_session_is_ended_by_name_and_only_by_its_own_account() {
    let place = place();
    let here = place.sign_up(&anna()).await.unwrap();
    let there = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap();
    let stranger = palabre_events::AccountId(uuid::Uuid::from_u128(9));
    assert_eq!(place.accounts.end_session(stranger, there.session.id).await, Ok(false));
    assert_eq!(place.accounts.end_session(here.account, SessionId(uuid::Uuid::nil())).await, Ok(false));
    assert_eq!(place.accounts.end_session(here.account, there.session.id).await, Ok(true));
    assert_eq!(place.accounts.who(there.token.hash(), at(2)).await, Ok(None));
}

/// Gates that let one stranger of an address in each second, and ten at once.
fn narrow_gates() -> Gates {
    Gates::new(&Config { requests_per_s: 1, ..Config::default() })
}

fn made_up() -> TokenHash {
    Token::generate().hash()
}

#[actix::test]
async fn made_up_tokens_beyond_the_limit_of_their_address_are_refused_without_the_vault() {
    let (place, gates, begun) = (place(), narrow_gates(), Instant::now());
    place.lose_sessions();
    let mut asked_vault = 0;
    for _ in 0..40 {
        match gates.recognise(&place.accounts, Some(made_up()), HOME, at(0)).await {
            Err(Unrecognised::Refused(AccountRefusal::Unavailable)) => asked_vault += 1,
            Err(Unrecognised::TooFast(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((10..=11 + begun.elapsed().as_secs()).contains(&asked_vault), "{asked_vault} questions");
}

#[actix::test]
async fn whoever_is_remembered_gets_through_where_strangers_of_their_address_do_not() {
    let (place, gates) = (place(), narrow_gates());
    let asks = async |token, seconds| gates.recognise(&place.accounts, Some(token), HOME, at(seconds)).await;
    while asks(made_up(), 0).await.is_ok() {}
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    assert!(asks(token, 0).await.unwrap().is_some(), "whoever has just signed in");
    for minutes in 1..5 {
        assert!(asks(token, minutes * 60).await.unwrap().is_some(), "what the vault said is believed for a second");
    }
}

#[actix::test]
async fn people_whom_a_node_does_not_remember_leave_the_room_of_strangers_to_others() {
    let (place, gates) = (place(), narrow_gates());
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    for _ in 0..40 {
        place.accounts.forget_session(token);
        assert!(gates.recognise(&place.accounts, Some(token), HOME, at(0)).await.unwrap().is_some());
    }
}

#[actix::test]
async fn a_session_that_is_over_is_a_stranger_s() {
    let place = place();
    let elsewhere = place.another_node();
    let token = place.sign_up(&anna()).await.unwrap().token.hash();
    assert!(!elsewhere.remembers(token), "it was never asked for here");
    let info = elsewhere.who(token, at(1)).await.unwrap().unwrap();
    place.accounts.sign_out(&info).await.unwrap();
    assert!(elsewhere.remembers(token), "nobody has told");
    assert_eq!(elsewhere.who(token, at(3)).await, Ok(None));
    assert!(!elsewhere.remembers(token));
}
