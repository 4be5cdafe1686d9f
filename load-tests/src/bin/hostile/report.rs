//! What others noticed of hostile clients, and what these became.

use hdrhistogram::Histogram;
use palabre_load_tests::report::{Table, thousands};
use palabre_load_tests::talk::measured::quantile_ms;
use serde::Serialize;

/// A kind of hostile client.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it does.
    pub name: &'static str,
    /// By how much each client of this kind may make the server's memory grow.
    pub bytes_each: u64,
}

/// Everything that one run measured.
#[derive(Serialize)]
pub struct Figures {
    /// When the run began, RFC 3339.
    begun_at: String,
    /// Processors of the machine, which server and all clients share.
    processors: usize,
    /// By kind of client.
    kinds: Vec<Row>,
}

/// One kind of client.
#[derive(Serialize)]
pub struct Row {
    kind: &'static str,
    clients: usize,
    became: String,
    /// Milliseconds from a message's appointment to its reader, of the others: before, and meanwhile.
    p50_ms: [f64; 2],
    p99_ms: [f64; 2],
    messages: [u64; 2],
    /// Resident bytes of the server: before, at most meanwhile, and a little after.
    resident_bytes: [u64; 3],
}

impl Row {
    pub fn new(
        kind: Kind,
        clients: usize,
        became: String,
        delivered_us: [&Histogram<u64>; 2],
        resident_bytes: [u64; 3],
    ) -> Self {
        Self {
            kind: kind.name,
            clients,
            became,
            p50_ms: delivered_us.map(|histogram| quantile_ms(histogram, 0.5)),
            p99_ms: delivered_us.map(|histogram| quantile_ms(histogram, 0.99)),
            messages: delivered_us.map(Histogram::len),
            resident_bytes,
        }
    }
}

impl Figures {
    pub fn begin() -> Self {
        let begun_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { begun_at, processors, kinds: Vec::new() }
    }

    pub fn push(&mut self, row: Row) {
        self.kinds.push(row);
    }

    /// The report for people.
    pub fn markdown(&self) -> String {
        let mut table = Table::new([
            "clients",
            "others, before: p50 ms",
            "p99 ms",
            "meanwhile: p50 ms",
            "p99 ms",
            "resident MB before",
            "at most",
            "after",
            "what became of them",
        ]);
        for row in &self.kinds {
            let [before, during, after] = row.resident_bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e6));
            let times = [row.p50_ms[0], row.p99_ms[0], row.p50_ms[1], row.p99_ms[1]].map(|time| format!("{time:.1}"));
            let cells = [format!("{} {}", thousands(row.clients as f64), row.kind)].into_iter().chain(times).chain([
                before,
                during,
                after,
                row.became.clone(),
            ]);
            table.row(cells);
        }
        format!(
            "# hostile, {}\n\n{} processors, shared by the server and all clients.\n\n{table}",
            self.begun_at, self.processors
        )
    }
}
