//! What is new, and where? The inbox: every conversation with its head, its members, what they see and have read, the
//! exact count of what is unread, and how far the booking is. What was said stays in the log alone.
//!
//! `talk` is a conversation's row as it changes, `authors` counts what is unread, [`inbox`] answers questions.

mod authors;
pub mod inbox;
mod talk;

use palabre_events::conversation::{ConversationEvent, ProposalMade};
use palabre_events::domain::Recorded;
use palabre_events::marks::MarksEvent;
use palabre_events::ride::{RefusalReason, Side};
use palabre_events::{AccountId, ConversationId, DomainEvent, Price, ProposalId, ReservationId, Timestamp};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::conversations::authors::By;
use crate::conversations::talk::Talk;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::rows::Rows;

/// A part of a conversation that a person sees: `from_seq..=to_seq`, to the end when `to_seq` is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The reservation for which the person joined a group; absent for those who are there from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<ReservationId>,
    /// The first event that the person sees.
    pub from_seq: u64,
    /// The last event that the person sees, once the person has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_seq: Option<u64>,
}

impl Stay {
    /// Whether the person sees event `seq` because of this stay.
    pub fn holds(&self, seq: u64) -> bool {
        self.from_seq <= seq && self.to_seq.is_none_or(|to_seq| seq <= to_seq)
    }
}

/// A proposal that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenProposal {
    /// The proposal.
    pub proposal: ProposalId,
    /// Who proposes; the other side answers.
    pub by: AccountId,
    /// When it expires unless it is answered.
    pub expires_at: Timestamp,
}

/// How far the booking of a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingState {
    /// Agreed; the ride is asked to reserve.
    UnderWay,
    /// Reserved.
    Confirmed,
    /// Reserved, and the ride is asked to change it.
    Changing,
    /// Agreed, but the ride could not reserve it.
    Refused,
    /// Reserved once, then cancelled.
    Cancelled,
}

/// The latest booking of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingHead {
    /// How far it is.
    pub state: BookingState,
    /// The reservation.
    pub reservation: ReservationId,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: Price,
    /// When the passenger is picked up, as agreed.
    pub pickup_at: Timestamp,
    /// The accepted proposal that the ride has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<ProposalId>,
    /// Why the ride refused what was agreed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusalReason>,
    /// Which side cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Side>,
}

impl BookingHead {
    /// Whether there is a booking, confirmed or under way.
    pub fn is_held(&self) -> bool {
        matches!(self.state, BookingState::UnderWay | BookingState::Confirmed | BookingState::Changing)
    }
}

/// Folds conversations and marks.
#[derive(Default)]
pub(crate) struct Conversations {
    talks: Rows<Talk>,
}

impl Projection for Conversations {
    fn name(&self) -> &'static str {
        "conversations"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        match &recorded.event {
            DomainEvent::Conversation(event) => self.fold_event(recorded, event, folding.db),
            DomainEvent::Marks(MarksEvent::ConversationRead(event)) => {
                match self.talks.edit(event.conversation, folding.db)? {
                    Some(talk) => talk.mark_read(event.account, event.up_to, folding.db),
                    // A mark says what a person has read; where there is nothing to read, it says nothing.
                    None => Ok(()),
                }
            }
            DomainEvent::Account(_) | DomainEvent::Request(_) | DomainEvent::Ride(_) => Ok(()),
        }
    }

    fn flush(&mut self, db: &Connection, touched: &mut Touched) -> Result<(), FoldError> {
        touched.conversations.extend(self.talks.flush(db)?);
        Ok(())
    }

    fn forget(&mut self) {
        self.talks.forget();
    }
}

impl Conversations {
    fn fold_event(&mut self, recorded: &Recorded, event: &ConversationEvent, db: &Connection) -> Result<(), FoldError> {
        let id = ConversationId(recorded.stream.id);
        if let (ConversationEvent::ConversationOpened(event), None) = (event, self.talks.get(id, db)?) {
            self.talks.put(id, Talk::opened(id, event, recorded.occurred_at));
        }
        let talk = self.talks.edit(id, db)?.ok_or_else(|| FoldError::unknown("conversation", id.0))?;
        let seq = recorded.version;
        if seq != talk.authors.head_seq + 1 {
            let head_seq = talk.authors.head_seq;
            return Err(FoldError::DoesNotFit(format!(
                "event {seq} of conversation {id} comes after event {head_seq}"
            )));
        }
        talk.apply(id, seq, event, recorded.occurred_at)?;
        let by = talk.author(event)?;
        talk.advance(by, recorded.position, recorded.occurred_at, db)
    }
}

