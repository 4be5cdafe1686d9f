//! A new password by e-mail.

use palabre_events::account::Language;

use super::super::reset::LINK_S;
use super::super::throttle::Quotas;
use super::super::{AccountRefusal, SignUp};
use super::{HOME, PASSWORD, Place, anna, at, codes, place, place_with};

const NEW: &str = "une voiture rouge";

/// Asks for a link, and takes its token from the mail.
async fn link(place: &Place, seconds: i64) -> String {
    place.accounts.request_reset("anna@exemple.fr", HOME, at(seconds)).unwrap();
    let letter = place.letter(at(seconds)).await;
    assert_eq!(letter.to.as_str(), "anna@exemple.fr");
    let (_, rest) = letter.body.split_once("https://covoiturage.exemple/reset-password#").expect("the link");
    rest.split_whitespace().next().unwrap().to_owned()
}

#[actix::test]
async fn a_link_sets_a_new_password_once_and_ends_all_sessions() {
    let place = place();
    let signed_in = place.sign_up(&anna()).await.unwrap();
    let token = link(&place, 0).await;
    let unfit = place.accounts.reset_password(&token, "court", HOME, at(1)).await.unwrap_err();
    assert_eq!(codes(&unfit), [("password", "too_short")], "which does not use the link up");
    place.accounts.reset_password(&token, NEW, HOME, at(1)).await.unwrap();
    assert!(place.letter(at(1)).await.subject.contains("a changé"));
    assert_eq!(place.accounts.who(signed_in.token.hash(), at(1)).await, Ok(None));
    let again = place.accounts.reset_password(&token, PASSWORD, HOME, at(2)).await;
    assert_eq!(again, Err(AccountRefusal::ResetOver));
    let old = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(3)).await.unwrap_err();
    assert_eq!(old, AccountRefusal::WrongCredentials);
    assert!(place.accounts.sign_in("anna@exemple.fr", NEW, HOME, at(3)).await.is_ok());
}

#[actix::test]
async fn a_link_is_over_after_an_hour_and_when_a_newer_one_was_sent() {
    let place = place();
    place.sign_up(&anna()).await.unwrap();
    let (first, second) = (link(&place, 0).await, link(&place, 1).await);
    for (token, seconds) in [(&first, 2), (&second, 1 + LINK_S)] {
        let over = place.accounts.reset_password(token, NEW, HOME, at(seconds)).await;
        assert_eq!(over, Err(AccountRefusal::ResetOver));
    }
    assert_eq!(place.accounts.reset_password(&second, NEW, HOME, at(LINK_S)).await, Ok(()));
}

#[actix::test]
async fn made_up_tokens_open_nothing() {
    let place = place();
    for token in ["", "x", "é", &"A".repeat(43), &"A".repeat(4300)] {
        let over = place.accounts.reset_password(token, NEW, HOME, at(0)).await;
        assert_eq!(over, Err(AccountRefusal::ResetOver));
    }
}

#[actix::test]
async fn an_unknown_address_gets_the_same_answer_and_no_mail() {
    let place = place();
    place.sign_up(&anna()).await.unwrap();
    assert_eq!(place.accounts.request_reset("nobody@exemple.fr", HOME, at(0)), Ok(()));
    place.accounts.send_reset("nobody@exemple.fr".parse().unwrap(), at(0)).await.unwrap();
    // The next mail is the one to Anna.
    link(&place, 0).await;
    assert!(place.waiting().await.is_empty());
}

#[actix::test]
async fn a_mailbox_is_not_flooded() {
    let place = place_with(Quotas { resets_per_email_per_h: 2.try_into().unwrap(), ..Quotas::default() });
    place.sign_up(&anna()).await.unwrap();
    for _ in 0..2 {
        link(&place, 0).await;
    }
    for email in ["anna@exemple.fr", "ANNA@exemple.fr "] {
        let refusal = place.accounts.request_reset(email, HOME, at(0)).unwrap_err();
        assert_eq!(refusal.code(), "too_many_attempts");
    }
}

#[actix::test]
async fn who_was_introduced_gets_in_by_a_link_in_their_language() {
    let place = place();
    let email = "anna@exemple.fr".parse().unwrap();
    let account = place.accounts.introduce(email, "Anna", Language::En, at(0)).await.unwrap();
    let token = link(&place, 0).await;
    place.accounts.reset_password(&token, NEW, HOME, at(1)).await.unwrap();
    assert_eq!(place.letter(at(1)).await.subject, "Palabre: your password has changed");
    let signed_in = place.accounts.sign_in("anna@exemple.fr", NEW, HOME, at(2)).await.unwrap();
    assert_eq!(signed_in.account, account);
}

#[actix::test]
async fn mails_follow_the_language_of_the_account() {
    let place = place();
    let account = place.sign_up(&SignUp { language: Language::En, ..anna() }).await.unwrap().account;
    place.accounts.request_reset("anna@exemple.fr", HOME, at(0)).unwrap();
    assert_eq!(place.letter(at(1)).await.subject, "Palabre: choose a new password");
    place.accounts.set_language(account, Language::Fr).await.unwrap();
    place.accounts.request_reset("anna@exemple.fr", HOME, at(0)).unwrap();
    assert_eq!(place.letter(at(1)).await.subject, "Palabre : choisir un nouveau mot de passe");
}
