//! What the rules of a conversation read.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::event::*;
use crate::terms::Terms;
use crate::{AccountId, ProposalId, RequestId, ReservationId, RideId, TermsHash, Timestamp};

/// A conversation as its rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    pub(super) opened: Option<Opened>,
    /// The version of the last event: the chat's `seq`.
    pub(super) seq: u64,
    /// Messages by `seq`.
    pub(super) messages: BTreeMap<u64, Message>,
    pub(super) proposals: BTreeMap<ProposalId, Proposal>,
    pub(super) booking: Option<Booking>,
    /// Accepted proposals that the ride has answered.
    pub(super) settled: BTreeSet<ProposalId>,
    /// Reservations that ended here; a passenger who joins late for one of them does not.
    pub(super) ended: BTreeSet<ReservationId>,
    /// Versions of the ride's events that were noticed.
    pub(super) noticed: BTreeSet<u64>,
    pub(super) ride_stage: RideStage,
    /// The latest version of the ride's terms that was noticed.
    pub(super) ride_terms_version: u32,
    /// Members of a group by reservation.
    pub(super) members: BTreeMap<ReservationId, AccountId>,
    /// Who was a member once. They know of the conversation, strangers must not learn of it.
    pub(super) former_members: BTreeSet<AccountId>,
}

/// What a conversation was opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What kind it is.
    pub kind: ConversationKind,
    /// The ride that it is about.
    pub ride: RideId,
    /// Who drives.
    pub driver: AccountId,
    /// Who may ride along; none in a group.
    pub passenger: Option<AccountId>,
    /// The request that it answers.
    pub in_answer_to: Option<RequestId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub author: AccountId,
    pub retracted: bool,
}

/// How far the ride is, as far as this conversation was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RideStage {
    #[default]
    Ahead,
    Departed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    pub by: AccountId,
    pub terms: Terms,
    pub terms_hash: TermsHash,
    pub expires_at: Timestamp,
    pub replaces: Option<ReservationId>,
    pub status: ProposalStatus,
}

/// Where a proposal stands. All but `Open` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named after the events that lead there")]
pub enum ProposalStatus {
    Open,
    Accepted,
    Declined,
    Withdrawn,
    Countered,
    Expired,
    Voided,
}

/// The one booking of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The reservation.
    pub reservation: ReservationId,
    /// Whether the ride has confirmed it.
    pub confirmed: bool,
    /// The accepted proposal that the ride has not answered yet.
    pub pending: Option<ProposalId>,
}

impl Conversation {
    /// What it was opened for, once it is.
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    /// The version of its last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The one booking, made or under way.
    pub fn booking(&self) -> Option<&Booking> {
        self.booking.as_ref()
    }

    /// Whether `proposal` was accepted here, whatever became of it.
    pub fn has_accepted(&self, proposal: ProposalId) -> bool {
        self.proposals.get(&proposal).is_some_and(|known| known.status == ProposalStatus::Accepted)
    }

    /// Whether `account` takes part at present.
    pub fn has_participant(&self, account: AccountId) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.driver == account || opened.passenger == Some(account))
            || self.members.values().any(|member| *member == account)
    }

    /// Everyone who takes part at present, each once.
    pub fn participants(&self) -> Vec<AccountId> {
        let two = self.opened.iter().flat_map(|opened| [Some(opened.driver), opened.passenger]).flatten();
        let all: BTreeSet<AccountId> = two.chain(self.members.values().copied()).collect();
        all.into_iter().collect()
    }

    pub(super) fn fold(&mut self, event: &ConversationEvent) {
        self.seq += 1;
        match event {
            ConversationEvent::ConversationOpened(event) => {
                self.opened = Some(Opened {
                    kind: event.kind,
                    ride: event.ride,
                    driver: event.driver,
                    passenger: event.passenger,
                    in_answer_to: event.in_answer_to,
                });
            }
            ConversationEvent::MessagePosted(event) => {
                self.messages.insert(self.seq, Message { author: event.author, retracted: false });
            }
            ConversationEvent::MessageEdited(_) => {}
            ConversationEvent::MessageRetracted(event) => {
                if let Some(message) = self.messages.get_mut(&event.message) {
                    message.retracted = true;
                }
            }
            ConversationEvent::ProposalMade(event) => {
                if let Some(countered) = event.in_reply_to {
                    self.set_status(countered, ProposalStatus::Countered);
                }
                self.proposals.insert(
                    event.proposal,
                    Proposal {
                        by: event.by,
                        terms: event.terms.clone(),
                        terms_hash: event.terms_hash,
                        expires_at: event.expires_at,
                        replaces: event.replaces,
                        status: ProposalStatus::Open,
                    },
                );
            }
            ConversationEvent::ProposalAccepted(event) => {
                self.set_status(event.proposal, ProposalStatus::Accepted);
                let pending = Some(event.proposal);
                self.booking = Some(match (self.booking, event.replaces) {
                    (Some(booking), Some(_)) => Booking { pending, ..booking },
                    _ => Booking { reservation: event.proposal.into(), confirmed: false, pending },
                });
            }
            ConversationEvent::ProposalDeclined(event) => self.set_status(event.proposal, ProposalStatus::Declined),
            ConversationEvent::ProposalWithdrawn(event) => self.set_status(event.proposal, ProposalStatus::Withdrawn),
            ConversationEvent::ProposalExpired(event) => self.set_status(event.proposal, ProposalStatus::Expired),
            ConversationEvent::ProposalVoided(event) => self.set_status(event.proposal, ProposalStatus::Voided),
            ConversationEvent::BookingConfirmed(event) => {
                self.settled.insert(event.proposal);
                self.booking = Some(Booking { reservation: event.reservation, confirmed: true, pending: None });
            }
            ConversationEvent::BookingChanged(event) => {
                self.settled.insert(event.proposal);
                self.booking = Some(Booking { reservation: event.reservation, confirmed: true, pending: None });
            }
            ConversationEvent::BookingRefused(event) => {
                self.settled.insert(event.proposal);
                if self.booking.is_some_and(|held| held.pending == Some(event.proposal)) {
                    let kept = self.booking.filter(|held| held.confirmed);
                    self.booking = kept.map(|held| Booking { pending: None, ..held });
                }
            }
            ConversationEvent::BookingCancelled(event) => {
                self.ended.insert(event.reservation);
                self.booking = self.booking.filter(|held| held.reservation != event.reservation);
            }
            ConversationEvent::RideNoticed(event) => self.notice(event),
            ConversationEvent::ParticipantJoined(event) => {
                self.members.insert(event.reservation, event.account);
            }
            ConversationEvent::ParticipantLeft(event) => {
                self.former_members.extend(self.members.remove(&event.reservation));
                self.ended.insert(event.reservation);
            }
        }
    }

    fn notice(&mut self, event: &RideNoticed) {
        self.noticed.insert(event.ride_version);
        match &event.notice {
            RideNotice::Rescheduled { terms_version, .. } | RideNotice::TermsChanged { terms_version, .. } => {
                self.ride_terms_version = self.ride_terms_version.max(*terms_version);
            }
            RideNotice::Cancelled => self.ride_stage = RideStage::Cancelled,
            RideNotice::Departed => self.ride_stage = RideStage::Departed,
            RideNotice::Reconfirmed { .. } | RideNotice::NoShow { .. } => {}
        }
    }

    fn set_status(&mut self, proposal: ProposalId, status: ProposalStatus) {
        if let Some(proposal) = self.proposals.get_mut(&proposal) {
            proposal.status = status;
        }
    }
}
