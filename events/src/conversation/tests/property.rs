//! Whatever is asked of a conversation, by whomever and in whatever order: what has ended has ended, and there is at
//! most one booking.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::conversation::state::ProposalStatus;
use crate::testing::by;
use crate::{Actor, Stretch, Timestamp};

const REFUSALS: [RefusalReason; 3] =
    [RefusalReason::NoSeatsLeft, RefusalReason::CancelledBefore, RefusalReason::NothingToReplace];

fn somebody() -> impl Strategy<Value = Actor> {
    prop::sample::select(vec![Actor::System, Actor::Operator, by(DORA), by(ANNA), by(BEN), by(EVE)])
}

fn one_of_two() -> impl Strategy<Value = Actor> {
    prop::sample::select(vec![by(DORA), by(ANNA)])
}

/// Clocks of nodes differ, so times are not in order; some are late enough for proposals to lapse.
fn some_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![9 => 0_i64..12, 1 => 12_i64..60].prop_map(in_hours)
}

fn number() -> impl Strategy<Value = u128> {
    prop_oneof![3 => 0_u128..4, 2 => 4_u128..40]
}

/// So few different terms that an acceptance often names the right ones.
fn some_terms() -> impl Strategy<Value = Terms> {
    (1_u8..3, prop_oneof![30 => Just(800_u32), 1 => any::<u32>()], prop_oneof![9 => Just(1_u32), 1 => 0_u32..4])
        .prop_map(|(seats, cents, ride_terms_version)| Terms {
            price_per_seat: euros(cents),
            ride_terms_version,
            ..terms(seats, WHOLE_WAY)
        })
}

fn proposing() -> BoxedStrategy<Command> {
    let standing = Just(StandingOffer { ride_terms_version: 1, price_per_seat: euros(800) });
    let odd = prop_oneof![20 => Just(WHOLE_WAY), 1 => (any::<u32>(), any::<u32>()).prop_map(|(from_m, to_m)| Stretch { from_m, to_m })];
    (
        (number(), some_terms(), odd),
        prop_oneof![9 => 2_i64..48, 1 => any::<i64>()],
        prop::option::weighted(0.3, number()),
        prop::option::weighted(0.5, 0_u128..4),
        prop::option::weighted(0.2, standing),
    )
        .prop_map(|((number, terms, stretch), hours, countered, replaces, standing)| {
            propose(MakeProposal {
                expires_at: now().plus_seconds(hours.saturating_mul(3600)),
                in_reply_to: countered.map(proposal),
                replaces: replaces.map(reservation),
                standing,
                ..make(proposal(number), Terms { stretch, ..terms })
            })
        })
        .boxed()
}

type Command = ConversationCommand;

fn answering() -> BoxedStrategy<Command> {
    let accepting = (number(), some_terms()).prop_map(|(number, terms)| ConversationCommand::AcceptProposal {
        proposal: proposal(number),
        terms_hash: terms.hash(&NONCE),
    });
    prop_oneof![
        6 => accepting,
        1 => number().prop_map(decline),
        1 => number().prop_map(withdraw),
    ]
    .boxed()
}

fn talking_about() -> BoxedStrategy<Command> {
    let seq = 0_u64..20;
    let text = || posted(ANNA).text;
    prop_oneof![
        prop::option::of(seq.clone())
            .prop_map(move |in_reply_to| ConversationCommand::PostMessage { text: text(), in_reply_to }),
        seq.clone().prop_map(move |message| ConversationCommand::EditMessage { message, text: text() }),
        seq.prop_map(|message| ConversationCommand::RetractMessage { message }),
    ]
    .boxed()
}

fn noticing() -> BoxedStrategy<Command> {
    let notice = prop_oneof![
        6 => (0_u32..3).prop_map(repriced),
        2 => number().prop_map(|number| RideNotice::Reconfirmed { reservation: reservation(number) }),
        1 => prop::sample::select(vec![RideNotice::Cancelled, RideNotice::Departed]),
    ];
    (1_u64..30, notice).prop_map(|(version, notice)| notice_ride(version, notice)).boxed()
}

