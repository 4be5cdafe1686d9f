//! What people think of asking for, given what they see; and sometimes what no honest program would ask.

use palabre_events::conversation::{
    ConversationCommand, ConversationKind, ConversationOpened, MakeProposal, StandingOffer,
};
use palabre_events::policy::EffectCommand;
use palabre_events::ride::state::Stage;
use palabre_events::ride::{BookingMode, Ride, RideCommand};
use palabre_events::terms::Terms;
use palabre_events::testing::*;
use palabre_events::{
    AccountId, Actor, CommandKey, ConversationId, KeyId, ProposalId, ReservationId, RideId, Stretch,
    sealed::MessageText,
};
use std::collections::BTreeSet;

use crate::truth::Talk;
use crate::world::{Whose, World};

pub const PASSENGERS: [AccountId; 3] = [ANNA, BEN, CLEO];
const STRETCHES: [Stretch; 3] = [WHOLE_WAY, TO_VOIRON, FROM_VOIRON];

impl World {
    /// A client without a command thinks of one.
    pub fn think(&mut self, number: usize) {
        let account = self.clients[number].account;
        let rides: Vec<RideId> = self.truth.rides.keys().copied().collect();
        let Some(ride) = self.dice.pick(&rides).copied() else { return };
        let key = key(self.dice.next() >> 8);
        let over = self.truth.rides[&ride].offer().is_some_and(|offer| offer.stage != Stage::Offered);
        let group = ConversationId::group_of(ride);
        let have_company = self.truth.talks.get(&group).is_some_and(|talk| talk.members.len() > 1);
        let command = if have_company && self.dice.chance(600) {
            Some(EffectCommand::Conversation(group, message(account)))
        } else if account == DORA && self.dice.chance(if over { 500 } else { 160 }) {
            self.drive(ride)
        } else {
            let passenger = if account == DORA { PASSENGERS[self.dice.below(3)] } else { account };
            self.negotiate(account, ride, passenger, key)
        };
        if let Some(command) = command {
            self.want(number, command, key);
        }
    }

    fn version_of_ride(&self, ride: RideId) -> u64 {
        self.truth.history.iter().filter(|recorded| recorded.stream == ride.into()).count() as u64
    }

    /// What a driver does with the ride itself.
    fn drive(&mut self, ride: RideId) -> Option<EffectCommand> {
        let offer = self.truth.rides[&ride].offer()?;
        let (price, departs_at) = (offer.price_per_seat.cents, offer.departs_at);
        let held: Vec<ReservationId> = self.truth.rides[&ride].reservations().map(|(id, _)| *id).collect();
        let change = |seats, cents: Option<u32>, booking_mode| RideCommand::ChangeTerms {
            seats,
            price_per_seat: cents.map(euros),
            booking_mode,
            preferences: None,
            vehicle: None,
            comment: None,
            cleared: BTreeSet::new(),
        };
        let over = offer.stage != Stage::Offered;
        let command = match if over { 9 } else { self.dice.below(12) } {
            0 | 1 => change(None, Some(if price == 800 { 900 } else { 800 }), None),
            2 | 3 => change(Some(1 + self.dice.below(4) as u8), None, None),
            4 => change(None, None, Some(BookingMode::Instant)),
            5..=8 => RideCommand::Reschedule {
                departs_at: departs_at.plus_seconds(self.dice.below(7200) as i64 - 3600),
                time_zone: "Europe/Paris".to_owned(),
                route: self.dice.chance(300).then(route),
            },
            9 | 10 => RideCommand::ReportNoShow { reservation: *self.dice.pick(&held)? },
            _ if self.dice.chance(300) => RideCommand::Cancel { reason: None },
            _ => return None,
        };
        Some(EffectCommand::Ride(ride, command))
    }

    /// What either side does in the conversation of a passenger, or with what was agreed there.
    fn negotiate(
        &mut self,
        account: AccountId,
        ride: RideId,
        passenger: AccountId,
        key: CommandKey,
    ) -> Option<EffectCommand> {
        let id = ConversationId::about_ride(ride, passenger);
        let Some(talk) = self.truth.talks.get(&id).cloned() else {
            return Some(self.open(ride, passenger, account));
        };
        let open: Vec<_> = talk.proposals.values().filter(|seen| seen.open).map(|seen| seen.made.clone()).collect();
        let theirs: Vec<_> = open.iter().filter(|made| made.by != account).cloned().collect();
        let say = |command| Some(EffectCommand::Conversation(id, command));
        if talk.booked.is_some() && self.dice.chance(100) {
            return self.reconfirm(&talk, ride);
        }
        match self.dice.below(100) {
            0..=29 => say(self.propose(&talk, ride, account, key)),
            30..=59 => {
                let made = self.dice.pick(&theirs)?;
                say(ConversationCommand::AcceptProposal { proposal: made.proposal, terms_hash: made.terms_hash })
            }
            60..=63 => {
                let proposal = self.dice.pick(&open)?.proposal;
                say(ConversationCommand::DeclineProposal { proposal, reason: None })
            }
            64..=66 => say(ConversationCommand::WithdrawProposal { proposal: self.dice.pick(&open)?.proposal }),
            67..=74 => say(message(account)),
            75..=76 => say(ConversationCommand::RetractMessage { message: self.dice.next() % (talk.length() + 1) }),
            _ => self.cancel_booking(&talk, ride, id, passenger),
        }
    }

