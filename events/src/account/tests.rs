//! The rules of an account, one test each.

use super::*;
use crate::KeyId;
use crate::testing::*;

fn given(events: impl IntoIterator<Item = AccountEvent>) -> Given<Account> {
    Given::new(events)
}

fn named(name: &str) -> Sealed<DisplayName> {
    sealed(KeyId::Person(ANNA), &DisplayName(name.to_owned()))
}

fn opened() -> AccountOpened {
    AccountOpened { account: ANNA, name: named("Anna"), language: Language::Fr }
}

fn open() -> AccountCommand {
    AccountCommand::Open(Box::new(opened()))
}

fn renamed() -> ProfileChanged {
    ProfileChanged { account: ANNA, name: Some(named("Anne")), language: None }
}

fn change(changed: ProfileChanged) -> AccountCommand {
    AccountCommand::ChangeProfile(Box::new(changed))
}

#[test]
fn a_person_opens_an_account_once() {
    given([])
        .when(open(), by(ANNA), now())
        .then([opened()])
        .when(open(), by(ANNA), now())
        .then_rejected(AccountRejection::AlreadyOpen);
}

#[test]
fn the_operator_opens_accounts_too_and_nobody_else_does() {
    given([]).when(open(), Actor::Operator, now()).then([opened()]);
    for somebody in [by(EVE), Actor::System] {
        given([]).when(open(), somebody, now()).then_rejected(AccountRejection::NotYours);
    }
}

#[test]
fn a_person_changes_the_own_profile() {
    given([opened().into()]).when(change(renamed()), by(ANNA), now()).then([renamed()]);
    let english = || ProfileChanged { account: ANNA, name: None, language: Some(Language::En) };
    given([opened().into()]).when(change(english()), by(ANNA), now()).then([english()]);
}

#[test]
fn an_empty_change_changes_nothing() {
    let nothing = ProfileChanged { account: ANNA, name: None, language: None };
    given([opened().into()]).when(change(nothing), by(ANNA), now()).then_nothing();
}

#[test]
fn nobody_changes_the_profile_of_another() {
    for somebody in [by(EVE), Actor::System, Actor::Operator] {
        given([opened().into()]).when(change(renamed()), somebody, now()).then_rejected(AccountRejection::NotYours);
    }
    let of_another = ProfileChanged { account: EVE, ..renamed() };
    given([opened().into()]).when(change(of_another), by(ANNA), now()).then_rejected(AccountRejection::NotYours);
}

#[test]
fn what_was_never_opened_does_not_change() {
    given([]).when(change(renamed()), by(ANNA), now()).then_rejected(AccountRejection::NoSuchAccount);
}

#[test]
fn a_language_has_the_tag_that_it_is_written_with() {
    for language in Language::ALL {
        assert_eq!(serde_json::to_value(language).unwrap(), language.name());
        assert_eq!(Language::of_name(language.name()), Some(language));
    }
    assert_eq!(Language::of_name("de"), None);
}