/// What only the platform may say.
fn news() -> BoxedStrategy<Command> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Reserved),
        1 => prop::sample::select(REFUSALS.to_vec()).prop_map(Outcome::Refused),
    ];
    let side = prop::sample::select(vec![Side::Driver, Side::Passenger]);
    let member = || (0_u128..5, prop::sample::select(vec![ANNA, BEN]));
    let (ride, driver, ride_version) = (RIDE, DORA, 3);
    prop_oneof![
        8 => (number(), outcome).prop_map(|(number, outcome)| settle(number, outcome)),
        3 => (number(), side).prop_map(|(number, side)| note_cancelled(reservation(number), side)),
        2 => noticing(),
        2 => number().prop_map(expire),
        1 => member().prop_map(move |(number, passenger)| {
            ConversationCommand::Admit { ride, driver, ride_version, passenger, reservation: reservation(number) }
        }),
        1 => member().prop_map(move |(number, passenger)| {
            ConversationCommand::Dismiss { ride, driver, ride_version, passenger, reservation: reservation(number) }
        }),
    ]
    .boxed()
}

fn opening() -> BoxedStrategy<Command> {
    let passenger = prop_oneof![8 => Just(Some(ANNA)), 1 => Just(Some(DORA)), 1 => Just(None)];
    let kind = prop_oneof![8 => Just(ConversationKind::Ride), 1 => Just(ConversationKind::Group)];
    (kind, passenger)
        .prop_map(|(kind, passenger)| ConversationCommand::Open(Box::new(Opening { kind, passenger, ..opened() })))
        .boxed()
}

fn step() -> BoxedStrategy<Step<Conversation>> {
    let by_whose_it_is = prop_oneof![
        1 => (opening(), one_of_two()),
        10 => (proposing(), one_of_two()),
        16 => (answering(), one_of_two()),
        4 => (talking_about(), one_of_two()),
        14 => (news(), Just(Actor::System)),
    ];
    let anything = prop_oneof![proposing(), answering(), talking_about(), news()];
    prop_oneof![
        12 => (by_whose_it_is, some_time()).prop_map(|((command, by), now)| (command, by, now)),
        1 => (anything, somebody(), some_time()),
    ]
    .boxed()
}

/// Most stories are of two people; some of a group, and some begin anyhow.
fn stories() -> BoxedStrategy<Vec<Step<Conversation>>> {
    let open = ConversationCommand::Open(Box::new(opened()));
    let admit = ConversationCommand::Admit {
        ride: RIDE,
        driver: DORA,
        ride_version: 2,
        passenger: ANNA,
        reservation: reservation(0),
    };
    let first = prop_oneof![
        8 => Just((open, by(ANNA), now())),
        1 => Just((admit, Actor::System, now())),
        1 => step(),
    ];
    (first, prop::collection::vec(step(), 0..80))
        .prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect())
        .boxed()
}

/// Where every proposal stands and what is booked, kept by an account of our own, apart from the rules.
#[derive(Default)]
struct Ledger {
    statuses: BTreeMap<ProposalId, ProposalStatus>,
    /// Accepted, and the ride has not answered.
    pending: Option<ProposalId>,
    booked: Option<ReservationId>,
    answered: BTreeSet<ProposalId>,
}

