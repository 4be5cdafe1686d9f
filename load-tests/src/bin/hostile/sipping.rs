//! Clients that ask for long answers, and read one byte a second of them.

use anyhow::{Result, ensure};
use futures_util::StreamExt as _;
use futures_util::stream;
use palabre_load_tests::report::thousands;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::report::Kind;
use crate::visit::SOURCE;
use crate::world::World;

/// As many connections as one address may have, and as many again.
pub const ANSWERS: Kind = Kind { name: "sip answers", bytes_each: EACH };
/// What a connection may cost on the average, where every second is cut.
const EACH: u64 = 48 << 10;
/// How many connections one address may have where nothing else is set.
pub const CONNECTIONS_PER_ADDRESS: usize = 3_000;
/// The longest answer that anybody gets.
const ASK: &str = "GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n";
/// Asked at once by each connection.
const ASKED: usize = 8;
/// What the client's system takes unread.
const UNREAD_BYTES: u32 = 4096;
/// Connections that are tried at once.
const AT_ONCE: usize = 32;
/// Between two bytes of one answer.
const PAUSE: Duration = Duration::from_secs(1);
/// In so many groups, one after the other within each pause: they must not hold up those who talk on these threads.
const GROUPS: usize = 100;

/// Tries twice as many connections as one address may have, and sips from those that stay.
pub async fn answers(world: &World) -> Result<String> {
    let tried = CONNECTIONS_PER_ADDRESS * 2;
    let answered: Vec<_> = stream::iter((0..tried).map(|_| ask(world))).buffer_unordered(AT_ONCE).collect().await;
    let mut sipping: Vec<TcpStream> = answered.into_iter().flatten().collect();
    let held = sipping.len();
    ensure!(held == CONNECTIONS_PER_ADDRESS, "{held} connections of one address are answered");
    let until = Instant::now() + world.span;
    while Instant::now() < until {
        for group in sipping.chunks_mut(held.div_ceil(GROUPS)) {
            tokio::time::sleep(PAUSE / GROUPS as u32).await;
            for stream in group {
                // What is there already; that the server has cut it is its right.
                stream.try_read(&mut [0; 1]).ok();
            }
        }
    }
    Ok(format!("{} answered slowly, {} cut", thousands(held as f64), thousands((tried - held) as f64)))
}

/// The connection, once its answer begins.
async fn ask(world: &World) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(UNREAD_BYTES)?;
    socket.bind((SOURCE, 0).into())?;
    let mut stream = socket.connect(world.server).await?;
    stream.write_all(ASK.repeat(ASKED).as_bytes()).await?;
    stream.read_u8().await?;
    Ok(stream)
}
