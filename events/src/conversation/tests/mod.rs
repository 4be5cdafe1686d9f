//! The rules of a conversation, one test each.

mod accept;
mod group;
mod instant;
mod notice;
mod opening;
mod property;
mod proposal;
mod settle;
mod talk;

use crate::conversation::*;
use crate::ride::{RefusalReason, Side};
use crate::terms::Terms;
use crate::testing::*;
use crate::{AccountId, Actor, ProposalId, ReservationId, TermsHash};

fn given(events: impl IntoIterator<Item = ConversationEvent>) -> Given<Conversation> {
    Given::new(events)
}

/// Anna and Dora talk about Dora's ride, and then `events` happen.
fn talking(events: impl IntoIterator<Item = ConversationEvent>) -> Given<Conversation> {
    given(std::iter::once(opened().into()).chain(events))
}

/// One seat for the whole way.
fn one_seat() -> Terms {
    terms(1, WHOLE_WAY)
}

/// `by` proposed one seat for the whole way.
fn proposed(number: u128, by: AccountId) -> ProposalMade {
    made(proposal(number), by, one_seat())
}

fn propose(made: MakeProposal) -> ConversationCommand {
    ConversationCommand::MakeProposal(Box::new(made))
}

fn accept(number: u128) -> ConversationCommand {
    ConversationCommand::AcceptProposal { proposal: proposal(number), terms_hash: one_seat().hash(&NONCE) }
}

fn decline(number: u128) -> ConversationCommand {
    ConversationCommand::DeclineProposal { proposal: proposal(number), reason: None }
}

fn withdraw(number: u128) -> ConversationCommand {
    ConversationCommand::WithdrawProposal { proposal: proposal(number) }
}

fn expire(number: u128) -> ConversationCommand {
    ConversationCommand::ExpireProposal { proposal: proposal(number) }
}

fn settle(number: u128, outcome: Outcome) -> ConversationCommand {
    ConversationCommand::Settle { proposal: proposal(number), outcome }
}

fn note_cancelled(reservation: ReservationId, by: Side) -> ConversationCommand {
    ConversationCommand::NoteCancelled { reservation, by, blameless: false, reason: None }
}

fn notice_ride(ride_version: u64, notice: RideNotice) -> ConversationCommand {
    ConversationCommand::NoticeRide { ride_version, notice }
}

fn noticed(ride_version: u64, notice: RideNotice) -> RideNoticed {
    RideNoticed { ride: RIDE, ride_version, notice }
}

fn repriced(terms_version: u32) -> RideNotice {
    RideNotice::TermsChanged { terms_version, price_per_seat: Some(euros(900)), seats: None }
}

fn declined(number: u128, by: AccountId) -> ProposalDeclined {
    ProposalDeclined { proposal: proposal(number), by, reason: None }
}

fn voided(number: u128, reason: VoidReason) -> ProposalVoided {
    ProposalVoided { proposal: proposal(number), reason }
}

fn refused(number: u128, reason: RefusalReason) -> BookingRefused {
    BookingRefused { proposal: proposal(number), reason }
}

fn booking_cancelled(number: u128, by: Side) -> BookingCancelled {
    BookingCancelled { reservation: reservation(number), by, blameless: false, reason: None }
}

/// Anna proposed, Dora accepted; the ride has not answered yet.
fn under_way() -> [ConversationEvent; 2] {
    let made = proposed(1, ANNA);
    [made.clone().into(), accepted(&made, DORA).into()]
}

/// Anna has a booking by the first proposal.
fn booked() -> [ConversationEvent; 3] {
    let made = proposed(1, ANNA);
    [made.clone().into(), accepted(&made, DORA).into(), confirmed(&made).into()]
}

/// `by` proposed two seats in place of the booked one.
fn change_proposed(number: u128, by: AccountId) -> ProposalMade {
    ProposalMade { replaces: Some(reservation(1)), ..made(proposal(number), by, terms(2, WHOLE_WAY)) }
}

fn accept_change(number: u128) -> ConversationCommand {
    ConversationCommand::AcceptProposal { proposal: proposal(number), terms_hash: terms(2, WHOLE_WAY).hash(&NONCE) }
}

/// Every way in which a proposal has ended, and how whoever comes too late hears of it.
fn endings(number: u128) -> Vec<(Vec<ConversationEvent>, ConversationRejection)> {
    let made = proposed(number, ANNA);
    let id: ProposalId = proposal(number);
    let counter = ProposalMade { in_reply_to: Some(id), ..proposed(number + 50, DORA) };
    vec![
        (vec![accepted(&made, DORA).into()], ConversationRejection::ProposalAccepted),
        (vec![declined(number, DORA).into()], ConversationRejection::ProposalDeclined),
        (vec![ProposalWithdrawn { proposal: id }.into()], ConversationRejection::ProposalWithdrawn),
        (vec![counter.into()], ConversationRejection::ProposalCountered),
        (vec![ProposalExpired { proposal: id }.into()], ConversationRejection::ProposalExpired),
        (vec![voided(number, VoidReason::RideChanged).into()], ConversationRejection::ProposalVoided),
    ]
}

/// Who takes no part, and what each is told: a stranger not even that there is a conversation.
fn nobody_of_it() -> [(Actor, ConversationRejection); 3] {
    [
        (by(EVE), ConversationRejection::NoSuchConversation),
        (Actor::System, ConversationRejection::NotAParticipant),
        (Actor::Operator, ConversationRejection::NotAParticipant),
    ]
}

const WRONG_HASH: TermsHash = TermsHash([0; 32]);
