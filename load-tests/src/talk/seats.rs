//! Opens the connections of a phase, to the server or to the broadcaster.

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use futures_util::stream;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::fleet::Seat;
use super::rooms::Room;
use super::wire::{self, Heard, Template};

/// Connections that are opened at once.
const AT_ONCE: usize = 32;
/// Connections from one address of 127.0.0.0/8, so that no address runs out of ports.
const FROM_ONE_ADDRESS: usize = 2_000;
/// How long one may take to open.
const OPEN_BOUND: Duration = Duration::from_secs(30);

/// A connection of each person in each room, on so many devices each, welcomed and resumed as a client's would be. Those
/// who talk with each other are spread over the nodes at `servers`.
pub async fn of_palabre(servers: &[SocketAddr], rooms: &[Room], devices: usize) -> Result<Vec<Seat>> {
    let people = rooms.iter().flat_map(|room| {
        let people = room.people.iter().enumerate();
        people.map(|(place, person)| (servers[place % servers.len()], &person.token, room.conversation))
    });
    let seats = people.flat_map(|seat| std::iter::repeat_n(seat, devices));
    open_all(seats.enumerate().map(|(index, (server, token, conversation))| async move {
        let (stream, buffer) = greet(server, source(index), token).await?;
        Ok(Seat { stream, buffer, template: Template::message(&conversation.to_string()) })
    }))
    .await
}

/// Connections to rooms of `readers`, those of a room side by side.
pub async fn of_broadcaster(server: SocketAddr, readers: usize, numbers: Range<usize>) -> Result<Vec<Seat>> {
    open_all(numbers.map(|index| async move {
        let (stream, buffer) = wire::open(server, source(index), &format!("/room/{}", index / readers), "").await?;
        // As long as a real one, so that the frames are of one size.
        Ok(Seat { stream, buffer, template: Template::message(&uuid::Uuid::nil().to_string()) })
    }))
    .await
}

/// Connections that only wait, of as many accounts as there are.
pub async fn idle_of_palabre(server: SocketAddr, rooms: &[Room], numbers: Range<usize>) -> Result<Vec<Seat>> {
    let people: Vec<_> =
        rooms.iter().flat_map(|room| room.people.iter().map(|person| (&person.token, room.conversation))).collect();
    let of = |index: usize| people[index % people.len()];
    open_all(numbers.map(|index| (index, of(index))).map(|(index, (token, conversation))| async move {
        let (stream, buffer) = greet(server, source(index), token).await?;
        Ok(Seat { stream, buffer, template: Template::message(&conversation.to_string()) })
    }))
    .await
}

/// The headers by which somebody with a session asks for the chat.
pub fn signed_in(token: &str) -> String {
    format!("Sec-WebSocket-Protocol: palabre.v1\r\nAuthorization: Bearer {token}\r\n")
}

fn source(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, 1 + (index / FROM_ONE_ADDRESS) as u8)
}

async fn open_all(opening: impl Iterator<Item = impl Future<Output = Result<Seat>>>) -> Result<Vec<Seat>> {
    let bounded =
        opening.map(|seat| async { tokio::time::timeout(OPEN_BOUND, seat).await.context("opening takes too long")? });
    let seats: Vec<Result<Seat>> = stream::iter(bounded).buffered(AT_ONCE).collect().await;
    seats.into_iter().collect()
}

/// Opens a connection, says hello after the welcome, and waits for the answer.
async fn greet(server: SocketAddr, source: Ipv4Addr, token: &str) -> Result<(TcpStream, BytesMut)> {
    let (mut stream, mut buffer) = wire::open(server, source, "/ws", &signed_in(token)).await?;
    let mut welcomed = false;
    loop {
        let mut resumed = false;
        let mut welcome = false;
        wire::hear(&mut buffer, |heard| {
            if let Heard::Text(text) = heard {
                welcome |= text.starts_with(br#"{"type":"welcome""#);
                resumed |= text.starts_with(br#"{"re":1,"ok""#);
            }
            Ok(())
        })?;
        if resumed {
            return Ok((stream, buffer));
        }
        if welcome && !welcomed {
            welcomed = true;
            stream.write_all(&wire::text_frame(r#"{"id":1,"type":"hello"}"#)).await?;
        }
        ensure!(
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut buffer).await? > 0,
            "closed before the answer to hello"
        );
    }
}
