//! Clients that are slow, broken or malicious: what they cost is bounded, and others are served as before.

use futures_util::StreamExt;
use futures_util::future::join_all;
use palabre::chat::door::PROTOCOL;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, timeout};
use tokio_tungstenite::WebSocketStream;

use crate::client::{Client, Talk, WITHIN, closing, open, open_as, request};
use crate::process::Process;
use crate::support::{Person, TestServer};

/// Head of a masked text frame that declares so many bytes.
fn head(declared: u64) -> Vec<u8> {
    [&[0x81, 0x80 | 127][..], &declared.to_be_bytes(), &[0; 4]].concat()
}

/// Writes a byte five times a second until the server ends the connection; answers what it said.
async fn dribble(stream: &mut TcpStream) -> Vec<u8> {
    let (mut reading, mut writing) = stream.split();
    let (mut ticks, mut taken) = (interval(Duration::from_millis(200)), Vec::new());
    let until_ended = async {
        loop {
            tokio::select! {
                read = reading.read_buf(&mut taken) => {
                    if matches!(read, Err(_) | Ok(0)) {
                        return;
                    }
                }
                // Whether it can still be written is for the other branch to see.
                _ = ticks.tick() => drop(writing.write_all(b"x").await),
            }
        }
    };
    timeout(WITHIN, until_ended).await.expect("the server ends it");
    taken
}

#[tokio::test]
async fn whoever_dribbles_a_frame_byte_by_byte_is_silent() {
    let server = TestServer::start_with(|config| config.ping_every_s = 1);
    let (anna, ben) = (server.sign_up("Anna").await, server.sign_up("Ben").await);
    let mut patient = Client::connect(&server, &ben).await;
    let mut dribbling = open_as(&server, &anna).await;
    dribbling.get_mut().write_all(&head(60_000)).await.unwrap();
    let others_read = async {
        while server.platform.hub.connection_count() > 1 {
            // Answers pings, as every client does while it reads.
            timeout(Duration::from_millis(50), patient.socket.next()).await.ok();
        }
    };
    let (taken, ()) = tokio::join!(dribble(dribbling.get_mut()), others_read);
    assert!(taken.windows(7).any(|window| window == b"no_pong"), "it is told why");
    assert!(patient.ask("follow", json!({"conversations": []})).await.get("ok").is_some(), "the others stay");
}

#[tokio::test]
async fn whoever_dribbles_a_request_byte_by_byte_is_not_waited_for() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: ").await.unwrap();
    let said = dribble(&mut stream).await;
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn of_many_connections_from_one_address_only_so_many_stay() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = vec![std::net::IpAddr::from([127, 0, 0, 1])];
        config.sockets_per_address = 30;
    });
    let from = async |person: &Person, address: &str| {
        let bearer = format!("Bearer {}", person.token);
        let headers = [("sec-websocket-protocol", PROTOCOL), ("authorization", &bearer), ("x-forwarded-for", address)];
        open(&server, request(&server, &headers)).await.unwrap()
    };
    let (mut crowd, mut turned_away) = (Vec::new(), 0);
    for number in 0..10 {
        let person = server.sign_up(&format!("Person{number}")).await;
        for _ in 0..10 {
            crowd.push(from(&person, "203.0.113.7").await);
        }
    }
    for socket in &mut crowd[30..] {
        let (code, reason) = closing(socket).await.unwrap();
        assert!(code == 4004 && reason.starts_with("overloaded retry_after_ms="), "{code} {reason}");
        turned_away += 1;
    }
    assert_eq!((turned_away, server.platform.hub.connection_count()), (70, 30));
    let anna = server.sign_up("Anna").await;
    let mut elsewhere = from(&anna, "198.51.100.1").await;
    assert!(elsewhere.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
    drop(crowd);
    while server.platform.hub.connection_count() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(from(&anna, "203.0.113.7").await.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
}

/// Connects from `address`, and asks how the server is; answers whether that is answered.
async fn ask_from(server: &TestServer, address: [u8; 4]) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    // Whoever is refused may find that out while writing.
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.ok()?;
    stream.read_u8().await.ok().map(|_| stream)
}

