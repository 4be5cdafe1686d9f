//! What connections cost that only wait, with the broadcaster and with a server that was just started.

use anyhow::Result;
use palabre_load_tests::server::Server;
use palabre_load_tests::talk::fleet::{Dialect, Fleet, Seat};
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::seats;
use std::time::Duration;

use crate::broadcaster::Broadcaster;
use crate::figures::{BROADCASTER, Idle, PALABRE};

/// What opening took for a moment is given back within a second or two.
const SETTLE: Duration = Duration::from_secs(2);

/// Connections that wait, kept open by answering pings.
type Waiting = (std::sync::Arc<Fleet>, tokio::task::JoinSet<()>);

/// Measures the memory of so many idle connections, rising.
pub async fn measure(counts: &[usize], server: &mut Server, rooms: &[Room]) -> Result<Vec<Idle>> {
    let mut figures = Vec::new();
    let bare = Broadcaster::start().await?;
    let before = bare.resident_bytes()?;
    let (mut opened, mut waiting) = (0, Vec::new());
    for count in counts {
        let connections = seats::of_broadcaster(bare.address, 2, opened..*count).await?;
        (opened, waiting) = (*count, waits(waiting, Dialect::Broadcast, connections).await?);
        figures.push(grown(BROADCASTER, *count, before, bare.resident_bytes()?));
    }
    drop((waiting, bare));
    server.start().await?;
    // The first connections let the server take what it takes once.
    drop(seats::idle_of_palabre(server.address(), rooms, 0..10).await?);
    let before = server.resident_bytes()?;
    let (mut opened, mut waiting) = (0, Vec::new());
    for count in counts {
        let connections = seats::idle_of_palabre(server.address(), rooms, opened..*count).await?;
        (opened, waiting) = (*count, waits(waiting, Dialect::Palabre, connections).await?);
        figures.push(grown(PALABRE, *count, before, server.resident_bytes()?));
    }
    drop(waiting);
    server.stop().await?;
    Ok(figures)
}

/// Lets `connections` wait beside those that already do; all must stay open.
async fn waits(mut waiting: Vec<Waiting>, dialect: Dialect, connections: Vec<Seat>) -> Result<Vec<Waiting>> {
    waiting.push(Fleet::launch(dialect, 2, connections));
    tokio::time::sleep(SETTLE).await;
    waiting.iter().try_for_each(|(fleet, _)| fleet.check())?;
    Ok(waiting)
}

fn grown(server: &'static str, connections: usize, resident_before: u64, resident: u64) -> Idle {
    let bytes_per_connection = resident.saturating_sub(resident_before) as f64 / connections as f64;
    println!("{server:>18}, {connections:>6} idle connections: {bytes_per_connection:.0} bytes each");
    Idle { server, connections, bytes_per_connection, resident_before }
}
