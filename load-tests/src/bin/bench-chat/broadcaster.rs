//! What the server is measured against: the simplest fast WebSocket broadcaster, which keeps nothing.
//!
//! A message goes as it is to everybody in its room, the sender included. No accounts, no checks, no log: it is the least
//! that the same traffic costs in Rust. It runs as a process of its own, so that its processor time can be told apart.

use anyhow::{Context, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use palabre_load_tests::talk::measured::Spent;
use palabre_load_tests::{procfs, server};

/// Messages that may wait for one reader; one that is further behind loses its connection.
const OUTBOX: usize = 4096;
/// What each connection holds ready to read into, in bytes. The library's own 128 KiB would be most of the memory of an
/// idle connection.
const READ_BUFFER: usize = 4096;

type Room = Arc<Mutex<Vec<mpsc::Sender<Message>>>>;
type Rooms = Arc<Mutex<HashMap<String, Room>>>;

/// Serves until the process is killed.
pub async fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let rooms = Arc::clone(&rooms);
        tokio::spawn(async move {
            // A client that goes away ends its connection, nothing else.
            converse(stream, rooms).await.ok();
        });
    }
}

async fn converse(stream: TcpStream, rooms: Rooms) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the shape of the callback is the library's")]
    let socket = accept_hdr_async_with_config(
        stream,
        |request: &Request, response: Response| {
            path = request.uri().path().to_owned();
            Ok(response)
        },
        Some(WebSocketConfig::default().read_buffer_size(READ_BUFFER)),
    )
    .await?;
    let room = Arc::clone(rooms.lock().expect("nobody panics with the rooms").entry(path).or_default());
    let (outbox, mut waiting) = mpsc::channel(OUTBOX);
    room.lock().expect("nobody panics with a room").push(outbox);
    let (mut sink, mut source) = socket.split();
    let mut ready = Vec::new();
    loop {
        tokio::select! {
            message = source.next() => match message {
                Some(Ok(message @ Message::Text(_))) => {
                    let mut members = room.lock().expect("nobody panics with a room");
                    members.retain(|member| member.try_send(message.clone()).is_ok());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(()),
            },
            count = waiting.recv_many(&mut ready, OUTBOX) => {
                if count == 0 {
                    return Ok(());
                }
                for message in ready.drain(..) {
                    sink.feed(message).await?;
                }
                sink.flush().await?;
            }
        }
    }
}

/// A broadcaster in a process of its own; dropping it kills that.
pub struct Broadcaster {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Broadcaster {
    /// Starts it and waits until it listens.
    pub async fn start() -> Result<Self> {
        let port = server::free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["broadcast", "--port", &port.to_string()]).stdin(Stdio::null());
        let broadcaster = Self { child: command.spawn()?, address: (Ipv4Addr::LOCALHOST, port).into() };
        let give_up = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(broadcaster.address).await.is_err() {
            anyhow::ensure!(Instant::now() < give_up, "the broadcaster does not listen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(broadcaster)
    }

    /// Processor seconds of its process.
    pub fn spent(&self) -> Result<Spent> {
        procfs::cpu_seconds(self.child.id()).map(Spent::alone).context("the broadcaster is gone")
    }

    /// Resident bytes of its process.
    pub fn resident_bytes(&self) -> Result<u64> {
        procfs::resident_bytes(self.child.id()).context("the broadcaster is gone")
    }
}

impl Drop for Broadcaster {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the broadcaster could not be killed: {error}");
        }
    }
}
