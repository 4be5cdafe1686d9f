//! The phases of a run, one after the other, each with the processors to itself.

use anyhow::{Context, Result, ensure};
use palabre_load_tests::client::Api;
use palabre_load_tests::load::Load;
use palabre_load_tests::places::{GRENOBLE, LYON};
use palabre_load_tests::report;
use palabre_load_tests::server::{self, Server};
use palabre_load_tests::talk::fleet::{Dialect, Fleet};
use palabre_load_tests::talk::measured::Spent;
use palabre_load_tests::talk::rooms::{self, Room};
use palabre_load_tests::talk::seats;
use std::time::{Duration, Instant};

use crate::figures::{Figures, Start, Talk};
use crate::nodes::Nodes;
use crate::talk::{Phase, with_broadcaster, with_palabre};
use crate::{Bench, Group, idle};

/// Starts that are timed.
const STARTS: usize = 3;
/// Between two attempts at a first answer.
const PAUSE: Duration = Duration::from_millis(2);
/// What the log must hold before a start is timed.
const EVENTS_BEFORE_START: u64 = 100_000;
/// Messages in flight in one group, where each has hundreds of readers.
const IN_FLIGHT_IN_A_GROUP: [usize; 2] = [4, 32];

/// Who talks in a run.
struct Cast {
    pairs: Vec<Room>,
    group: Option<Room>,
}

/// Runs all of it and writes the report.
pub async fn run(bench: &Bench) -> Result<()> {
    let begun_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut figures = Figures { begun_at, processors, ..Figures::default() };
    if bench.only_broadcaster {
        for (phase, _) in bench.phases() {
            figures.talk.push(with_broadcaster(phase).await?);
        }
    } else {
        measure(bench, &mut figures).await?;
    }
    figures.relate();
    let markdown = figures.markdown();
    println!("\n{markdown}");
    report::write(if bench.nodes == 1 { "bench-chat" } else { "bench-nodes" }, &figures, &markdown)
}

async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let binary = server::binary(bench.palabre.as_deref())?;
    let mut nodes = match bench.nodes {
        1 => Nodes::embedded(&binary).await?,
        several => Nodes::joined(&binary, several.into()).await?,
    };
    figures.flushes_per_s = server::flushes_per_second(&nodes.log_folder())?;
    let mut measured = async {
        let cast = Cast::gather(bench, &nodes).await?;
        for (phase, group) in bench.phases() {
            figures.talk.push(with_broadcaster(phase).await?);
            figures.talk.push(cast.talk(phase, group, &nodes).await?);
        }
        anyhow::Ok(cast)
    }
    .await;
    if let Ok(cast) = &measured {
        let rest = if bench.nodes == 1 {
            alone(bench, nodes.first(), cast, figures).await
        } else {
            nodes = nodes.without_redis(&binary).await?;
            steady(bench, &nodes, cast, figures).await
        };
        measured = rest.and(measured);
    }
    if measured.is_err() {
        nodes.keep()?;
    }
    measured.map(drop)
}

impl Cast {
    async fn gather(bench: &Bench, nodes: &Nodes) -> Result<Self> {
        let server = nodes.addresses()[0];
        let pairs = rooms::pairs(server, bench.most_conversations()).await?;
        let group = match bench.groups.iter().map(|group| group.people).max() {
            Some(people) => Some(rooms::group(server, people).await?),
            None => None,
        };
        Ok(Self { pairs, group })
    }

    async fn talk(&self, phase: Phase, group: Option<Group>, nodes: &Nodes) -> Result<Talk> {
        match group {
            None => with_palabre(phase, nodes, &self.pairs[..phase.conversations], 1).await,
            Some(Group { people, devices }) => {
                let room = self.group.as_ref().context("a group was gathered")?.first(people);
                with_palabre(phase, nodes, &[room], devices).await
            }
        }
    }
}

impl Bench {
    fn most_conversations(&self) -> usize {
        self.conversations.iter().copied().max().unwrap_or(1)
    }

    /// All phases of talk, with the group of those that have one.
    fn phases(&self) -> Vec<(Phase, Option<Group>)> {
        let span = Duration::from_secs(self.seconds);
        let steady = Load::PerSecond(self.rate);
        let pairs = |conversations, load| (Phase { conversations, readers: 2, load, span }, None);
        let group =
            |group: Group, load| (Phase { conversations: 1, readers: group.readers(), load, span }, Some(group));
        let mut phases = Vec::new();
        for conversations in &self.conversations {
            phases.extend(
                windows(*conversations).into_iter().map(|flights| pairs(*conversations, Load::InFlight(flights))),
            );
        }
        phases.push(pairs(self.most_conversations(), steady));
        for size in &self.groups {
            phases.extend(IN_FLIGHT_IN_A_GROUP.map(|flights| group(*size, Load::InFlight(flights))));
            phases.push(group(*size, steady));
        }
        phases
    }
}

