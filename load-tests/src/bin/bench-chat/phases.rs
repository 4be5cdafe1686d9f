//! The phases of a run, one after the other, each with the processors to itself.

use anyhow::{Context, Result, ensure};
use palabre_load_tests::client::Api;
use palabre_load_tests::places::{GRENOBLE, LYON};
use palabre_load_tests::report;
use palabre_load_tests::server::{self, Server};
use std::time::{Duration, Instant};

use crate::Bench;
use crate::broadcaster::Broadcaster;
use crate::cast::{self, Pair};
use crate::figures::{Figures, Idle, Start, Talk, name};
use crate::fleet::{Dialect, Fleet, Seat};
use crate::seats;

/// How long each closed loop runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(1500);
/// Starts that are timed.
const STARTS: usize = 3;
/// Between two attempts at a first answer.
const PAUSE: Duration = Duration::from_millis(2);
/// What the log must hold before a start is timed.
const EVENTS_BEFORE_START: u64 = 100_000;

/// Runs all of it and writes the report.
pub async fn run(bench: &Bench) -> Result<()> {
    let begun_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut figures = Figures { begun_at, processors, ..Figures::default() };
    if bench.only_broadcaster {
        for conversations in &bench.conversations {
            for in_flight in windows(*conversations) {
                talk(bench, &mut figures, None, *conversations, Some(in_flight)).await?;
            }
        }
    } else {
        let mut server = Server::new(server::binary(bench.palabre.as_deref())?)?;
        if let Err(error) = with_server(bench, &mut server, &mut figures).await {
            println!("{}", server.log_tail()?);
            println!("the server's directory is kept: {}", server.keep()?.display());
            return Err(error);
        }
    }
    figures.relate();
    let markdown = figures.markdown();
    println!("\n{markdown}");
    report::write("bench-chat", &figures, &markdown)
}