    fn open(&mut self, ride: RideId, passenger: AccountId, account: AccountId) -> EffectCommand {
        // Whoever opens it may have seen the ride some time ago.
        let seen = self.version_of_ride(ride).saturating_sub(self.dice.below(3) as u64).max(1);
        let answers = account == DORA && passenger == ANNA;
        let opening = ConversationOpened {
            kind: ConversationKind::Ride,
            ride,
            ride_version: seen,
            driver: DORA,
            passenger: Some(passenger),
            in_answer_to: answers.then_some(REQUEST),
        };
        EffectCommand::Conversation(
            ConversationId::about_ride(ride, passenger),
            ConversationCommand::Open(Box::new(opening)),
        )
    }

    fn propose(&mut self, talk: &Talk, ride: RideId, account: AccountId, key: CommandKey) -> ConversationCommand {
        let state: &Ride = &self.truth.rides[&ride];
        let offer = state.offer().expect("only offered rides are talked about");
        let (list, current, instant) =
            (offer.price_per_seat, offer.terms_version, offer.booking_mode == BookingMode::Instant);
        let stale = self.dice.chance(100);
        let ride_terms_version = if stale { current.saturating_sub(1) } else { current };
        let price_per_seat = if self.dice.chance(500) { list } else { euros(700) };
        let stretch = STRETCHES[self.dice.below(3)];
        let terms = Terms { ride_terms_version, price_per_seat, ..terms(1 + self.dice.below(2) as u8, stretch) };
        let open: Vec<ProposalId> =
            talk.proposals.values().filter(|seen| seen.open).map(|seen| seen.made.proposal).collect();
        let countered = if self.dice.chance(300) { self.dice.pick(&open).copied() } else { None };
        let standing = StandingOffer { ride_terms_version, price_per_seat: list };
        let expires_at = self.clock.plus_seconds(3600 + self.dice.below(4 * 3600) as i64);
        let replaces = if self.dice.chance(950) { talk.booked.map(|(reservation, _)| reservation) } else { None };
        ConversationCommand::MakeProposal(Box::new(MakeProposal {
            expires_at,
            in_reply_to: countered,
            replaces,
            standing: instant.then_some(standing),
            ..make(ProposalId::derive(account, key), terms)
        }))
    }

    fn reconfirm(&mut self, talk: &Talk, ride: RideId) -> Option<EffectCommand> {
        let (reservation, _) = talk.booked?;
        let terms_version = self.truth.rides[&ride].offer()?.terms_version;
        Some(EffectCommand::Ride(ride, RideCommand::Reconfirm { reservation, terms_version }))
    }

    /// Cancels what was accepted, booked or not yet; and now and then what was only proposed, as a rogue would.
    fn cancel_booking(
        &mut self,
        talk: &Talk,
        ride: RideId,
        conversation: ConversationId,
        passenger: AccountId,
    ) -> Option<EffectCommand> {
        let rogue = self.dice.chance(250);
        let known = talk.proposals.values().filter(|seen| seen.accepted || rogue).map(|seen| seen.made.proposal);
        let mut all: Vec<ReservationId> = known.map(Into::into).collect();
        all.extend(talk.booked.map(|(reservation, _)| reservation));
        let reservation = *self.dice.pick(&all)?;
        let command = RideCommand::CancelReservation { reservation, conversation, passenger, reason: None };
        Some(EffectCommand::Ride(ride, command))
    }

    /// An hour comes: of a departure, an arrival or an expiry.
    pub fn ring(&mut self) {
        let mut due: Vec<EffectCommand> = Vec::new();
        for ride in self.truth.rides.keys() {
            due.extend([RideCommand::Depart, RideCommand::Complete].map(|what| EffectCommand::Ride(*ride, what)));
        }
        for (id, talk) in &self.truth.talks {
            let lapsed = talk.proposals.values().filter(|seen| seen.open && seen.made.expires_at <= self.clock);
            due.extend(lapsed.map(|seen| {
                let proposal = seen.made.proposal;
                EffectCommand::Conversation(*id, ConversationCommand::ExpireProposal { proposal })
            }));
        }
        if let Some(command) = self.dice.pick(&due).cloned() {
            let (ask, node) = (self.ask(command, Actor::System, None), self.dice.below(self.nodes.len()));
            self.send(node, ask, Whose::Timer);
        }
    }
}

fn message(by: AccountId) -> ConversationCommand {
    let text = sealed(KeyId::Person(by), &MessageText("Bonjour".to_owned()));
    ConversationCommand::PostMessage { text, in_reply_to: None }
}
