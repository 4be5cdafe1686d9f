//! Every event in every shape that is stored: of each type the fullest example first, then the barest, then one for
//! each further variant of an enum inside.
//!
//! `events/golden/` holds them as the log does; a test compares. When a shape grows by an optional field, the fullest
//! example grows with it, and the golden file gets another line: the lines that it has stay readable for ever.

mod booking;
mod conversation;
mod others;
mod ride;

use crate::DomainEvent;
use crate::aggregate::EventData;
use crate::sealed::{Comment, MessageText, Reason};
use crate::testing::{ANNA, DORA, sealed};
use crate::{AccountId, KeyId, Sealed};

/// All of them, grouped by type.
pub fn examples() -> Vec<DomainEvent> {
    let ride = ride::examples().into_iter().chain(booking::examples()).map(DomainEvent::Ride);
    let conversation = conversation::examples().into_iter().map(DomainEvent::Conversation);
    ride.chain(conversation).chain(others::examples()).collect()
}

/// Name, version and stored bytes of any event.
pub fn written(event: &DomainEvent) -> (&'static str, u16, Vec<u8>) {
    fn of<E: EventData>(event: &E) -> (&'static str, u16, Vec<u8>) {
        (event.event_type(), event.schema_version(), event.to_json())
    }
    match event {
        DomainEvent::Account(event) => of(event),
        DomainEvent::Conversation(event) => of(event),
        DomainEvent::Marks(event) => of(event),
        DomainEvent::Request(event) => of(event),
        DomainEvent::Ride(event) => of(event),
    }
}

fn remark(author: AccountId) -> Sealed<Comment> {
    sealed(KeyId::Person(author), &Comment("Je pars de la gare, un sac chacun.".to_owned()))
}

fn reason(author: AccountId) -> Sealed<Reason> {
    sealed(KeyId::Person(author), &Reason("Ma voiture est en panne.".to_owned()))
}

fn words() -> Sealed<MessageText> {
    sealed(KeyId::Person(ANNA), &MessageText("Bonjour, vous partez de la gare ?".to_owned()))
}

fn drivers_words() -> Sealed<MessageText> {
    sealed(KeyId::Person(DORA), &MessageText("Oui, devant la gare.".to_owned()))
}
