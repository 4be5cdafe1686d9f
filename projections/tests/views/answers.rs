//! What the views answer after many things have happened, held against the aggregates themselves and against a plain
//! walk over the whole log.

use palabre_events::conversation::ConversationEvent;
use palabre_events::ride::Side;
use palabre_events::ride::state::Stage;
use palabre_events::{AccountId, DomainEvent, RideId, StreamId, Timestamp};
use palabre_projections::Paging;
use palabre_projections::conversations::inbox::InboxEntry;
use palabre_projections::pending::EffectsSought;
use palabre_projections::timers::{Due, DueCommand};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use crate::log::Log;
use crate::replay::{many_steps, steps};
use crate::world::{EVERYONE, World};

fn last_hour() -> Timestamp {
    "2999-01-01T00:00:00Z".parse().unwrap()
}

fn all_effects() -> EffectsSought {
    EffectsSought { cause_position: u64::MAX >> 1, caused_by: last_hour(), after: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn unread_counts_are_those_of_a_walk_over_the_log(steps in steps()) {
        let world = World::after(&steps);
        let (_place, reader) = world.log.folded();
        for account in EVERYONE {
            let inbox = reader.inbox(account, Paging::first(500)).unwrap().items;
            for entry in &inbox {
                prop_assert_eq!(entry.own.unread, unread_by_walking(&world.log, account, entry), "{:?}", entry);
            }
            let total: u64 = inbox.iter().map(|entry| entry.own.unread).sum();
            prop_assert_eq!(reader.unread(account).unwrap().events, total);
        }
    }

    #[test]
    fn rides_are_those_of_the_aggregates(steps in steps()) {
        let world = World::after(&steps);
        let (_place, reader) = world.log.folded();
        for (ride, state) in &world.rides {
            let shown = reader.ride(*ride).unwrap();
            let Some(offer) = state.offer() else {
                prop_assert!(shown.is_none());
                continue;
            };
            let shown = shown.unwrap();
            prop_assert_eq!(shown.version, world.log.version(*ride));
            prop_assert_eq!((shown.stage, shown.departs_at, shown.seats), (offer.stage, offer.departs_at, offer.seats));
            prop_assert_eq!((shown.terms_version, shown.length_m()), (offer.terms_version, offer.length_m));
            let taken: BTreeMap<_, _> = shown.reservations.iter()
                .map(|taken| (taken.reservation, (taken.passenger, taken.seats, taken.stretch, taken.agreed_version, taken.no_show)))
                .collect();
            let held: BTreeMap<_, _> = state.reservations()
                .map(|(id, held)| (*id, (held.passenger, held.seats, held.stretch, held.agreed_version, held.no_show)))
                .collect();
            prop_assert_eq!(taken, held);
            for (reservation, held) in state.reservations() {
                let booked = reader.reservation(*reservation).unwrap().unwrap();
                let asked = held.agreed_version < offer.rescheduled_version && !held.no_show;
                prop_assert_eq!(booked.asked_again, asked, "{:?}", booked);
            }
        }
    }

    #[test]
    fn what_is_pending_is_what_the_policy_still_waits_for(steps in steps()) {
        let world = World::after(&steps);
        let (place, reader) = world.log.folded();
        let pending = reader.pending_effects(all_effects(), 500).unwrap();
        let shown: BTreeMap<_, _> = pending.into_iter().map(|it| (it.effect.key(), it.effect)).collect();
        let expected: BTreeMap<_, _> = world.effects.iter().map(|effect| (effect.key(), effect.clone())).collect();
        prop_assert_eq!(&shown, &expected);
        prop_assert_eq!(reader.backlog().unwrap().effects, expected.len() as u64);
        drop(place);
    }

    #[test]
    fn inboxes_show_who_takes_part_and_how_far_the_booking_is(steps in steps()) {
        let world = World::after(&steps);
        let (_place, reader) = world.log.folded();
        for (id, state) in &world.conversations {
            let head = reader.conversation(*id).unwrap().unwrap();
            prop_assert_eq!(head.head_seq, state.seq());
            let present: BTreeSet<AccountId> =
                head.members.iter().filter(|member| member.is_present()).map(|member| member.account).collect();
            prop_assert_eq!(present, state.participants().into_iter().collect::<BTreeSet<_>>());
            let held = head.booking.filter(|booking| booking.is_held());
            prop_assert_eq!(
                held.map(|booking| (booking.reservation, booking.pending)),
                state.booking().map(|booking| (booking.reservation, booking.pending))
            );
            let open: BTreeSet<_> = head.open_proposals.iter().map(|open| open.proposal).collect();
            let waiting: BTreeSet<_> = reader.proposals_of_conversation(*id, Paging::first(500)).unwrap().items.into_iter()
                .filter(|proposal| proposal.waits_for().is_some())
                .map(|proposal| proposal.proposal)
                .collect();
            prop_assert_eq!(open, waiting);
        }
    }

    #[test]
    fn every_open_thing_has_its_timer(steps in steps()) {
        let world = World::after(&steps);
        let (_place, reader) = world.log.folded();
        let mut expected = BTreeSet::new();
        for (ride, state) in &world.rides {
            let Some(offer) = state.offer() else { continue };
            match offer.stage {
                Stage::Offered => expected.insert((offer.departs_at, format!("{:?}", DueCommand::Depart(*ride)))),
                Stage::Departed => expected.insert((offer.arrives_at(), format!("{:?}", DueCommand::Complete(*ride)))),
                Stage::Completed | Stage::Cancelled => false,
            };
        }
        for account in EVERYONE {
            for request in reader.requests_of_passenger(account, Paging::first(500)).unwrap().items {
                if request.state == palabre_projections::requests::RequestState::Open {
                    let due_at = request.pickup_at.plus_seconds(i64::from(request.tolerance_s));
                    expected.insert((due_at, format!("{:?}", DueCommand::ExpireRequest(request.request))));
                }
            }
        }
        for id in world.conversations.keys() {
            for open in reader.conversation(*id).unwrap().unwrap().open_proposals {
                expected.insert((open.expires_at, format!("{:?}", DueCommand::ExpireProposal(*id, open.proposal))));
            }
        }
        let due = reader.due(last_hour(), 500).unwrap();
        prop_assert!(due.is_sorted_by_key(|due| due.at));
        let shown: BTreeSet<_> = due.iter().map(|Due { at, what }| (*at, format!("{what:?}"))).collect();
        prop_assert_eq!(shown, expected);
    }
}

/// Messages, proposals and bookings by others, after the mark, within what the person sees.
fn unread_by_walking(log: &Log, account: AccountId, entry: &InboxEntry) -> u64 {
    let head = &entry.conversation;
    let stream = StreamId::from(head.conversation);
    let events = log.events.iter().filter(|recorded| recorded.stream == stream);
    let counted = events.filter(|recorded| {
        let DomainEvent::Conversation(event) = &recorded.event else { return false };
        let author = match event {
            ConversationEvent::MessagePosted(event) => Some(event.author),
            ConversationEvent::ProposalMade(event) => Some(event.by),
            ConversationEvent::BookingConfirmed(_)
            | ConversationEvent::BookingRefused(_)
            | ConversationEvent::BookingChanged(_) => None,
            ConversationEvent::BookingCancelled(event) => match event.by {
                Side::Driver => Some(head.driver),
                Side::Passenger => head.passenger,
            },
            _ => return false,
        };
        author != Some(account) && recorded.version > entry.own.read_seq && entry.own.sees(recorded.version)
    });
    counted.count() as u64
}

#[test]
fn a_long_talk_is_counted_exactly_from_any_mark() {
    use palabre_events::marks::ConversationRead;
    use palabre_events::testing::*;
    let mut log = Log::default();
    let talk = talk_with(ANNA);
    log.append(RIDE, DomainEvent::Ride(offered().into()), by(DORA), now());
    log.append(talk, DomainEvent::Conversation(opened().into()), by(ANNA), now());
    for number in 0..700 {
        let author = if number % 3 == 0 { DORA } else { ANNA };
        log.append(talk, DomainEvent::Conversation(posted(author).into()), by(author), now());
    }
    let (mut place, reader) = log.folded();
    for up_to in [1, 2, 255, 256, 257, 300, 511, 512, 513, 690, 701] {
        let read = ConversationRead { account: DORA, conversation: talk, up_to };
        log.append(StreamId::marks(DORA), DomainEvent::Marks(read.into()), by(DORA), now());
        place.catch_up(&log);
        let entry = reader.inbox_entry(DORA, talk).unwrap().unwrap();
        assert_eq!(entry.own.unread, unread_by_walking(&log, DORA, &entry), "read up to {up_to}");
    }
}

#[test]
fn when_all_effects_have_run_nothing_is_pending_and_both_sides_agree() {
    let mut world = World::after(&many_steps(2_000));
    world.drain();
    let (_place, reader) = world.log.folded();
    assert_eq!(reader.pending_effects(all_effects(), 500).unwrap(), vec![]);
    for (id, state) in &world.conversations {
        let Some(booking) = state.booking() else { continue };
        let opened = state.opened().unwrap();
        let held = world.rides[&opened.ride].reservations().any(|(reservation, _)| *reservation == booking.reservation);
        assert!(held && booking.confirmed, "{id} believes in a booking that the ride does not hold");
    }
}

#[test]
fn pages_neither_repeat_nor_miss_anything() {
    let world = World::after(&many_steps(2_000));
    let (_place, reader) = world.log.folded();
    for account in EVERYONE {
        let all = reader.history(account, Paging::first(500)).unwrap().items;
        assert!(all.len() > 10);
        let mut paged = Vec::new();
        let mut paging = Paging::first(7);
        loop {
            let page = reader.history(account, paging).unwrap();
            paged.extend(page.items);
            let Some(before) = page.next else { break };
            paging.before = Some(before);
        }
        assert_eq!(paged[..all.len()], all);
        assert!(paged.is_sorted_by(|newer, older| newer.position > older.position));
    }
}

#[test]
fn what_changed_since_a_position_is_what_an_inbox_then_has() {
    let world = World::after(&many_steps(1_000));
    let (_place, reader) = world.log.folded();
    for account in EVERYONE {
        let inbox = reader.inbox(account, Paging::first(500)).unwrap().items;
        let middle = inbox[inbox.len() / 2].own.head_position;
        let changed = reader.inbox_changed_since(account, middle, 500).unwrap();
        let mut expected: Vec<_> = inbox.into_iter().filter(|entry| entry.own.head_position > middle).collect();
        expected.reverse();
        assert_eq!((changed.entries, changed.more), (expected, false));
        assert_eq!(changed.position, world.log.events.len() as u64);
        assert!(reader.inbox_changed_since(account, 0, 1).unwrap().more);
    }
}

#[test]
fn open_rides_are_visited_once_each() {
    let world = World::after(&many_steps(1_000));
    let (_place, reader) = world.log.folded();
    let mut visited = BTreeSet::new();
    let position = reader.each_open_ride(|ride| assert!(visited.insert(ride.ride))).unwrap();
    assert_eq!(position, world.log.events.len() as u64);
    let offered = |ride: &RideId| world.rides[ride].offer().is_some_and(|offer| offer.stage == Stage::Offered);
    assert_eq!(visited, world.rides.keys().copied().filter(offered).collect());
}
