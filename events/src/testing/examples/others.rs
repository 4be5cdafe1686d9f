//! What happens to requests, read marks and accounts.

use super::remark;
use super::ride::bare_place;
use crate::account::{AccountEvent, AccountOpened, Language, ProfileChanged};
use crate::marks::{ConversationRead, MarksEvent};
use crate::request::*;
use crate::sealed::DisplayName;
use crate::testing::*;
use crate::{DomainEvent, KeyId};

pub(super) fn examples() -> Vec<DomainEvent> {
    let requests = requests().into_iter().map(DomainEvent::Request);
    let read = ConversationRead { account: ANNA, conversation: talk_with(ANNA), up_to: 12 };
    let marks = [DomainEvent::Marks(MarksEvent::from(read))];
    requests.chain(marks).chain(accounts().into_iter().map(DomainEvent::Account)).collect()
}

fn requests() -> Vec<RequestEvent> {
    let fullest = RequestPosted {
        price_per_seat_max: Some(euros(1_000)),
        comment: Some(remark(ANNA)),
        import_reference: Some("demande-42".to_owned()),
        ..request_posted()
    };
    let place = || bare_place(KeyId::Person(ANNA));
    let barest = RequestPosted { from: place(), to: place(), ..request_posted() };
    vec![
        fullest.into(),
        barest.into(),
        RequestFulfilled { ride: RIDE, reservation: reservation(1) }.into(),
        RequestWithdrawn {}.into(),
        RequestExpired {}.into(),
    ]
}

fn accounts() -> Vec<AccountEvent> {
    let name = || sealed(KeyId::Person(ANNA), &DisplayName("Anna".to_owned()));
    vec![
        AccountOpened { account: ANNA, name: name(), language: Language::Fr }.into(),
        AccountOpened { account: ANNA, name: name(), language: Language::En }.into(),
        ProfileChanged { account: ANNA, name: Some(name()), language: Some(Language::En) }.into(),
        ProfileChanged { account: ANNA, name: None, language: None }.into(),
    ]
}
