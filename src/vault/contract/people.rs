//! The contract of people and their roles.

use futures_util::future::join_all;
use palabre_events::account::Language;
use std::sync::Arc;

use super::{at, session, somebody};
use crate::vault::{Admission, PasswordHash, Person, Role, Roles, Token, Vault};

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    a_person_is_found_by_address_and_by_account(vault).await;
    an_address_has_one_account_whoever_comes_first(vault).await;
    one_of_many_who_come_at_once_gets_the_address(vault).await;
    a_new_password_ends_the_other_sessions_and_any_reset(vault).await;
    roles_are_given_and_taken(vault).await;
}

async fn a_person_is_found_by_address_and_by_account(vault: &Arc<dyn Vault>) {
    let opening = Some(b"{}".to_vec());
    let person = Person { password: Some(PasswordHash("$argon2id$…".to_owned())), opening, ..somebody() };
    assert_eq!(vault.person(person.account).await, Ok(None));
    assert_eq!(vault.person_by_email(person.email.clone()).await, Ok(None));
    assert_eq!(vault.admit(person.clone()).await, Ok(Admission::Admitted));
    assert_eq!(vault.person(person.account).await, Ok(Some(person.clone())));
    assert_eq!(vault.person_by_email(person.email.clone()).await, Ok(Some(person.clone())));
    for _ in 0..2 {
        vault.note_opened(person.account).await.unwrap();
        vault.set_language(person.account, Language::En).await.unwrap();
    }
    let expected = Person { opening: None, language: Language::En, ..person };
    assert_eq!(vault.person(expected.account).await, Ok(Some(expected)));
}

async fn an_address_has_one_account_whoever_comes_first(vault: &Arc<dyn Vault>) {
    let first = somebody();
    let same_address = Person { email: first.email.clone(), ..somebody() };
    let same_account = Person { account: first.account, ..somebody() };
    assert_eq!(vault.admit(first.clone()).await, Ok(Admission::Admitted));
    for other in [same_address, same_account, first.clone()] {
        assert_eq!(vault.admit(other).await, Ok(Admission::Taken(Box::new(first.clone()))));
    }
}

async fn one_of_many_who_come_at_once_gets_the_address(vault: &Arc<dyn Vault>) {
    let email = somebody().email;
    let many = (0..20).map(|_| Person { email: email.clone(), ..somebody() });
    let answers = join_all(many.map(|person| vault.admit(person))).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(Admission::Admitted)).count(), 1);
    let holder = Box::new(vault.person_by_email(email).await.unwrap().unwrap());
    assert_eq!(answers.into_iter().filter(|answer| *answer == Ok(Admission::Taken(holder.clone()))).count(), 19);
}

async fn a_new_password_ends_the_other_sessions_and_any_reset(vault: &Arc<dyn Vault>) {
    let (anna, ben, reset) = (somebody(), somebody(), Token::generate().hash());
    let [kept, ended, bens] = [anna.account, anna.account, ben.account].map(|account| session(account, at(0)));
    vault.admit(anna.clone()).await.unwrap();
    for (token, session) in [kept, ended, bens] {
        vault.open_session(token, session).await.unwrap();
    }
    vault.keep_reset(anna.account, reset, at(100)).await.unwrap();
    let password = PasswordHash("$argon2id$new".to_owned());
    let answer = vault.set_password(anna.account, password.clone(), Some(kept.1.id)).await.unwrap();
    assert_eq!(answer.iter().map(|ended| (ended.token, ended.id)).collect::<Vec<_>>(), [(ended.0, ended.1.id)]);
    assert_eq!(vault.person(anna.account).await.unwrap().unwrap().password, Some(password));
    assert_eq!(vault.sessions(anna.account).await, Ok(vec![kept.1]));
    assert_eq!(vault.sessions(ben.account).await, Ok(vec![bens.1]));
    assert_eq!(vault.reset_holder(reset, at(1)).await, Ok(None));
}

async fn roles_are_given_and_taken(vault: &Arc<dyn Vault>) {
    let anna = somebody().account;
    assert_eq!(vault.roles(anna).await, Ok(Roles::default()));
    for role in [Role::Admin, Role::Admin, Role::Support] {
        vault.grant_role(anna, role).await.unwrap();
    }
    assert_eq!(vault.roles(anna).await, Ok(Roles { support: true, admin: true }));
    for _ in 0..2 {
        vault.revoke_role(anna, Role::Support).await.unwrap();
    }
    assert_eq!(vault.roles(anna).await, Ok(Roles { support: false, admin: true }));
    assert_eq!(vault.roles(somebody().account).await, Ok(Roles::default()));
}
