//! One kind of bad input, and how it is written: what is good, but for what a case changes in it.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// One kind of bad input and what comes of it.
pub struct Case {
    pub name: &'static str,
    pub input: Input,
    pub expected: Expected,
}

pub enum Input {
    Http(Request),
    /// Bytes on a connection, whatever they are.
    Bytes(Vec<u8>),
    /// A request to open a socket, with these headers.
    Handshake(Vec<(&'static str, String)>),
    /// A message on an open socket.
    Frame(Message),
    /// Bytes on the connection of an open socket, below its messages.
    SocketBytes(Vec<u8>),
}

#[derive(Debug)]
pub enum Expected {
    /// A problem with this status and code and, unless empty, about this field.
    Problem(u16, &'static str, &'static str),
    /// A bare refusal of what is no HTTP.
    NoHttp,
    /// An error on the socket with this code and, unless empty, about this field.
    Error(&'static str, &'static str),
    /// The socket is closed with this code.
    Close(u16),
}
pub use Expected::*;

#[derive(Clone)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
}

pub fn http(name: &'static str, request: Request, expected: Expected) -> Case {
    Case { name, input: Input::Http(request), expected }
}

pub fn bytes(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    Case { name, input: Input::Bytes(bytes.into()), expected: NoHttp }
}

pub fn frame(name: &'static str, frame: impl Into<String>, expected: Expected) -> Case {
    Case { name, input: Input::Frame(Message::text(frame.into())), expected }
}

pub fn get(path: impl Into<String>) -> Request {
    Request {
        method: "GET",
        path: path.into(),
        headers: vec![("authorization", b"Bearer {token}".to_vec())],
        body: None,
    }
}

pub fn send(method: &'static str, path: impl Into<String>, body: impl AsRef<[u8]>) -> Request {
    let json = ("content-type", b"application/json".to_vec());
    let Request { path, mut headers, .. } = get(path);
    headers.push(json);
    Request { method, path, headers, body: Some(body.as_ref().to_vec()) }
}

pub fn post(path: impl Into<String>, body: impl AsRef<[u8]>) -> Request {
    send("POST", path, body)
}

impl Request {
    pub fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub fn written(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: palabre.test\r\nconnection: close\r\n", self.method, self.path)
                .into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(body);
        } else {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}

/// A ride as it should be, but for what `change` does to it.
pub fn ride(change: impl FnOnce(&mut Value)) -> String {
    let mut ride = json!({
        "stops": [{"lat": 45.188, "lon": 5.724}, {"lat": 45.764, "lon": 4.836}],
        "departs_at": palabre::clock::now().plus_seconds(48 * 3600),
        "seats": 3,
        "price_per_seat": {"cents": 800, "currency": "EUR"},
    });
    change(&mut ride);
    ride.to_string()
}

pub fn ride_with(place: &str, value: Value) -> Request {
    post("/api/v1/rides", ride(|ride| *ride.pointer_mut(place).unwrap() = value))
}

pub fn ride_and(name: &str, value: Value) -> Request {
    post("/api/v1/rides", ride(|ride| ride[name] = value))
}

/// A command as it should be, but for `change`.
pub fn command(kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut command = json!({
        "id": 7, "key": Uuid::now_v7(), "type": kind, "conversation": "{conversation}",
    });
    change(&mut command);
    command.to_string()
}

pub fn says(change: impl FnOnce(&mut Value)) -> String {
    command("post_message", |command| {
        command["text"] = json!("Hello");
        change(command);
    })
}

pub fn proposes(change: impl FnOnce(&mut Value)) -> Value {
    let mut terms = json!({
        "seats": 1,
        "price_per_seat": {"cents": 700, "currency": "EUR"},
        "pickup": {"lat": 45.188, "lon": 5.724},
        "drop_off": {"lat": 45.764, "lon": 4.836},
    });
    change(&mut terms);
    terms
}

pub fn proposal(change: impl FnOnce(&mut Value)) -> Request {
    post("/api/v1/conversations/{conversation}/proposals", proposes(change).to_string())
}

pub const GOOD_SEARCH: &str = "/api/v1/searches?from=45.188,5.724&to=45.764,4.836&at=2099-01-04T18:25:00Z";

pub fn search(more: &str) -> Request {
    get(format!("{GOOD_SEARCH}{more}"))
}
