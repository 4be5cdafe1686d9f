//! The rules of negotiation: proposing, countering, accepting, declining, expiring; and what the ride answers.
//!
//! `open → accepted | declined | withdrawn | countered | expired | voided`. Terms are immutable, only the other side
//! accepts, and it names the hash of the terms that it saw. One conversation has one booking at a time.

use crate::conversation::command::{ConversationCommand, ConversationRejection as No, MakeProposal, Outcome};
use crate::conversation::decide::{Decision, platform_only};
use crate::conversation::event::*;
use crate::conversation::state::{Conversation, Opened, Proposal, ProposalStatus, RideStage};
use crate::ride::RefusalReason;
use crate::terms::Terms;
use crate::{AccountId, Actor, Price, ProposalId, ReservationId, TermsHash, Timestamp};

/// The most proposals of one conversation that may wait for an answer.
pub const OPEN_PROPOSALS_MAX: usize = 8;
const EXPIRES_IN_S_MIN: i64 = 60;
const EXPIRES_IN_S_MAX: i64 = 30 * 24 * 3600;

impl Conversation {
    pub(super) fn decide_negotiation(&self, command: ConversationCommand, by: Actor, now: Timestamp) -> Decision {
        match command {
            ConversationCommand::MakeProposal(made) => self.decide_make(*made, by, now),
            ConversationCommand::AcceptProposal { proposal, terms_hash } => {
                self.decide_accept(proposal, terms_hash, by, now)
            }
            ConversationCommand::DeclineProposal { proposal, reason } => {
                let by = self.participant(by)?;
                if self.open(proposal, now)?.by == by {
                    return Err(No::OwnProposal);
                }
                Ok(vec![ProposalDeclined { proposal, by, reason }.into()])
            }
            ConversationCommand::WithdrawProposal { proposal } => {
                let by = self.participant(by)?;
                if self.open(proposal, now)?.by != by {
                    return Err(No::NotTheProposer);
                }
                Ok(vec![ProposalWithdrawn { proposal }.into()])
            }
            ConversationCommand::ExpireProposal { proposal } => {
                platform_only(by)?;
                let waiting = self.proposals.get(&proposal).ok_or(No::NoSuchProposal)?;
                let due = waiting.status == ProposalStatus::Open && waiting.expires_at <= now;
                Ok(if due { vec![ProposalExpired { proposal }.into()] } else { vec![] })
            }
            ConversationCommand::Settle { proposal, outcome } => {
                platform_only(by)?;
                self.decide_settle(proposal, outcome)
            }
            ConversationCommand::NoteCancelled { reservation, by: side, blameless, reason } => {
                platform_only(by)?;
                self.between_two()?;
                if self.ended.contains(&reservation) {
                    return Ok(vec![]);
                }
                let cancelled = BookingCancelled { reservation, by: side, blameless, reason };
                let voided = self
                    .void_open(|_, open| (open.replaces == Some(reservation)).then_some(VoidReason::BookingCancelled));
                Ok(std::iter::once(cancelled.into()).chain(voided).collect())
            }
            talk => unreachable!("decided with the talk: {talk:?}"),
        }
    }

