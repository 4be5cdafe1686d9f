//! The least of a WebSocket client that a load generator needs, so that it leaves the processors to the server.
//!
//! Frames are built once and patched in place; answers are read without copying. The masking key is zero: masking
//! protects proxies from web pages, and there are neither here. It is not a client for anything else.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf as _, BytesMut};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Set in the first byte of a frame that is a whole message.
const FIN: u8 = 0x80;
/// Set in the second byte of a frame that is masked, as those of clients are.
const MASKED: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
/// Digits of the ids of commands; all have as many, so that they can be written over one another.
pub const ID_DIGITS: usize = 12;
/// The smallest id of [`ID_DIGITS`] digits.
pub const ID_MIN: u64 = 100_000_000_000;
/// A key as text.
const KEY_CHARS: usize = uuid::fmt::Hyphenated::LENGTH;
/// The longest answer to an upgrade.
const UPGRADE_BYTES_MAX: usize = 16 * 1024;

/// How a request to upgrade was answered.
pub enum Upgrade {
    /// It is a WebSocket now. What the server sent right behind its answer is in the buffer.
    Switched(TcpStream, BytesMut),
    /// It is none; with the answer's status line and headers.
    Refused(String),
}

/// Connects from `source` and upgrades.
pub async fn open(server: SocketAddr, source: Ipv4Addr, path: &str, headers: &str) -> Result<(TcpStream, BytesMut)> {
    match upgrade(connect(server, source).await?, path, headers).await? {
        Upgrade::Switched(stream, buffer) => Ok((stream, buffer)),
        Upgrade::Refused(head) => bail!("the upgrade was answered: {head}"),
    }
}

/// Connects from `source`.
pub async fn connect(server: SocketAddr, source: Ipv4Addr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let stream = socket.connect(server).await.context("connecting")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks for an upgrade.
pub async fn upgrade(mut stream: TcpStream, path: &str, headers: &str) -> Result<Upgrade> {
    let host = stream.peer_addr()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = BytesMut::with_capacity(1024);
    loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            if !head.starts_with("HTTP/1.1 101") {
                return Ok(Upgrade::Refused(head));
            }
            buffer.advance(end + 4);
            return Ok(Upgrade::Switched(stream, buffer));
        }
        ensure!(buffer.len() <= UPGRADE_BYTES_MAX, "the answer to the upgrade is too long");
        ensure!(stream.read_buf(&mut buffer).await? > 0, "closed during the upgrade");
    }
}

/// A masked text frame with this payload.
pub fn text_frame(payload: &str) -> Vec<u8> {
    frame(TEXT, payload.as_bytes())
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![FIN | opcode];
    match u16::try_from(payload.len()).expect("frames of this client are short") {
        length @ 0..=125 => bytes.push(MASKED | length as u8),
        length => {
            bytes.push(MASKED | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

/// A frame to send many times, each with another id and key. The text begins with the id, so that whoever reads it knows
/// which message it is.
#[derive(Clone)]
pub struct Template {
    bytes: Vec<u8>,
    ids: [usize; 2],
    key: usize,
}

impl Template {
    /// A message for `conversation`, with about 80 characters of text.
    pub fn message(conversation: &str) -> Self {
        let (id, key) = (ID_MIN, uuid::Uuid::nil());
        let text = "je serai devant la gare à 17 h 25 avec deux valises, à demain !";
        let (to_id, to_key) = (r#"{"id":"#, r#","key":""#);
        let between = format!(r#"","type":"post_message","conversation":"{conversation}","text":""#);
        let payload = format!(r#"{to_id}{id}{to_key}{key}{between}{id} {text}"}}"#);
        let bytes = text_frame(&payload);
        let id_at = bytes.len() - payload.len() + to_id.len();
        let key_at = id_at + ID_DIGITS + to_key.len();
        Self { bytes, ids: [id_at, key_at + KEY_CHARS + between.len()], key: key_at }
    }

    /// The frame with this id and key.
    pub fn filled(&mut self, id: u64, key: uuid::Uuid) -> &[u8] {
        for at in self.ids {
            let mut rest = id;
            for digit in self.bytes[at..at + ID_DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        key.hyphenated().encode_lower(&mut self.bytes[self.key..self.key + KEY_CHARS]);
        &self.bytes
    }
}

/// What the server sent.
pub enum Heard<'a> {
    /// A text message.
    Text(&'a [u8]),
    /// A ping, with the frame that answers it.
    Ping(Vec<u8>),
    /// It closes, with this code.
    Close(u16),
    /// Nothing to react to.
    Nothing,
}

/// Takes the frames that are whole out of `buffer`.
pub fn hear(buffer: &mut BytesMut, mut take: impl FnMut(Heard<'_>) -> Result<()>) -> Result<()> {
    while let Some((head, length)) = crate::frame::header(buffer)? {
        if buffer.len() < head + length {
            buffer.reserve(head + length - buffer.len());
            break;
        }
        let opcode = buffer[0] & 0x0f;
        ensure!(buffer[0] & FIN != 0, "the server sends messages in pieces");
        let payload = &buffer[head..head + length];
        take(match opcode {
            TEXT => Heard::Text(payload),
            PING => Heard::Ping(frame(PONG, payload)),
            CLOSE => Heard::Close(payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]))),
            PONG => Heard::Nothing,
            other => bail!("the server sends a frame of type {other}"),
        })?;
        buffer.advance(head + length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_with_ids_and_keys() {
        let mut template = Template::message("a-conversation");
        let key = uuid::Uuid::from_u128(7);
        let frame = template.filled(ID_MIN + 42, key).to_vec();
        assert_eq!((frame[0], frame[1] & 0x7f), (0x81, 126));
        let value: serde_json::Value = serde_json::from_slice(&frame[8..]).unwrap();
        assert_eq!((value["id"].as_u64(), value["key"].as_str()), (Some(ID_MIN + 42), Some(&*key.to_string())));
        assert_eq!(value["conversation"], "a-conversation");
        assert!(value["text"].as_str().unwrap().starts_with(&format!("{} je ", ID_MIN + 42)), "{value}");
    }

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        let sent = [vec![0x81, 2, b'h', b'i'], vec![0x89, 0], vec![0x88, 2, 0x0f, 0xa0], vec![0x81, 5, b'p']].concat();
        let mut buffer = BytesMut::from(&sent[..]);
        let mut heard = Vec::new();
        hear(&mut buffer, |what| {
            heard.push(match what {
                Heard::Text(text) => String::from_utf8(text.to_vec())?,
                Heard::Ping(pong) => format!("{pong:x?}"),
                Heard::Close(code) => code.to_string(),
                Heard::Nothing => unreachable!(),
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(heard, ["hi", "[8a, 80, 0, 0, 0, 0]", "4000"]);
        assert_eq!(&buffer[..], [0x81, 5, b'p'], "the last frame is not whole yet");
    }
}
