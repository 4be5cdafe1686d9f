//! Who is it?

use palabre_events::KeyId;
use palabre_events::account::{AccountOpened, Language, ProfileChanged};
use palabre_events::sealed::DisplayName;
use palabre_events::testing::*;
use palabre_projections::people::Person;
use std::sync::Arc;

use crate::log::{Log, Place};

fn opened_account() -> Log {
    let mut log = Log::default();
    let name = sealed(KeyId::Person(ANNA), &DisplayName("Anna".to_owned()));
    log.account(ANNA, AccountOpened { account: ANNA, name, language: Language::Fr });
    log
}

#[test]
fn a_person_has_the_name_and_the_language_given_last() {
    let mut log = opened_account();
    log.account(ANNA, ProfileChanged { account: ANNA, name: None, language: Some(Language::En) });
    let (mut place, reader) = log.folded();
    let anna = Person { account: ANNA, name: Some("Anna".to_owned()), language: Language::En };
    assert_eq!(reader.person(ANNA).unwrap(), Some(anna));
    let name = Some(sealed(KeyId::Person(ANNA), &DisplayName("Annabelle".to_owned())));
    log.account(ANNA, ProfileChanged { account: ANNA, name, language: None });
    place.catch_up(&log);
    let people = reader.people(&[EVE, ANNA]).unwrap();
    let names: Vec<_> = people.iter().map(|person| person.name.as_deref()).collect();
    assert_eq!(names, [Some("Annabelle")], "those without an account are left out");
}

#[test]
fn an_erased_person_has_no_name() {
    let mut place = Place::with(Arc::new(PlainOpener { erased: vec![KeyId::Person(ANNA)] }));
    assert!(place.catch_up(&opened_account()).parked.is_empty());
    assert_eq!(place.reader().person(ANNA).unwrap().map(|person| person.name), Some(None));
}
