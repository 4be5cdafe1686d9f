//! What is still to be done? Effects of facts, kept until an event fulfils them; see `palabre_events::policy`.
//!
//! The node that commits a cause runs its effects at once; what stays here was interrupted. What happened to a ride
//! becomes an effect for each of its conversations, whichever of the two the log holds first.

use palabre_events::conversation::{ConversationEvent, ConversationOpened, RideNotice};
use palabre_events::domain::Recorded;
use palabre_events::policy::{Effect, EffectKey, effects_of, fulfils, notice_of};
use palabre_events::{ConversationId, DomainEvent, RideId, Timestamp};
use rusqlite::{Connection, Row as SqlRow, params};
use serde::Serialize;

use crate::columns::{count, json, signed, time, to_json, uuid};
use crate::paging::PAGE_MAX;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// An effect that no event has fulfilled yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingEffect {
    /// Position of the event that causes it.
    pub cause_position: u64,
    /// When that event happened.
    pub caused_at: Timestamp,
    /// The effect.
    pub effect: Effect,
}

/// Which effects are asked for: those whose cause lies at or before a position and happened at or before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectsSought {
    /// The highest position of a cause.
    pub cause_position: u64,
    /// The latest moment of a cause.
    pub caused_by: Timestamp,
    /// Only effects after this one, the last of the page before: its cause and its key.
    pub after: Option<(u64, EffectKey)>,
}

/// How much is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// How many effects.
    pub effects: u64,
    /// When the oldest cause happened, if there is one.
    pub oldest_caused_at: Option<Timestamp>,
}

/// An effect in memory; fulfilled ones are deleted.
enum Known {
    Pending(PendingEffect),
    Fulfilled,
}

impl Row for Known {
    type Key = EffectKey;

    fn load(_: EffectKey, _: &Connection) -> Result<Option<Self>, FoldError> {
        unreachable!("effects are put and fulfilled, never looked at while folding")
    }

    fn save(&mut self, key: EffectKey, db: &Connection) -> Result<(), FoldError> {
        match self {
            Self::Pending(PendingEffect { cause_position, caused_at, effect }) => {
                let replace = "INSERT OR REPLACE INTO pending_effects (effect_key, cause_position, caused_at, effect)
                     VALUES (?1, ?2, ?3, ?4)";
                let values = params![key.to_string(), signed(*cause_position), caused_at.as_millis(), to_json(effect)];
                db.prepare_cached(replace)?.execute(values)?;
            }
            Self::Fulfilled => {
                let delete = "DELETE FROM pending_effects WHERE effect_key = ?1";
                db.prepare_cached(delete)?.execute([key.to_string()])?;
            }
        }
        Ok(())
    }
}

/// Folds causes and what fulfils their effects.
#[derive(Default)]
pub(crate) struct Pending {
    effects: Rows<Known>,
}

impl Projection for Pending {
    fn name(&self) -> &'static str {
        "pending"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        for key in fulfils(recorded) {
            self.effects.put(key, Known::Fulfilled);
        }
        for effect in effects_of(recorded) {
            self.await_effect(effect, recorded.position, recorded.occurred_at);
        }
        match &recorded.event {
            DomainEvent::Ride(event) => match notice_of(event) {
                Some(notice) => self.notice_everywhere(recorded, &notice, folding.db),
                None => Ok(()),
            },
            DomainEvent::Conversation(ConversationEvent::ConversationOpened(event)) => {
                self.notice_here(ConversationId(recorded.stream.id), event, folding.db)
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.effects.flush(db).map(|_| ())
    }

    fn forget(&mut self) {
        self.effects.forget();
    }
}

impl Pending {
    fn await_effect(&mut self, effect: Effect, cause_position: u64, caused_at: Timestamp) {
        self.effects.put(effect.key(), Known::Pending(PendingEffect { cause_position, caused_at, effect }));
    }

