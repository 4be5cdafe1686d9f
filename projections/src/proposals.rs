//! What was proposed, where does it stand, and whose answer does it wait for?

use palabre_events::conversation::state::ProposalStatus;
use palabre_events::conversation::{Acceptance, ConversationEvent, Outcome, ProposalMade, VoidReason};
use palabre_events::domain::Recorded;
use palabre_events::{
    AccountId, ConversationId, DomainEvent, Opener, ProposalId, ReservationId, RideId, TermsHash, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::columns::{json, signed, to_json, uuid};
use crate::opening::open_option;
use crate::paging::{PAGE_MAX, Page, Paging};
use crate::places::OpenTerms;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// A proposal with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeProposal {
    /// The proposal.
    pub proposal: ProposalId,
    /// Where it was made.
    pub conversation: ConversationId,
    /// The `seq` of the event that made it.
    pub seq: u64,
    /// The ride.
    pub ride: RideId,
    /// Who drives.
    pub driver: AccountId,
    /// Who would ride along.
    pub passenger: AccountId,
    /// Who proposes; the other side answers.
    pub by: AccountId,
    /// What is proposed.
    pub terms: OpenTerms,
    /// What an acceptance must name.
    pub terms_hash: TermsHash,
    /// When it was made.
    pub made_at: Timestamp,
    /// Position of the event that made it.
    pub made_position: u64,
    /// When it expires unless it is answered.
    pub expires_at: Timestamp,
    /// The proposal that it counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<ProposalId>,
    /// The reservation whose terms it would replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ReservationId>,
    /// Where it stands.
    pub status: ProposalStatus,
    /// When it left the state `open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// How it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Acceptance>,
    /// What made it pointless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<VoidReason>,
    /// Why it was declined, in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<String>,
    /// What the ride answered, once accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl MadeProposal {
    /// Whose answer it waits for, while it is open.
    pub fn waits_for(&self) -> Option<AccountId> {
        let other = if self.by == self.driver { self.passenger } else { self.driver };
        (self.status == ProposalStatus::Open).then_some(other)
    }

    fn close(&mut self, status: ProposalStatus, at: Timestamp) {
        self.status = status;
        self.closed_at = Some(at);
    }
}

const SELECT_ONE: &str = "SELECT document FROM proposals WHERE proposal = ?1";

impl Row for MadeProposal {
    type Key = ProposalId;

    fn load(proposal: ProposalId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let mut select = db.prepare_cached(SELECT_ONE)?;
        Ok(select.query_row([proposal.0.as_bytes()], |row| json(row, 0)).optional()?)
    }

    fn save(&mut self, proposal: ProposalId, db: &Connection) -> Result<(), FoldError> {
        let upsert =
            "INSERT INTO proposals (proposal, conversation, driver, passenger, waits_for, made_position, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (proposal) DO UPDATE SET waits_for = excluded.waits_for, document = excluded.document";
        db.prepare_cached(upsert)?.execute(params![
            proposal.0.as_bytes(),
            self.conversation.0.as_bytes(),
            self.driver.0.as_bytes(),
            self.passenger.0.as_bytes(),
            self.waits_for().as_ref().map(|account| account.0.as_bytes()),
            signed(self.made_position),
            to_json(self),
        ])?;
        Ok(())
    }
}

/// Who negotiates with whom about which ride.
#[derive(Clone, Copy)]
struct Sides {
    ride: RideId,
    driver: AccountId,
    passenger: AccountId,
}

impl Row for Sides {
    type Key = ConversationId;

    fn load(conversation: ConversationId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let select = "SELECT ride, driver, passenger FROM negotiations WHERE conversation = ?1";
        let mut select = db.prepare_cached(select)?;
        let sides = select.query_row([conversation.0.as_bytes()], |row| {
            let (ride, driver, passenger) = (uuid(row, 0)?, uuid(row, 1)?, uuid(row, 2)?);
            Ok(Self { ride: RideId(ride), driver: AccountId(driver), passenger: AccountId(passenger) })
        });
        Ok(sides.optional()?)
    }

