//! A hundred and more kinds of bad input over HTTP and WebSocket, as one table: each gets a clear answer, nothing is lost,
//! nothing crashes, and nothing internal is told.

mod case;
mod judge;
mod requests;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod world;

use futures_util::SinkExt;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use case::{Case, Input, post};
use judge::{check_message, check_problem};
use world::{World, next};

async fn try_out(world: &World, case: &Case) -> Result<(), String> {
    match &case.input {
        Input::Http(request) => {
            let (status, body) = world.ask(&world.filled(&request.written())).await;
            check_problem(status, &body, &case.expected)
        }
        Input::Bytes(bytes) => {
            let (status, body) = world.ask(bytes).await;
            check_problem(status, &body, &case.expected)
        }
        Input::Handshake(headers) => match world.shake(headers).await {
            Ok(mut socket) => check_message(&next(&mut socket).await, &case.expected),
            Err((status, body)) => check_problem(status, &body, &case.expected),
        },
        Input::Frame(message) => {
            let mut socket = world.socket().await;
            let message = match message {
                Message::Text(text) => Message::text(String::from_utf8(world.filled(text.as_bytes())).unwrap()),
                other => other.clone(),
            };
            socket.send(message).await.unwrap();
            check_message(&next(&mut socket).await, &case.expected)
        }
        Input::SocketBytes(bytes) => {
            let mut socket = world.socket().await;
            let MaybeTlsStream::Plain(connection) = socket.get_mut() else { panic!("the test speaks without TLS") };
            connection.write_all(bytes).await.unwrap();
            check_message(&next(&mut socket).await, &case.expected)
        }
    }
}

#[actix_web::test]
async fn every_kind_of_bad_input_gets_a_clear_answer_and_changes_nothing() {
    let world = World::make().await;
    let before = world.events().await;
    let table = [
        requests::addresses(),
        requests::identities(),
        requests::keys(),
        requests::bodies(),
        requests::fields(),
        requests::queries(),
        requests::talk(),
        requests::accounts(),
        sockets::connections(),
        sockets::handshakes(),
        sockets::frames(),
    ];
    let table: Vec<Case> = table.into_iter().flatten().collect();
    assert!(table.len() >= 100, "{} kinds are too few", table.len());
    let mut wrong = Vec::new();
    for case in &table {
        if let Err(found) = try_out(&world, case).await {
            wrong.push(format!("{}: expected {:?}, found {found}", case.name, case.expected));
        }
        let (status, _) = world.ask(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert_eq!(status, 200, "the server no longer answers after: {}", case.name);
    }
    assert!(wrong.is_empty(), "{} of {} kinds:\n{}", wrong.len(), table.len(), wrong.join("\n"));
    assert_eq!(world.events().await, before, "bad input changed something");
    // What is good is still done.
    world
        .made(&world.anna, post("/api/v1/conversations/{conversation}/messages", r#"{"text":"Thank you"}"#), "position")
        .await;
}

#[actix_web::test]
async fn who_sends_nothing_but_noise_is_sent_away() {
    let world = World::make().await;
    let mut socket = world.socket().await;
    let mut last = None;
    for _ in 0..1_000 {
        if socket.send(Message::text("noise")).await.is_err() {
            break;
        }
        let message = next(&mut socket).await;
        if let Message::Close(close) = message {
            last = close;
            break;
        }
    }
    assert_eq!(last.map(|close| u16::from(close.code)), Some(4503));
    world.socket().await;
}
