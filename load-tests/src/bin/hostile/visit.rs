//! One connection of a hostile client: how it is let in, and how it ends.

use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use palabre_load_tests::client::Person;
use palabre_load_tests::talk::seats::signed_in;
use palabre_load_tests::talk::wire::{self, Heard, Upgrade};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Where hostile clients come from; others come from other addresses.
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 1);
/// How long the server may take to end what it does not bear.
pub const END_BOUND: Duration = Duration::from_secs(30);

/// Frames that may come at once, and the pauses between frames of somebody who insists: until then, and afterwards, when
/// 20 a second may come.
const AT_ONCE: u64 = 200;
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// A connection that was let in.
pub struct Visit {
    /// The connection.
    pub stream: TcpStream,
    /// What was read and not looked at yet.
    pub buffer: BytesMut,
    /// What the server said first.
    pub welcome: serde_json::Value,
}

/// How somebody who asks for the chat is answered.
pub enum Answer {
    /// Let in.
    Open(Visit),
    /// Refused by this HTTP status.
    Refused(u16),
    /// Let in and closed at once, with this code.
    Closed(u16),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// By a frame with this code.
    Close(u16),
    /// By an HTTP answer with this status.
    Answer(u16),
    /// Cut without a word.
    Cut,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Close(code) => write!(f, "closed with {code}"),
            Self::Answer(status) => write!(f, "answered {status}"),
            Self::Cut => write!(f, "cut"),
        }
    }
}

/// How many ended in which way, for people.
pub fn tally(ends: &[End]) -> String {
    let mut counts = BTreeMap::new();
    for end in ends {
        *counts.entry(end).or_insert(0) += 1;
    }
    counts.iter().map(|(end, count)| format!("{count} {end}")).collect::<Vec<_>>().join(", ")
}

/// Asks for the chat as `person`.
pub async fn knock(server: SocketAddr, person: &Person) -> Result<Answer> {
    let stream = wire::connect(server, SOURCE).await?;
    let (mut stream, mut buffer) = match wire::upgrade(stream, "/ws", &signed_in(&person.token)).await? {
        Upgrade::Switched(stream, buffer) => (stream, buffer),
        Upgrade::Refused(head) => return Ok(Answer::Refused(status(&head)?)),
    };
    loop {
        let mut answer = None;
        wire::hear(&mut buffer, |heard| {
            match heard {
                Heard::Text(text) if answer.is_none() => answer = Some(Ok(serde_json::from_slice(text)?)),
                Heard::Close(code) => answer = Some(Err(code)),
                _ => {}
            }
            Ok(())
        })?;
        match answer {
            Some(Ok(welcome)) => return Ok(Answer::Open(Visit { stream, buffer, welcome })),
            Some(Err(code)) => return Ok(Answer::Closed(code)),
            None => ensure!(stream.read_buf(&mut buffer).await? > 0, "closed without a word"),
        }
    }
}

impl Visit {
    /// Enters as `person`, who must be let in.
    pub async fn enter(server: SocketAddr, person: &Person) -> Result<Self> {
        match knock(server, person).await? {
            Answer::Open(visit) => Ok(visit),
            Answer::Refused(status) => bail!("not let in: {status}"),
            Answer::Closed(code) => bail!("let in and closed with {code}"),
        }
    }

    /// Reads until the server has closed the connection; answers how.
    pub async fn end(&mut self) -> Result<End> {
        end_of(&mut self.stream, &mut self.buffer).await
    }

    /// Sends one frame after the other, numbered from 1, and reads nothing, until the server has cut the connection or
    /// [`END_BOUND`] is over.
    pub async fn insist(&mut self, mut frame: impl FnMut(u64) -> Vec<u8>) {
        let give_up = Instant::now() + END_BOUND;
        let mut number = 0;
        let mut unsent = Vec::new();
        while Instant::now() < give_up {
            if unsent.is_empty() {
                number += 1;
                unsent = frame(number);
            }
            match self.stream.try_write(&unsent) {
                Ok(sent) => drop(unsent.drain(..sent)),
                // The server takes no more for now.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            tokio::time::sleep(if number < AT_ONCE { PAUSES[0] } else { PAUSES[1] }).await;
        }
    }

    /// Sends all of `bytes`, or as much as the server takes before it closes the connection.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }
}

/// Reads frames until the server has closed the connection; answers how.
pub async fn end_of(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Result<End> {
    let reading = async {
        loop {
            let mut end = None;
            wire::hear(buffer, |heard| {
                if let Heard::Close(code) = heard {
                    end = Some(End::Close(code));
                }
                Ok(())
            })?;
            if let Some(end) = end {
                return Ok(end);
            }
            // The end of the stream, or a reset: the server has cut it.
            if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
                return Ok(End::Cut);
            }
        }
    };
    tokio::time::timeout(END_BOUND, reading).await.context("the server does not close it")?
}

/// The status of an answer that begins with `head`.
pub fn status(head: &str) -> Result<u16> {
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.with_context(|| format!("no status in {head}"))
}