impl Ledger {
    fn note(&mut self, event: &ConversationEvent) {
        match event {
            ConversationEvent::ProposalMade(event) => {
                if let Some(countered) = event.in_reply_to {
                    self.end(countered, ProposalStatus::Countered);
                }
                let before = self.statuses.insert(event.proposal, ProposalStatus::Open);
                assert_eq!(before, None, "a proposal is made once");
            }
            ConversationEvent::ProposalAccepted(event) => {
                self.end(event.proposal, ProposalStatus::Accepted);
                assert_eq!(self.pending, None, "one booking at a time");
                assert_eq!(self.booked, event.replaces, "with a booking, only its change is agreed");
                self.pending = Some(event.proposal);
                for (proposal, status) in &self.statuses {
                    assert!(*status != ProposalStatus::Open || !self.answered.contains(proposal));
                }
            }
            ConversationEvent::ProposalDeclined(event) => self.end(event.proposal, ProposalStatus::Declined),
            ConversationEvent::ProposalWithdrawn(event) => self.end(event.proposal, ProposalStatus::Withdrawn),
            ConversationEvent::ProposalExpired(event) => self.end(event.proposal, ProposalStatus::Expired),
            ConversationEvent::ProposalVoided(event) => self.end(event.proposal, ProposalStatus::Voided),
            ConversationEvent::BookingConfirmed(event) => {
                self.answer(event.proposal, true);
                self.booked = Some(event.reservation);
            }
            ConversationEvent::BookingChanged(event) => {
                self.answer(event.proposal, true);
                assert_eq!(self.booked, Some(event.reservation));
            }
            ConversationEvent::BookingRefused(event) => self.answer(event.proposal, false),
            ConversationEvent::BookingCancelled(event) => {
                let first_of_pending = self.pending.map(ReservationId::from) == Some(event.reservation);
                if self.booked == Some(event.reservation) || first_of_pending {
                    (self.booked, self.pending) = (None, None);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, proposal: ProposalId, status: ProposalStatus) {
        let before = self.statuses.insert(proposal, status);
        assert_eq!(before, Some(ProposalStatus::Open), "{proposal} has ended and cannot become {status:?}");
    }

    fn answer(&mut self, proposal: ProposalId, reserved: bool) {
        assert!(self.answered.insert(proposal), "the first answer is final");
        assert!(!reserved || self.pending == Some(proposal), "only what waits is confirmed");
        if self.pending == Some(proposal) {
            self.pending = None;
        }
    }

    /// After a command: an acceptance has voided whatever else was open.
    fn check(&self) {
        let open = self.statuses.values().filter(|status| **status == ProposalStatus::Open).count();
        assert!(self.pending.is_none() || open == 0, "nothing else waits while a booking is under way");
        assert!(open <= crate::conversation::negotiation::OPEN_PROPOSALS_MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_has_ended_has_ended_and_there_is_one_booking_at_most(story in stories()) {
        let (conversation, happened) = play::<Conversation>(story);
        let mut ledger = Ledger::default();
        for events in &happened {
            events.iter().for_each(|event| ledger.note(event));
            ledger.check();
        }
        let booking = conversation.booking();
        prop_assert_eq!(booking.and_then(|booking| booking.pending), ledger.pending);
        let confirmed = booking.filter(|booking| booking.confirmed).map(|booking| booking.reservation);
        prop_assert_eq!(confirmed, ledger.booked);
        prop_assert_eq!(conversation.seq(), happened.iter().flatten().count() as u64, "the version is the seq");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_platform_repeats_changes_nothing(story in stories(), told in news(), now in some_time()) {
        let repeated = [(told.clone(), Actor::System, now), (told, Actor::System, now)];
        let (_, happened) = play::<Conversation>(story.into_iter().chain(repeated));
        prop_assert_eq!(happened.last().map(Vec::len), Some(0));
    }

    #[test]
    fn strangers_make_nothing_happen(
        story in stories(),
        command in prop_oneof![proposing(), answering(), talking_about(), news(), opening()],
        now in some_time(),
    ) {
        for stranger in [by(EVE), Actor::Operator] {
            let last = (command.clone(), stranger, now);
            let (_, happened) = play::<Conversation>(story.clone().into_iter().chain([last]));
            prop_assert_eq!(happened.last().map(Vec::len), Some(0));
        }
    }
}
