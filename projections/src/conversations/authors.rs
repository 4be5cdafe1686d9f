//! Whom each event of a conversation is by, one byte per `seq`: enough to count anybody's unread events exactly from
//! any mark, without a row per event and without reading the log.
//!
//! Bytes lie in chunks of [`CHUNK`]; the unfinished one stays in the conversation's row, finished ones are written once.

use palabre_events::ConversationId;
use rusqlite::{Connection, params};

use crate::FoldError;
use crate::columns::signed;

/// Events of one chunk.
const CHUNK: u64 = 256;

/// Whom an event is by, as far as unread counts care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct By(u8);

impl By {
    /// It counts for nobody.
    pub const UNCOUNTED: Self = Self(0);
    /// By the platform: it counts for everyone.
    pub const PLATFORM: Self = Self(255);
    /// By one of those who came after the 253rd: it counts for everyone, even its author, until it is read.
    const CROWD: Self = Self(254);

    /// By the member with this number: it counts for the others.
    pub fn member(number: u32) -> Self {
        match u8::try_from(number) {
            Ok(number) if number < Self::CROWD.0 - 1 => Self(number + 1),
            _ => Self::CROWD,
        }
    }

    /// Whether it counts for the member with this number.
    pub fn counts_for(self, number: u32) -> bool {
        self == Self::CROWD || (self != Self::UNCOUNTED && self != Self::member(number))
    }
}

/// Whom the events of a conversation are by: the unfinished chunk, and the way to the finished ones.
#[derive(Clone, Debug)]
pub(super) struct Authors {
    id: ConversationId,
    /// Events noted so far: the conversation's `seq`.
    pub head_seq: u64,
    tail: Vec<u8>,
}

impl Authors {
    /// Of a conversation that is read from its row.
    pub fn new(id: ConversationId, head_seq: u64, tail: Vec<u8>) -> Self {
        Self { id, head_seq, tail }
    }

    /// The unfinished chunk.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Notes whom the next event is by.
    pub fn push(&mut self, by: By, db: &Connection) -> Result<(), FoldError> {
        self.head_seq += 1;
        self.tail.push(by.0);
        if self.head_seq.is_multiple_of(CHUNK) {
            let insert = "INSERT INTO counted_seqs (conversation, chunk, authors) VALUES (?1, ?2, ?3)";
            let chunk = signed(self.head_seq / CHUNK - 1);
            db.prepare_cached(insert)?.execute(params![self.id.0.as_bytes(), chunk, self.tail])?;
            self.tail.clear();
        }
        Ok(())
    }

    /// Visits the events from `first` to `last`, both of which exist, with whom each is by.
    pub fn each(
        &self,
        first: u64,
        last: u64,
        db: &Connection,
        mut visit: impl FnMut(u64, By),
    ) -> Result<(), FoldError> {
        let mut seq = first;
        while seq <= last {
            let chunk = (seq - 1) / CHUNK;
            let finished = if chunk < self.head_seq / CHUNK { Some(finished_chunk(self.id, chunk, db)?) } else { None };
            let begins_after = chunk * CHUNK;
            let bytes = finished.as_ref().unwrap_or(&self.tail);
            for (byte, at) in bytes.iter().zip(begins_after + 1..).filter(|(_, at)| (seq..=last).contains(at)) {
                visit(at, By(*byte));
            }
            seq = begins_after + CHUNK + 1;
        }
        Ok(())
    }
}

fn finished_chunk(id: ConversationId, chunk: u64, db: &Connection) -> Result<Vec<u8>, FoldError> {
    let select = "SELECT authors FROM counted_seqs WHERE conversation = ?1 AND chunk = ?2";
    let mut select = db.prepare_cached(select)?;
    Ok(select.query_row(params![id.0.as_bytes(), signed(chunk)], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_for_all_but_its_author() {
        for number in [0, 1, 252] {
            assert!(!By::member(number).counts_for(number));
            assert!(By::member(number).counts_for(number + 1), "{number}");
            assert!(By::PLATFORM.counts_for(number));
            assert!(!By::UNCOUNTED.counts_for(number));
        }
        assert!(By::member(253).counts_for(7), "those without a byte of their own count for everyone");
    }
}
