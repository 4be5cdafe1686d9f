//! The world that bad input meets, and how it is brought there.

use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::case::{Request, post, proposal, ride};
use crate::support::{Person, TestServer};

/// How long any answer may take.
pub const WITHIN: Duration = Duration::from_secs(20);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The world that bad input meets: Dora's ride, Anna's talk with her about it, and another talk with Ben.
pub struct World {
    pub server: TestServer,
    pub anna: Person,
    pub names: Vec<(&'static str, String)>,
}

impl World {
    pub async fn make() -> Self {
        let server = TestServer::start();
        let (dora, anna, ben) =
            (server.sign_up("Dora").await, server.sign_up("Anna").await, server.sign_up("Ben").await);
        let mut world = Self { server, anna: anna.clone(), names: vec![("{token}", anna.token.clone())] };
        let own_ride = world.made(&anna, post("/api/v1/rides", ride(|_| {})), "ride").await;
        let made_ride = world.made(&dora, post("/api/v1/rides", ride(|_| {})), "ride").await;
        let talk = post("/api/v1/conversations", json!({ "ride": made_ride }).to_string());
        let others = world.made(&ben, talk.clone(), "conversation").await;
        let conversation = world.made(&anna, talk, "conversation").await;
        world.names.extend([("{own_ride}", own_ride), ("{ride}", made_ride), ("{others}", others)]);
        world.names.push(("{conversation}", conversation));
        let used_key = Uuid::now_v7().to_string();
        let say = post("/api/v1/conversations/{conversation}/messages", r#"{"text":"Do you take dogs?"}"#);
        world.made(&anna, say.with("idempotency-key", &used_key), "position").await;
        world
            .made(&dora, post("/api/v1/conversations/{conversation}/messages", r#"{"text":"Small ones"}"#), "position")
            .await;
        let made_proposal = world.made(&anna, proposal(|_| {}), "proposal").await;
        world.names.extend([("{used_key}", used_key), ("{proposal}", made_proposal)]);
        world
    }

    /// What a good request by `person` made: the field of its answer.
    pub async fn made(&self, person: &Person, request: Request, field: &str) -> String {
        let request = request.with("authorization", format!("Bearer {}", person.token));
        let (status, body) = self.ask(&self.filled(&request.written())).await;
        assert!((200..300).contains(&status), "{status} {body}");
        let made: Value = serde_json::from_str(&body).unwrap();
        made[field].as_str().map_or_else(|| made[field].to_string(), str::to_owned)
    }

    /// `bytes` with the names in braces replaced.
    pub fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        let mut filled = bytes.to_vec();
        let length = |bytes: &[u8]| bytes.len();
        let before = length(&filled);
        for (name, value) in &self.names {
            while let Some(place) = filled.windows(name.len()).position(|window| window == name.as_bytes()) {
                filled.splice(place..place + name.len(), value.bytes());
            }
        }
        if before == length(&filled) { filled } else { with_true_length(filled) }
    }

    /// Sends bytes over a connection of their own; answers status and body.
    pub async fn ask(&self, bytes: &[u8]) -> (u16, String) {
        let mut connection = TcpStream::connect(self.server.address).await.expect("the server listens");
        let answer = tokio::time::timeout(WITHIN, async {
            // The server may have had enough before all is sent.
            connection.write_all(bytes).await.ok();
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer).await.ok();
            answer
        });
        let answer = answer.await.expect("the server answers or hangs up");
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        (status, body)
    }

    /// Opens a socket with these headers.
    pub async fn shake(&self, headers: &[(&'static str, String)]) -> Result<Socket, (u16, String)> {
        let mut request = format!("ws://{}/ws", self.server.address).into_client_request().unwrap();
        for (name, value) in headers {
            let value = value.replace("{token}", &self.anna.token);
            request.headers_mut().insert(*name, HeaderValue::from_str(&value).unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8_lossy(body).into_owned()))
            }
            Err(error) => panic!("the handshake broke: {error}"),
        }
    }

    /// Anna's socket, after its welcome.
    pub async fn socket(&self) -> Socket {
        let headers =
            [("sec-websocket-protocol", "palabre.v1".to_owned()), ("authorization", "Bearer {token}".to_owned())];
        let mut socket = self.shake(&headers).await.expect("Anna is let in");
        let welcome = next(&mut socket).await;
        let hers = format!("\"account\":\"{}\"", self.anna.account);
        assert!(matches!(&welcome, Message::Text(text) if text.contains("\"welcome\"") && text.contains(&hers)));
        socket
    }

    /// What is in the log.
    pub async fn events(&self) -> Vec<String> {
        let log = self.server.platform.log.read_all(0, 4_096).await.unwrap();
        log.iter().map(|event| format!("{} {} {}", event.position, event.event_type, event.hash)).collect()
    }
}

/// The request with its `content-length` corrected for what was filled in.
pub fn with_true_length(bytes: Vec<u8>) -> Vec<u8> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return bytes };
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 4..]);
    let lines = head.split("\r\n").map(|line| {
        if line.starts_with("content-length: ") { format!("content-length: {}", body.len()) } else { line.to_owned() }
    });
    let mut whole = lines.collect::<Vec<_>>().join("\r\n").into_bytes();
    whole.extend_from_slice(b"\r\n\r\n");
    whole.extend_from_slice(body);
    whole
}

pub async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = tokio::time::timeout(WITHIN, socket.next()).await.expect("the server says something");
        match message {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return message,
            other => panic!("the socket ended without a close: {other:?}"),
        }
    }
}