    fn save(&mut self, conversation: ConversationId, db: &Connection) -> Result<(), FoldError> {
        let insert = "INSERT INTO negotiations (conversation, ride, driver, passenger) VALUES (?1, ?2, ?3, ?4)";
        let Self { ride, driver, passenger } = self;
        db.prepare_cached(insert)?.execute([
            conversation.0.as_bytes(),
            ride.0.as_bytes(),
            driver.0.as_bytes(),
            passenger.0.as_bytes(),
        ])?;
        Ok(())
    }
}

/// Folds negotiations.
#[derive(Default)]
pub(crate) struct Proposals {
    proposals: Rows<MadeProposal>,
    sides: Rows<Sides>,
}

impl Projection for Proposals {
    fn name(&self) -> &'static str {
        "proposals"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        let DomainEvent::Conversation(event) = &recorded.event else { return Ok(()) };
        let conversation = ConversationId(recorded.stream.id);
        let at = recorded.occurred_at;
        let db = folding.db;
        match event {
            ConversationEvent::ConversationOpened(event) => {
                if let Some(passenger) = event.passenger {
                    let (ride, driver) = (event.ride, event.driver);
                    self.sides.put(conversation, Sides { ride, driver, passenger });
                }
            }
            ConversationEvent::ProposalMade(event) => {
                if let Some(countered) = event.in_reply_to {
                    self.known(countered, db)?.close(ProposalStatus::Countered, at);
                }
                self.make(conversation, recorded, event, folding)?;
            }
            ConversationEvent::ProposalAccepted(event) => {
                let accepted = self.known(event.proposal, db)?;
                accepted.close(ProposalStatus::Accepted, at);
                accepted.acceptance = Some(event.acceptance);
            }
            ConversationEvent::ProposalDeclined(event) => {
                let declined = self.known(event.proposal, db)?;
                declined.close(ProposalStatus::Declined, at);
                declined.declined = open_option(event.reason.as_ref(), folding.opener)?.map(|reason| reason.0);
            }
            ConversationEvent::ProposalWithdrawn(event) => {
                self.known(event.proposal, db)?.close(ProposalStatus::Withdrawn, at);
            }
            ConversationEvent::ProposalExpired(event) => {
                self.known(event.proposal, db)?.close(ProposalStatus::Expired, at);
            }
            ConversationEvent::ProposalVoided(event) => {
                let voided = self.known(event.proposal, db)?;
                voided.close(ProposalStatus::Voided, at);
                voided.voided = Some(event.reason);
            }
            ConversationEvent::BookingConfirmed(event) => {
                self.known(event.proposal, db)?.outcome = Some(Outcome::Reserved);
            }
            ConversationEvent::BookingChanged(event) => {
                self.known(event.proposal, db)?.outcome = Some(Outcome::Reserved);
            }
            ConversationEvent::BookingRefused(event) => {
                // A cancellation may come for a proposal that was never made here; its refusal has nothing to show.
                if let Some(proposal) = self.proposals.edit(event.proposal, db)? {
                    proposal.outcome = Some(Outcome::Refused(event.reason));
                }
            }
            ConversationEvent::MessagePosted(_)
            | ConversationEvent::MessageEdited(_)
            | ConversationEvent::MessageRetracted(_)
            | ConversationEvent::BookingCancelled(_)
            | ConversationEvent::RideNoticed(_)
            | ConversationEvent::ParticipantJoined(_)
            | ConversationEvent::ParticipantLeft(_) => {}
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.sides.flush(db)?;
        self.proposals.flush(db)?;
        Ok(())
    }

    fn forget(&mut self) {
        self.sides.forget();
        self.proposals.forget();
    }
}