/// Messages in flight to try: a small and a large window for each connection, but never more in all than a busy server
/// would see; the queue's length is what latency then consists of.
fn windows(conversations: usize) -> Vec<usize> {
    match conversations {
        0..=8 => vec![2 * conversations, 32 * conversations],
        9..=256 => vec![2 * conversations, 8 * conversations],
        _ => vec![64, 256, 1024],
    }
}

/// The steady phases once more.
async fn steady(bench: &Bench, nodes: &Nodes, cast: &Cast, figures: &mut Figures) -> Result<()> {
    let phases = bench.phases().into_iter();
    for (phase, group) in phases.filter(|(phase, _)| matches!(phase.load, Load::PerSecond(_))) {
        figures.talk.push(cast.talk(phase, group, nodes).await?);
    }
    Ok(())
}

/// What is measured of a server that stands alone: replay, start, and the memory of connections that wait.
async fn alone(bench: &Bench, server: &mut Server, cast: &Cast, figures: &mut Figures) -> Result<()> {
    fill(server, &cast.pairs).await?;
    figures.events = head(&cast.pairs).await?;
    server.stop().await?;
    figures.replay_events_per_s = Some(replay(server)?);
    for _ in 0..STARTS {
        figures.starts.push(first_answers(server, &cast.pairs[0]).await?);
        server.kill()?;
    }
    figures.idle = idle::measure(&bench.idle, server, &cast.pairs).await?;
    Ok(())
}

/// Talks on until the log holds what a start is timed with.
async fn fill(server: &Server, pairs: &[Room]) -> Result<()> {
    let give_up = Instant::now() + Duration::from_secs(120);
    while head(pairs).await? < EVENTS_BEFORE_START {
        ensure!(Instant::now() < give_up, "the log does not reach {EVENTS_BEFORE_START} events");
        let connections = seats::of_palabre(&[server.address()], pairs, 1).await?;
        let (fleet, _connections) = Fleet::launch(Dialect::Palabre, 2, connections);
        let loops = (Duration::ZERO, Duration::from_secs(5));
        fleet.closed_loop(256, loops, || Ok(Spent::default())).await?;
        println!("filling the log: {} more messages", fleet.acknowledged());
    }
    Ok(())
}
/// The position of the last event.
async fn head(pairs: &[Room]) -> Result<u64> {
    let marked = pairs[0].people[0].api.post("requests", &request()).await?;
    marked["position"].as_u64().context("the answer to a write has a position")
}

fn request() -> serde_json::Value {
    let pickup_at = chrono::Utc::now() + chrono::Duration::days(3);
    serde_json::json!({"from": GRENOBLE.to_json(), "to": LYON.to_json(), "pickup_at": pickup_at, "seats": 1})
}

/// Folds the log into new views; answers the events a second that the server's program printed.
fn replay(server: &Server) -> Result<f64> {
    let printed = server.run_well(&["rebuild", "--json"])?.out;
    let summary: serde_json::Value = serde_json::from_str(&printed).context("rebuild --json prints JSON")?;
    summary["per_s"].as_f64().with_context(|| format!("no per_s in {summary}"))
}

/// Starts the server and asks for an inbox and a search until both are answered.
async fn first_answers(server: &mut Server, pair: &Room) -> Result<Start> {
    let begun = Instant::now();
    server.spawn()?;
    let api = &pair.people[0].api;
    let at = (chrono::Utc::now() + chrono::Duration::days(7)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let search = format!("searches?from={}&to={}&at={at}&tolerance_min=60", GRENOBLE.to_query(), LYON.to_query());
    let (inbox, search) = tokio::try_join!(first(api, "conversations", begun), first(api, &search, begun))?;
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(Start { inbox_ms: millis(inbox), search_ms: millis(search) })
}

async fn first(api: &Api, path: &str, begun: Instant) -> Result<Duration> {
    loop {
        match api.try_get(path).await {
            Ok(Ok(_)) => return Ok(begun.elapsed()),
            Ok(Err(refused)) if !refused.temporary => return Err(refused.into()),
            Ok(Err(_)) | Err(_) => {}
        }
        ensure!(begun.elapsed() < server::START_BOUND, "no answer to {path} within {:?}", server::START_BOUND);
        tokio::time::sleep(PAUSE).await;
    }
}