#[tokio::test]
async fn of_many_connections_that_are_no_sockets_only_so_many_stay() {
    let server = TestServer::start_with(|config| config.sockets_per_address = 5);
    let (here, elsewhere) = ([127, 0, 4, 1], [127, 0, 4, 2]);
    // At once: those that are answered are closed when they ask nothing more for some seconds.
    let answered: Vec<_> = join_all((0..30).map(|_| ask_from(&server, here))).await.into_iter().flatten().collect();
    assert_eq!(answered.len(), 15);
    assert!(ask_from(&server, elsewhere).await.is_some());
    drop(answered);
    let until_let_in = async { while ask_from(&server, here).await.is_none() {} };
    timeout(WITHIN, until_let_in).await.expect("those that went make room");
}

/// A driver and a passenger who talk on a server in a process of its own, whose memory can be looked at.
struct Besieged {
    server: Process,
    talk: Talk,
    driver: Client,
    passenger: Client,
}

impl Besieged {
    async fn begin() -> Self {
        let server = Process::start(&["--commands-per-s", "100000", "--requests-per-s", "100000"]);
        let (driver, passenger) = (server.sign_up("Dora").await, server.sign_up("Anna").await);
        let [mut at_driver, mut at_passenger] =
            [Self::connect(&server, &driver).await, Self::connect(&server, &passenger).await];
        let ride = server.offer_ride(&driver).await;
        let opened = at_passenger.command("open_conversation", json!({"ride": ride})).await;
        for client in [&mut at_driver, &mut at_passenger] {
            client.told("conversation_opened").await;
        }
        let talk = Talk { driver, passenger, conversation: opened["conversation"].clone() };
        Self { server, talk, driver: at_driver, passenger: at_passenger }
    }

    async fn connect(server: &Process, person: &Person) -> Client {
        Client::over(TcpStream::connect(&server.host).await.unwrap(), &server.host, person).await
    }

    /// One more socket of the passenger, of which nothing is read.
    async fn connect_deaf(&self) -> WebSocketStream<TcpStream> {
        Self::connect(&self.server, &self.talk.passenger).await.socket
    }

    /// The driver says so much, and the passenger hears it.
    async fn talk(&mut self, count: usize, text: &str) {
        for _ in 0..count {
            self.driver.command("post_message", self.talk.says(text)).await;
            for client in [&mut self.driver, &mut self.passenger] {
                client.told("message_posted").await;
            }
        }
    }
}

const MB: u64 = 1_024;

#[tokio::test]
async fn clients_that_read_nothing_cost_no_more_than_their_outboxes() {
    let mut besieged = Besieged::begin().await;
    besieged.talk(100, "x").await;
    let before = besieged.server.resident_kb();
    let mut deaf: Vec<WebSocketStream<TcpStream>> = Vec::new();
    for _ in 0..15 {
        deaf.push(besieged.connect_deaf().await);
    }
    // 16 MB for each of them, if it were kept.
    besieged.talk(1_000, &"é".repeat(4_000)).await;
    let grown = besieged.server.resident_kb().saturating_sub(before);
    assert!(grown < 80 * MB, "{grown} kB more for 15 deaf sockets");
}

#[tokio::test]
async fn frames_that_declare_more_than_there_is_memory_cost_nothing() {
    let mut besieged = Besieged::begin().await;
    besieged.talk(100, "x").await;
    let before = besieged.server.resident_kb();
    for declared in [1 << 63, u64::MAX, 1 << 40] {
        for _ in 0..15 {
            let mut socket = besieged.connect_deaf().await;
            socket.get_mut().write_all(&head(declared)).await.unwrap();
            let (code, _) = closing(&mut socket).await.unwrap();
            assert_eq!(code, 1009);
        }
    }
    besieged.talk(10, "x").await;
    let grown = besieged.server.resident_kb().saturating_sub(before);
    assert!(grown < 30 * MB, "{grown} kB more");
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_from_talking() {
    let mut besieged = Besieged::begin().await;
    besieged.talk(100, "x").await;
    let before = besieged.server.resident_kb();
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(TcpStream::connect(&besieged.server.host).await.unwrap());
    }
    besieged.talk(50, "x").await;
    let grown = besieged.server.resident_kb().saturating_sub(before);
    assert!(grown < 40 * MB, "{grown} kB more for 500 silent connections");
    // They are not waited for for ever.
    let mut first = silent.swap_remove(0);
    let ended = async { while first.read_u8().await.is_ok() {} };
    timeout(WITHIN, ended).await.expect("the server ends it");
}
