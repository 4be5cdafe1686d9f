//! What a node counts and measures, in the text format of Prometheus.
//!
//! Every name is in [`ALL`], which describes it to Prometheus and against which `docs/OPERATING.md` is tested. Events are
//! counted where they happen; what has a state is looked at when somebody asks ([`crate::http::metrics`]). One recorder
//! serves the whole process; without one, counting does nothing.

use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use palabre_events::StreamKind;
use palabre_events::shell::Answer;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use crate::chat::Repair;
use crate::chat::close::Close;
use crate::fanout::queue::Dropped;
use crate::fanout::wire::Unheard;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rises, from the start of the process.
    Counter,
    /// A state at the moment.
    Gauge,
    /// Durations in seconds, in [`DURATION_BUCKETS_S`].
    Durations,
}

/// How long commands take, in seconds: from what a memory answers to what a person calls broken.
pub const DURATION_BUCKETS_S: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

const COMMAND_DURATION: &str = "palabre_command_duration_seconds";
const APPEND_CONFLICTS: &str = "palabre_append_conflicts_total";
const TOLD_BY_REPAIR: &str = "palabre_told_by_repair_total";
const SOCKETS_CLOSED: &str = "palabre_sockets_closed_total";
const CONNECTIONS_REFUSED: &str = "palabre_connections_refused_total";
const FANOUT_PUBLISHED: &str = "palabre_fanout_published_total";
const FANOUT_HEARD: &str = "palabre_fanout_heard_total";
const FANOUT_UNHEARD: &str = "palabre_fanout_unheard_total";
const FANOUT_DROPPED: &str = "palabre_fanout_dropped_total";
const FANOUT_LINKS_LOST: &str = "palabre_fanout_links_lost_total";
const FANOUT_NODES: &str = "palabre_fanout_nodes";
const LOG_UNFOLDED: &str = "palabre_log_unfolded_bytes";

/// What is looked at when somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in ALL")]
pub enum State {
    SocketsOpen,
    LogPosition,
    ViewsPosition,
    ViewsLagPositions,
    EffectsWaiting,
    FanoutWaiting,
    FanoutUp,
    LogSilent,
    FeedStopped,
    ViewsFailing,
    ViewsParked,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SocketsOpen => "palabre_sockets_open",
            Self::LogPosition => "palabre_log_position",
            Self::ViewsPosition => "palabre_views_position",
            Self::ViewsLagPositions => "palabre_views_lag_positions",
            Self::EffectsWaiting => "palabre_effects_waiting",
            Self::FanoutWaiting => "palabre_fanout_waiting",
            Self::FanoutUp => "palabre_fanout_up",
            Self::LogSilent => "palabre_log_silent",
            Self::FeedStopped => "palabre_feed_stopped",
            Self::ViewsFailing => "palabre_views_failing",
            Self::ViewsParked => "palabre_views_parked",
        }
    }

    /// Notes what it is now.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers; positions stay far below 2^53")]
    pub fn set(self, value: u64) {
        gauge!(self.name()).set(value as f64);
    }
}

