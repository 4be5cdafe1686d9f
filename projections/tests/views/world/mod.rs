//! A small world that lives: real aggregates, asked random things by random people, and effects that are run in any
//! order. What the rules refuse does not happen; what they decide goes into the log.

mod asking;

use palabre_events::account::{Account, AccountCommand, AccountOpened, Language, ProfileChanged};
use palabre_events::conversation::state::Conversation;
use palabre_events::conversation::{ConversationCommand, MakeProposal, StandingOffer};
use palabre_events::marks::{Marks, MarksCommand};
use palabre_events::policy::Effect;
use palabre_events::request::{Request, RequestCommand, RequestPosted};
use palabre_events::ride::state::Stage;
use palabre_events::ride::{BookingMode, Ride, RideCommand, RideEvent, RideOffered};
use palabre_events::sealed::{Comment, DisplayName, MessageText, Reason};
use palabre_events::terms::Terms;
use palabre_events::testing::*;
use palabre_events::{
    AccountId, Actor, ConversationId, DomainEvent, KeyId, ProposalId, RequestId, RideId, StreamId, TermsHash, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

use crate::log::Log;
use asking::decided;

/// Everyone in the world. Dora and Ben drive.
pub const EVERYONE: [AccountId; 4] = [DORA, BEN, ANNA, CLEO];

/// What happens next, by numbers that choose among what there is.
pub type Step = [u8; 4];

/// A proposal as its maker remembers it.
#[derive(Clone, Copy)]
struct Known {
    proposal: ProposalId,
    conversation: ConversationId,
    terms_hash: TermsHash,
    ride: RideId,
    passenger: AccountId,
}

/// Real aggregates, their log, and what is still to be done.
pub struct World {
    pub log: Log,
    pub rides: BTreeMap<RideId, Ride>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub effects: Vec<Effect>,
    pub now: Timestamp,
    accounts: BTreeMap<AccountId, Account>,
    marks: BTreeMap<AccountId, Marks>,
    requests: BTreeMap<RequestId, Request>,
    proposals: Vec<Known>,
    ids: u128,
}

impl World {
    /// Where everyone has an account and two rides are on offer.
    pub fn new() -> Self {
        let mut world = Self {
            log: Log::default(),
            rides: BTreeMap::new(),
            conversations: BTreeMap::new(),
            effects: Vec::new(),
            now: now(),
            accounts: BTreeMap::new(),
            marks: BTreeMap::new(),
            requests: BTreeMap::new(),
            proposals: Vec::new(),
            ids: 0,
        };
        for account in EVERYONE {
            world.open_account(account);
        }
        world.offer(DORA, 3, BookingMode::Approval);
        world.offer(BEN, 1, BookingMode::Instant);
        world
    }

    /// After all these steps.
    pub fn after(steps: &[Step]) -> Self {
        let mut world = Self::new();
        steps.iter().for_each(|step| world.step(*step));
        world
    }

    /// One more thing happens, or is refused.
    pub fn step(&mut self, [what, who, which, how]: Step) {
        let account = EVERYONE[usize::from(who) % EVERYONE.len()];
        self.now = self.now.plus_seconds(60);
        match what % 40 {
            0 => self.offer(account, 1 + how % 4, if how > 127 { BookingMode::Instant } else { BookingMode::Approval }),
            1 | 2 => self.change_ride(which, how),
            3 => self.tick(which, how),
            4..8 => self.open_talk(account, which, how),
            8..14 => self.talk(who, which, how),
            14..19 => self.propose(who, which, how),
            19..24 => self.answer(who, which, how),
            24 | 25 => self.change_reservation(which, how),
            26 => self.change_request(account, which, how),
            27..31 => self.read(who, which, how),
            31 => self.change_profile(account, how),
            _ => self.run_effect(which),
        }
    }

    fn fresh(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0xf00d_0000 + self.ids)
    }

    /// One of the latest rides.
    fn ride_at(&self, which: u8) -> RideId {
        *self.rides.keys().rev().nth(usize::from(which) % self.rides.len().min(4)).unwrap()
    }

    /// A conversation, most likely of one of the latest rides.
    fn talk_at(&self, which: u8) -> Option<ConversationId> {
        let latest = self.rides.keys().rev().take(4).collect::<Vec<_>>();
        let talks = self
            .conversations
            .iter()
            .filter(|(_, talk)| which > 240 || talk.opened().is_some_and(|opened| latest.contains(&&opened.ride)));
        let talks: Vec<_> = talks.map(|(id, _)| *id).collect();
        talks.get(usize::from(which) % talks.len().max(1)).copied()
    }

    /// One of those who take part, mostly.
    fn speaker(&self, conversation: ConversationId, who: u8) -> AccountId {
        let participants = self.conversations[&conversation].participants();
        let stranger = EVERYONE[usize::from(who) % EVERYONE.len()];
        if who > 240 { stranger } else { participants[usize::from(who) % participants.len()] }
    }

    fn open_account(&mut self, account: AccountId) {
        let name = sealed(KeyId::Person(account), &DisplayName(format!("Person {account}")));
        let open = AccountCommand::Open(Box::new(AccountOpened { account, name, language: Language::Fr }));
        self.ask_account(account, open);
    }

    fn change_profile(&mut self, account: AccountId, how: u8) {
        let name = sealed(KeyId::Person(account), &DisplayName(format!("Person {how}")));
        let language = (how > 127).then_some(Language::En);
        let change = ProfileChanged { account, name: (how.is_multiple_of(2)).then_some(name), language };
        self.ask_account(account, AccountCommand::ChangeProfile(Box::new(change)));
    }

    fn offer(&mut self, driver: AccountId, seats: u8, booking_mode: BookingMode) {
        let open = self.rides.values().filter_map(Ride::offer).filter(|offer| offer.stage == Stage::Offered).count();
        // With few rides at a time, people meet on them.
        if open >= 3 {
            return;
        }
        let ride = RideId(self.fresh());
        let departs_at = self.now.plus_seconds(24 * 3600);
        let comment = Some(sealed(KeyId::Person(driver), &Comment("Musique".to_owned())));
        let offered = RideOffered { driver, seats, booking_mode, departs_at, comment, ..offered() };
        self.ask_ride(ride, RideCommand::Offer(Box::new(offered)), by(driver));
    }

    fn change_ride(&mut self, which: u8, how: u8) {
        let ride = self.ride_at(which);
        let Some(account) = self.rides[&ride].offer().map(|offer| offer.driver) else { return };
        let reason = Some(sealed(KeyId::Person(account), &Reason("Panne".to_owned())));
        let command = match how % 6 {
            0 | 1 => RideCommand::Reschedule {
                departs_at: self.now.plus_seconds(3600 * (1 + i64::from(how))),
                time_zone: "Europe/Paris".to_owned(),
                route: (how % 6 == 1).then(route),
            },
            2..5 => RideCommand::ChangeTerms {
                seats: (how % 6 == 2).then_some(1 + how % 5),
                price_per_seat: (how % 6 == 3).then(|| euros(u32::from(how))),
                booking_mode: (how % 6 == 4).then_some(BookingMode::Instant),
                preferences: None,
                vehicle: None,
                comment: Some(sealed(KeyId::Person(account), &Comment(format!("Remarque {how}")))),
                cleared: BTreeSet::new(),
            },
            _ => RideCommand::Cancel { reason },
        };
        self.ask_ride(ride, command, by(account));
    }

    /// The clock runs, and timers with it.
    fn tick(&mut self, which: u8, how: u8) {
        self.now = self.now.plus_seconds(i64::from(how) * 600);
        let ride = self.ride_at(which);
        self.ask_ride(ride, RideCommand::Depart, Actor::System);
        self.ask_ride(ride, RideCommand::Complete, Actor::System);
        for Known { proposal, conversation, .. } in self.proposals.clone() {
            self.ask_talk(conversation, ConversationCommand::ExpireProposal { proposal }, Actor::System);
        }
        for request in self.requests.keys().copied().collect::<Vec<_>>() {
            self.ask_request(request, RequestCommand::Expire, Actor::System);
        }
    }

    fn open_talk(&mut self, account: AccountId, which: u8, how: u8) {
        let ride = self.ride_at(which);
        let Some(offer) = self.rides[&ride].offer() else { return };
        let (driver, version) = (offer.driver, self.log.version(ride));
        let request = self.requests.keys().next().copied();
        let opening = palabre_events::conversation::ConversationOpened {
            ride,
            driver,
            passenger: Some(account),
            // Whoever opens it may have seen an older ride.
            ride_version: version.saturating_sub(u64::from(how % 3)).max(1),
            in_answer_to: request.filter(|_| how > 200),
            ..opened()
        };
        let conversation = ConversationId::about_ride(ride, account);
        self.ask_talk(conversation, ConversationCommand::Open(Box::new(opening)), by(account));
    }

    fn talk(&mut self, who: u8, which: u8, how: u8) {
        let Some(conversation) = self.talk_at(which) else { return };
        let account = self.speaker(conversation, who);
        let text = sealed(KeyId::Person(account), &MessageText(format!("Message {how}")));
        let message = 1 + u64::from(how) % self.conversations[&conversation].seq().max(1);
        let command = match how % 8 {
            0 => ConversationCommand::EditMessage { message, text },
            1 => ConversationCommand::RetractMessage { message },
            _ => ConversationCommand::PostMessage { text, in_reply_to: None },
        };
        self.ask_talk(conversation, command, by(account));
    }

    fn propose(&mut self, who: u8, which: u8, how: u8) {
        let Some(conversation) = self.talk_at(which) else { return };
        let account = self.speaker(conversation, who);
        let talk = &self.conversations[&conversation];
        let Some((ride, Some(passenger))) = talk.opened().map(|opened| (opened.ride, opened.passenger)) else { return };
        let Some(offer) = self.rides[&ride].offer() else { return };
        let stretch = [WHOLE_WAY, TO_VOIRON, FROM_VOIRON][usize::from(how) % 3];
        let terms = Terms {
            ride_terms_version: offer.terms_version,
            price_per_seat: offer.price_per_seat,
            pickup_at: offer.departs_at,
            ..terms(1 + how % 2, stretch)
        };
        let standing = (offer.booking_mode == BookingMode::Instant)
            .then_some(StandingOffer { ride_terms_version: offer.terms_version, price_per_seat: offer.price_per_seat });
        let replaces = talk.booking().map(|booking| booking.reservation);
        let last = self.proposals.iter().rfind(|known| known.conversation == conversation);
        let in_reply_to = last.map(|known| known.proposal).filter(|_| how.is_multiple_of(4));
        let proposal = ProposalId(self.fresh());
        let terms_hash = terms.hash(&NONCE);
        let expires_at = self.now.plus_seconds(60 + 600 * i64::from(how));
        let made =
            MakeProposal { terms, expires_at, in_reply_to, replaces, standing, ..make(proposal, terms_of_none()) };
        self.proposals.push(Known { proposal, conversation, terms_hash, ride, passenger });
        self.ask_talk(conversation, ConversationCommand::MakeProposal(Box::new(made)), by(account));
    }

    fn answer(&mut self, who: u8, which: u8, how: u8) {
        let among = self.proposals.len().min(4);
        let Some(known) = self.proposals.iter().rev().nth(usize::from(which) % among.max(1)).copied() else { return };
        let Known { proposal, conversation, terms_hash, .. } = known;
        let account = self.speaker(conversation, who);
        let reason = Some(sealed(KeyId::Person(account), &Reason("Trop cher".to_owned())));
        let command = match how % 8 {
            0 => ConversationCommand::DeclineProposal { proposal, reason },
            1 => ConversationCommand::WithdrawProposal { proposal },
            _ => ConversationCommand::AcceptProposal { proposal, terms_hash },
        };
        self.ask_talk(conversation, command, by(account));
    }

    fn change_reservation(&mut self, which: u8, how: u8) {
        let accepted = |known: &&Known| {
            self.conversations[&known.conversation]
                .booking()
                .is_some_and(|booking| booking.reservation == known.proposal.into())
        };
        let Some(known) = self.proposals.iter().rev().filter(accepted).nth(usize::from(which) % 3).copied() else {
            return;
        };
        let Known { proposal, conversation, ride, passenger, .. } = known;
        let reservation = proposal.into();
        let terms_version = self.rides[&ride].offer().map_or(1, |offer| offer.terms_version);
        let Some(driver) = self.rides[&ride].offer().map(|offer| offer.driver) else { return };
        let cancel = RideCommand::CancelReservation { reservation, conversation, passenger, reason: None };
        let (command, account) = match how % 8 {
            0 => (cancel, driver),
            1 => (cancel, passenger),
            2..5 => (RideCommand::Reconfirm { reservation, terms_version }, passenger),
            _ => (RideCommand::ReportNoShow { reservation }, driver),
        };
        self.ask_ride(ride, command, by(account));
    }

    fn change_request(&mut self, account: AccountId, which: u8, how: u8) {
        if how > 80 {
            let request = RequestId(self.fresh());
            let pickup_at = self.now.plus_seconds(3600 * (1 + i64::from(how)));
            let posted = RequestPosted { passenger: account, pickup_at, ..request_posted() };
            return self.ask_request(request, RequestCommand::Post(Box::new(posted)), by(account));
        }
        if let Some(request) = self.requests.keys().nth(usize::from(which) % self.requests.len().max(1)).copied() {
            self.ask_request(request, RequestCommand::Withdraw, by(account));
        }
    }

    fn read(&mut self, who: u8, which: u8, how: u8) {
        let Some(conversation) = self.talk_at(which) else { return };
        let account = self.speaker(conversation, who);
        let up_to = self.conversations[&conversation].seq().saturating_sub(u64::from(how % 5));
        let command = MarksCommand::MarkRead { account, conversation, up_to };
        let state = self.marks.entry(account).or_default();
        let events = decided(state, command, by(account), self.now);
        self.record(StreamId::marks(account), events.into_iter().map(DomainEvent::Marks), by(account));
    }
}

/// Terms that are replaced where they stand.
fn terms_of_none() -> Terms {
    terms(1, WHOLE_WAY)
}

/// Whether anything interesting came of the steps: a property that only ever sees refusals proves nothing.
pub fn happened(world: &World, test: impl Fn(&RideEvent) -> bool) -> bool {
    world.log.events.iter().any(|recorded| matches!(&recorded.event, DomainEvent::Ride(event) if test(event)))
}