impl Proposals {
    fn known(&mut self, proposal: ProposalId, db: &Connection) -> Result<&mut MadeProposal, FoldError> {
        self.proposals.edit(proposal, db)?.ok_or_else(|| FoldError::unknown("proposal", proposal.0))
    }

    fn make(
        &mut self,
        conversation: ConversationId,
        recorded: &Recorded,
        event: &ProposalMade,
        folding: &Folding<'_>,
    ) -> Result<(), FoldError> {
        let sides = self.sides.get(conversation, folding.db)?;
        let sides = *sides.ok_or_else(|| FoldError::unknown("negotiation", conversation.0))?;
        let proposal = MadeProposal::made(conversation, sides, recorded, event, folding.opener)?;
        self.proposals.put(event.proposal, proposal);
        Ok(())
    }
}

impl MadeProposal {
    fn made(
        conversation: ConversationId,
        sides: Sides,
        recorded: &Recorded,
        event: &ProposalMade,
        opener: &dyn Opener,
    ) -> Result<Self, FoldError> {
        Ok(Self {
            proposal: event.proposal,
            conversation,
            seq: recorded.version,
            ride: sides.ride,
            driver: sides.driver,
            passenger: sides.passenger,
            by: event.by,
            terms: OpenTerms::of(&event.terms, opener)?,
            terms_hash: event.terms_hash,
            made_at: recorded.occurred_at,
            made_position: recorded.position,
            expires_at: event.expires_at,
            in_reply_to: event.in_reply_to,
            replaces: event.replaces,
            status: ProposalStatus::Open,
            closed_at: None,
            acceptance: None,
            voided: None,
            declined: None,
            outcome: None,
        })
    }
}

impl ViewsReader {
    /// A proposal.
    pub fn proposal(&self, proposal: ProposalId) -> Result<Option<MadeProposal>, ViewError> {
        self.read(|db| db.prepare_cached(SELECT_ONE)?.query_row([proposal.0.as_bytes()], |row| json(row, 0)).optional())
    }

    /// The proposals of a conversation, the newest first.
    pub fn proposals_of_conversation(
        &self,
        conversation: ConversationId,
        paging: Paging,
    ) -> Result<Page<MadeProposal>, ViewError> {
        self.read(|db| {
            let select = "SELECT document FROM proposals WHERE conversation = ?1 AND made_position < ?2
                 ORDER BY made_position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let values = params![conversation.0.as_bytes(), paging.below(), paging.asked()];
            let proposals = select.query_map(values, |row| json(row, 0))?;
            paging.page(proposals, |proposal: &MadeProposal| proposal.made_position)
        })
    }

    /// The proposals of a person, made or received, the newest first.
    pub fn proposals_of_person(&self, person: AccountId, paging: Paging) -> Result<Page<MadeProposal>, ViewError> {
        self.read(|db| {
            // Nobody is driver and passenger of one proposal, so the two lists are disjoint.
            let select = "SELECT document FROM (
                     SELECT made_position, document FROM proposals WHERE driver = ?1 AND made_position < ?2
                     UNION ALL
                     SELECT made_position, document FROM proposals WHERE passenger = ?1 AND made_position < ?2
                 ) ORDER BY made_position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let values = params![person.0.as_bytes(), paging.below(), paging.asked()];
            let proposals = select.query_map(values, |row| json(row, 0))?;
            paging.page(proposals, |proposal: &MadeProposal| proposal.made_position)
        })
    }
}

/// Open proposals that wait for `person`, the oldest first, at most [`PAGE_MAX`].
pub(crate) fn waiting_for(person: AccountId, db: &Connection) -> rusqlite::Result<Vec<MadeProposal>> {
    let select = "SELECT document FROM proposals WHERE waits_for = ?1 ORDER BY made_position LIMIT ?2";
    let mut select = db.prepare_cached(select)?;
    let waiting = select.query_map(params![person.0.as_bytes(), signed(PAGE_MAX as u64)], |row| json(row, 0))?;
    waiting.collect()
}