async fn with_server(bench: &Bench, server: &mut Server, figures: &mut Figures) -> Result<()> {
    server.lift_limits();
    figures.flushes_per_s = server::flushes_per_second(server.dir())?;
    server.start().await?;
    let most = bench.conversations.iter().copied().max().context("there is a number of conversations")?;
    let pairs = cast::pairs(server.address(), most).await?;
    for conversations in &bench.conversations {
        for in_flight in windows(*conversations) {
            talk(bench, figures, Some((server, &pairs)), *conversations, Some(in_flight)).await?;
        }
    }
    talk(bench, figures, Some((server, &pairs)), most, None).await?;
    fill(server, &pairs).await?;
    figures.events = head(&pairs).await?;
    server.stop().await?;
    figures.replay_events_per_s = Some(replay(server)?);
    for _ in 0..STARTS {
        figures.starts.push(first_answers(server, &pairs[0]).await?);
        server.kill()?;
    }
    idle(bench, figures, server, &pairs).await
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

/// One phase of talk, first with the broadcaster and then with the server.
async fn talk(
    bench: &Bench,
    figures: &mut Figures,
    palabre: Option<(&Server, &[Pair])>,
    conversations: usize,
    in_flight: Option<usize>,
) -> Result<()> {
    let bare = Broadcaster::start().await?;
    let connections = seats::of_broadcaster(bare.address, 0..2 * conversations).await?;
    let cpu = || bare.cpu_seconds();
    figures.talk.push(phase(bench, Dialect::Broadcast, connections, in_flight, cpu).await?);
    drop(bare);
    if let Some((server, pairs)) = palabre {
        let connections = seats::of_palabre(server.address(), &pairs[..conversations]).await?;
        let cpu = || server.cpu_seconds();
        figures.talk.push(phase(bench, Dialect::Palabre, connections, in_flight, cpu).await?);
    }
    Ok(())
}

async fn phase(
    bench: &Bench,
    dialect: Dialect,
    connections: Vec<Seat>,
    in_flight: Option<usize>,
    cpu: impl Fn() -> Result<f64>,
) -> Result<Talk> {
    let (conversations, span) = (connections.len() / 2, Duration::from_secs(bench.seconds));
    let (fleet, _readers) = Fleet::launch(dialect, connections);
    let measured = match in_flight {
        Some(in_flight) => fleet.closed_loop(in_flight, (WARM_UP, span), cpu).await,
        None => fleet.open_loop(bench.rate, span, cpu).await,
    };
    let load = in_flight.map_or_else(|| format!("{} a second", bench.rate), |flights| format!("{flights} in flight"));
    let measured = measured.with_context(|| format!("{}, {conversations} conversations, {load}", name(dialect)))?;
    let talk = Talk::new(dialect, conversations, in_flight, &measured);
    println!(
        "{:>11}, {conversations:>5} conversations, {load:>14}: {:>7.0} messages/s, p50 {:>6.1} ms, p99 {:>6.1} ms",
        talk.server, talk.messages_per_s, talk.p50_ms, talk.p99_ms
    );
    Ok(talk)
}

/// Talks on until the log holds what a start is timed with.
async fn fill(server: &Server, pairs: &[Pair]) -> Result<()> {
    let give_up = Instant::now() + Duration::from_secs(120);
    while head(pairs).await? < EVENTS_BEFORE_START {
        ensure!(Instant::now() < give_up, "the log does not reach {EVENTS_BEFORE_START} events");
        let connections = seats::of_palabre(server.address(), pairs).await?;
        let (fleet, _readers) = Fleet::launch(Dialect::Palabre, connections);
        fleet.closed_loop(256, (Duration::ZERO, Duration::from_secs(5)), || Ok(0.0)).await?;
        println!("filling the log: {} more messages", fleet.acknowledged());
    }
    Ok(())
}

/// The position of the last event.
async fn head(pairs: &[Pair]) -> Result<u64> {
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
async fn first_answers(server: &mut Server, pair: &Pair) -> Result<Start> {
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

/// Memory of connections that wait, of the broadcaster and of a server that was just started.
async fn idle(bench: &Bench, figures: &mut Figures, server: &mut Server, pairs: &[Pair]) -> Result<()> {
    let bare = Broadcaster::start().await?;
    let before = bare.resident_bytes()?;
    let (mut opened, mut waiting) = (0, Vec::new());
    for count in &bench.idle {
        let connections = seats::of_broadcaster(bare.address, opened..*count).await?;
        (opened, waiting) = (*count, waits(waiting, Dialect::Broadcast, connections).await?);
        figures.idle.push(grown(Dialect::Broadcast, *count, before, bare.resident_bytes()?));
    }
    drop((waiting, bare));
    server.start().await?;
    // The first connections let the server take what it takes once.
    drop(seats::idle_of_palabre(server.address(), pairs, 0..10).await?);
    let before = server.resident_bytes()?;
    let (mut opened, mut waiting) = (0, Vec::new());
    for count in &bench.idle {
        let connections = seats::idle_of_palabre(server.address(), pairs, opened..*count).await?;
        (opened, waiting) = (*count, waits(waiting, Dialect::Palabre, connections).await?);
        figures.idle.push(grown(Dialect::Palabre, *count, before, server.resident_bytes()?));
    }
    drop(waiting);
    server.stop().await
}

type Waiting = (std::sync::Arc<Fleet>, tokio::task::JoinSet<()>);

/// Lets `connections` wait beside those that already do, answering pings; all must stay open.
async fn waits(mut waiting: Vec<Waiting>, dialect: Dialect, connections: Vec<Seat>) -> Result<Vec<Waiting>> {
    waiting.push(Fleet::launch(dialect, connections));
    // What opening took for a moment is given back within a second or two.
    tokio::time::sleep(Duration::from_secs(2)).await;
    waiting.iter().try_for_each(|(fleet, _)| fleet.check())?;
    Ok(waiting)
}

fn grown(dialect: Dialect, connections: usize, resident_before: u64, resident: u64) -> Idle {
    let bytes_per_connection = resident.saturating_sub(resident_before) as f64 / connections as f64;
    println!("{:>11}, {connections:>6} idle connections: {bytes_per_connection:.0} bytes each", name(dialect));
    Idle { server: name(dialect), connections, bytes_per_connection, resident_before }
}