/// Every metric: its name, its kind, its labels, and what it says.
pub const ALL: &[(&str, Kind, &[&str], &str)] = &[
    (
        COMMAND_DURATION,
        Kind::Durations,
        &["aggregate", "outcome"],
        "How long an aggregate took to answer a command, its wait and the log's commit included",
    ),
    (APPEND_CONFLICTS, Kind::Counter, &["aggregate"], "Appends that found that another node had appended first"),
    (TOLD_BY_REPAIR, Kind::Counter, &["why"], "Times that events were told from the log because no faster path had"),
    ("palabre_sockets_open", Kind::Gauge, &[], "Sockets that are open"),
    (SOCKETS_CLOSED, Kind::Counter, &["why"], "Sockets that the server closed"),
    (CONNECTIONS_REFUSED, Kind::Counter, &[], "TCP connections refused because their address had too many"),
    ("palabre_log_position", Kind::Gauge, &[], "The last position of the log"),
    (
        LOG_UNFOLDED,
        Kind::Gauge,
        &[],
        "Bytes of the embedded log that are in its WAL alone, not in its database's file yet",
    ),
    ("palabre_views_position", Kind::Gauge, &[], "The position up to which the views are folded"),
    ("palabre_views_lag_positions", Kind::Gauge, &[], "How far the views are behind the log's end, in its positions"),
    ("palabre_effects_waiting", Kind::Gauge, &[], "Committed facts whose effects wait to be run"),
    ("palabre_log_silent", Kind::Gauge, &[], "1 while the log does not answer when it is read"),
    ("palabre_views_failing", Kind::Gauge, &[], "1 while what was read last cannot be written into the views"),
    ("palabre_feed_stopped", Kind::Gauge, &[], "1 when the feed stopped at an event that it cannot read"),
    ("palabre_views_parked", Kind::Gauge, &[], "Views that stopped at an event that they cannot fold"),
    ("palabre_fanout_up", Kind::Gauge, &[], "1 while other nodes are heard at once through Redis"),
    ("palabre_fanout_waiting", Kind::Gauge, &[], "Messages that wait to be said to other nodes"),
    (FANOUT_NODES, Kind::Gauge, &[], "Other nodes that are heard of"),
    (FANOUT_PUBLISHED, Kind::Counter, &[], "Messages said to other nodes"),
    (FANOUT_HEARD, Kind::Counter, &[], "Messages heard from other nodes"),
    (FANOUT_UNHEARD, Kind::Counter, &["why"], "Messages left out because no node of this platform wrote them"),
    (FANOUT_DROPPED, Kind::Counter, &["why"], "Messages not said to other nodes, which hear them from the log"),
    (FANOUT_LINKS_LOST, Kind::Counter, &[], "Times that the link to Redis was lost"),
];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record, if this process does not record yet.
pub fn record() {
    HANDLE.get_or_init(|| {
        let durations = Matcher::Suffix("_seconds".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(durations, &DURATION_BUCKETS_S)
            .expect("there are buckets")
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("nobody else records in this process");
        for (name, kind, _, says) in ALL {
            match kind {
                Kind::Counter => metrics::describe_counter!(*name, *says),
                Kind::Gauge => metrics::describe_gauge!(*name, *says),
                Kind::Durations => metrics::describe_histogram!(*name, Unit::Seconds, *says),
            }
        }
        begin_counters();
        handle
    });
}

/// Has every counter begin at 0, with each of its labels, so that the first thing that it counts is seen as a rise.
fn begin_counters() {
    for (name, ..) in ALL.iter().filter(|(_, kind, labels, _)| *kind == Kind::Counter && labels.is_empty()) {
        counter!(*name).increment(0);
    }
    StreamKind::ALL.into_iter().for_each(|kind| count_conflicts(kind, 0));
    Repair::ALL.into_iter().for_each(|why| count_repairs(why, 0));
    Close::ALL.into_iter().for_each(|why| count_closed(why, 0));
    [Unheard::Forged, Unheard::Unreadable].into_iter().for_each(|why| count_unheard(why, 0));
    [Dropped::Shut, Dropped::Full].into_iter().for_each(|why| fanout_dropped(why, 0));
}

/// Everything that was recorded, as Prometheus reads it.
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Sorts durations into their buckets. To be called now and then, so that they do not pile up when nobody asks.
pub fn tidy() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

const OUTCOMES: [&str; 7] = ["committed", "unchanged", "duplicate", "key_reused", "rejected", "busy", "unavailable"];

/// Looked up once, since commands are frequent, and so not before there is a recorder.
static COMMANDS: LazyLock<Vec<Histogram>> = LazyLock::new(|| {
    record();
    let of = |kind: StreamKind| {
        OUTCOMES.map(|outcome| histogram!(COMMAND_DURATION, "aggregate" => kind.name(), "outcome" => outcome))
    };
    StreamKind::ALL.into_iter().flat_map(of).collect()
});

/// An aggregate of this kind gave this answer after `took`.
pub fn command<R>(kind: StreamKind, answer: &Answer<R>, took: Duration) {
    let outcome = outcome_of(answer);
    let column = OUTCOMES.iter().position(|known| *known == outcome).expect("all outcomes are listed");
    let row = StreamKind::ALL.iter().position(|known| *known == kind).expect("all kinds are listed");
    COMMANDS[row * OUTCOMES.len() + column].record(took);
}

/// The name of an answer, as it is counted.
pub fn outcome_of<R>(answer: &Answer<R>) -> &'static str {
    match answer {
        Answer::Committed(_) => "committed",
        Answer::Unchanged { .. } => "unchanged",
        Answer::Duplicate(_) => "duplicate",
        Answer::KeyReused => "key_reused",
        Answer::Rejected(_) => "rejected",
        Answer::Busy => "busy",
        Answer::Unavailable => "unavailable",
    }
}

/// An append to an aggregate of this kind came second.
pub fn append_conflict(kind: StreamKind) {
    count_conflicts(kind, 1);
}