impl Talk {
    fn apply(
        &mut self,
        id: ConversationId,
        seq: u64,
        event: &ConversationEvent,
        at: Timestamp,
    ) -> Result<(), FoldError> {
        match event {
            ConversationEvent::ConversationOpened(_) if seq > 1 => {
                return Err(FoldError::DoesNotFit(format!("conversation {id} is opened a second time")));
            }
            ConversationEvent::ConversationOpened(_) | ConversationEvent::RideNoticed(_) => {}
            ConversationEvent::MessagePosted(_) => {
                (self.last_message_seq, self.last_correction_seq) = (Some(seq), None);
            }
            ConversationEvent::MessageEdited(event) => self.correct(event.message, seq),
            ConversationEvent::MessageRetracted(event) => self.correct(event.message, seq),
            ConversationEvent::ProposalMade(event) => self.propose(event),
            ConversationEvent::ProposalAccepted(event) => {
                self.close(event.proposal);
                let pending = Some(event.proposal);
                let confirmed = self.booking.filter(|held| event.replaces.is_some() && held.is_held());
                self.booking = Some(match confirmed {
                    Some(held) => BookingHead { state: BookingState::Changing, pending, refused: None, ..held },
                    None => BookingHead {
                        state: BookingState::UnderWay,
                        reservation: event.proposal.into(),
                        seats: event.terms.seats,
                        price_per_seat: event.terms.price_per_seat,
                        pickup_at: event.terms.pickup_at,
                        pending,
                        refused: None,
                        cancelled_by: None,
                    },
                });
            }
            ConversationEvent::ProposalDeclined(event) => self.close(event.proposal),
            ConversationEvent::ProposalWithdrawn(event) => self.close(event.proposal),
            ConversationEvent::ProposalExpired(event) => self.close(event.proposal),
            ConversationEvent::ProposalVoided(event) => self.close(event.proposal),
            ConversationEvent::BookingConfirmed(event) => {
                let held = self.booked(event.reservation)?;
                (held.state, held.pending) = (BookingState::Confirmed, None);
            }
            ConversationEvent::BookingChanged(event) => {
                let held = self.booked(event.reservation)?;
                *held = BookingHead {
                    state: BookingState::Confirmed,
                    seats: event.seats,
                    price_per_seat: event.price_per_seat,
                    pickup_at: event.pickup_at,
                    pending: None,
                    ..*held
                };
            }
            ConversationEvent::BookingRefused(event) => {
                // The refusal of what was cancelled meanwhile changes nothing.
                if let Some(held) = self.booking.as_mut().filter(|held| held.pending == Some(event.proposal)) {
                    let kept = held.state == BookingState::Changing;
                    held.state = if kept { BookingState::Confirmed } else { BookingState::Refused };
                    (held.pending, held.refused) = (None, Some(event.reason));
                }
            }
            ConversationEvent::BookingCancelled(event) => {
                // Nothing is held when the cancellation came before the acceptance.
                if let Some(held) = self.booking.as_mut().filter(|held| held.reservation == event.reservation) {
                    (held.state, held.pending, held.cancelled_by) = (BookingState::Cancelled, None, Some(event.by));
                }
            }
            ConversationEvent::ParticipantJoined(event) => {
                let stay = Stay { reservation: Some(event.reservation), from_seq: seq, to_seq: None };
                let member = self.member_or_new(event.account, at);
                member.stays.push(stay);
                member.dirty = true;
            }
            ConversationEvent::ParticipantLeft(event) => {
                // Whoever never joined leaves nothing to see.
                let member = self.members.iter_mut().find(|member| member.account == event.account);
                if let Some(member) = member {
                    let theirs = |stay: &&mut Stay| stay.reservation == Some(event.reservation);
                    member.stays.iter_mut().filter(theirs).for_each(|stay| stay.to_seq = Some(seq));
                    member.dirty = true;
                }
            }
        }
        Ok(())
    }

    /// Notes that event `seq` corrects `message`, or takes it back; only the last message shows outside of its talk.
    fn correct(&mut self, message: u64, seq: u64) {
        if self.last_message_seq == Some(message) {
            self.last_correction_seq = Some(seq);
        }
    }

    fn propose(&mut self, event: &ProposalMade) {
        if let Some(countered) = event.in_reply_to {
            self.close(countered);
        }
        let ProposalMade { proposal, by, expires_at, .. } = *event;
        self.open_proposals.push(OpenProposal { proposal, by, expires_at });
    }

    fn close(&mut self, proposal: ProposalId) {
        self.open_proposals.retain(|open| open.proposal != proposal);
    }

    fn booked(&mut self, reservation: ReservationId) -> Result<&mut BookingHead, FoldError> {
        let held = self.booking.as_mut().filter(|held| held.reservation == reservation);
        held.ok_or_else(|| FoldError::unknown("booking", reservation.0))
    }

    /// Whom an event is by, when it counts as unread for others.
    fn author(&self, event: &ConversationEvent) -> Result<By, FoldError> {
        let author = match event {
            ConversationEvent::MessagePosted(event) => event.author,
            ConversationEvent::ProposalMade(event) => event.by,
            ConversationEvent::BookingConfirmed(_)
            | ConversationEvent::BookingRefused(_)
            | ConversationEvent::BookingChanged(_) => return Ok(By::PLATFORM),
            ConversationEvent::BookingCancelled(event) => match (event.by, self.passenger) {
                (Side::Passenger, Some(passenger)) => passenger,
                _ => self.driver,
            },
            _ => return Ok(By::UNCOUNTED),
        };
        self.number_of(author).map(By::member).ok_or_else(|| FoldError::unknown("participant", author.0))
    }
}
