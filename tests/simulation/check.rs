//! What must be true when everything has come to rest.

use palabre_events::conversation::ConversationKind;
use palabre_events::ride::state::Stage;
use palabre_events::testing::PlainOpener;
use palabre_events::{DomainEvent, ReservationId};
use palabre_projections::compare;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::node::open;
use crate::truth::outcome_of;
use crate::world::World;

impl World {
    pub fn check_all(&mut self) {
        self.check_states();
        self.check_screens();
        // A fresh fold takes as long as half of what a seed does besides.
        if self.dice.chance(250) {
            let node = self.dice.below(self.nodes.len());
            self.check_views(node);
        }
        self.check_acknowledged();
        self.check_agreements();
        self.check_bookings();
        self.check_groups();
    }

    /// Everybody was told everything that they may see.
    fn check_screens(&self) {
        for client in &self.clients {
            for (conversation, talk) in &self.truth.talks {
                let seen = client.screen.seen.get(conversation).copied().unwrap_or(0);
                let next = talk.next_for(client.account, seen);
                assert_eq!(
                    next, None,
                    "{} sees everything in {conversation}, and has seen up to {seen}",
                    client.account
                );
            }
        }
    }

    /// The views of a node are what a fresh fold of the log gives, and call nothing pending.
    fn check_views(&self, number: usize) {
        let fresh = self.new_views(&format!("fresh-{}", self.log.events().len()));
        let mut views = open(&fresh, Arc::new(PlainOpener::default()));
        let position = views.position() as usize;
        views.fold(&self.truth.history[position..]).expect("the log can be folded");
        let node = &self.nodes[number];
        let differences = compare(&fresh, node.views()).expect("the views can be compared");
        assert!(differences.is_empty(), "fed views are a fresh fold: {differences:?}");
        assert_eq!(node.feed.reader().backlog().expect("the views answer").effects, 0, "no effect is pending");
    }

    /// Acknowledged means in the log, exactly once; refused means not in it.
    fn check_acknowledged(&self) {
        let mut by_key: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for event in self.log.events() {
            if let (Some(account), Some(key)) = (event.actor.person(), event.key) {
                by_key.entry((account, key)).or_default().push(event.position);
            }
        }
        for (key, positions) in &by_key {
            assert!(positions.windows(2).all(|two| two[1] == two[0] + 1), "{key:?} was committed twice: {positions:?}");
        }
        for client in &self.clients {
            for (keyed, events) in &client.acknowledged {
                let acknowledged: Vec<u64> = events.iter().map(|event| event.position).collect();
                assert_eq!(by_key.get(&(keyed.account, keyed.key)), Some(&acknowledged), "acknowledged, so in the log");
            }
            for keyed in &client.refused {
                assert_eq!(by_key.get(&(keyed.account, keyed.key)), None, "refused, so not in the log");
            }
        }
        let ids: BTreeSet<_> = self.log.events().iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), self.log.events().len(), "every event has an id of its own");
    }

    /// Every accepted proposal was answered in its conversation, as the ride decided.
    fn check_agreements(&self) {
        let outcomes: BTreeSet<_> = self
            .truth
            .history
            .iter()
            .filter_map(|recorded| match &recorded.event {
                DomainEvent::Ride(event) => outcome_of(event),
                _ => None,
            })
            .collect();
        for talk in self.truth.talks.values() {
            for (proposal, seen) in &talk.proposals {
                if seen.accepted {
                    assert!(talk.answers.contains_key(proposal), "{proposal} was accepted and never answered");
                }
            }
            for proposal in talk.answers.keys() {
                assert!(outcomes.contains(proposal), "the ride never decided about {proposal}");
            }
        }
    }

    /// What conversations call booked is what the rides have reserved.
    fn check_bookings(&self) {
        let mut reserved: BTreeMap<ReservationId, u8> = BTreeMap::new();
        for ride in self.truth.rides.values() {
            let cancelled = ride.offer().is_some_and(|offer| offer.stage == Stage::Cancelled);
            assert!(!cancelled || ride.reservations().count() == 0, "nobody has a seat on a cancelled ride");
            reserved.extend(ride.reservations().map(|(id, held)| (*id, held.seats)));
        }
        let booked: BTreeMap<ReservationId, u8> = self.truth.talks.values().filter_map(|talk| talk.booked).collect();
        assert_eq!(booked, reserved, "bookings and reservations are the same");
        for cancelled in self.clients.iter().flat_map(|client| &client.cancelled) {
            assert!(!reserved.contains_key(cancelled), "cancelled for good: {cancelled}");
        }
        for talk in self.truth.talks.values() {
            for seen in talk.proposals.values().filter(|seen| seen.open) {
                let booked = talk.booked.map(|(reservation, _)| reservation);
                assert_eq!(seen.made.replaces, booked, "what is open could still be agreed");
            }
        }
    }

    /// Whoever has seats is in the ride's group, and nobody else.
    fn check_groups(&self) {
        let mut members = BTreeSet::new();
        for talk in self.truth.talks.values().filter(|talk| talk.opened.kind == ConversationKind::Group) {
            members.extend(talk.members.keys().copied());
        }
        let reserved: BTreeSet<ReservationId> =
            self.truth.rides.values().flat_map(|ride| ride.reservations().map(|(id, _)| *id)).collect();
        assert_eq!(members, reserved, "groups are those who ride along");
    }
}