fn count_conflicts(kind: StreamKind, times: u64) {
    counter!(APPEND_CONFLICTS, "aggregate" => kind.name()).increment(times);
}

/// Events were told from the log.
pub(crate) fn told_by_repair(why: Repair) {
    count_repairs(why, 1);
}

fn count_repairs(why: Repair, times: u64) {
    counter!(TOLD_BY_REPAIR, "why" => why.name()).increment(times);
}

/// A socket was closed by the server.
pub fn socket_closed(why: Close) {
    count_closed(why, 1);
}

fn count_closed(why: Close, times: u64) {
    let why = if why == Close::Goodbye { "goodbye" } else { why.name() };
    counter!(SOCKETS_CLOSED, "why" => why).increment(times);
}

/// A TCP connection was refused.
pub fn connection_refused() {
    counter!(CONNECTIONS_REFUSED).increment(1);
}

/// Messages were said to other nodes.
pub fn fanout_published(count: usize) {
    static PUBLISHED: LazyLock<Counter> = LazyLock::new(|| {
        record();
        counter!(FANOUT_PUBLISHED)
    });
    PUBLISHED.increment(count as u64);
}

/// A message was heard from another node.
pub fn fanout_heard() {
    static HEARD: LazyLock<Counter> = LazyLock::new(|| {
        record();
        counter!(FANOUT_HEARD)
    });
    HEARD.increment(1);
}

/// A message was left out.
pub fn fanout_unheard(why: Unheard) {
    count_unheard(why, 1);
}

fn count_unheard(why: Unheard, times: u64) {
    let why = match why {
        Unheard::Own => "own",
        Unheard::Forged => "forged",
        Unheard::Unreadable => "unreadable",
    };
    counter!(FANOUT_UNHEARD, "why" => why).increment(times);
}

/// Messages were not said to other nodes.
pub fn fanout_dropped(why: Dropped, count: usize) {
    let why = match why {
        Dropped::Shut => "down",
        Dropped::Full => "full",
    };
    counter!(FANOUT_DROPPED, "why" => why).increment(count as u64);
}

/// The link to Redis was lost.
pub fn fanout_link_lost() {
    counter!(FANOUT_LINKS_LOST).increment(1);
}

/// How many other nodes are heard of.
pub fn fanout_nodes(count: usize) {
    gauge!(FANOUT_NODES).set(u32::try_from(count).unwrap_or(u32::MAX));
}

/// So much of the embedded log is in its WAL alone.
#[expect(clippy::cast_precision_loss, reason = "it stays far below 2^53")]
pub fn log_unfolded(bytes: u64) {
    static UNFOLDED: LazyLock<Gauge> = LazyLock::new(|| {
        record();
        gauge!(LOG_UNFOLDED)
    });
    UNFOLDED.set(bytes as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_state_is_described_and_every_name_is_there_once() {
        let names: HashSet<_> = ALL.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), ALL.len());
        for state in [
            State::SocketsOpen,
            State::LogPosition,
            State::ViewsPosition,
            State::ViewsLagPositions,
            State::EffectsWaiting,
            State::FanoutWaiting,
            State::FanoutUp,
            State::LogSilent,
            State::FeedStopped,
            State::ViewsFailing,
            State::ViewsParked,
        ] {
            assert!(names.contains(state.name()), "{state:?}");
        }
    }

    #[test]
    fn every_counter_is_told_before_it_counts() {
        record();
        let told = render();
        for (name, ..) in ALL.iter().filter(|(_, kind, ..)| *kind == Kind::Counter) {
            assert!(told.lines().any(|line| line.starts_with(name)), "{name} in {told}");
        }
        for rare in [r#"unheard_total{why="forged"}"#, r#"closed_total{why="slow"}"#, r#"repair_total{why="moved"}"#] {
            assert!(told.contains(rare), "{rare} in {told}");
        }
    }

    #[test]
    fn what_is_counted_is_told() {
        record();
        command::<()>(StreamKind::Ride, &Answer::Busy, Duration::from_millis(3));
        fanout_dropped(Dropped::Full, 2);
        log_unfolded(4096);
        let told = render();
        assert!(told.contains("# TYPE palabre_command_duration_seconds histogram"), "{told}");
        let bucket = "palabre_command_duration_seconds_bucket{aggregate=\"ride\",outcome=\"busy\",le=\"0.005\"}";
        assert!(told.contains(bucket), "{told}");
        assert!(told.contains("palabre_fanout_dropped_total{why=\"full\"}"), "{told}");
        assert!(told.contains("\npalabre_log_unfolded_bytes "), "{told}");
    }
}
