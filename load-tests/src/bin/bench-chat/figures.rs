//! What a run measured, as figures and as the tables that people read.

use palabre_load_tests::report::{Table, thousands};
use palabre_load_tests::talk::measured::{Measured, quantile_ms};
use serde::Serialize;

use crate::talk::Phase;

/// What the broadcaster is called.
pub const BROADCASTER: &str = "broadcaster";
/// What a server that stands alone is called.
pub const PALABRE: &str = "palabre";

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
    /// Events in the log at the end, of a server that stands alone.
    pub events: u64,
    /// Events a second folded into new views.
    pub replay_events_per_s: Option<f64>,
    /// Starts of the server over that log, each after a SIGKILL.
    pub starts: Vec<Start>,
}

/// One phase of talk.
#[derive(Serialize)]
pub struct Talk {
    /// `palabre`, several nodes of it, or `broadcaster`.
    pub server: String,
    /// `closed` or `open` loop.
    pub mode: &'static str,
    /// Conversations that are talked in.
    pub conversations: usize,
    /// Connections in each, that of the sender included.
    pub readers: usize,
    /// Messages in flight, or how many leave in a second.
    pub load: String,
    /// Acknowledged messages a second.
    pub messages_per_s: f64,
    /// Milliseconds from sending or appointment to acknowledgement.
    pub p50_ms: f64,
    /// The same, of the slowest of a hundred.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Milliseconds from appointment to the readers other than the sender; in open loop.
    pub delivered: Option<Delivered>,
    /// Server's processor seconds for a million deliveries, all nodes together.
    pub cpu_s_per_million_deliveries: f64,
    /// That, as a multiple of the broadcaster's in the same phase.
    pub times_broadcaster: Option<f64>,
    /// PostgreSQL's processor seconds for a million deliveries.
    pub postgres_cpu_s_per_million_deliveries: f64,
    /// Redis' processor seconds for a million deliveries.
    pub redis_cpu_s_per_million_deliveries: f64,
    /// Server, PostgreSQL and Redis together, as a multiple of the broadcaster's in the same phase.
    pub all_times_broadcaster: Option<f64>,
    /// Processors that the server used.
    pub server_cpus: f64,
    /// Processors that the load generator used.
    pub generator_cpus: f64,
    /// Resident bytes of the server at the end, all nodes together.
    pub resident_bytes: u64,
    /// Messages that were refused as temporary.
    pub refused: u64,
}

/// From appointment to the readers.
#[derive(Serialize)]
pub struct Delivered {
    /// Half of them within so many milliseconds.
    pub p50_ms: f64,
    /// All but one of a hundred.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
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
    pub fn new(server: &str, phase: Phase, measured: &Measured, resident_bytes: u64) -> Self {
        let (acknowledged, delivered) = (&measured.acknowledged_us, &measured.delivered_us);
        Self {
            server: server.to_owned(),
            mode: phase.load.mode(),
            conversations: phase.conversations,
            readers: phase.readers,
            load: phase.load.to_string(),
            messages_per_s: measured.messages_per_s(),
            p50_ms: quantile_ms(acknowledged, 0.5),
            p99_ms: quantile_ms(acknowledged, 0.99),
            max_ms: quantile_ms(acknowledged, 1.0),
            delivered: (!delivered.is_empty()).then(|| Delivered {
                p50_ms: quantile_ms(delivered, 0.5),
                p99_ms: quantile_ms(delivered, 0.99),
                max_ms: quantile_ms(delivered, 1.0),
            }),
            cpu_s_per_million_deliveries: measured.per_million_deliveries(measured.spent.server),
            times_broadcaster: None,
            postgres_cpu_s_per_million_deliveries: measured.per_million_deliveries(measured.spent.postgres),
            redis_cpu_s_per_million_deliveries: measured.per_million_deliveries(measured.spent.redis),
            all_times_broadcaster: None,
            server_cpus: measured.spent.server / measured.seconds,
            generator_cpus: measured.generator / measured.seconds,
            resident_bytes,
            refused: measured.refused,
        }
    }

    fn is_bare(&self) -> bool {
        self.server == BROADCASTER
    }

    /// What was asked, apart from whom.
    fn asked(&self) -> (usize, usize, String) {
        (self.conversations, self.readers, self.load.clone())
    }

