//! The story that the tests of this module tell: Dora drives from Grenoble to Lyon; Anna books two seats and later
//! cancels; Ben comes too late; in the end Dora cancels the ride.

use palabre_events::aggregate::EventData;
use palabre_events::conversation::*;
use palabre_events::log::{Append, AppendItem};
use palabre_events::ride::*;
use palabre_events::sealed::{Comment, DisplayName, MessageText, Reason};
use palabre_events::testing::*;
use palabre_events::{
    AccountId, Actor, ConversationId, DomainEvent, KeyId, NewEvent, Sealed, StreamId, Timestamp, account,
};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use uuid::Uuid;

use crate::store::EventStore;
use crate::store::clock::RecordingClock;
use crate::store::memory::MemoryStore;

pub(crate) static WITH_ANNA: LazyLock<StreamId> = LazyLock::new(|| talk_with(ANNA).into());
pub(crate) static WITH_BEN: LazyLock<StreamId> = LazyLock::new(|| talk_with(BEN).into());
pub(crate) static GROUP: LazyLock<StreamId> = LazyLock::new(|| ConversationId::group_of(RIDE).into());

/// One event of the story.
pub(crate) struct Told {
    pub stream: StreamId,
    pub version: u64,
    pub by: Actor,
    pub event: DomainEvent,
}

fn says(author: AccountId, words: &str) -> DomainEvent {
    let text = sealed(KeyId::Person(author), &MessageText(words.to_owned()));
    DomainEvent::Conversation(MessagePosted { author, text, in_reply_to: None }.into())
}

fn because(account: AccountId, words: &str) -> Option<Sealed<Reason>> {
    Some(sealed(KeyId::Person(account), &Reason(words.to_owned())))
}

/// What happens, in the order of the log.
pub(crate) fn story() -> Vec<Told> {
    let ride = StreamId::from(RIDE);
    let (anna, ben, group) = (*WITH_ANNA, *WITH_BEN, *GROUP);
    let (dora_did, anna_did, ben_did) = (by(DORA), by(ANNA), by(BEN));
    let talk = |event: ConversationEvent| DomainEvent::Conversation(event);
    let drive = |event: RideEvent| DomainEvent::Ride(event);
    let offer = RideOffered {
        comment: Some(sealed(KeyId::Person(DORA), &Comment("No smoking, please".to_owned()))),
        ..offered()
    };
    let annas = made(proposal(1), ANNA, terms(2, WHOLE_WAY));
    let bens = made(proposal(2), BEN, terms(2, WHOLE_WAY));
    let bens_accepted = ProposalAccepted { passenger: BEN, ..accepted(&bens, DORA) };
    let rescheduled = RideRescheduled {
        departs_at: departure().plus_seconds(1800),
        time_zone: "Europe/Paris".to_owned(),
        route: None,
        path_version: 1,
        terms_version: 2,
    };
    let cancelled = ReservationCancelled {
        reservation: reservation(1),
        conversation: talk_with(ANNA),
        driver: DORA,
        passenger: ANNA,
        by: Side::Passenger,
        blameless: false,
        reason: because(ANNA, "My train runs after all"),
    };
    let in_group = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let refused = ReservationRefused {
        proposal: proposal(2),
        conversation: talk_with(BEN),
        passenger: BEN,
        reason: RefusalReason::NoSeatsLeft,
    };
    let happened = vec![
        (ride, dora_did, drive(offer.into())),
        (anna, anna_did, talk(opened().into())),
        (anna, anna_did, says(ANNA, "Do you leave from the station?")),
        (ben, ben_did, talk(ConversationOpened { passenger: Some(BEN), ..opened() }.into())),
        (ben, ben_did, says(BEN, "Nobody else may read this")),
        (anna, anna_did, talk(annas.clone().into())),
        (anna, dora_did, talk(accepted(&annas, DORA).into())),
        (ride, Actor::System, drive(seats_reserved(proposal(1), ANNA, annas.terms.clone()).into())),
        (anna, Actor::System, talk(confirmed(&annas).into())),
        (group, Actor::System, talk(in_group.into())),
        (group, Actor::System, talk(ParticipantJoined { account: ANNA, reservation: reservation(1) }.into())),
        (ben, ben_did, talk(bens.into())),
        (ben, dora_did, talk(bens_accepted.into())),
        (ride, Actor::System, drive(refused.into())),
        (ben, Actor::System, talk(BookingRefused { proposal: proposal(2), reason: RefusalReason::NoSeatsLeft }.into())),
        (group, dora_did, says(DORA, "I drive a red car")),
        (ride, dora_did, drive(rescheduled.into())),
        (
            ride,
            anna_did,
            drive(
                ReservationReconfirmed { reservation: reservation(1), conversation: talk_with(ANNA), terms_version: 2 }
                    .into(),
            ),
        ),
        (ride, anna_did, drive(cancelled.into())),
        (
            anna,
            Actor::System,
            talk(
                BookingCancelled {
                    reservation: reservation(1),
                    by: Side::Passenger,
                    blameless: false,
                    reason: because(ANNA, "My train runs after all"),
                }
                .into(),
            ),
        ),
        (group, Actor::System, talk(ParticipantLeft { account: ANNA, reservation: reservation(1) }.into())),
        (group, dora_did, says(DORA, "Now I drive alone")),
        (ride, dora_did, drive(RideCancelled { reason: because(DORA, "The red car broke down") }.into())),
    ];
    let mut versions = BTreeMap::new();
    happened
        .into_iter()
        .map(|(stream, by, event)| {
            let version = versions.entry(stream).or_insert(0);
            *version += 1;
            Told { stream, version: *version, by, event }
        })
        .collect()
}

