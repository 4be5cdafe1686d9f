//! Questions to the inbox: whose conversations, in which order, with how much unread, and what a person may see.

use palabre_events::conversation::ConversationKind;
use palabre_events::{AccountId, ConversationId, RequestId, RideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::columns::{count, count_or_none, json, json_or_none, signed, time, uuid, uuid_or_none};
use crate::conversations::{BookingHead, OpenProposal, Stay};
use crate::paging::{PAGE_MAX, Page, Paging};
use crate::reader::{ViewError, ViewsReader, checkpoint_of};
use crate::reservations::{ReservationState, booked_seats};

/// What a conversation is about and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConversationHead {
    /// The conversation.
    pub conversation: ConversationId,
    /// What kind it is.
    pub kind: ConversationKind,
    /// The ride that it is about.
    pub ride: RideId,
    /// Who drives.
    pub driver: AccountId,
    /// Who may ride along; absent in a group.
    pub passenger: Option<AccountId>,
    /// The request that the driver answers with it.
    pub in_answer_to: Option<RequestId>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Its last event.
    pub head_seq: u64,
    /// The last message, if anything was said.
    pub last_message_seq: Option<u64>,
    /// The event that corrected that message last, or took it back.
    pub last_correction_seq: Option<u64>,
    /// The latest booking, if anything was agreed.
    pub booking: Option<BookingHead>,
    /// When the passenger of that booking is picked up: as agreed, moved by as much as the ride was since. Absent while
    /// nothing is reserved.
    pub pickup_at: Option<Timestamp>,
    /// Whether the passenger is asked again, because the ride was rescheduled after the booking.
    pub asked_again: bool,
    /// Whether the driver said that the passenger did not come.
    pub no_show: bool,
    /// Proposals that wait for an answer.
    pub open_proposals: Vec<OpenProposal>,
    /// Everyone who takes or took part.
    pub members: Vec<MemberHead>,
}

/// Somebody who takes or took part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberHead {
    /// Who.
    pub account: AccountId,
    /// What they see of it.
    pub stays: Vec<Stay>,
    /// The last event that they see.
    pub head_seq: u64,
    /// Its position in the log.
    pub head_position: u64,
    /// When it happened.
    pub head_at: Timestamp,
    /// Up to which event they have read.
    pub read_seq: u64,
    /// How many messages, proposals and bookings by others they have not read.
    pub unread: u64,
}

/// A conversation in a person's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InboxEntry {
    /// Whose inbox it is, as a member: the head they see, what is unread.
    pub own: MemberHead,
    /// The conversation.
    pub conversation: ConversationHead,
}

/// Conversations of a person whose head moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The position that this is true for; ask from there next time.
    pub position: u64,
    /// The conversations, the one whose head moved first, first.
    pub entries: Vec<InboxEntry>,
    /// Whether there are more than were asked for: the asker is too far behind.
    pub more: bool,
}

impl MemberHead {
    /// Whether they see event `seq`.
    pub fn sees(&self, seq: u64) -> bool {
        self.stays.iter().any(|stay| stay.holds(seq))
    }

    /// Whether they take part now.
    pub fn is_present(&self) -> bool {
        self.stays.iter().any(|stay| stay.to_seq.is_none())
    }
}

impl ConversationHead {
    /// `account` as a member, if it ever took part.
    pub fn member(&self, account: AccountId) -> Option<&MemberHead> {
        self.members.iter().find(|member| member.account == account)
    }
}

impl ViewsReader {
    /// A conversation.
    pub fn conversation(&self, conversation: ConversationId) -> Result<Option<ConversationHead>, ViewError> {
        self.read(|db| head(conversation, db))
    }

    /// The conversations of a ride, its group included, the oldest first.
    pub fn conversations_of_ride(&self, ride: RideId) -> Result<Vec<ConversationHead>, ViewError> {
        self.read(|db| {
            let select = "SELECT conversation FROM conversations WHERE ride = ?1 ORDER BY opened_at, conversation";
            let mut select = db.prepare_cached(select)?;
            let ids = select.query_map([ride.0.as_bytes()], |row| uuid(row, 0).map(ConversationId))?;
            ids.filter_map(|id| id.and_then(|id| head(id, db)).transpose()).collect()
        })
    }

