//! The record of one ride: its stream and the conversations about it, merged in the order of the log, each event told in
//! words and as data as far as the viewer may see it, with its hash, so that it can be proved.

use palabre_events::domain::Recorded;
use palabre_events::{AccountId, Actor, ConversationId, Envelope, Opener, RideId, StreamId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::AuditFailure;
use super::folded::FoldedRide;
use super::merged::Merged;
use super::names::Names;
use super::narrate::Telling;
use super::opened::opened;
use super::state::{PersonShown, RideState};
use super::visibility::{Cast, Sight, Viewer};
use crate::store::EventStore;

/// The most conversations of one ride that a record goes through.
pub const CONVERSATIONS_MAX: usize = 1_000;

/// Where a record comes from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The log.
    pub log: &'a dyn EventStore,
    /// Opens what was sealed.
    pub opener: &'a dyn Opener,
    /// The conversations about the ride, as the views list them (at most [`CONVERSATIONS_MAX`] are read). A passenger's
    /// own and the group are found without.
    pub conversations: &'a [ConversationId],
}

/// Which part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Up to this time of recording.
    pub until: Option<Timestamp>,
    /// After this position.
    pub after: u64,
    /// At most so many events.
    pub limit: usize,
}

impl Span {
    /// All of it, up to a time.
    pub fn all(until: Option<Timestamp>) -> Self {
        Self { until, after: 0, limit: usize::MAX }
    }
}

/// The record of a ride, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// How the ride stands after what this record goes through: at its end, or at the time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RideState>,
    /// What happened, in the order of the log.
    pub events: Vec<Entry>,
    /// The position after which the record goes on, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<u64>,
}

/// One event of a record.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// Its place in the log.
    pub position: u64,
    /// The stream it belongs to: the ride's, or that of a conversation.
    #[schema(value_type = String)]
    pub stream: StreamId,
    /// Its place in the stream; in a conversation, the `seq`.
    pub version: u64,
    /// When it happened, by the clock of the node that decided.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Who did it; absent where the viewer may not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// The type of the event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What happened, in words.
    pub sentence: String,
    /// What happened, as data; sealed values are opened, or absent.
    #[schema(value_type = Object)]
    pub data: Value,
    /// How much of it this viewer sees.
    pub sight: Sight,
    /// The position of the event that caused it, where this viewer sees that one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<u64>,
    /// The hash that chains it to the events before it in its stream: 64 hexadecimal digits.
    pub hash: String,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum By {
    /// A person.
    Person(PersonShown),
    /// The platform itself: effects of other facts, and timers.
    System,
    /// Whoever operates the platform, at its command line.
    Operator,
}

/// The record of `ride` as `viewer` sees it; none when there is no such ride.
pub async fn ride_report(
    sources: Sources<'_>,
    ride: RideId,
    viewer: Viewer,
    span: Span,
) -> Result<Option<Report>, AuditFailure> {
    let driver = FoldedRide::read(sources.log, ride, None).await?.driver();
    if driver.is_none() {
        return Ok(None);
    }
    let mut merged = Merged::new(sources.log, streams(sources, ride, viewer, driver));
    let (mut cast, mut folded) = (Cast::default(), FoldedRide::default());
    let mut seen: Vec<Seen> = Vec::new();
    let mut positions = HashMap::new();
    let mut next_after = None;
    while let Some(envelope) = merged.next().await? {
        if span.until.is_some_and(|until| envelope.recorded_at > until) {
            break;
        }
        let recorded = Recorded::read(&envelope)?;
        cast.meet(recorded.stream, recorded.version, &recorded.event);
        let sight = cast.sight(viewer, recorded.stream, recorded.version, &recorded.event);
        folded.fold(&recorded);
        if sight == Sight::Hidden {
            continue;
        }
        // A command's own event names itself as its cause, which tells nobody anything.
        let caused_by = positions.get(&envelope.causation_id).copied();
        positions.insert(envelope.event_id, envelope.position);
        if envelope.position > span.after {
            if seen.len() == span.limit {
                next_after = seen.last().map(|last| last.envelope.position);
                break;
            }
            seen.push(Seen { caused_by, zone: folded.zone(), envelope, recorded, sight });
        }
    }
    let names = Names::read(sources.log, sources.opener, cast.accounts()).await?;
    let events = seen.into_iter().map(|seen| seen.tell(cast.driver(), &names, sources.opener));
    let events = events.collect::<Result<_, _>>()?;
    let state = if next_after.is_none() { folded.show(ride, viewer, &names, sources.opener)? } else { None };
    let state = state.map(|state| RideState { recorded_until: span.until, ..state });
    Ok(Some(Report { ride, state, events, next_after }))
}