/// The type's name.
pub(crate) fn type_of(event: &DomainEvent) -> &'static str {
    match event {
        DomainEvent::Account(event) => event.event_type(),
        DomainEvent::Conversation(event) => event.event_type(),
        DomainEvent::Marks(event) => event.event_type(),
        DomainEvent::Request(event) => event.event_type(),
        DomainEvent::Ride(event) => event.event_type(),
    }
}

fn written(event: &DomainEvent) -> Vec<u8> {
    match event {
        DomainEvent::Account(event) => event.to_json(),
        DomainEvent::Conversation(event) => event.to_json(),
        DomainEvent::Marks(event) => event.to_json(),
        DomainEvent::Request(event) => event.to_json(),
        DomainEvent::Ride(event) => event.to_json(),
    }
}

/// When the `position`th event of [`log`] was recorded: a minute after the one before it.
pub(crate) fn minute(position: i64) -> Timestamp {
    now().plus_seconds(60 * position)
}

/// A log that holds the accounts of Dora, Anna and Ben (positions 1 to 3) and then the story.
pub(crate) async fn log() -> MemoryStore {
    let ticks = AtomicI64::new(0);
    let clock = RecordingClock::of(move || minute(ticks.fetch_add(1, Relaxed) + 1));
    let store = MemoryStore::with_clock(Uuid::from_u128(1), clock);
    let accounts = [(DORA, "Dora"), (ANNA, "Anna"), (BEN, "Ben")].map(|(account, name)| {
        let name = sealed(KeyId::Person(account), &DisplayName(name.to_owned()));
        let event = account::AccountOpened { account, name, language: account::Language::En };
        Told {
            stream: StreamId::account(account),
            version: 1,
            by: by(account),
            event: DomainEvent::Account(event.into()),
        }
    });
    let mut last_of_stream = BTreeMap::new();
    for (place, told) in accounts.into_iter().chain(story()).enumerate() {
        let event_id = Uuid::from_u128(0xe000 + place as u128 + 1);
        // What the platform does is caused by what happened just before.
        let causation_id = Uuid::from_u128(event_id.as_u128() - u128::from(told.by == Actor::System));
        let event = NewEvent {
            event_id,
            event_type: type_of(&told.event),
            schema_version: 1,
            occurred_at: minute(place as i64 + 1),
            actor: told.by,
            key: None,
            correlation_id: causation_id,
            causation_id,
            traceparent: None,
            data: written(&told.event),
        };
        let expected_version = last_of_stream.insert(told.stream, told.version).unwrap_or(0);
        let items = vec![AppendItem { key: None, events: vec![event] }];
        store.append(Append { stream: told.stream, expected_version, items }).await.expect("the log is in memory");
    }
    store
}
