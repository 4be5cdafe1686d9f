//! A hundred and more kinds of bad input over HTTP and WebSocket, as one table: each gets a clear answer, nothing is lost,
//! nothing crashes, and nothing internal is told.

mod support;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Person, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

/// How long any answer may take.
const WITHIN: Duration = Duration::from_secs(20);

/// What no answer may hold: names of our types and tools, places of our files.
const INTERNALS: [&str; 14] = [
    "panicked",
    ".rs:",
    "src/",
    "serde",
    "sqlite",
    "SELECT ",
    "rusqlite",
    "struct ",
    "Option<",
    "tokio",
    "actix",
    "/root",
    "stack backtrace",
    " at line ",
];

/// One kind of bad input and what comes of it.
struct Case {
    name: &'static str,
    input: Input,
    expected: Expected,
}

enum Input {
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
enum Expected {
    /// A problem with this status and code and, unless empty, about this field.
    Problem(u16, &'static str, &'static str),
    /// A bare refusal of what is no HTTP.
    NoHttp,
    /// An error on the socket with this code and, unless empty, about this field.
    Error(&'static str, &'static str),
    /// The socket is closed with this code.
    Close(u16),
}
use Expected::*;

#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

fn http(name: &'static str, request: Request, expected: Expected) -> Case {
    Case { name, input: Input::Http(request), expected }
}

fn bytes(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    Case { name, input: Input::Bytes(bytes.into()), expected: NoHttp }
}

fn frame(name: &'static str, frame: impl Into<String>, expected: Expected) -> Case {
    Case { name, input: Input::Frame(Message::text(frame.into())), expected }
}

fn get(path: impl Into<String>) -> Request {
    Request {
        method: "GET",
        path: path.into(),
        headers: vec![("authorization", b"Bearer {token}".to_vec())],
        body: None,
    }
}

fn send(method: &'static str, path: impl Into<String>, body: impl AsRef<[u8]>) -> Request {
    let json = ("content-type", b"application/json".to_vec());
    let Request { path, mut headers, .. } = get(path);
    headers.push(json);
    Request { method, path, headers, body: Some(body.as_ref().to_vec()) }
}

fn post(path: impl Into<String>, body: impl AsRef<[u8]>) -> Request {
    send("POST", path, body)
}

impl Request {
    fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn written(&self) -> Vec<u8> {
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
fn ride(change: impl FnOnce(&mut Value)) -> String {
    let mut ride = json!({
        "stops": [{"lat": 45.188, "lon": 5.724}, {"lat": 45.764, "lon": 4.836}],
        "departs_at": palabre::clock::now().plus_seconds(48 * 3600),
        "seats": 3,
        "price_per_seat": {"cents": 800, "currency": "EUR"},
    });
    change(&mut ride);
    ride.to_string()
}

fn ride_with(place: &str, value: Value) -> Request {
    post("/api/v1/rides", ride(|ride| *ride.pointer_mut(place).unwrap() = value))
}

fn ride_and(name: &str, value: Value) -> Request {
    post("/api/v1/rides", ride(|ride| ride[name] = value))
}

/// A command as it should be, but for `change`.
fn command(kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut command = json!({
        "id": 7, "key": Uuid::now_v7(), "type": kind, "conversation": "{conversation}",
    });
    change(&mut command);
    command.to_string()
}

fn says(change: impl FnOnce(&mut Value)) -> String {
    command("post_message", |command| {
        command["text"] = json!("Hello");
        change(command);
    })
}

fn proposes(change: impl FnOnce(&mut Value)) -> Value {
    let mut terms = json!({
        "seats": 1,
        "price_per_seat": {"cents": 700, "currency": "EUR"},
        "pickup": {"lat": 45.188, "lon": 5.724},
        "drop_off": {"lat": 45.764, "lon": 4.836},
    });
    change(&mut terms);
    terms
}

fn proposal(change: impl FnOnce(&mut Value)) -> Request {
    post("/api/v1/conversations/{conversation}/proposals", proposes(change).to_string())
}

const GOOD_SEARCH: &str = "/api/v1/searches?from=45.188,5.724&to=45.764,4.836&at=2099-01-04T18:25:00Z";

fn search(more: &str) -> Request {
    get(format!("{GOOD_SEARCH}{more}"))
}

fn addresses() -> Vec<Case> {
    vec![
        http("an unknown address", get("/api/v1/nothing"), Problem(404, "no_such_route", "")),
        http("an address outside of the API", get("/wp-login.php"), Problem(404, "no_such_route", "")),
        http("a way up the folders", get("/api/docs/../../../etc/passwd"), Problem(404, "no_such_route", "")),
        http(
            "a way up the folders, escaped",
            get("/api/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
            Problem(404, "no_such_route", ""),
        ),
        http(
            "a method that is not understood here",
            send("PUT", "/api/v1/rides", "{}"),
            Problem(405, "method_not_allowed", ""),
        ),
        http(
            "a method that is understood nowhere",
            send("BREW", "/api/v1/me", "{}"),
            Problem(405, "method_not_allowed", ""),
        ),
        http("TRACE", send("TRACE", "/api/v1/me", ""), Problem(405, "method_not_allowed", "")),
        http("reading what is only written", get("/api/v1/rides"), Problem(405, "method_not_allowed", "")),
        http("an id that is none", get("/api/v1/rides/abc"), Problem(422, "invalid", "ride")),
        http("an id with a quote", get("/api/v1/rides/1'%20OR%20'1'='1"), Problem(422, "invalid", "ride")),
        http("an id of zeros and bytes", get("/api/v1/rides/%00%ff"), Problem(422, "invalid", "ride")),
        http("an id without end", get(format!("/api/v1/rides/{}", "a".repeat(5_000))), Problem(422, "invalid", "ride")),
        http(
            "an id that nobody has",
            get(format!("/api/v1/rides/{}", Uuid::new_v4())),
            Problem(404, "no_such_ride", ""),
        ),
        http("the id of something else", get("/api/v1/rides/{conversation}"), Problem(404, "no_such_ride", "")),
        http(
            "a message that is no number",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/first", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message below zero",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/-1", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message that is too large a number",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/99999999999999999999", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message that nobody wrote",
            send("DELETE", "/api/v1/conversations/{conversation}/messages/99", ""),
            Problem(404, "no_such_message", ""),
        ),
    ]
}

fn identities() -> Vec<Case> {
    let me = || get("/api/v1/me");
    vec![
        http("nobody", me().without("authorization"), Problem(401, "not_signed_in", "")),
        http("a token that is none", me().with("authorization", "Bearer nonsense"), Problem(401, "not_signed_in", "")),
        http(
            "a token that nobody has",
            me().with("authorization", format!("Bearer {}", "A".repeat(43))),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a token without end",
            me().with("authorization", format!("Bearer {}", "A".repeat(20_000))),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "another way to show oneself",
            me().with("authorization", "Basic YW5uYTpzZWNyZXQ="),
            Problem(401, "not_signed_in", ""),
        ),
        http("bytes as a token", me().with("authorization", b"Bearer \xff\xfe"), Problem(401, "not_signed_in", "")),
        http("an empty token", me().with("authorization", "Bearer "), Problem(401, "not_signed_in", "")),
        http(
            "a cookie that is none",
            me().without("authorization").with("cookie", "palabre_session=nonsense"),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a cookie of bytes",
            me().without("authorization").with("cookie", b"palabre_session=\xff"),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a cookie used by a foreign page",
            send("PATCH", "/api/v1/me", r#"{"name":"Mallory"}"#)
                .without("authorization")
                .with("cookie", "palabre_session={token}")
                .with("origin", "http://evil.test"),
            Problem(403, "foreign_origin", ""),
        ),
        http(
            "a cookie used by nobody knows which page",
            send("DELETE", "/api/v1/sessions", "").without("authorization").with("cookie", "palabre_session={token}"),
            Problem(403, "foreign_origin", ""),
        ),
        http(
            "a foreign page that signs in",
            post("/api/v1/sessions", r#"{"email":"a@example.org","password":"0123456789"}"#).with("origin", "null"),
            Problem(403, "foreign_origin", ""),
        ),
    ]
}

fn keys() -> Vec<Case> {
    let keyed = |key: &str| ride_with("/seats", json!(3)).with("idempotency-key", key);
    let of_time = |seconds| Uuid::new_v7(uuid::Timestamp::from_unix_time(seconds, 0, 0, 0)).to_string();
    vec![
        http("a key that is none", keyed("again"), Problem(422, "invalid", "Idempotency-Key")),
        http("a key of another version", keyed(&Uuid::new_v4().to_string()), Problem(422, "invalid", "key")),
        http("a key of years ago", keyed(&of_time(1_600_000_000)), Problem(422, "key_too_old", "")),
        http("a key of years ahead", keyed(&of_time(4_000_000_000)), Problem(422, "invalid", "key")),
        http("a key of another command", keyed("{used_key}"), Problem(422, "key_reused", "")),
    ]
}

fn bodies() -> Vec<Case> {
    let rides = |body: &[u8]| post("/api/v1/rides", body);
    let malformed = || Problem(400, "malformed_json", "");
    let deep = format!("{}1{}", r#"{"stops":"#.to_owned() + &"[".repeat(40), "]".repeat(40) + "}");
    vec![
        http("no body", rides(b""), Problem(422, "invalid", "stops")),
        http("words", rides(b"a ride to Lyon, please"), malformed()),
        http("half of a body", rides(br#"{"stops":[{"lat":45.1"#), malformed()),
        http("more after the body", rides(format!("{} {{}}", ride(|_| {})).as_bytes()), malformed()),
        http("single quotes", rides(b"{'seats':1}"), malformed()),
        http("a trailing comma", rides(br#"{"seats":1,}"#), malformed()),
        http("not a number", rides(br#"{"seats":NaN}"#), malformed()),
        http("a number without end", rides(br#"{"seats":1e999}"#), malformed()),
        http("nesting without end", rides("[".repeat(60_000).as_bytes()), malformed()),
        http("nesting too deep", rides(deep.as_bytes()), malformed()),
        http("bytes that are no text", rides(b"{\"comment\":\"\xff\xfe\"}"), malformed()),
        http("a mark before the text", rides(b"\xef\xbb\xbf{}"), malformed()),
        http("half of a letter", rides(br#"{"comment":"\ud800"}"#), malformed()),
        http("a zero byte", rides(b"{\"comment\":\"\0\"}"), malformed()),
        http("a list", rides(b"[]"), Problem(422, "invalid", "body")),
        http("nothing", rides(b"null"), Problem(422, "invalid", "body")),
        http("a bare number", rides(b"42"), Problem(422, "invalid", "body")),
        http("a bare text", rides(br#""ride""#), Problem(422, "invalid", "body")),
        http("plain text", ride_with("/seats", json!(3)).with("content-type", "text/plain"), Problem(415, "unsupported_media_type", "")),
        http("a form", post("/api/v1/rides", "seats=3").with("content-type", "application/x-www-form-urlencoded"), Problem(415, "unsupported_media_type", "")),
        http("no type", ride_with("/seats", json!(3)).without("content-type"), Problem(415, "unsupported_media_type", "")),
        http("a compressed body", ride_with("/seats", json!(3)).with("content-encoding", "gzip"), Problem(415, "unsupported_media_type", "")),
        http("a body too long", ride_and("comment", json!("a".repeat(70_000))), Problem(413, "body_too_large", "")),
        Case {
            name: "a body that claims to be huge",
            input: Input::Bytes(
                b"POST /api/v1/accounts HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{"
                    .to_vec(),
            ),
            expected: Problem(413, "body_too_large", ""),
        },
    ]
}

fn fields() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let stop = || json!({"lat": 45.0, "lon": 5.0});
    vec![
        http("a field that is missing", post("/api/v1/rides", ride(|ride| drop(ride.as_object_mut().unwrap().remove("seats")))), invalid("seats")),
        http("a field that nobody knows", ride_and("wheels", json!(4)), invalid("wheels")),
        http("a field twice", post("/api/v1/rides", ride(|_| {}).replacen('{', r#"{"seats":1,"#, 1)), invalid("seats")),
        http("a text for a number", ride_with("/seats", json!("three")), invalid("seats")),
        http("a number for a text", ride_with("/price_per_seat/currency", json!(978)), invalid("price_per_seat.currency")),
        http("a list for an object", ride_with("/price_per_seat", json!([])), invalid("price_per_seat")),
        http("an object for a list", ride_with("/stops", json!({})), invalid("stops")),
        http("seats below zero", ride_with("/seats", json!(-1)), invalid("seats")),
        http("half a seat", ride_with("/seats", json!(1.5)), invalid("seats")),
        http("no seat", ride_with("/seats", json!(0)), invalid("seats")),
        http("nine seats", ride_with("/seats", json!(9)), invalid("seats")),
        http("256 seats", ride_with("/seats", json!(256)), invalid("seats")),
        http("a latitude beyond the pole", ride_with("/stops/0/lat", json!(91)), invalid("stops[0].lat")),
        http("a longitude beyond the date line", ride_with("/stops/1/lon", json!(-180.5)), invalid("stops[1].lon")),
        http("a point without a longitude", ride_with("/stops/1", json!({"lat": 45.0})), invalid("stops[1].lon")),
        http("one stop", ride_with("/stops", json!([stop()])), invalid("stops")),
        http("thirteen stops", ride_with("/stops", json!(vec![stop(); 13])), invalid("stops")),
        http("a way that leads nowhere", ride_with("/stops", json!([stop(), stop()])), Problem(422, "route_out_of_range", "")),
        http("no date", ride_with("/departs_at", json!("tomorrow morning")), invalid("departs_at")),
        http("the 30th of February", ride_with("/departs_at", json!("2099-02-30T08:00:00Z")), invalid("departs_at")),
        http("a date as a number", ride_with("/departs_at", json!(1_799_087_100)), invalid("departs_at")),
        http("an hour without a zone", ride_with("/departs_at", json!("2099-01-04T08:00:00")), invalid("departs_at")),
        http("an hour in the past", ride_with("/departs_at", json!("2020-01-04T08:00:00Z")), Problem(409, "departure_in_the_past", "")),
        http("an hour in another age", ride_with("/departs_at", json!("9999-01-04T08:00:00Z")), invalid("departs_at")),
        http("a zone that is none", ride_and("time_zone", json!("Europe/Atlantis")), invalid("time_zone")),
        http("a price without end", ride_with("/price_per_seat/cents", json!(100_001)), invalid("price_per_seat.cents")),
        http("a price below zero", ride_with("/price_per_seat/cents", json!(-5)), invalid("price_per_seat.cents")),
        http("a currency in small letters", ride_with("/price_per_seat/currency", json!("eur")), invalid("price_per_seat.currency")),
        http("a way to book that is none", ride_and("booking_mode", json!("sometimes")), invalid("booking_mode")),
        http("luggage of no size", ride_and("preferences", json!({"luggage": "piano"})), invalid("preferences.luggage")),
        http("a label too long", ride_with("/stops/0", json!({"lat": 45.0, "lon": 5.0, "label": "a".repeat(121)})), invalid("stops[0].label")),
        http("a remark too long", ride_and("comment", json!("é".repeat(1_001))), invalid("comment")),
        http("a vehicle of control characters", ride_and("vehicle", json!("red\u{7}car")), invalid("vehicle")),
        http("a request without a place", post("/api/v1/requests", r#"{"to":{"lat":45,"lon":5},"pickup_at":"2099-01-04T08:00:00Z","seats":1}"#), invalid("from")),
        http("a request for any place on earth",
            post("/api/v1/requests", json!({"from": stop(), "to": {"lat": 46.0, "lon": 5.0}, "pickup_at": "2027-06-04T08:00:00Z", "seats": 1, "radius_km": 20_000}).to_string()),
            invalid("radius_km")),
    ]
}

fn queries() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    vec![
        http("a search for nothing", get("/api/v1/searches"), invalid("from")),
        http(
            "a search from no point",
            get("/api/v1/searches?from=Grenoble&to=45,5&at=2099-01-04T18:25:00Z"),
            invalid("from"),
        ),
        http(
            "a search from beyond the pole",
            get("/api/v1/searches?from=99,5&to=45,5&at=2099-01-04T18:25:00Z"),
            invalid("from"),
        ),
        http("a search at no time", get("/api/v1/searches?from=45,5&to=46,5&at=soon"), invalid("at")),
        http("a search in the past", get("/api/v1/searches?from=45,5&to=46,5&at=1500000000"), invalid("at")),
        http("a search at the end of time", get("/api/v1/searches?from=45,5&to=46,5&at=99999999999999"), invalid("at")),
        http("a radius that is no number", search("&radius_km=NaN"), invalid("radius_km")),
        http("a radius around the earth", search("&radius_km=40000"), invalid("radius_km")),
        http("a tolerance below zero", search("&tolerance_min=-1"), invalid("tolerance_min")),
        http("a tolerance of a year", search("&tolerance_min=525600"), invalid("tolerance_min")),
        http("a search for no seat", search("&seats=0"), invalid("seats")),
        http("a parameter twice", search("&seats=1&seats=2"), invalid("seats")),
        http("a parameter that nobody knows", search("&sort=price"), invalid("sort")),
        http("a query without end", search(&format!("&radius_km={}", "9".repeat(3_000))), invalid("query")),
        http("a query of bytes", search("&seats=%ff%fe"), invalid("seats")),
        http("a page of nothing", get("/api/v1/conversations?limit=0"), invalid("limit")),
        http("a page without end", get("/api/v1/conversations?limit=1000000"), invalid("limit")),
        http("a page before nothing", get("/api/v1/me/history?before=yesterday"), invalid("before")),
        http(
            "a page from both ends",
            get("/api/v1/conversations/{conversation}/events?after=1&before=9"),
            invalid("before"),
        ),
        http("a position that is none", get("/api/v1/me?min_position=last"), invalid("min_position")),
        http(
            "a position that never comes",
            get("/api/v1/me?min_position=9000000000000000000"),
            Problem(503, "behind", ""),
        ),
        http("a state at no time", get("/api/v1/rides/{ride}?at=then"), invalid("at")),
        http("reservations of whenever", get("/api/v1/me/reservations?when=sometimes"), invalid("when")),
    ]
}

fn talk() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let say = |body: Value| post("/api/v1/conversations/{conversation}/messages", body.to_string());
    vec![
        http("to say nothing", say(json!({"text": ""})), invalid("text")),
        http("to say white space", say(json!({"text": " \n\t "})), invalid("text")),
        http("to say too much", say(json!({"text": "a".repeat(4_001)})), invalid("text")),
        http("to say a bell", say(json!({"text": "ding\u{7}"})), invalid("text")),
        http(
            "to answer what nobody said",
            say(json!({"text": "Yes", "in_reply_to": 77})),
            Problem(404, "no_such_message", ""),
        ),
        http(
            "to talk about one's own ride",
            post("/api/v1/conversations", r#"{"ride":"{own_ride}"}"#),
            Problem(409, "own_ride", ""),
        ),
        http(
            "to talk about no ride",
            post("/api/v1/conversations", json!({"ride": Uuid::new_v4()}).to_string()),
            Problem(404, "no_such_ride", ""),
        ),
        http(
            "to talk where others do",
            post("/api/v1/conversations/{others}/messages", r#"{"text":"Hello"}"#),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to read where others talk",
            get("/api/v1/conversations/{others}/events"),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to talk nowhere",
            post(format!("/api/v1/conversations/{}/messages", Uuid::new_v4()), r#"{"text":"x"}"#),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to change what others said",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/3", r#"{"text":"x"}"#),
            Problem(403, "not_the_author", ""),
        ),
        http(
            "to have read what is not said",
            post("/api/v1/conversations/{conversation}/marks", r#"{"up_to":999}"#),
            invalid("up_to"),
        ),
        http(
            "to have read nothing",
            post("/api/v1/conversations/{conversation}/marks", r#"{"up_to":0}"#),
            invalid("up_to"),
        ),
        http("to propose no seat", proposal(|terms| terms["seats"] = json!(0)), invalid("seats")),
        http(
            "to propose a price without end",
            proposal(|terms| terms["price_per_seat"]["cents"] = json!(4_000_000_000_u32)),
            invalid("price_per_seat.cents"),
        ),
        http(
            "to be picked up in the sky",
            proposal(|terms| terms["pickup"]["lat"] = json!(1e9)),
            invalid("pickup.lat"),
        ),
        http(
            "to be picked up on the other side of the earth",
            proposal(|terms| terms["pickup"] = json!({"lat": -45.0, "lon": 170.0})),
            invalid("pickup"),
        ),
        http(
            "a proposal that stands for a second",
            proposal(|terms| terms["expires_in_s"] = json!(1)),
            Problem(422, "expiry_out_of_range", ""),
        ),
        http(
            "to counter what nobody proposed",
            proposal(|terms| terms["in_reply_to"] = json!(Uuid::new_v4())),
            Problem(404, "no_such_proposal", ""),
        ),
        http(
            "to change a booking that is none",
            proposal(|terms| terms["replaces"] = json!(Uuid::new_v4())),
            Problem(404, "no_such_booking", ""),
        ),
        http(
            "to accept with half a hash",
            post("/api/v1/conversations/{conversation}/proposals/{proposal}/accept", r#"{"terms_hash":"abc"}"#),
            invalid("terms_hash"),
        ),
        http(
            "to accept one's own proposal",
            post(
                "/api/v1/conversations/{conversation}/proposals/{proposal}/accept",
                json!({"terms_hash": "00".repeat(32)}).to_string(),
            ),
            Problem(409, "own_proposal", ""),
        ),
        http(
            "to withdraw what nobody proposed",
            post(format!("/api/v1/conversations/{{conversation}}/proposals/{}/withdraw", Uuid::new_v4()), ""),
            Problem(404, "no_such_proposal", ""),
        ),
        http(
            "to cancel a reservation that is none",
            post(format!("/api/v1/reservations/{}/cancel", Uuid::new_v4()), "{}"),
            Problem(404, "no_such_reservation", ""),
        ),
        http(
            "to change another's ride",
            send("PATCH", "/api/v1/rides/{ride}", r#"{"seats":1}"#),
            Problem(403, "not_yours", ""),
        ),
        http(
            "to reserve on one's own ride",
            post(
                "/api/v1/reservations",
                r#"{"ride":"{own_ride}","seats":1,"pickup":{"lat":45.188,"lon":5.724},"drop_off":{"lat":45.764,"lon":4.836}}"#,
            ),
            Problem(409, "own_ride", ""),
        ),
    ]
}

fn accounts() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let sign_up = |change: fn(&mut Value)| {
        let mut form = json!({"email": "new@example.org", "password": "a long enough secret", "name": "New"});
        change(&mut form);
        post("/api/v1/accounts", form.to_string())
    };
    vec![
        http("no address", sign_up(|form| form["email"] = json!("anna")), invalid("email")),
        http(
            "an address with a line",
            sign_up(|form| form["email"] = json!("a@example.org\nBcc: b@example.org")),
            invalid("email"),
        ),
        http(
            "an address without end",
            sign_up(|form| form["email"] = json!(format!("{}@example.org", "a".repeat(300)))),
            invalid("email"),
        ),
        http("a short password", sign_up(|form| form["password"] = json!("secret")), invalid("password")),
        http(
            "a password without end",
            sign_up(|form| form["password"] = json!("s".repeat(10_000))),
            invalid("password"),
        ),
        http("no name", sign_up(|form| form["name"] = json!("  ")), invalid("name")),
        http("a name of two lines", sign_up(|form| form["name"] = json!("An\nna")), invalid("name")),
        http("a name without end", sign_up(|form| form["name"] = json!("a".repeat(81))), invalid("name")),
        http("a language that is none", sign_up(|form| form["language"] = json!("tlh")), invalid("language")),
        http(
            "an address that is taken",
            sign_up(|form| {
                form["email"] = json!("anna@example.org");
                form["password"] = json!("not the right one");
            }),
            Problem(409, "email_taken", ""),
        ),
        http(
            "a wrong password",
            post("/api/v1/sessions", r#"{"email":"anna@example.org","password":"not the right one"}"#),
            Problem(401, "wrong_credentials", ""),
        ),
        http(
            "a reset by no link",
            post("/api/v1/password-resets/confirm", r#"{"token":"x","password":"a fresh long secret"}"#),
            Problem(410, "reset_over", ""),
        ),
    ]
}

fn connections() -> Vec<Case> {
    let head = "GET /api/v1/me HTTP/1.1\r\nhost: x\r\n";
    let body = "POST /api/v1/rides HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    vec![
        bytes("noise", b"\x00\x01\x02\xff\xfe\r\n\r\n".to_vec()),
        bytes("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        bytes("another protocol", "HELO mail.example.org\r\n\r\n"),
        bytes("HTTP of another age", "GET /api/v1/me HTTP/9.9\r\nhost: x\r\n\r\n"),
        bytes("a header without a colon", format!("{head}nonsense\r\n\r\n")),
        bytes("a header with a zero", format!("{head}x-zero: a\0b\r\n\r\n")),
        bytes("headers without end", format!("{head}{}\r\n", format!("x-long: {}\r\n", "a".repeat(8_000)).repeat(40))),
        bytes("an address without end", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(300_000))),
        bytes("a length below zero", format!("{body}content-length: -5\r\n\r\n{{}}")),
        bytes("two lengths", format!("{body}content-length: 2\r\ncontent-length: 9\r\n\r\n{{}}")),
        bytes("a length in words", format!("{body}content-length: two\r\n\r\n{{}}")),
        bytes(
            "a chunk of no size",
            format!("{body}transfer-encoding: chunked\r\nconnection: close\r\n\r\nxyz\r\n{{}}\r\n0\r\n\r\n"),
        ),
        bytes(
            "a length and chunks",
            format!("{body}content-length: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n"),
        ),
    ]
}

fn handshakes() -> Vec<Case> {
    let offer = || ("sec-websocket-protocol", "palabre.v1".to_owned());
    let shake = |name, headers, expected| Case { name, input: Input::Handshake(headers), expected };
    vec![
        http("a socket that is none", get("/ws"), Problem(400, "no_handshake", "")),
        shake("a socket without a protocol", vec![], Problem(400, "no_protocol", "")),
        shake(
            "a socket of another protocol",
            vec![("sec-websocket-protocol", "graphql-ws".to_owned())],
            Problem(400, "no_protocol", ""),
        ),
        shake("a socket of another version", vec![("sec-websocket-protocol", "palabre.v9".to_owned())], Close(4502)),
        shake("a socket of nobody", vec![offer()], Close(4500)),
        shake(
            "a socket by a token that is none",
            vec![offer(), ("authorization", "Bearer nonsense".to_owned())],
            Close(4500),
        ),
        shake(
            "a socket of a foreign page",
            vec![offer(), ("cookie", "palabre_session={token}".to_owned()), ("origin", "http://evil.test".to_owned())],
            Problem(403, "foreign_origin", ""),
        ),
        shake(
            "a socket of nobody knows which page",
            vec![offer(), ("cookie", "palabre_session={token}".to_owned())],
            Problem(403, "foreign_origin", ""),
        ),
    ]
}

fn frames() -> Vec<Case> {
    let invalid = |field| Error("invalid", field);
    let bad = || Error("bad_frame", "");
    vec![
        frame("a frame of words", "hello there", bad()),
        frame("an empty frame", "", bad()),
        frame("a list as a frame", "[1,2,3]", bad()),
        frame("a number as a frame", "17", bad()),
        frame("half of a frame", r#"{"id":1,"type":"#, bad()),
        frame("a frame of brackets", "{\"a\":".repeat(5_000), bad()),
        frame("a frame without a number", says(|frame| drop(frame.as_object_mut().unwrap().remove("id"))), bad()),
        frame("a frame with a number below zero", says(|frame| frame["id"] = json!(-1)), bad()),
        frame("a frame with a number in words", says(|frame| frame["id"] = json!("seven")), bad()),
        frame("a frame of no type", says(|frame| drop(frame.as_object_mut().unwrap().remove("type"))), bad()),
        frame("a frame with a type that is a number", says(|frame| frame["type"] = json!(3)), bad()),
        frame("a frame of an unknown type", says(|frame| frame["type"] = json!("delete_everything")), Error("unknown_type", "")),
        frame("a frame of the server's own", says(|frame| frame["type"] = json!("message_posted")), Error("unknown_type", "")),
        frame("a command without a key", says(|frame| drop(frame.as_object_mut().unwrap().remove("key"))), invalid("key")),
        frame("a command with a key that is none", says(|frame| frame["key"] = json!("again")), invalid("key")),
        frame("a command with a key of another version", says(|frame| frame["key"] = json!(Uuid::new_v4())), invalid("key")),
        frame("a command with a key of another command", says(|frame| frame["key"] = json!("{used_key}")), Error("key_reused", "")),
        frame("a command with a field that nobody knows", says(|frame| frame["colour"] = json!("red")), invalid("colour")),
        frame("a command with a field twice", says(|_| {}).replacen('{', r#"{"text":"a","#, 1), bad()),
        frame("a message to nowhere", says(|frame| drop(frame.as_object_mut().unwrap().remove("conversation"))), invalid("conversation")),
        frame("a message to no id", says(|frame| frame["conversation"] = json!("us")), invalid("conversation")),
        frame("a message to nobody", says(|frame| frame["conversation"] = json!(Uuid::new_v4())), Error("no_such_conversation", "")),
        frame("a message to others", says(|frame| frame["conversation"] = json!("{others}")), Error("no_such_conversation", "")),
        frame("a message of nothing", says(|frame| frame["text"] = json!("")), invalid("text")),
        frame("a message too long", says(|frame| frame["text"] = json!("a".repeat(4_001))), invalid("text")),
        frame("a message that is a number", says(|frame| frame["text"] = json!(5)), invalid("text")),
        frame("an answer to nothing", says(|frame| frame["in_reply_to"] = json!(404)), Error("no_such_message", "")),
        frame("a correction of nothing", command("edit_message", |frame| { frame["message"] = json!(404); frame["text"] = json!("x"); }), Error("no_such_message", "")),
        frame("another's message taken back", command("retract_message", |frame| frame["message"] = json!(3)), Error("not_the_author", "")),
        frame("a proposal of nine seats", command("make_proposal", |frame| {
            for (name, value) in proposes(|terms| terms["seats"] = json!(9)).as_object().unwrap() {
                frame[name.as_str()] = value.clone();
            }
        }), invalid("seats")),
        frame("an acceptance with half a hash", command("accept_proposal", |frame| {
            frame["proposal"] = json!("{proposal}");
            frame["terms_hash"] = json!("abc");
        }), invalid("terms_hash")),
        frame("an acceptance of nothing", command("accept_proposal", |frame| {
            frame["proposal"] = json!(Uuid::new_v4());
            frame["terms_hash"] = json!("00".repeat(32));
        }), Error("no_such_proposal", "")),
        frame("a mark beyond the end", command("mark_read", |frame| frame["up_to"] = json!(999)), invalid("up_to")),
        frame("a hello to too many", json!({"id": 1, "type": "hello", "conversations": (0..51).map(|_| (Uuid::new_v4().to_string(), json!(0))).collect::<serde_json::Map<_, _>>()}).to_string(), invalid("conversations")),
        frame("a hello to no log", r#"{"id":1,"type":"hello","log_id":"mine"}"#, invalid("log_id")),
        frame("typing, perhaps", r#"{"id":1,"type":"typing","conversation":"{conversation}","on":"maybe"}"#, invalid("on")),
        frame("following everybody", json!({"id": 1, "type": "follow", "conversations": vec![Uuid::nil(); 51]}).to_string(), invalid("conversations")),
        Case { name: "bytes instead of text", input: Input::Frame(Message::binary(vec![1, 2, 3])), expected: Close(1003) },
        frame("a frame too long", "a".repeat(65_537), Close(1009)),
        Case { name: "a frame that claims to be huge", input: Input::SocketBytes(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec()), expected: Close(1009) },
        Case { name: "text that is none", input: Input::SocketBytes(b"\x81\x82\0\0\0\0\xff\xfe".to_vec()), expected: Close(1007) },
        Case { name: "a frame of a reserved kind", input: Input::SocketBytes(b"\x83\x80\0\0\0\0".to_vec()), expected: Close(1002) },
        Case { name: "a frame that is not masked", input: Input::SocketBytes(b"\x81\x02{}".to_vec()), expected: Close(1002) },
    ]
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The world that bad input meets: Dora's ride, Anna's talk with her about it, and another talk with Ben.
struct World {
    server: TestServer,
    anna: Person,
    names: Vec<(&'static str, String)>,
}

impl World {
    async fn make() -> Self {
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
    async fn made(&self, person: &Person, request: Request, field: &str) -> String {
        let request = request.with("authorization", format!("Bearer {}", person.token));
        let (status, body) = self.ask(&self.filled(&request.written())).await;
        assert!((200..300).contains(&status), "{status} {body}");
        let made: Value = serde_json::from_str(&body).unwrap();
        made[field].as_str().map_or_else(|| made[field].to_string(), str::to_owned)
    }

    /// `bytes` with the names in braces replaced.
    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
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
    async fn ask(&self, bytes: &[u8]) -> (u16, String) {
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
    async fn shake(&self, headers: &[(&'static str, String)]) -> Result<Socket, (u16, String)> {
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
    async fn socket(&self) -> Socket {
        let headers =
            [("sec-websocket-protocol", "palabre.v1".to_owned()), ("authorization", "Bearer {token}".to_owned())];
        let mut socket = self.shake(&headers).await.expect("Anna is let in");
        let welcome = next(&mut socket).await;
        let hers = format!("\"account\":\"{}\"", self.anna.account);
        assert!(matches!(&welcome, Message::Text(text) if text.contains("\"welcome\"") && text.contains(&hers)));
        socket
    }

    /// What is in the log.
    async fn events(&self) -> Vec<String> {
        let log = self.server.platform.log.read_all(0, 4_096).await.unwrap();
        log.iter().map(|event| format!("{} {} {}", event.position, event.event_type, event.hash)).collect()
    }
}

/// The request with its `content-length` corrected for what was filled in.
fn with_true_length(bytes: Vec<u8>) -> Vec<u8> {
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

async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = tokio::time::timeout(WITHIN, socket.next()).await.expect("the server says something");
        match message {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return message,
            other => panic!("the socket ended without a close: {other:?}"),
        }
    }
}

fn tells_no_internals(told: &str) -> Result<(), String> {
    match INTERNALS.iter().find(|internal| told.contains(**internal)) {
        Some(internal) => Err(format!("tells of {internal}: {told}")),
        None => Ok(()),
    }
}

fn check_problem(status: u16, body: &str, expected: &Expected) -> Result<(), String> {
    tells_no_internals(body)?;
    match expected {
        Problem(expected_status, code, field) => {
            let problem: Value = serde_json::from_str(body).map_err(|_| format!("{status}, no problem: {body}"))?;
            let named = field.is_empty() || has_field(&problem, field);
            let whole = problem["detail"].as_str().is_some_and(|detail| !detail.is_empty());
            let right = status == *expected_status && problem["code"] == *code && problem["status"] == status;
            if right && named && whole { Ok(()) } else { Err(format!("{status}: {body}")) }
        }
        // What cannot be read as HTTP is refused bare, or hung up on.
        NoHttp if status == 0 || (400..500).contains(&status) => Ok(()),
        _ => Err(format!("{status}: {body}")),
    }
}

fn has_field(told: &Value, field: &str) -> bool {
    let fields = told["fields"].as_array().into_iter().flatten();
    fields.filter(|wrong| wrong["field"] == field).any(|wrong| {
        let says = |name: &str| wrong[name].as_str().is_some_and(|text| !text.is_empty());
        says("code") && says("message")
    })
}

fn check_message(message: &Message, expected: &Expected) -> Result<(), String> {
    match (message, expected) {
        (Message::Close(Some(close)), Close(code)) if u16::from(close.code) == *code => {
            tells_no_internals(&close.reason)
        }
        (Message::Text(text), Error(code, field)) => {
            tells_no_internals(text)?;
            let answer: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let error = &answer["error"];
            let right = error["code"] == *code && error["message"].as_str().is_some_and(|told| !told.is_empty());
            let named = field.is_empty() || has_field(error, field);
            if right && named { Ok(()) } else { Err(text.to_string()) }
        }
        (message, _) => Err(format!("{message:?}")),
    }
}

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
        addresses(),
        identities(),
        keys(),
        bodies(),
        fields(),
        queries(),
        talk(),
        accounts(),
        connections(),
        handshakes(),
        frames(),
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
