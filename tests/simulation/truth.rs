//! What the log says, folded as it grows: the view of pending effects, and what people see on their screens.

use palabre_events::conversation::{ConversationEvent, ConversationOpened, ProposalMade};
use palabre_events::domain::Recorded;
use palabre_events::policy::{Effect, EffectKey, effects_of, fulfils, notice_of};
use palabre_events::ride::{Ride, RideEvent};
use palabre_events::{
    AccountId, Aggregate, ConversationId, DomainEvent, Envelope, ProposalId, RequestId, ReservationId, RideId,
};
use std::collections::{BTreeMap, BTreeSet};

/// A proposal as people see it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub made: ProposalMade,
    pub open: bool,
    pub accepted: bool,
}

/// A conversation as people see it.
#[derive(Clone, Debug)]
pub struct Talk {
    pub opened: ConversationOpened,
    pub proposals: BTreeMap<ProposalId, Seen>,
    /// Answers of the ride: confirmed or changed (`true`), refused (`false`).
    pub answers: BTreeMap<ProposalId, bool>,
    /// The confirmed booking and its seats.
    pub booked: Option<(ReservationId, u8)>,
    /// Members of a group, by reservation.
    pub members: BTreeMap<ReservationId, AccountId>,
    /// Who may see each event, the first one first.
    pub viewers: Vec<BTreeSet<AccountId>>,
}

#[derive(Debug, Default)]
pub struct Truth {
    pub history: Vec<Recorded>,
    pub rides: BTreeMap<RideId, Ride>,
    pub talks: BTreeMap<ConversationId, Talk>,
    pub requests: BTreeSet<RequestId>,
    /// Effects that no event has fulfilled yet, as a view keeps them: in the order of the log, and by nothing else.
    pub pending: BTreeMap<EffectKey, Effect>,
    /// What every conversation of a ride must hear of.
    notices: BTreeMap<RideId, Vec<(u64, palabre_events::conversation::RideNotice)>>,
}

impl Truth {
    /// Folds one event in.
    pub fn note(&mut self, envelope: &Envelope) {
        let recorded = Recorded::read(envelope).expect("the simulation reads what it wrote");
        for key in fulfils(&recorded) {
            self.pending.remove(&key);
        }
        let noticed = self.notices_of(&recorded);
        for effect in effects_of(&recorded).into_iter().chain(noticed) {
            self.pending.insert(effect.key(), effect);
        }
        match &recorded.event {
            DomainEvent::Ride(event) => {
                let ride = RideId(recorded.stream.id);
                self.rides.entry(ride).or_default().evolve(event);
                check_seats(&self.rides[&ride]);
            }
            DomainEvent::Conversation(event) => self.note_talk(ConversationId(recorded.stream.id), event),
            DomainEvent::Request(_) => {
                self.requests.insert(RequestId(recorded.stream.id));
            }
            DomainEvent::Account(_) | DomainEvent::Marks(_) => {}
        }
        self.history.push(recorded);
    }

    /// Whom an event of a ride must be told to: conversations that were opened before it, and those opened after it by
    /// somebody who had not seen it.
    fn notices_of(&mut self, recorded: &Recorded) -> Vec<Effect> {
        match &recorded.event {
            DomainEvent::Ride(event) => {
                let (ride, ride_version) = (RideId(recorded.stream.id), recorded.version);
                let Some(notice) = notice_of(event) else { return vec![] };
                self.notices.entry(ride).or_default().push((ride_version, notice.clone()));
                let told = self
                    .talks
                    .iter()
                    .filter(|(_, talk)| talk.opened.ride == ride && talk.opened.ride_version < ride_version);
                told.map(|(id, _)| Effect::Notice { conversation: *id, ride_version, notice: notice.clone() }).collect()
            }
            DomainEvent::Conversation(ConversationEvent::ConversationOpened(opened)) => {
                let conversation = ConversationId(recorded.stream.id);
                let missed = self.notices.get(&opened.ride).into_iter().flatten();
                let missed = missed.filter(|(version, _)| *version > opened.ride_version);
                missed
                    .map(|(version, notice)| Effect::Notice {
                        conversation,
                        ride_version: *version,
                        notice: notice.clone(),
                    })
                    .collect()
            }
            _ => vec![],
        }
    }

