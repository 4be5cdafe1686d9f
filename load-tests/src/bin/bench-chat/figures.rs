//! What a run measured, as figures and as the tables that people read.

use hdrhistogram::Histogram;
use palabre_load_tests::report::{Table, thousands};
use serde::Serialize;

use crate::fleet::{Dialect, Measured};

/// Everything that one run measured.
#[derive(Default, Serialize)]
pub struct Figures {
    /// When the run began, RFC 3339.
    pub begun_at: String,
    /// Processors of the machine, which server and load generator share.
    pub processors: usize,
    /// Appends of 4 KiB with a flush each that the disk takes in a second.
    pub flushes_per_s: f64,
    /// Talk at full speed and at a steady rate.
    pub talk: Vec<Talk>,
    /// Memory of connections that wait.
    pub idle: Vec<Idle>,
    /// Events in the log at the end.
    pub events: u64,
    /// Events a second folded into new views.
    pub replay_events_per_s: Option<f64>,
    /// Starts of the server over that log, each after a SIGKILL.
    pub starts: Vec<Start>,
}

/// One phase of talk.
#[derive(Serialize)]
pub struct Talk {
    /// `palabre` or `broadcaster`.
    pub server: &'static str,
    /// `closed` or `open` loop.
    pub mode: &'static str,
    /// Conversations of two.
    pub conversations: usize,
    /// Messages in flight, in closed loop.
    pub in_flight: Option<usize>,
    /// Acknowledged messages a second.
    pub messages_per_s: f64,
    /// Milliseconds from sending or appointment to acknowledgement.
    pub p50_ms: f64,
    /// The same, of the slowest of a hundred.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Server's processor seconds for a million deliveries.
    pub cpu_s_per_million_deliveries: f64,
    /// That, as a multiple of the broadcaster's in the same phase.
    pub times_broadcaster: Option<f64>,
    /// Processors that the server used.
    pub server_cpus: f64,
    /// Processors that the load generator used.
    pub generator_cpus: f64,
    /// Messages that were refused as temporary.
    pub refused: u64,
}

/// Memory of connections that wait.
#[derive(Serialize)]
pub struct Idle {
    /// `palabre` or `broadcaster`.
    pub server: &'static str,
    /// Open connections.
    pub connections: usize,
    /// Resident bytes of the process more than without them, per connection.
    pub bytes_per_connection: f64,
    /// Resident bytes of the process without them.
    pub resident_before: u64,
}

/// One start.
#[derive(Serialize)]
pub struct Start {
    /// From the start of the process to the first 200 of an inbox.
    pub inbox_ms: f64,
    /// From the start of the process to the first 200 of a search.
    pub search_ms: f64,
}

impl Talk {
    /// A phase, from what was measured.
    pub fn new(dialect: Dialect, conversations: usize, in_flight: Option<usize>, measured: &Measured) -> Self {
        let millis = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            server: name(dialect),
            mode: if in_flight.is_some() { "closed" } else { "open" },
            conversations,
            in_flight,
            messages_per_s: measured.messages_per_s,
            p50_ms: millis(&measured.latency_us, 0.5),
            p99_ms: millis(&measured.latency_us, 0.99),
            max_ms: measured.latency_us.max() as f64 / 1000.0,
            cpu_s_per_million_deliveries: measured.cpu_s_per_million,
            times_broadcaster: None,
            server_cpus: measured.server_cpus,
            generator_cpus: measured.generator_cpus,
            refused: measured.refused,
        }
    }
}

/// The server that speaks a dialect.
pub fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Palabre => "palabre",
        Dialect::Broadcast => "broadcaster",
    }
}

impl Figures {
    /// Sets each phase of the server in relation to the broadcaster's of the same kind.
    pub fn relate(&mut self) {
        let bare: Vec<_> = self
            .talk
            .iter()
            .filter(|talk| talk.server == name(Dialect::Broadcast))
            .map(|talk| ((talk.mode, talk.conversations, talk.in_flight), talk.cpu_s_per_million_deliveries))
            .collect();
        for talk in self.talk.iter_mut().filter(|talk| talk.server == name(Dialect::Palabre)) {
            let same = bare.iter().find(|(phase, _)| *phase == (talk.mode, talk.conversations, talk.in_flight));
            talk.times_broadcaster = same.map(|(_, cpu)| talk.cpu_s_per_million_deliveries / cpu);
        }
    }

    /// The report for people.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# bench-chat, {}\n\n{} processors, shared by server and load generator; the disk takes {} flushes of 4 KiB a second.\n\n{}",
            self.begun_at,
            self.processors,
            thousands(self.flushes_per_s),
            self.talk_table()
        );
        if !self.idle.is_empty() {
            text += &format!("\n{}", self.idle_table());
        }
        text + &self.log_lines()
    }

    fn talk_table(&self) -> Table {
        let mut table = Table::new([
            "conversations",
            "load",
            "server",
            "messages/s",
            "p50 ms",
            "p99 ms",
            "max ms",
            "CPU s / million deliveries",
            "× bare",
            "CPUs server + generator",
        ]);
        for talk in &self.talk {
            let load = match talk.in_flight {
                Some(in_flight) => format!("{in_flight} in flight"),
                None => "steady".to_owned(),
            };
            let refused =
                if talk.refused > 0 { format!(" ({} refused)", thousands(talk.refused as f64)) } else { String::new() };
            table.row([
                thousands(talk.conversations as f64),
                load,
                talk.server.to_owned(),
                thousands(talk.messages_per_s) + &refused,
                format!("{:.1}", talk.p50_ms),
                format!("{:.1}", talk.p99_ms),
                format!("{:.1}", talk.max_ms),
                format!("{:.1}", talk.cpu_s_per_million_deliveries),
                talk.times_broadcaster.map_or_else(|| "1".to_owned(), |times| format!("{times:.1}")),
                format!("{:.2} + {:.2}", talk.server_cpus, talk.generator_cpus),
            ]);
        }
        table
    }

    fn idle_table(&self) -> Table {
        let mut table = Table::new(["idle connections", "server", "bytes per connection", "MB without them"]);
        for idle in &self.idle {
            table.row([
                thousands(idle.connections as f64),
                idle.server.to_owned(),
                thousands(idle.bytes_per_connection),
                format!("{:.1}", idle.resident_before as f64 / 1e6),
            ]);
        }
        table
    }

    fn log_lines(&self) -> String {
        let mut lines = format!("\nThe log holds {} events.\n", thousands(self.events as f64));
        if let Some(rate) = self.replay_events_per_s {
            lines += &format!("Replay into new views: {} events/s.\n", thousands(rate));
        }
        let middle = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied()
        };
        let inbox = middle(self.starts.iter().map(|start| start.inbox_ms).collect());
        let search = middle(self.starts.iter().map(|start| start.search_ms).collect());
        if let Some((inbox, search)) = inbox.zip(search) {
            lines += &format!(
                "Start after SIGKILL to the first inbox: {inbox:.0} ms, to the first search: {search:.0} ms (median of {}).\n",
                self.starts.len()
            );
        }
        lines
    }
}
