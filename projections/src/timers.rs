//! What is due, and when? Proposals that expire, rides that leave and arrive, requests whose hour has passed. Whoever
//! asks for what is due gives the commands; the events that come of them end the timers.

use palabre_events::conversation::ConversationEvent;
use palabre_events::domain::Recorded;
use palabre_events::geometry::time_along;
use palabre_events::request::RequestEvent;
use palabre_events::ride::RideEvent;
use palabre_events::{ConversationId, DomainEvent, ProposalId, RequestId, RideId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use uuid::Uuid;

use crate::columns::{signed, time, uuid, uuid_or_none};
use crate::paging::PAGE_MAX;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// Something whose hour has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The hour.
    pub at: Timestamp,
    /// What is to be done.
    pub what: DueCommand,
}

/// What is to be done when an hour comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueCommand {
    /// Nobody answered the proposal in time.
    ExpireProposal(ConversationId, ProposalId),
    /// The ride leaves.
    Depart(RideId),
    /// The ride arrives, by the baseline speed.
    Complete(RideId),
    /// The request's hour has passed.
    ExpireRequest(RequestId),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Proposal(Uuid),
    Ride(Uuid),
    Request(Uuid),
}

impl Subject {
    fn kind(self) -> &'static str {
        match self {
            Self::Proposal(_) => "proposal",
            Self::Ride(_) => "ride",
            Self::Request(_) => "request",
        }
    }

    fn id(self) -> Uuid {
        match self {
            Self::Proposal(id) | Self::Ride(id) | Self::Request(id) => id,
        }
    }
}

#[derive(Clone, Copy)]
struct Running {
    due_at: Timestamp,
    conversation: Option<ConversationId>,
    departed: bool,
    length_m: u32,
}

/// A timer in memory; ended ones are deleted.
enum Timer {
    Running(Running),
    Ended,
}

impl Row for Timer {
    type Key = Subject;

    fn load(subject: Subject, db: &Connection) -> Result<Option<Self>, FoldError> {
        let select = "SELECT due_at, conversation, departed, length_m FROM timers WHERE kind = ?1 AND subject = ?2";
        let mut select = db.prepare_cached(select)?;
        let running = select.query_row(params![subject.kind(), subject.id().as_bytes()], |row| {
            Ok(Running {
                due_at: time(row, 0)?,
                conversation: uuid_or_none(row, 1)?.map(ConversationId),
                departed: row.get(2)?,
                length_m: row.get(3)?,
            })
        });
        Ok(running.optional()?.map(Self::Running))
    }

    fn save(&mut self, subject: Subject, db: &Connection) -> Result<(), FoldError> {
        let (kind, id) = (subject.kind(), subject.id());
        match self {
            Self::Running(Running { due_at, conversation, departed, length_m }) => {
                let conversation = conversation.as_ref().map(|conversation| conversation.0.as_bytes());
                let replace = "INSERT OR REPLACE INTO timers (kind, subject, due_at, conversation, departed, length_m)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let values = params![kind, id.as_bytes(), due_at.as_millis(), conversation, *departed, *length_m];
                db.prepare_cached(replace)?.execute(values)?;
            }
            Self::Ended => {
                let delete = "DELETE FROM timers WHERE kind = ?1 AND subject = ?2";
                db.prepare_cached(delete)?.execute(params![kind, id.as_bytes()])?;
            }
        }
        Ok(())
    }
}

/// Folds what begins and ends timers.
#[derive(Default)]
pub(crate) struct Timers {
    timers: Rows<Timer>,
}

impl Projection for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        match &recorded.event {
            DomainEvent::Conversation(event) => self.fold_proposal(ConversationId(recorded.stream.id), event),
            DomainEvent::Ride(event) => return self.fold_ride(RideId(recorded.stream.id), event, folding.db),
            DomainEvent::Request(event) => {
                let subject = Subject::Request(recorded.stream.id);
                match event {
                    RequestEvent::RequestPosted(event) => self.begin(subject, event.latest_at(), None),
                    RequestEvent::RequestFulfilled(_)
                    | RequestEvent::RequestWithdrawn(_)
                    | RequestEvent::RequestExpired(_) => self.end(subject),
                }
            }
            DomainEvent::Account(_) | DomainEvent::Marks(_) => {}
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.timers.flush(db).map(|_| ())
    }

    fn forget(&mut self) {
        self.timers.forget();
    }
}

