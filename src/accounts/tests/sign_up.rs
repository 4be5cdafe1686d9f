//! Signing up, whole or cut short; introductions and administrators.

use futures_util::future::join_all;
use palabre_events::Actor;
use palabre_events::account::Language;

use super::super::{AccountRefusal, SignUp};
use super::{Cut, HOME, PASSWORD, anna, at, codes, place};
use crate::vault::{Role, Roles};

#[actix::test]
async fn signing_up_opens_an_account_and_a_session() {
    let place = place();
    let signed_in = place.sign_up(&anna()).await.unwrap();
    assert_eq!(signed_in.position, 1);
    let facts = place.facts(signed_in.account).await;
    assert_eq!(facts[0].0, Actor::Person(signed_in.account));
    assert_eq!(facts[0].1.language, Language::Fr);
    assert_eq!(place.name_in_log(signed_in.account).await, "Anna Dupont");
    let info = place.accounts.who(signed_in.token.hash(), at(1)).await.unwrap().unwrap();
    assert_eq!((info.account, info.session), (signed_in.account, signed_in.session.id));
    assert_eq!(info.roles, Roles::default());
}

#[actix::test]
async fn every_fault_of_the_form_is_named() {
    let place = place();
    let form = SignUp { email: "anna".to_owned(), password: "court".to_owned(), name: " ".to_owned(), ..anna() };
    assert_eq!(codes(&place.sign_up(&form).await.unwrap_err()), [("email", "not_an_email"), ("name", "empty")]);
    let form = SignUp { password: "court".to_owned(), name: "a\u{0}b".to_owned(), ..anna() };
    let refusal = place.sign_up(&form).await.unwrap_err();
    assert_eq!(codes(&refusal), [("password", "too_short"), ("name", "control_character")]);
    let form = SignUp { password: "ANNA@exemple.fr".to_owned(), name: "é".repeat(81), ..anna() };
    assert_eq!(codes(&place.sign_up(&form).await.unwrap_err()), [("password", "is_email"), ("name", "too_long")]);
}

#[actix::test]
async fn an_address_that_is_taken_is_said_so_and_its_own_person_is_let_in() {
    let place = place();
    let first = place.sign_up(&anna()).await.unwrap();
    let other = SignUp { password: "une voiture rouge".to_owned(), email: "anna@exemple.FR".to_owned(), ..anna() };
    assert_eq!(place.sign_up(&other).await.unwrap_err(), AccountRefusal::EmailTaken);
    let again = place.sign_up(&anna()).await.unwrap();
    assert_eq!((again.account, again.position), (first.account, 0));
    place.name_in_log(first.account).await;
}

#[actix::test]
async fn many_tabs_that_sign_up_at_once_open_one_account() {
    let place = place();
    let form = anna();
    let answers = join_all((0..5).map(|_| place.sign_up(&form))).await;
    let accounts: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().account).collect();
    assert!(accounts.iter().all(|account| *account == accounts[0]));
    place.name_in_log(accounts[0]).await;
}

#[actix::test]
async fn a_sign_up_cut_short_is_completed_by_signing_up_again() {
    for cut in [Cut::BeforeTheLog, Cut::BehindTheLog] {
        let place = place();
        *place.line.cut.lock() = cut;
        assert_eq!(place.sign_up(&anna()).await.unwrap_err(), AccountRefusal::Unavailable);
        *place.line.cut.lock() = Cut::Nowhere;
        let other = SignUp { password: "une voiture rouge".to_owned(), ..anna() };
        assert_eq!(place.sign_up(&other).await.unwrap_err(), AccountRefusal::EmailTaken);
        let again = SignUp { name: "Anna D.".to_owned(), ..anna() };
        let signed_in = place.sign_up(&again).await.unwrap();
        assert_eq!(place.name_in_log(signed_in.account).await, "Anna Dupont", "what was said first");
    }
}

#[actix::test]
async fn a_sign_up_cut_short_is_completed_by_signing_in() {
    for cut in [Cut::BeforeTheLog, Cut::BehindTheLog] {
        let place = place();
        *place.line.cut.lock() = cut;
        assert_eq!(place.sign_up(&anna()).await.unwrap_err(), AccountRefusal::Unavailable);
        let refusal = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap_err();
        assert_eq!(refusal, AccountRefusal::Unavailable, "nobody is let in without an account");
        *place.line.cut.lock() = Cut::Nowhere;
        let signed_in = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(2)).await.unwrap();
        place.name_in_log(signed_in.account).await;
    }
}

#[actix::test]
async fn who_is_introduced_has_one_account_and_no_way_in_but_a_new_password() {
    let place = place();
    let email = || "ben@exemple.fr".parse().unwrap();
    let introduced = join_all((0..5).map(|_| place.accounts.introduce(email(), "Ben", Language::En, at(0)))).await;
    let account = introduced[0].clone().unwrap();
    assert!(introduced.iter().all(|answer| *answer == Ok(account)));
    assert_eq!(place.facts(account).await[0].0, Actor::Operator);
    assert_eq!(place.name_in_log(account).await, "Ben");
    let refusal = place.accounts.sign_in("ben@exemple.fr", "", HOME, at(1)).await.unwrap_err();
    assert_eq!(refusal, AccountRefusal::WrongCredentials);
    let form = SignUp { email: "ben@exemple.fr".to_owned(), ..anna() };
    assert_eq!(place.sign_up(&form).await.unwrap_err(), AccountRefusal::EmailTaken);
}

#[actix::test]
async fn an_administrator_gets_a_random_password_once_and_the_role() {
    let place = place();
    let email = || "admin@exemple.fr".parse().unwrap();
    let made = place.accounts.create_admin(email(), "Admin", Language::Fr, at(0)).await.unwrap();
    let password = made.password.unwrap();
    let signed_in = place.accounts.sign_in("admin@exemple.fr", &password, HOME, at(1)).await.unwrap();
    let info = place.accounts.who(signed_in.token.hash(), at(1)).await.unwrap().unwrap();
    assert!(info.roles.may_act_as(Role::Admin) && info.roles.may_act_as(Role::Support));
    let again = place.accounts.create_admin(email(), "Admin", Language::Fr, at(2)).await.unwrap();
    assert_eq!((again.account, again.password), (made.account, None), "the password stays as it is");
    assert!(place.accounts.sign_in("admin@exemple.fr", &password, HOME, at(3)).await.is_ok());
}

#[actix::test]
async fn roles_are_given_and_taken_by_address() {
    let place = place();
    let signed_in = place.sign_up(&anna()).await.unwrap();
    let (anna, nobody) = (|| "anna@exemple.fr".parse().unwrap(), "nobody@exemple.fr".parse().unwrap());
    assert_eq!(place.accounts.grant_role(nobody, Role::Support).await, Ok(None));
    let roles = async |seconds| place.accounts.who(signed_in.token.hash(), at(seconds)).await.unwrap().unwrap().roles;
    assert_eq!(roles(0).await, Roles::default());
    assert_eq!(place.accounts.grant_role(anna(), Role::Support).await, Ok(Some(signed_in.account)));
    assert!(roles(1).await.may_act_as(Role::Support));
    assert!(!roles(1).await.may_act_as(Role::Admin));
    assert_eq!(place.accounts.revoke_role(anna(), Role::Support).await, Ok(Some(signed_in.account)));
    assert_eq!(roles(2).await, Roles::default());
}