    /// One conversation as `account` has it in the inbox; none for those who never took part.
    pub fn inbox_entry(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Option<InboxEntry>, ViewError> {
        self.read(|db| entry(account, conversation, db))
    }

    /// A person's conversations, the one with the latest event that the person sees first; the cursor is
    /// `own.head_position`.
    pub fn inbox(&self, account: AccountId, paging: Paging) -> Result<Page<InboxEntry>, ViewError> {
        self.read(|db| {
            let select = "SELECT conversation FROM members WHERE account = ?1 AND head_position < ?2
                 ORDER BY head_position DESC LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let parameters = params![account.0.as_bytes(), paging.below(), paging.asked()];
            let ids = select.query_map(parameters, |row| uuid(row, 0).map(ConversationId))?;
            let entries = ids.filter_map(|id| id.and_then(|id| entry(account, id, db)).transpose());
            paging.page(entries, |entry| entry.own.head_position)
        })
    }

    /// The person's conversations whose head moved after `position`, at most `limit` of them and [`PAGE_MAX`].
    pub fn inbox_changed_since(&self, account: AccountId, position: u64, limit: usize) -> Result<Changed, ViewError> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.read(|db| {
            let select = "SELECT conversation FROM members WHERE account = ?1 AND head_position > ?2
                 ORDER BY head_position LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let asked = signed(limit as u64 + 1);
            let parameters = params![account.0.as_bytes(), signed(position), asked];
            let ids = select.query_map(parameters, |row| uuid(row, 0).map(ConversationId))?;
            let entries = ids.filter_map(|id| id.and_then(|id| entry(account, id, db)).transpose());
            let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
            let more = entries.len() > limit;
            entries.truncate(limit);
            Ok(Changed { position: checkpoint_of("conversations", db)?, entries, more })
        })
    }

    /// Everything that a person has not read, and in how many conversations.
    pub fn unread(&self, account: AccountId) -> Result<Unread, ViewError> {
        self.read(|db| {
            let select = "SELECT coalesce(sum(unread), 0), count(*) FROM members WHERE account = ?1 AND unread > 0";
            let mut select = db.prepare_cached(select)?;
            select.query_row([account.0.as_bytes()], |row| {
                Ok(Unread { events: count(row, 0)?, conversations: count(row, 1)? })
            })
        })
    }
}

/// How much a person has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Messages, proposals and bookings by others.
    pub events: u64,
    /// Conversations that they are in.
    pub conversations: u64,
}

fn entry(account: AccountId, id: ConversationId, db: &Connection) -> rusqlite::Result<Option<InboxEntry>> {
    let Some(conversation) = head(id, db)? else { return Ok(None) };
    let own = conversation.member(account).cloned();
    Ok(own.map(|own| InboxEntry { own, conversation }))
}

fn head(id: ConversationId, db: &Connection) -> rusqlite::Result<Option<ConversationHead>> {
    let select = "SELECT kind, ride, driver, passenger, in_answer_to, opened_at, head_seq, last_message_seq,
             last_correction_seq, booking, open_proposals
         FROM conversations WHERE conversation = ?1";
    let mut select = db.prepare_cached(select)?;
    let read = |row: &Row<'_>| {
        let booking: Option<BookingHead> = json_or_none(row, 9)?;
        let booked = booking.map(|booking| booked_seats(booking.reservation, db)).transpose()?.flatten();
        Ok(ConversationHead {
            conversation: id,
            kind: json(row, 0)?,
            ride: RideId(uuid(row, 1)?),
            driver: AccountId(uuid(row, 2)?),
            passenger: uuid_or_none(row, 3)?.map(AccountId),
            in_answer_to: uuid_or_none(row, 4)?.map(RequestId),
            opened_at: time(row, 5)?,
            head_seq: count(row, 6)?,
            last_message_seq: count_or_none(row, 7)?,
            last_correction_seq: count_or_none(row, 8)?,
            booking,
            pickup_at: booked.as_ref().map(|booked| booked.pickup_at),
            asked_again: booked.as_ref().is_some_and(|booked| booked.asked_again),
            no_show: booked.is_some_and(|booked| booked.state == ReservationState::NoShow),
            open_proposals: json_or_none(row, 10)?.unwrap_or_default(),
            members: members(id, db)?,
        })
    };
    select.query_row([id.0.as_bytes()], read).optional()
}

fn members(id: ConversationId, db: &Connection) -> rusqlite::Result<Vec<MemberHead>> {
    let select = "SELECT account, stays, head_seq, head_position, head_at, read_seq, unread
         FROM members WHERE conversation = ?1 ORDER BY number";
    let mut select = db.prepare_cached(select)?;
    let members = select.query_map([id.0.as_bytes()], |row| {
        Ok(MemberHead {
            account: AccountId(uuid(row, 0)?),
            stays: json(row, 1)?,
            head_seq: count(row, 2)?,
            head_position: count(row, 3)?,
            head_at: time(row, 4)?,
            read_seq: count(row, 5)?,
            unread: count(row, 6)?,
        })
    })?;
    members.collect()
}
