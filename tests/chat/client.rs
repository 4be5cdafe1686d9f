//! A client of the protocol, as tests use it.

use futures_util::{SinkExt, StreamExt};
use palabre::commands::input::{OfferRide, PlaceInput, PriceInput};
use palabre::commands::{Asked, rides};
use palabre::{chat::door::PROTOCOL, clock};
use palabre_events::{CommandKey, RideId};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::support::{Person, TestServer};

/// No answer takes longer, even on a machine that is busy with other things.
pub const WITHIN: Duration = Duration::from_secs(30);

/// One connection.
pub struct Client {
    /// The socket, for what no well-behaved client does.
    pub socket: WebSocketStream<TcpStream>,
    /// The server's first frame.
    pub welcome: Value,
    last_id: u64,
    aside: VecDeque<Value>,
}

/// A request for an upgrade, with further headers.
pub fn request(server: &TestServer, headers: &[(&'static str, &str)]) -> Request {
    let mut request = format!("ws://{}/ws", server.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    request
}

/// Opens a socket, whatever comes of it.
pub async fn open(server: &TestServer, request: Request) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    timeout(WITHIN, client_async(request, stream)).await.expect("the server answers").map(|(socket, _)| socket)
}

/// Opens a socket as `person`, without reading anything.
pub async fn open_as(server: &TestServer, person: &Person) -> WebSocketStream<TcpStream> {
    let bearer = format!("Bearer {}", person.token);
    let headers = [("sec-websocket-protocol", PROTOCOL), ("authorization", bearer.as_str())];
    open(server, request(server, &headers)).await.unwrap()
}

/// Reads until the socket is closed, and answers code and reason; none when it just broke.
pub async fn closing(socket: &mut WebSocketStream<TcpStream>) -> Option<(u16, String)> {
    let read = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(close))) => {
                    return close.map(|close| (close.code.into(), close.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    timeout(WITHIN, read).await.expect("the server closes")
}

impl Client {
    /// Connects as `person`.
    pub async fn connect(server: &TestServer, person: &Person) -> Self {
        Self::welcomed(open_as(server, person).await).await
    }

    /// Connects as `person` over a stream to the server at `host`.
    pub async fn over(stream: TcpStream, host: &str, person: &Person) -> Self {
        let mut request = format!("ws://{host}/ws").into_client_request().unwrap();
        let bearer = format!("Bearer {}", person.token);
        for (name, value) in [("sec-websocket-protocol", PROTOCOL), ("authorization", bearer.as_str())] {
            request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let opened = timeout(WITHIN, client_async(request, stream)).await.expect("the server answers");
        Self::welcomed(opened.unwrap().0).await
    }

    async fn welcomed(socket: WebSocketStream<TcpStream>) -> Self {
        let mut client = Self { socket, welcome: Value::Null, last_id: 0, aside: VecDeque::new() };
        client.welcome = client.next().await;
        assert_eq!(client.welcome["type"], "welcome");
        client
    }

    /// Sends text, whatever it is.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// The next frame.
    async fn next(&mut self) -> Value {
        let next = async {
            loop {
                match self.socket.next().await.expect("the socket stays open").unwrap() {
                    Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        timeout(WITHIN, next).await.expect("a frame comes")
    }

    /// The next frame of which `wanted` says so; others are kept for later.
    pub async fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.aside.iter().position(&wanted) {
            return self.aside.remove(place).unwrap();
        }
        loop {
            let frame = self.next().await;
            if wanted(&frame) {
                return frame;
            }
            self.aside.push_back(frame);
        }
    }

    /// The next frame of this type.
    pub async fn told(&mut self, kind: &str) -> Value {
        self.wait_for(|frame| frame["type"] == kind).await
    }

    /// Asks without a key, and waits for the answer.
    pub async fn ask(&mut self, kind: &str, fields: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(frame(id, kind, &fields).to_string()).await;
        self.wait_for(|frame| frame["re"] == id).await
    }

    /// Says that one types, which is answered only when it fails.
    pub async fn send_typing(&mut self, conversation: &Value) {
        self.last_id += 1;
        self.send(frame(self.last_id, "typing", &json!({"conversation": conversation, "on": true})).to_string()).await;
    }

    /// Gives a command with a fresh key, and waits for what it made.
    pub async fn command(&mut self, kind: &str, mut fields: Value) -> Value {
        fields["key"] = json!(Uuid::now_v7());
        let answer = self.ask(kind, fields).await;
        assert!(answer.get("ok").is_some(), "{kind}: {answer}");
        answer["ok"].clone()
    }

    /// Everything that comes before the answer to a frame that changes nothing: whatever was told until now.
    pub async fn all_told(&mut self) -> Vec<Value> {
        self.ask("follow", json!({"conversations": []})).await;
        self.aside.drain(..).collect()
    }
}

/// A frame with these fields.
pub fn frame(id: u64, kind: &str, fields: &Value) -> Value {
    let mut frame = json!({"id": id, "type": kind});
    frame.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    frame
}

/// `driver` offers a ride from Grenoble to Lyon the day after tomorrow.
pub async fn offer_ride(server: &TestServer, driver: &Person) -> RideId {
    let place = |lat, lon| PlaceInput { lat, lon, label: None };
    let offer = OfferRide {
        stops: vec![place(45.1885, 5.7245), place(45.7640, 4.8357)],
        departs_at: clock::now().plus_seconds(48 * 3600),
        time_zone: "Europe/Paris".to_owned(),
        seats: 3,
        price_per_seat: PriceInput { cents: 800, currency: "EUR".to_owned() },
        booking_mode: Default::default(),
        preferences: Default::default(),
        vehicle: None,
        comment: None,
    };
    let asked = Asked::new(driver.account, CommandKey(Uuid::now_v7()), clock::now()).unwrap();
    RideId(rides::offer(&server.platform, asked, offer).await.unwrap().id)
}

/// A driver, a passenger, and the conversation that the passenger opens about the driver's ride.
pub struct Talk {
    pub driver: Person,
    pub passenger: Person,
    pub conversation: Value,
}

impl Talk {
    /// Both connected, and the conversation opened.
    pub async fn begin(server: &TestServer) -> (Self, Client, Client) {
        let (driver, passenger) = (server.sign_up("Dora").await, server.sign_up("Anna").await);
        let ride = offer_ride(server, &driver).await;
        let (mut at_driver, mut at_passenger) =
            (Client::connect(server, &driver).await, Client::connect(server, &passenger).await);
        let opened = at_passenger.command("open_conversation", json!({"ride": ride})).await;
        let conversation = opened["conversation"].clone();
        for client in [&mut at_driver, &mut at_passenger] {
            client.told("conversation_opened").await;
        }
        (Self { driver, passenger, conversation }, at_driver, at_passenger)
    }

    /// The fields of a message here.
    pub fn says(&self, text: &str) -> Value {
        json!({"conversation": self.conversation, "text": text})
    }
}
