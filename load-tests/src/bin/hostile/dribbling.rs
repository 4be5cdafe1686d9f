//! Clients that send one byte a second: of a request, of its body, and of a frame.

use anyhow::{Result, bail, ensure};
use futures_util::future::try_join_all;
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::wire;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::report::Kind;
use crate::visit::{END_BOUND, End, SOURCE, Visit, end_of, status, tally};
use crate::world::World;

/// Half of them never come to the end of a request's head, half to that of its body.
pub const REQUESTS: Kind = Kind { name: "dribble requests", bytes_each: 256 << 10 };
/// They begin a long frame, and never end it.
pub const FRAMES: Kind = Kind { name: "dribble frames", bytes_each: 256 << 10 };
/// A request that ends within its head.
const HEAD: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
/// A request that ends within its body.
const BODY: &str = "POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                    Content-Length: 1000\r\n\r\n{";
/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);
/// The length of the frame that is begun.
const FRAME_BYTES: u16 = 60_000;
/// What a connection is closed with that has said nothing for too long.
const NO_PONG: u16 = 4002;

/// Dribbles requests from `clients` connections.
pub async fn requests(world: &World, clients: usize) -> Result<String> {
    let attack = async |number: usize| {
        let mut stream = wire::connect(world.server, SOURCE).await?;
        let begun = if number.is_multiple_of(2) { HEAD } else { BODY };
        stream.write_all(begun.as_bytes()).await?;
        let (mut reader, writer) = stream.split();
        let answered = async {
            let mut answer = Vec::new();
            // A reset ends it as well as an answer does.
            reader.read_to_end(&mut answer).await.ok();
            let answer = String::from_utf8_lossy(&answer);
            if answer.is_empty() { Ok(End::Cut) } else { status(&answer).map(End::Answer) }
        };
        tokio::select! {
            end = answered => end,
            () = dribble(writer) => bail!("half of a request of {clients} clients is still waited for"),
        }
    };
    Ok(tally(&try_join_all((0..clients).map(attack)).await?))
}

/// Dribbles a frame each.
pub async fn frames(world: &World, rooms: &[Room]) -> Result<String> {
    let attack = async |room: &Room| {
        let Visit { stream, mut buffer, .. } = Visit::enter(world.server, &room.people[1]).await?;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let head = [&[0x81, 0x80 | 126][..], &FRAME_BYTES.to_be_bytes(), &[0; 4]].concat();
        writer.write_all(&head).await?;
        tokio::select! {
            end = end_of(&mut reader, &mut buffer) => end,
            () = dribble(writer) => bail!("half of a frame is still waited for"),
        }
    };
    let ends = try_join_all(rooms.iter().map(attack)).await?;
    let became = tally(&ends);
    ensure!(ends.iter().all(|end| *end == End::Close(NO_PONG)), "not closed as silent: {became}");
    Ok(became)
}

/// Writes a byte after each pause, until the other side has had enough of it or [`END_BOUND`] is over.
async fn dribble(mut writer: impl AsyncWrite + Unpin) {
    let give_up = Instant::now() + END_BOUND;
    while Instant::now() < give_up {
        tokio::time::sleep(PAUSE).await;
        if writer.write_all(b"a").await.is_err() {
            // How it ended is for whoever reads to say.
            std::future::pending::<()>().await;
        }
    }
}