    fn note_talk(&mut self, id: ConversationId, event: &ConversationEvent) {
        if let ConversationEvent::ConversationOpened(opened) = event {
            let talk = Talk {
                opened: opened.clone(),
                proposals: BTreeMap::new(),
                answers: BTreeMap::new(),
                booked: None,
                members: BTreeMap::new(),
                viewers: Vec::new(),
            };
            assert!(self.talks.insert(id, talk).is_none(), "a conversation is opened once");
        }
        self.talks.get_mut(&id).expect("a conversation begins with its opening").note(event);
    }
}

impl Talk {
    /// How many events it has.
    pub fn length(&self) -> u64 {
        self.viewers.len() as u64
    }

    /// The next event after `seq` that `account` may see.
    pub fn next_for(&self, account: AccountId, seq: u64) -> Option<u64> {
        (seq + 1..=self.length()).find(|next| self.viewers[*next as usize - 1].contains(&account))
    }

    /// Who takes part now.
    pub fn present(&self) -> BTreeSet<AccountId> {
        [self.opened.driver].into_iter().chain(self.opened.passenger).chain(self.members.values().copied()).collect()
    }

    fn note(&mut self, event: &ConversationEvent) {
        // Whoever comes or goes sees it.
        let before = self.present();
        self.take_note(event);
        self.viewers.push(before.union(&self.present()).copied().collect());
    }

    fn take_note(&mut self, event: &ConversationEvent) {
        match event {
            ConversationEvent::ProposalMade(made) => {
                made.in_reply_to.iter().for_each(|countered| self.close(*countered));
                let before =
                    self.proposals.insert(made.proposal, Seen { made: made.clone(), open: true, accepted: false });
                assert!(before.is_none(), "a proposal is made once");
            }
            ConversationEvent::ProposalAccepted(event) => {
                self.close(event.proposal);
                self.proposals.get_mut(&event.proposal).expect("it was proposed").accepted = true;
            }
            ConversationEvent::ProposalDeclined(event) => self.close(event.proposal),
            ConversationEvent::ProposalWithdrawn(event) => self.close(event.proposal),
            ConversationEvent::ProposalExpired(event) => self.close(event.proposal),
            ConversationEvent::ProposalVoided(event) => self.close(event.proposal),
            ConversationEvent::BookingConfirmed(event) => {
                self.answer(event.proposal, true);
                self.booked = Some((event.reservation, event.seats));
            }
            ConversationEvent::BookingChanged(event) => {
                self.answer(event.proposal, true);
                self.booked = Some((event.reservation, event.seats));
            }
            ConversationEvent::BookingRefused(event) => self.answer(event.proposal, false),
            ConversationEvent::BookingCancelled(event) => {
                self.booked = self.booked.filter(|(booked, _)| *booked != event.reservation);
            }
            ConversationEvent::ParticipantJoined(event) => {
                let before = self.members.insert(event.reservation, event.account);
                assert!(before.is_none(), "a passenger joins once");
            }
            ConversationEvent::ParticipantLeft(event) => {
                self.members.remove(&event.reservation);
            }
            _ => {}
        }
    }

    fn close(&mut self, proposal: ProposalId) {
        let seen = self.proposals.get_mut(&proposal).expect("only what was proposed ends");
        assert!(seen.open, "what has ended has ended: {proposal}");
        seen.open = false;
    }

    fn answer(&mut self, proposal: ProposalId, reserved: bool) {
        let before = self.answers.insert(proposal, reserved);
        assert!(before.is_none(), "the first answer is final: {proposal}");
    }
}

/// Panics when more seats are taken anywhere than the ride has.
fn check_seats(ride: &Ride) {
    let Some(offer) = ride.offer() else { return };
    let held: Vec<_> = ride.reservations().map(|(_, held)| (held.stretch, u32::from(held.seats))).collect();
    for (stretch, _) in &held {
        let here = held.iter().filter(|(other, _)| (other.from_m..other.to_m).contains(&stretch.from_m));
        let sold: u32 = here.map(|(_, seats)| seats).sum();
        assert!(sold <= u32::from(offer.seats), "{sold} of {} seats sold at metre {}", offer.seats, stretch.from_m);
    }
}

/// Whether an event is the ride's outcome for a proposal.
pub fn outcome_of(event: &RideEvent) -> Option<ProposalId> {
    match event {
        RideEvent::SeatsReserved(event) => Some(ProposalId(event.reservation.0)),
        RideEvent::ReservationChanged(event) => Some(event.proposal),
        RideEvent::ReservationRefused(event) => Some(event.proposal),
        _ => None,
    }
}
