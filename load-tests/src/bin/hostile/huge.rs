//! Clients that declare a frame of 2^63 bytes, or one byte less, and begin to send it.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use palabre_load_tests::talk::rooms::Room;
use std::time::{Duration, Instant};

use crate::report::Kind;
use crate::visit::{End, Visit, tally};
use crate::world::World;

/// Each comes again as soon as it was refused.
pub const FRAMES: Kind = Kind { name: "declare 2^63 bytes", bytes_each: 256 << 10 };
/// The length that WebSocket does not allow, and the longest that it does.
const LENGTHS: [u64; 2] = [1 << 63, (1 << 63) - 1];
/// What is sent of it.
const SENT: usize = 256 * 1024;
/// Between two frames of one client.
const PAUSE: Duration = Duration::from_millis(500);
/// What a frame is refused with that is too long.
const TOO_LONG: u16 = 1009;

/// Declares such frames again and again.
pub async fn frames(world: &World, rooms: &[Room]) -> Result<String> {
    let begun = Instant::now();
    let attack = async |room: &Room| {
        let mut ends = Vec::new();
        while begun.elapsed() < world.span {
            let mut visit = Visit::enter(world.server, &room.people[1]).await?;
            let length = LENGTHS[ends.len() % LENGTHS.len()];
            let frame = [&[0x81, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4], &vec![b'a'; SENT]].concat();
            visit.send(&frame).await;
            ends.push(visit.end().await?);
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(ends)
    };
    let ends = try_join_all(rooms.iter().map(attack)).await?.concat();
    let became = tally(&ends);
    // Who still sends when the server closes may be reset before it has read why.
    ensure!(ends.iter().all(|end| matches!(end, End::Close(TOO_LONG) | End::Cut)), "not refused: {became}");
    ensure!(ends.contains(&End::Close(TOO_LONG)), "nobody is told why: {became}");
    Ok(became)
}