    /// Every conversation that was opened before must hear of it.
    fn notice_everywhere(
        &mut self,
        recorded: &Recorded,
        notice: &RideNotice,
        db: &Connection,
    ) -> Result<(), FoldError> {
        let (ride, ride_version) = (RideId(recorded.stream.id), recorded.version);
        let insert = "INSERT INTO ride_notices (ride, ride_version, position, happened_at, notice)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        db.prepare_cached(insert)?.execute(params![
            ride.0.as_bytes(),
            signed(ride_version),
            signed(recorded.position),
            recorded.occurred_at.as_millis(),
            to_json(notice),
        ])?;
        let select = "SELECT conversation FROM ride_conversations WHERE ride = ?1 AND ride_version < ?2";
        let mut select = db.prepare_cached(select)?;
        let mut rows = select.query(params![ride.0.as_bytes(), signed(ride_version)])?;
        while let Some(row) = rows.next()? {
            let conversation = ConversationId(uuid(row, 0)?);
            let effect = Effect::Notice { conversation, ride_version, notice: notice.clone() };
            self.await_effect(effect, recorded.position, recorded.occurred_at);
        }
        Ok(())
    }

    /// A conversation that was opened on an older version of the ride must hear of what has happened since.
    fn notice_here(
        &mut self,
        conversation: ConversationId,
        opened: &ConversationOpened,
        db: &Connection,
    ) -> Result<(), FoldError> {
        let insert = "INSERT INTO ride_conversations (ride, conversation, ride_version) VALUES (?1, ?2, ?3)";
        let (ride, ride_version) = (opened.ride.0.as_bytes(), signed(opened.ride_version));
        db.prepare_cached(insert)?.execute(params![ride, conversation.0.as_bytes(), ride_version])?;
        let select = "SELECT ride_version, position, happened_at, notice FROM ride_notices
             WHERE ride = ?1 AND ride_version > ?2";
        let mut select = db.prepare_cached(select)?;
        let mut rows = select.query(params![ride, ride_version])?;
        while let Some(row) = rows.next()? {
            let effect = Effect::Notice { conversation, ride_version: count(row, 0)?, notice: json(row, 3)? };
            self.await_effect(effect, count(row, 1)?, time(row, 2)?);
        }
        Ok(())
    }
}

const SELECT: &str = "SELECT cause_position, caused_at, effect FROM pending_effects";

impl ViewsReader {
    /// A page of the effects that are `sought`, in the order of their causes; at most `limit` and [`PAGE_MAX`].
    pub fn pending_effects(&self, sought: EffectsSought, limit: usize) -> Result<Vec<PendingEffect>, ViewError> {
        self.read(|db| {
            let select = format!(
                "{SELECT} WHERE cause_position <= ?1 AND caused_at <= ?2 AND (cause_position, effect_key) > (?3, ?4)
                 ORDER BY cause_position, effect_key LIMIT ?5"
            );
            let (after_position, after_key) =
                sought.after.map_or((0, String::new()), |(position, key)| (position, key.to_string()));
            let values = params![
                signed(sought.cause_position),
                sought.caused_by.as_millis(),
                signed(after_position),
                after_key,
                signed(limit.min(PAGE_MAX) as u64)
            ];
            db.prepare_cached(&select)?.query_map(values, pending)?.collect()
        })
    }

    /// Effects of the event at `cause_position`.
    pub fn pending_effects_of(&self, cause_position: u64) -> Result<Vec<PendingEffect>, ViewError> {
        self.read(|db| {
            let select = format!("{SELECT} WHERE cause_position = ?1 ORDER BY effect_key");
            db.prepare_cached(&select)?.query_map([signed(cause_position)], pending)?.collect()
        })
    }

    /// How much is still to be done.
    pub fn backlog(&self) -> Result<Backlog, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT count(*), min(caused_at) FROM pending_effects")?;
            select.query_row([], |row| {
                let oldest = row.get::<_, Option<i64>>(1)?;
                let oldest_caused_at = oldest.map(|_| time(row, 1)).transpose()?;
                Ok(Backlog { effects: count(row, 0)?, oldest_caused_at })
            })
        })
    }
}

fn pending(row: &SqlRow<'_>) -> rusqlite::Result<PendingEffect> {
    Ok(PendingEffect { cause_position: count(row, 0)?, caused_at: time(row, 1)?, effect: json(row, 2)? })
}
