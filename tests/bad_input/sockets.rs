//! Bad input below HTTP, in handshakes, and on open sockets.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::case::*;

pub fn connections() -> Vec<Case> {
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

pub fn handshakes() -> Vec<Case> {
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

pub fn frames() -> Vec<Case> {
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
