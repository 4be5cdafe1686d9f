//! Signing in, its throttle, and changing one's password.

use super::super::AccountRefusal;
use super::super::throttle::Quotas;
use super::{HOME, PASSWORD, anna, at, codes, place, place_with};

#[actix::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let place = place();
    let signed_up = place.sign_up(&anna()).await.unwrap();
    for (email, password) in
        [("anna@exemple.fr", "une voiture rouge"), ("anna@exemple.fr", ""), ("nobody@exemple.fr", PASSWORD)]
    {
        let refusal = place.accounts.sign_in(email, password, HOME, at(1)).await.unwrap_err();
        assert_eq!(refusal, AccountRefusal::WrongCredentials);
    }
    let signed_in = place.accounts.sign_in(" ANNA@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap();
    assert_eq!(signed_in.account, signed_up.account);
    assert_ne!(signed_in.token.hash(), signed_up.token.hash());
    let refusal = place.accounts.sign_in("anna", PASSWORD, HOME, at(1)).await.unwrap_err();
    assert_eq!(codes(&refusal), [("email", "not_an_email")]);
}

#[actix::test]
async fn too_many_tries_are_refused_even_with_the_right_password() {
    let place = place_with(Quotas { per_person_per_5_min: 3.try_into().unwrap(), ..Quotas::default() });
    place.sign_up(&anna()).await.unwrap();
    for _ in 0..2 {
        place.accounts.sign_in("anna@exemple.fr", "une voiture rouge", HOME, at(1)).await.unwrap_err();
    }
    let refusal = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap_err();
    assert_eq!(refusal.code(), "too_many_attempts");
    let wait_s = refusal.retry_after_ms().unwrap() / 1000;
    assert!((90..=100).contains(&wait_s), "{wait_s} s");
    let elsewhere = "198.51.100.7".parse().unwrap();
    assert!(place.accounts.sign_in("anna@exemple.fr", PASSWORD, elsewhere, at(1)).await.is_ok());
}

#[actix::test]
async fn a_new_password_ends_the_other_sessions_and_is_told_by_mail() {
    let place = place();
    let here = place.sign_up(&anna()).await.unwrap();
    let there = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(1)).await.unwrap();
    let info = place.accounts.who(here.token.hash(), at(1)).await.unwrap().unwrap();
    let mut endings = place.accounts.endings();
    place.accounts.change_password(&info, PASSWORD, "une voiture rouge", HOME, at(2)).await.unwrap();
    let ended = endings.try_recv().unwrap();
    assert_eq!((ended.account, ended.session), (here.account, there.session.id));
    assert!(endings.try_recv().is_err(), "the session that asks stays");
    assert!(place.accounts.who(here.token.hash(), at(2)).await.unwrap().is_some());
    assert!(place.accounts.who(there.token.hash(), at(2)).await.unwrap().is_none());
    let letter = place.letter(at(2)).await;
    assert_eq!(letter.to.as_str(), "anna@exemple.fr");
    assert!(letter.subject.contains("mot de passe a changé") && letter.body.contains("15/01/2027 à 08:00"));
    let refusal = place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(3)).await.unwrap_err();
    assert_eq!(refusal, AccountRefusal::WrongCredentials);
    assert!(place.accounts.sign_in("anna@exemple.fr", "une voiture rouge", HOME, at(3)).await.is_ok());
}

#[actix::test]
async fn a_password_is_changed_only_with_the_present_one_and_to_a_fit_one() {
    let place = place();
    let here = place.sign_up(&anna()).await.unwrap();
    let info = place.accounts.who(here.token.hash(), at(1)).await.unwrap().unwrap();
    let wrong = place.accounts.change_password(&info, "une voiture bleue", "une voiture rouge", HOME, at(2)).await;
    assert_eq!(wrong, Err(AccountRefusal::WrongCredentials));
    let unfit = place.accounts.change_password(&info, PASSWORD, "court", HOME, at(2)).await.unwrap_err();
    assert_eq!(codes(&unfit), [("new_password", "too_short")]);
    assert!(place.waiting().await.is_empty());
    assert!(place.accounts.sign_in("anna@exemple.fr", PASSWORD, HOME, at(3)).await.is_ok());
}
