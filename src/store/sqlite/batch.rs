//! One transaction of the writer: appends one after the other, each judged on what the ones before it leave.
//!
//! Everything is judged before anything of it is written, so that a refused append costs its neighbours nothing. It
//! neither begins nor commits; nothing that it answers is true before the commit.

use palabre_events::{StreamId, Timestamp};
use rusqlite::{CachedStatement, Connection};

use super::inserts::Inserts;
use super::recent::Recent;
use super::rows;
use crate::store::ends::{End, Ends};
use crate::store::queue::{Answer, Offered};
use crate::store::ruling::{Head, place, refusal};

/// A transaction under way.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    inserts: Inserts<'c>,
    first_answer: CachedStatement<'c>,
    ends: &'c mut Ends,
    recent: &'c Recent,
    recorded_at: Timestamp,
    position: u64,
}

impl<'c> Batch<'c> {
    /// Goes on after `position`. When the transaction fails, `ends` must be forgotten.
    pub fn new(
        connection: &'c Connection,
        ends: &'c mut Ends,
        recent: &'c Recent,
        position: u64,
        recorded_at: Timestamp,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            inserts: Inserts::new(connection)?,
            first_answer: rows::first_answer_statement(connection)?,
            ends,
            recent,
            recorded_at,
            position,
        })
    }

    /// Position of the last event.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Judges `append` and writes it, or nothing of it. An error is none of the append's: the transaction has failed.
    pub fn write(&mut self, append: &Offered) -> rusqlite::Result<Answer> {
        let append = match append {
            Ok(append) => append,
            Err(failure) => return Ok(Err(*failure)),
        };
        let known = self.end_of(append.stream)?;
        let head = known.map_or(Head::START, |end| end.head);
        let first_answer = &mut self.first_answer;
        let refused =
            refusal(append, head.version, |keyed| rows::first_answer::<rusqlite::Error>(first_answer, keyed))?;
        if let Some(answers) = refused {
            return Ok(Ok(answers));
        }
        let stream_no = match known {
            Some(end) => end.stream_no,
            None => self.inserts.stream(append.stream)?,
        };
        let placed = place(append, head, self.position, self.recorded_at);
        let mut head = head;
        for envelope in placed.envelopes() {
            self.inserts.event(stream_no, envelope)?;
            head = Head { version: envelope.version, hash: envelope.hash };
            self.position = envelope.position;
        }
        for (keyed, first) in &placed.keys {
            self.inserts.key(stream_no, keyed, first)?;
        }
        self.ends.put(append.stream, End { stream_no, head });
        Ok(Ok(placed.answers))
    }

    fn end_of(&mut self, stream: StreamId) -> rusqlite::Result<Option<End>> {
        if let Some(end) = self.ends.get(&stream) {
            return Ok(Some(*end));
        }
        let Some(stream_no) = rows::stream_no(self.connection, stream)? else { return Ok(None) };
        let head = rows::end(self.connection, stream_no, self.recent.unindexed_end(stream))?;
        // A stream is numbered together with its first event.
        Ok(head.map(|head| End { stream_no, head }))
    }
}