    fn decide_make(&self, made: MakeProposal, by: Actor, now: Timestamp) -> Decision {
        let by = self.participant(by)?;
        let opened = self.between_two()?;
        if self.proposals.contains_key(&made.proposal) || self.settled.contains(&made.proposal) {
            return Err(No::AlreadyProposed);
        }
        self.check_ride_ahead()?;
        self.check_terms(&made.terms)?;
        check_expiry(made.expires_at, now)?;
        self.check_replaces(made.replaces)?;
        if let Some(countered) = made.in_reply_to {
            self.open(countered, now)?;
        }
        let waiting = self.proposals.values().filter(|known| known.status == ProposalStatus::Open).count();
        if waiting - usize::from(made.in_reply_to.is_some()) >= OPEN_PROPOSALS_MAX {
            return Err(No::TooManyProposals);
        }
        let terms_hash = made.terms.hash(&made.nonce);
        let standing = made.standing.filter(|standing| {
            by != opened.driver
                && standing.price_per_seat == made.terms.price_per_seat
                && standing.ride_terms_version == made.terms.ride_terms_version
        });
        let proposal = made.proposal;
        let event = ProposalMade {
            proposal,
            by,
            terms: made.terms,
            nonce: made.nonce,
            terms_hash,
            expires_at: made.expires_at,
            in_reply_to: made.in_reply_to,
            replaces: made.replaces,
        };
        let Some(standing) = standing else {
            return Ok(vec![event.into()]);
        };
        let acceptance = Acceptance::Standing { ride_terms_version: standing.ride_terms_version };
        let accepted = accepted(opened, proposal, acceptance, terms_hash, event.terms.clone(), event.replaces);
        let countered = event.in_reply_to;
        let voided = self.void_open(|other, _| (Some(other) != countered).then_some(VoidReason::AnotherAccepted));
        Ok([event.into(), accepted].into_iter().chain(voided).collect())
    }

    fn decide_accept(&self, proposal: ProposalId, terms_hash: TermsHash, by: Actor, now: Timestamp) -> Decision {
        let by = self.participant(by)?;
        let opened = self.between_two()?;
        let open = self.open(proposal, now)?;
        if open.by == by {
            return Err(No::OwnProposal);
        }
        if open.terms_hash != terms_hash {
            return Err(No::TermsDiffer);
        }
        self.check_ride_ahead()?;
        self.check_replaces(open.replaces)?;
        let accepted =
            accepted(opened, proposal, Acceptance::Person(by), terms_hash, open.terms.clone(), open.replaces);
        let voided = self.void_open(|other, _| (other != proposal).then_some(VoidReason::AnotherAccepted));
        Ok(std::iter::once(accepted).chain(voided).collect())
    }

    fn decide_settle(&self, proposal: ProposalId, outcome: Outcome) -> Decision {
        let opened = self.between_two()?;
        if self.settled.contains(&proposal) {
            return Ok(vec![]);
        }
        let agreed = self.proposals.get(&proposal);
        let booking = self.booking.filter(|booking| booking.pending == Some(proposal));
        let (Some(agreed), Some(booking)) = (agreed, booking) else {
            return Ok(self.settle_overtaken(proposal, outcome));
        };
        let Terms { seats, price_per_seat, pickup_at, .. } = agreed.terms;
        let event = match (outcome, agreed.replaces) {
            (Outcome::Refused(reason), _) => BookingRefused { proposal, reason }.into(),
            (Outcome::Reserved, Some(reservation)) => {
                BookingChanged { proposal, reservation, seats, price_per_seat, pickup_at }.into()
            }
            (Outcome::Reserved, None) => BookingConfirmed {
                proposal,
                reservation: booking.reservation,
                ride: opened.ride,
                passenger: opened.passenger.ok_or(No::NoProposalsInGroups)?,
                seats,
                price_per_seat,
                pickup_at,
                in_answer_to: opened.in_answer_to,
            }
            .into(),
        };
        Ok(vec![event])
    }

    /// A cancellation overtook the ride's answer, so that nothing waits for it here, or overtook the acceptance
    /// itself: then the proposal can no longer be accepted, since its outcome is final.
    fn settle_overtaken(&self, proposal: ProposalId, outcome: Outcome) -> Vec<ConversationEvent> {
        let reason = match outcome {
            Outcome::Refused(reason) => reason,
            Outcome::Reserved => RefusalReason::CancelledBefore,
        };
        let voided = self.void_open(|open, _| (open == proposal).then_some(VoidReason::BookingCancelled));
        std::iter::once(BookingRefused { proposal, reason }.into()).chain(voided).collect()
    }