/// The streams that can hold something for `viewer`.
fn streams(sources: Sources<'_>, ride: RideId, viewer: Viewer, driver: Option<AccountId>) -> BTreeSet<StreamId> {
    let listed = || sources.conversations.iter().take(CONVERSATIONS_MAX).copied().collect::<Vec<_>>();
    let talks = match viewer {
        Viewer::Anyone => return BTreeSet::from([ride.into()]),
        Viewer::Person(account) if driver == Some(account) => listed(),
        Viewer::Person(account) => vec![ConversationId::about_ride(ride, account)],
        Viewer::Support(_) | Viewer::Operator => listed(),
    };
    let streams = talks.into_iter().chain([ConversationId::group_of(ride)]).map(StreamId::from);
    streams.chain([ride.into()]).collect()
}

/// An event that the viewer sees, to be told once the names are known.
struct Seen {
    envelope: Arc<Envelope>,
    recorded: Recorded,
    sight: Sight,
    zone: chrono_tz::Tz,
    caused_by: Option<u64>,
}

impl Seen {
    fn tell(self, driver: Option<AccountId>, names: &Names, opener: &dyn Opener) -> Result<Entry, AuditFailure> {
        let Self { envelope, recorded, sight, zone, caused_by } = self;
        let by = match recorded.actor {
            Actor::System => Some(By::System),
            Actor::Operator => Some(By::Operator),
            Actor::Person(account) if sight > Sight::Outline || driver == Some(account) => {
                Some(By::Person(PersonShown::of(account, names)))
            }
            Actor::Person(_) => None,
        };
        let telling = Telling { names, opener, zone, sight };
        Ok(Entry {
            position: envelope.position,
            stream: envelope.stream,
            version: envelope.version,
            at: envelope.occurred_at,
            recorded_at: envelope.recorded_at,
            by,
            event_type: envelope.event_type.clone(),
            sentence: telling.sentence(&recorded.event, recorded.actor)?,
            data: opened(&recorded.event, sight, opener)?,
            sight,
            caused_by,
            hash: envelope.hash.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story;
    use palabre_events::testing::{ANNA, BEN, CLEO, DORA, PlainOpener, RIDE, talk_with};

    async fn report(viewer: Viewer, span: Span) -> Report {
        let log = story::log().await;
        let conversations = [talk_with(ANNA), talk_with(BEN)];
        let sources = Sources { log: &log, opener: &PlainOpener::default(), conversations: &conversations };
        ride_report(sources, RIDE, viewer, span).await.unwrap().expect("there is such a ride")
    }

    fn positions(report: &Report) -> Vec<u64> {
        report.events.iter().map(|entry| entry.position).collect()
    }

    #[tokio::test]
    async fn the_driver_s_record_is_whole_and_in_the_order_of_the_log() {
        let whole = report(Viewer::Person(DORA), Span::all(None)).await;
        assert_eq!(positions(&whole), (4..=26).collect::<Vec<_>>());
        assert_eq!(whole, report(Viewer::Operator, Span::all(None)).await);
        let reserved = &whole.events[7];
        assert_eq!((reserved.event_type.as_str(), reserved.caused_by), ("SeatsReserved", Some(10)));
        assert_eq!(whole.events[0].caused_by, None, "what a person did is not its own cause");
        assert_eq!(reserved.hash.len(), 64);
        assert_eq!(whole.state.as_ref().map(|state| state.stage), Some("cancelled"));
    }

    #[tokio::test]
    async fn the_hashes_are_those_of_the_log() {
        let log = story::log().await;
        let whole = report(Viewer::Operator, Span::all(None)).await;
        let stored = log.read_all(3, 100).await.unwrap();
        let hashes: Vec<_> = stored.iter().map(|envelope| envelope.hash.to_string()).collect();
        assert_eq!(whole.events.iter().map(|entry| entry.hash.clone()).collect::<Vec<_>>(), hashes);
    }

    #[tokio::test]
    async fn nobody_reads_what_is_not_theirs() {
        for viewer in [Viewer::Person(ANNA), Viewer::Person(CLEO), Viewer::Anyone, Viewer::Support(CLEO)] {
            let told = serde_json::to_string(&report(viewer, Span::all(None)).await).unwrap();
            assert!(!told.contains("Nobody else may read this"), "{viewer:?}");
            assert!(!told.contains("Now I drive alone"), "{viewer:?}");
        }
        for viewer in [Viewer::Person(BEN), Viewer::Person(CLEO), Viewer::Anyone] {
            let told = serde_json::to_string(&report(viewer, Span::all(None)).await).unwrap();
            for secret in ["Anna", &ANNA.to_string(), "train", "station", "I drive a red car"] {
                assert!(!told.contains(secret), "{viewer:?} learns {secret}");
            }
        }
        let told = serde_json::to_string(&report(Viewer::Anyone, Span::all(None)).await).unwrap();
        assert!(!told.contains("45.19"), "an agreed point is not public");
    }

    #[tokio::test]
    async fn a_passenger_reads_their_own_talk() {
        let annas = report(Viewer::Person(ANNA), Span::all(None)).await;
        let told = serde_json::to_string(&annas).unwrap();
        for own in ["Do you leave from the station?", "I drive a red car", "My train runs after all", "broke down"] {
            assert!(told.contains(own), "{own}");
        }
        assert!(!told.contains(&BEN.to_string()));
    }

    #[tokio::test]
    async fn a_record_comes_in_pages_that_join() {
        let whole = report(Viewer::Person(ANNA), Span::all(None)).await;
        let (mut pages, mut after) = (Vec::new(), 0);
        loop {
            let page = report(Viewer::Person(ANNA), Span { until: None, after, limit: 4 }).await;
            assert!(page.events.len() <= 4);
            pages.extend(page.events);
            let Some(next_after) = page.next_after else { break };
            after = next_after;
        }
        assert_eq!(pages, whole.events);
    }

    #[tokio::test]
    async fn at_a_time_only_what_was_recorded_by_then_is_told() {
        let until = story::minute(11);
        let early = report(Viewer::Operator, Span::all(Some(until))).await;
        assert_eq!(positions(&early), (4..=11).collect::<Vec<_>>());
        assert_eq!(early.state.as_ref().map(|state| (state.seats_left, state.recorded_until)), Some((1, Some(until))));
    }

    #[tokio::test]
    async fn of_what_was_never_offered_there_is_no_record() {
        let log = story::log().await;
        let sources = Sources { log: &log, opener: &PlainOpener::default(), conversations: &[] };
        let ride = RideId(uuid::Uuid::from_u128(404));
        assert_eq!(ride_report(sources, ride, Viewer::Operator, Span::all(None)).await, Ok(None));
    }

    #[tokio::test]
    async fn the_text_says_who_did_what_and_why() {
        let text = report(Viewer::Operator, Span::all(None)).await.to_text();
        for line in [
            "#11  2027-01-03T12:11:00.000Z  The ride reserved for Anna: 2 seats",
            "SeatsReserved in ride-00000000-0000-0000-0000-0000000051de v2  because of #10",
            "Dora cancelled the ride: “The red car broke down”",
            "Now, after #26 (version 7 of the ride):",
            "cancelled: Grenoble – Voiron – Lyon, Dora",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