impl Timers {
    fn begin(&mut self, subject: Subject, due_at: Timestamp, conversation: Option<ConversationId>) {
        self.timers.put(subject, Timer::Running(Running { due_at, conversation, departed: false, length_m: 0 }));
    }

    fn end(&mut self, subject: Subject) {
        self.timers.put(subject, Timer::Ended);
    }

    fn fold_proposal(&mut self, conversation: ConversationId, event: &ConversationEvent) {
        let ended = match event {
            ConversationEvent::ProposalMade(event) => {
                self.begin(Subject::Proposal(event.proposal.0), event.expires_at, Some(conversation));
                event.in_reply_to
            }
            ConversationEvent::ProposalAccepted(event) => Some(event.proposal),
            ConversationEvent::ProposalDeclined(event) => Some(event.proposal),
            ConversationEvent::ProposalWithdrawn(event) => Some(event.proposal),
            ConversationEvent::ProposalExpired(event) => Some(event.proposal),
            ConversationEvent::ProposalVoided(event) => Some(event.proposal),
            _ => None,
        };
        if let Some(proposal) = ended {
            self.end(Subject::Proposal(proposal.0));
        }
    }

    fn fold_ride(&mut self, ride: RideId, event: &RideEvent, db: &Connection) -> Result<(), FoldError> {
        let subject = Subject::Ride(ride.0);
        match event {
            RideEvent::RideOffered(event) => {
                let length_m = event.route.length_m();
                let running = Running { due_at: event.departs_at, conversation: None, departed: false, length_m };
                self.timers.put(subject, Timer::Running(running));
            }
            RideEvent::RideRescheduled(event) => {
                let running = self.running(subject, db)?;
                running.due_at = event.departs_at;
                running.length_m = event.route.as_ref().map_or(running.length_m, |route| route.length_m());
            }
            RideEvent::RideDeparted(_) => {
                let running = self.running(subject, db)?;
                // As `Offer::arrives_at` has it: what was due so far is the departure.
                running.due_at = time_along(running.due_at, f64::from(running.length_m) / 1000.0);
                running.departed = true;
            }
            RideEvent::RideCancelled(_) | RideEvent::RideCompleted(_) => self.end(subject),
            _ => {}
        }
        Ok(())
    }

    fn running(&mut self, subject: Subject, db: &Connection) -> Result<&mut Running, FoldError> {
        match self.timers.edit(subject, db)? {
            Some(Timer::Running(running)) => Ok(running),
            Some(Timer::Ended) | None => Err(FoldError::unknown("a timer of ride", subject.id())),
        }
    }
}

impl ViewsReader {
    /// What is due at `now`, the longest due first; at most `limit` and [`PAGE_MAX`].
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, ViewError> {
        self.read(|db| {
            let select = "SELECT due_at, kind, subject, conversation, departed FROM timers
                 WHERE due_at <= ?1 ORDER BY due_at, kind, subject LIMIT ?2";
            let values = params![now.as_millis(), signed(limit.min(PAGE_MAX) as u64)];
            db.prepare_cached(select)?.query_map(values, due)?.collect()
        })
    }

    /// The next hour at which something is due, if anything is.
    pub fn next_due_at(&self) -> Result<Option<Timestamp>, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT due_at FROM timers ORDER BY due_at LIMIT 1")?;
            select.query_row([], |row| time(row, 0)).optional()
        })
    }
}

fn due(row: &SqlRow<'_>) -> rusqlite::Result<Due> {
    let id = uuid(row, 2)?;
    let what = match (row.get_ref(1)?.as_str()?, row.get(4)?) {
        ("proposal", _) => DueCommand::ExpireProposal(ConversationId(uuid(row, 3)?), ProposalId(id)),
        ("ride", false) => DueCommand::Depart(RideId(id)),
        ("ride", true) => DueCommand::Complete(RideId(id)),
        ("request", _) => DueCommand::ExpireRequest(RequestId(id)),
        _ => return Err(rusqlite::Error::InvalidColumnType(1, "kind".to_owned(), Type::Text)),
    };
    Ok(Due { at: time(row, 0)?, what })
}