    /// How many conversations, and the readers of each.
    fn rooms(&self) -> String {
        format!("{} × {}", thousands(self.conversations as f64), self.readers)
    }
}

impl Figures {
    /// Sets each phase of the server in relation to the broadcaster's of the same kind.
    pub fn relate(&mut self) {
        let bare: Vec<_> = self.talk.iter().filter(|talk| talk.is_bare()).collect();
        let bare: Vec<_> = bare.iter().map(|talk| (talk.asked(), talk.cpu_s_per_million_deliveries)).collect();
        for talk in self.talk.iter_mut().filter(|talk| !talk.is_bare()) {
            let asked = talk.asked();
            let Some((_, bare)) = bare.iter().find(|(phase, _)| *phase == asked) else { continue };
            let servers = talk.cpu_s_per_million_deliveries;
            let beside = talk.postgres_cpu_s_per_million_deliveries + talk.redis_cpu_s_per_million_deliveries;
            (talk.times_broadcaster, talk.all_times_broadcaster) =
                (Some(servers / bare), Some((servers + beside) / bare));
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
        text += &format!("\n{}", self.delivered_table());
        if self.talk.iter().any(|talk| talk.postgres_cpu_s_per_million_deliveries > 0.0) {
            text += &format!("\n{}", self.services_table());
        }
        if !self.idle.is_empty() {
            text += &format!("\n{}", self.idle_table());
        }
        text + &self.log_lines()
    }

    fn talk_table(&self) -> Table {
        let mut table = Table::new([
            "conversations × readers",
            "load",
            "server",
            "messages/s",
            "p50 ms",
            "p99 ms",
            "max ms",
            "CPU s / million deliveries",
            "× bare",
            "CPUs server + generator",
            "server MB",
        ]);
        for talk in &self.talk {
            let refused =
                if talk.refused > 0 { format!(" ({} refused)", thousands(talk.refused as f64)) } else { String::new() };
            table.row([
                talk.rooms(),
                talk.load.clone(),
                talk.server.clone(),
                thousands(talk.messages_per_s) + &refused,
                format!("{:.1}", talk.p50_ms),
                format!("{:.1}", talk.p99_ms),
                format!("{:.1}", talk.max_ms),
                format!("{:.1}", talk.cpu_s_per_million_deliveries),
                talk.times_broadcaster.map_or_else(|| "1".to_owned(), |times| format!("{times:.1}")),
                format!("{:.2} + {:.2}", talk.server_cpus, talk.generator_cpus),
                format!("{:.0}", talk.resident_bytes as f64 / 1e6),
            ]);
        }
        table
    }

    /// From the appointment at the sender to the other readers: on other nodes, where there are several.
    fn delivered_table(&self) -> Table {
        let columns = ["conversations × readers", "load", "server", "delivered: p50 ms", "p99 ms", "max ms"];
        let mut table = Table::new(columns);
        for talk in &self.talk {
            if let Some(delivered) = &talk.delivered {
                let times = [delivered.p50_ms, delivered.p99_ms, delivered.max_ms].map(|time| format!("{time:.1}"));
                table.row([talk.rooms(), talk.load.clone(), talk.server.clone()].into_iter().chain(times));
            }
        }
        table
    }

    /// What PostgreSQL and Redis used beside the nodes.
    fn services_table(&self) -> Table {
        let mut table = Table::new([
            "conversations × readers",
            "load",
            "server",
            "PostgreSQL: CPU s / million deliveries",
            "Redis",
            "nodes, × bare",
            "all together, × bare",
        ]);
        let times = |times: Option<f64>| times.map_or_else(|| "?".to_owned(), |times| format!("{times:.1}"));
        for talk in self.talk.iter().filter(|talk| !talk.is_bare()) {
            table.row([
                talk.rooms(),
                talk.load.clone(),
                talk.server.clone(),
                format!("{:.1}", talk.postgres_cpu_s_per_million_deliveries),
                format!("{:.1}", talk.redis_cpu_s_per_million_deliveries),
                times(talk.times_broadcaster),
                times(talk.all_times_broadcaster),
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
        let mut lines = String::new();
        if self.events > 0 {
            lines += &format!("\nThe log holds {} events.\n", thousands(self.events as f64));
        }
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
