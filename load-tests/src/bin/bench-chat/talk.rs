//! A phase of talk, with the broadcaster and with the server.

use anyhow::{Context, Result};
use palabre_load_tests::load::Load;
use palabre_load_tests::progress;
use palabre_load_tests::talk::fleet::{Dialect, Fleet, Seat};
use palabre_load_tests::talk::measured::Spent;
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::seats;
use std::time::Duration;

use crate::broadcaster::Broadcaster;
use crate::figures::{BROADCASTER, Talk};
use crate::nodes::Nodes;

/// How long each closed loop runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(1500);

/// How much is said, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Conversations that are talked in.
    pub conversations: usize,
    /// Connections in each of them, that of the sender included.
    pub readers: usize,
    /// Messages on their way, or how many leave in a second.
    pub load: Load,
    /// How long it is measured.
    pub span: Duration,
}

/// The phase with a broadcaster of its own.
pub async fn with_broadcaster(phase: Phase) -> Result<Talk> {
    let bare = Broadcaster::start().await?;
    let connections = phase.conversations * phase.readers;
    let seats = seats::of_broadcaster(bare.address, phase.readers, 0..connections).await?;
    let served_by = (BROADCASTER, Dialect::Broadcast);
    measure(phase, served_by, seats, || bare.spent(), || bare.resident_bytes()).await
}

/// The phase with the server, in `rooms`, whose people use so many devices each.
pub async fn with_palabre(phase: Phase, nodes: &Nodes, rooms: &[Room], devices: usize) -> Result<Talk> {
    let seats = seats::of_palabre(&nodes.addresses(), rooms, devices).await?;
    let name = nodes.name();
    measure(phase, (&name, Dialect::Palabre), seats, || nodes.spent(), || nodes.resident_bytes()).await
}

async fn measure(
    phase: Phase,
    (server, dialect): (&str, Dialect),
    seats: Vec<Seat>,
    spent: impl Fn() -> Result<Spent>,
    resident_bytes: impl Fn() -> Result<u64>,
) -> Result<Talk> {
    let Phase { conversations, readers, load, span } = phase;
    let (fleet, _connections) = Fleet::launch(dialect, readers, seats);
    let talk = async {
        match load {
            Load::InFlight(flights) => fleet.closed_loop(flights, (WARM_UP, span), spent).await,
            Load::PerSecond(rate) => fleet.open_loop(rate, span, spent).await,
        }
    };
    let what = format!("{server}, {conversations} × {readers}, {load}");
    let measured = progress::for_a_while(what.clone(), WARM_UP + span, talk).await.context(what)?;
    Ok(tell(Talk::new(server, phase, &measured, resident_bytes()?)))
}

fn tell(talk: Talk) -> Talk {
    println!(
        "{:>18}, {:>5} × {:<3}, {:>14}: {:>7.0} messages/s, p50 {:>6.1} ms, p99 {:>6.1} ms",
        talk.server, talk.conversations, talk.readers, talk.load, talk.messages_per_s, talk.p50_ms, talk.p99_ms
    );
    talk
}
