//! One conversation's row and those of its members, as they are kept in memory while they change.

use palabre_events::conversation::{ConversationKind, ConversationOpened};
use palabre_events::{AccountId, ConversationId, RequestId, RideId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{count, count_or_none, json, json_or_none, signed, time, to_json, uuid, uuid_or_none};
use crate::conversations::authors::{Authors, By};
use crate::conversations::{BookingHead, OpenProposal, Stay};
use crate::projection::FoldError;
use crate::rows::Row;

/// A conversation with its members.
#[derive(Debug)]
pub(super) struct Talk {
    pub kind: ConversationKind,
    pub ride: RideId,
    pub driver: AccountId,
    pub passenger: Option<AccountId>,
    pub in_answer_to: Option<RequestId>,
    pub opened_at: Timestamp,
    pub last_message_seq: Option<u64>,
    pub last_correction_seq: Option<u64>,
    pub booking: Option<BookingHead>,
    pub open_proposals: Vec<OpenProposal>,
    pub authors: Authors,
    /// By number.
    pub members: Vec<Member>,
}

/// Somebody who takes or took part.
#[derive(Debug)]
pub(super) struct Member {
    pub account: AccountId,
    pub stays: Vec<Stay>,
    pub head_seq: u64,
    pub head_position: u64,
    pub head_at: Timestamp,
    pub read_seq: u64,
    pub unread: u64,
    /// Whether the row must be written.
    pub dirty: bool,
}

impl Member {
    pub fn sees(&self, seq: u64) -> bool {
        self.stays.iter().any(|stay| stay.holds(seq))
    }
}

impl Talk {
    pub fn opened(id: ConversationId, event: &ConversationOpened, opened_at: Timestamp) -> Self {
        let mut talk = Self {
            kind: event.kind,
            ride: event.ride,
            driver: event.driver,
            passenger: event.passenger,
            in_answer_to: event.in_answer_to,
            opened_at,
            last_message_seq: None,
            last_correction_seq: None,
            booking: None,
            open_proposals: Vec::new(),
            authors: Authors::new(id, 0, Vec::new()),
            members: Vec::new(),
        };
        for account in std::iter::once(event.driver).chain(event.passenger) {
            talk.member_or_new(account, opened_at).stays.push(Stay { reservation: None, from_seq: 1, to_seq: None });
        }
        talk
    }

    /// The number of `account`, if it ever took part.
    pub fn number_of(&self, account: AccountId) -> Option<u32> {
        let number = self.members.iter().position(|member| member.account == account)?;
        u32::try_from(number).ok()
    }

    /// The member, who now appears here if not before.
    pub fn member_or_new(&mut self, account: AccountId, at: Timestamp) -> &mut Member {
        let known = self.members.iter().position(|member| member.account == account);
        let number = known.unwrap_or_else(|| {
            let (stays, dirty) = (Vec::new(), true);
            let new =
                Member { account, stays, head_seq: 0, head_position: 0, head_at: at, read_seq: 0, unread: 0, dirty };
            self.members.push(new);
            self.members.len() - 1
        });
        &mut self.members[number]
    }

    /// Takes in the next event, which is by `by`: it becomes the head of everyone who sees it, and unread for those
    /// it counts for.
    pub fn advance(&mut self, by: By, position: u64, at: Timestamp, db: &Connection) -> Result<(), FoldError> {
        self.authors.push(by, db)?;
        let seq = self.authors.head_seq;
        for (number, member) in (0..).zip(&mut self.members) {
            if member.sees(seq) {
                (member.head_seq, member.head_position, member.head_at) = (seq, position, at);
                member.unread += u64::from(seq > member.read_seq && by.counts_for(number));
                member.dirty = true;
            }
        }
        Ok(())
    }

    /// Moves the mark of `account` forward and takes what it passes from the unread count. Whoever never took part has
    /// no mark here.
    pub fn mark_read(&mut self, account: AccountId, up_to: u64, db: &Connection) -> Result<(), FoldError> {
        let Some(number) = self.number_of(account) else { return Ok(()) };
        let member = &mut self.members[number as usize];
        if up_to <= member.read_seq {
            return Ok(());
        }
        if up_to >= member.head_seq {
            member.unread = 0;
        } else {
            let mut passed = 0;
            self.authors.each(member.read_seq + 1, up_to, db, |seq, by| {
                passed += u64::from(by.counts_for(number) && member.sees(seq));
            })?;
            member.unread = member.unread.checked_sub(passed).ok_or_else(|| {
                FoldError::DoesNotFit(format!("person {account} has read more than there was to read"))
            })?;
        }
        member.read_seq = up_to;
        member.dirty = true;
        Ok(())
    }
}

impl Row for Talk {
    type Key = ConversationId;

    fn load(id: ConversationId, db: &Connection) -> Result<Option<Self>, FoldError> {
        let select = "SELECT kind, ride, driver, passenger, in_answer_to, opened_at, head_seq, last_message_seq,
                 last_correction_seq, booking, open_proposals, tail
             FROM conversations WHERE conversation = ?1";
        let mut select = db.prepare_cached(select)?;
        let talk = select.query_row([id.0.as_bytes()], |row| {
            Ok(Self {
                kind: json(row, 0)?,
                ride: RideId(uuid(row, 1)?),
                driver: AccountId(uuid(row, 2)?),
                passenger: uuid_or_none(row, 3)?.map(AccountId),
                in_answer_to: uuid_or_none(row, 4)?.map(RequestId),
                opened_at: time(row, 5)?,
                last_message_seq: count_or_none(row, 7)?,
                last_correction_seq: count_or_none(row, 8)?,
                booking: json_or_none(row, 9)?,
                open_proposals: json_or_none(row, 10)?.unwrap_or_default(),
                authors: Authors::new(id, count(row, 6)?, row.get(11)?),
                members: Vec::new(),
            })
        });
        let Some(mut talk) = talk.optional()? else { return Ok(None) };
        talk.members = load_members(id, db)?;
        Ok(Some(talk))
    }

    fn save(&mut self, id: ConversationId, db: &Connection) -> Result<(), FoldError> {
        let upsert = "INSERT INTO conversations (conversation, kind, ride, driver, passenger, in_answer_to, opened_at,
                 head_seq, last_message_seq, last_correction_seq, booking, open_proposals, tail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (conversation) DO UPDATE
             SET head_seq = excluded.head_seq, last_message_seq = excluded.last_message_seq,
                 last_correction_seq = excluded.last_correction_seq,
                 booking = excluded.booking, open_proposals = excluded.open_proposals, tail = excluded.tail";
        db.prepare_cached(upsert)?.execute(params![
            id.0.as_bytes(),
            to_json(&self.kind),
            self.ride.0.as_bytes(),
            self.driver.0.as_bytes(),
            self.passenger.as_ref().map(|account| account.0.as_bytes()),
            self.in_answer_to.as_ref().map(|request| request.0.as_bytes()),
            self.opened_at.as_millis(),
            signed(self.authors.head_seq),
            self.last_message_seq.map(signed),
            self.last_correction_seq.map(signed),
            self.booking.as_ref().map(to_json),
            (!self.open_proposals.is_empty()).then(|| to_json(&self.open_proposals)),
            self.authors.tail(),
        ])?;
        for (number, member) in (0_i64..).zip(&mut self.members).filter(|(_, member)| member.dirty) {
            save_member(id, number, member, db)?;
            member.dirty = false;
        }
        Ok(())
    }
}

fn load_members(id: ConversationId, db: &Connection) -> Result<Vec<Member>, FoldError> {
    let select = "SELECT account, stays, head_seq, head_position, head_at, read_seq, unread
         FROM members WHERE conversation = ?1 ORDER BY number";
    let mut select = db.prepare_cached(select)?;
    let members = select.query_map([id.0.as_bytes()], |row| {
        Ok(Member {
            account: AccountId(uuid(row, 0)?),
            stays: json(row, 1)?,
            head_seq: count(row, 2)?,
            head_position: count(row, 3)?,
            head_at: time(row, 4)?,
            read_seq: count(row, 5)?,
            unread: count(row, 6)?,
            dirty: false,
        })
    })?;
    Ok(members.collect::<Result<_, _>>()?)
}

fn save_member(id: ConversationId, number: i64, member: &Member, db: &Connection) -> Result<(), FoldError> {
    let upsert = "INSERT INTO members (account, conversation, number, stays, head_seq, head_position, head_at,
             read_seq, unread)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (conversation, number) DO UPDATE
         SET stays = excluded.stays, head_seq = excluded.head_seq, head_position = excluded.head_position,
             head_at = excluded.head_at, read_seq = excluded.read_seq, unread = excluded.unread";
    db.prepare_cached(upsert)?.execute(params![
        member.account.0.as_bytes(),
        id.0.as_bytes(),
        number,
        to_json(&member.stays),
        signed(member.head_seq),
        signed(member.head_position),
        member.head_at.as_millis(),
        signed(member.read_seq),
        signed(member.unread),
    ])?;
    Ok(())
}