    /// The proposal, when it still waits for an answer.
    fn open(&self, proposal: ProposalId, now: Timestamp) -> Result<&Proposal, No> {
        let known = self.proposals.get(&proposal).ok_or(No::NoSuchProposal)?;
        match known.status {
            ProposalStatus::Open if known.expires_at <= now => Err(No::ProposalExpired),
            ProposalStatus::Open => Ok(known),
            ProposalStatus::Accepted => Err(No::ProposalAccepted),
            ProposalStatus::Declined => Err(No::ProposalDeclined),
            ProposalStatus::Withdrawn => Err(No::ProposalWithdrawn),
            ProposalStatus::Countered => Err(No::ProposalCountered),
            ProposalStatus::Expired => Err(No::ProposalExpired),
            ProposalStatus::Voided => Err(No::ProposalVoided),
        }
    }

    /// Voids each open proposal for which `why` gives a reason.
    pub(super) fn void_open(
        &self,
        why: impl Fn(ProposalId, &Proposal) -> Option<VoidReason>,
    ) -> Vec<ConversationEvent> {
        let open = self.proposals.iter().filter(|(_, known)| known.status == ProposalStatus::Open);
        open.filter_map(|(proposal, known)| {
            Some(ProposalVoided { proposal: *proposal, reason: why(*proposal, known)? }.into())
        })
        .collect()
    }

    fn between_two(&self) -> Result<&Opened, No> {
        let opened = self.opened.as_ref().ok_or(No::NoSuchConversation)?;
        if opened.kind == ConversationKind::Ride { Ok(opened) } else { Err(No::NoProposalsInGroups) }
    }

    fn check_ride_ahead(&self) -> Result<(), No> {
        match self.ride_stage {
            RideStage::Ahead => Ok(()),
            RideStage::Departed => Err(No::RideDeparted),
            RideStage::Cancelled => Err(No::RideCancelled),
        }
    }

    fn check_terms(&self, terms: &Terms) -> Result<(), No> {
        if !(1..=Terms::SEATS_MAX).contains(&terms.seats) {
            return Err(No::SeatsOutOfRange);
        }
        if terms.price_per_seat.cents > Price::CENTS_MAX {
            return Err(No::PriceOutOfRange);
        }
        if terms.stretch.from_m >= terms.stretch.to_m {
            return Err(No::StretchOutOfRange);
        }
        if terms.ride_terms_version < self.ride_terms_version { Err(No::TermsOutdated) } else { Ok(()) }
    }

    /// One booking at a time: with one, a proposal must replace it; without, there is nothing to replace.
    fn check_replaces(&self, replaces: Option<ReservationId>) -> Result<(), No> {
        match (self.booking, replaces) {
            (Some(booking), _) if booking.pending.is_some() => Err(No::BookingUnderWay),
            (Some(booking), Some(reservation)) if booking.reservation == reservation => Ok(()),
            (Some(_), None) => Err(No::AlreadyBooked),
            (_, Some(_)) => Err(No::NoSuchBooking),
            (None, None) => Ok(()),
        }
    }
}

fn accepted(
    opened: &Opened,
    proposal: ProposalId,
    acceptance: Acceptance,
    terms_hash: TermsHash,
    terms: Terms,
    replaces: Option<ReservationId>,
) -> ConversationEvent {
    let passenger: AccountId = opened.passenger.expect("a conversation of kind ride has a passenger");
    ProposalAccepted { proposal, acceptance, terms_hash, ride: opened.ride, passenger, terms, replaces }.into()
}

fn check_expiry(expires_at: Timestamp, now: Timestamp) -> Result<(), No> {
    let in_ms = expires_at.millis_since(now);
    let fits = (EXPIRES_IN_S_MIN * 1000..=EXPIRES_IN_S_MAX * 1000).contains(&in_ms);
    if fits { Ok(()) } else { Err(No::ExpiryOutOfRange) }
}
