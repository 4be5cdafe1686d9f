//! What sockets may do, and what becomes of those that do something else.

use futures_util::{SinkExt, StreamExt};
use palabre::chat::door::PROTOCOL;
use palabre::chat::socket::FRAME_BYTES_MAX;
use palabre::clock;
use palabre::http::identity::COOKIE;
use palabre::vault::Token;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::client::{Client, Talk, WITHIN, closing, frame, open, open_as, request};
use crate::support::{Person, TestServer};

/// The status of an upgrade that is refused.
async fn refused(server: &TestServer, headers: &[(&'static str, &str)]) -> u16 {
    match open(server, request(server, headers)).await {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

/// The code that a socket is closed with at once.
async fn closed_with(server: &TestServer, headers: &[(&'static str, &str)]) -> u16 {
    let mut socket = open(server, request(server, headers)).await.unwrap();
    closing(&mut socket).await.expect("it says why").0
}

/// The code that `person` is turned away with at once; none when they are welcome.
async fn turned_away(server: &TestServer, person: &Person) -> Option<u16> {
    let mut socket = open_as(server, person).await;
    match tokio::time::timeout(WITHIN, socket.next()).await.expect("the server speaks first") {
        Some(Ok(Message::Close(close))) => Some(close.expect("it says why").code.into()),
        Some(Ok(Message::Text(_))) => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_server_speaks_first() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let welcome = Client::connect(&server, &anna).await.welcome;
    assert_eq!(welcome["account"], json!(anna.account));
    assert_eq!(welcome["log_id"], json!(server.platform.log.log_id()));
    assert_eq!(welcome["limits"], json!({"frame_bytes": 65_536, "message_chars": 4_000}));
}

#[tokio::test]
async fn a_handshake_needs_the_subprotocol_a_session_and_our_own_origin() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let cookie = format!("theme=dark; {COOKIE}={}", anna.token);
    let bearer = format!("Bearer {}", anna.token);
    let ours = ("sec-websocket-protocol", PROTOCOL);

    assert_eq!(refused(&server, &[("authorization", &bearer)]).await, 400);
    assert_eq!(refused(&server, &[("sec-websocket-protocol", "chat"), ("authorization", &bearer)]).await, 400);
    for origin in ["http://palabre.test.evil", "https://palabre.test", "http://palabre.test:80", "null"] {
        assert_eq!(refused(&server, &[ours, ("cookie", &cookie), ("origin", origin)]).await, 403, "{origin}");
    }
    assert_eq!(refused(&server, &[ours, ("cookie", &cookie)]).await, 403, "a cookie without an origin");

    assert_eq!(closed_with(&server, &[ours]).await, 4500);
    assert_eq!(closed_with(&server, &[ours, ("authorization", "Bearer nonsense")]).await, 4500);
    let stale = format!("{COOKIE}={}", "A".repeat(43));
    assert_eq!(closed_with(&server, &[ours, ("cookie", &stale), ("origin", "http://palabre.test")]).await, 4500);
    assert_eq!(closed_with(&server, &[("sec-websocket-protocol", "palabre.v2")]).await, 4502);

    for headers in [
        &[ours, ("cookie", cookie.as_str()), ("origin", "http://palabre.test")][..],
        &[ours, ("authorization", &bearer), ("origin", "https://bots.example")],
        &[("sec-websocket-protocol", "palabre.v2, palabre.v1"), ("authorization", &bearer)],
    ] {
        let mut socket = open(&server, request(&server, headers)).await.unwrap();
        let first = socket.next().await.unwrap().unwrap();
        assert!(first.to_text().unwrap().contains("\"type\":\"welcome\""), "{headers:?}");
    }
}

#[tokio::test]
async fn a_plain_request_is_told_to_upgrade() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/ws", server.address);
    let request = http.get(url).bearer_auth(anna.token).header("sec-websocket-protocol", PROTOCOL);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 400);
    assert_eq!(server.platform.hub.connection_count(), 0);
}

#[tokio::test]
async fn another_method_is_told_the_right_one() {
    let server = TestServer::start();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for method in [reqwest::Method::POST, reqwest::Method::PUT, reqwest::Method::DELETE] {
        let answer = http.request(method, format!("http://{}/ws", server.address)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 405);
        assert_eq!(answer.headers()["allow"], "GET");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "method_not_allowed");
    }
}

#[tokio::test]
async fn a_frame_of_the_longest_length_is_read_and_a_longer_one_is_not() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    let padded = |length: usize| {
        let frame = r#"{"id":1,"type":"follow","conversations":[]}"#;
        format!("{frame}{}", " ".repeat(length - frame.len()))
    };
    client.send(padded(FRAME_BYTES_MAX)).await;
    client.wait_for(|frame| frame["re"] == 1).await;
    client.send(padded(FRAME_BYTES_MAX + 1)).await;
    assert_eq!(closing(&mut client.socket).await.map(|(code, _)| code), Some(1009));
}

#[tokio::test]
async fn a_declared_length_is_judged_before_the_frame_has_come() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    for declared in [FRAME_BYTES_MAX as u64 + 1, 1 << 40, i64::MAX as u64, u64::MAX] {
        let mut client = Client::connect(&server, &anna).await;
        let mut head = vec![0x81, 0x80 | 127];
        head.extend_from_slice(&declared.to_be_bytes());
        client.socket.get_mut().write_all(&head).await.unwrap();
        assert_eq!(closing(&mut client.socket).await.map(|(code, _)| code), Some(1009), "{declared}");
    }
}

#[tokio::test]
async fn messages_of_several_frames_are_put_together_within_the_same_bound() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let part = |text: &str, code: Data, last: bool| {
        Message::Frame(Frame::message(text.to_owned().into_bytes(), OpCode::Data(code), last))
    };
    let mut client = Client::connect(&server, &anna).await;
    client.socket.send(part(r#"{"id":1,"type":"fol"#, Data::Text, false)).await.unwrap();
    client.socket.send(Message::Ping(vec![7].into())).await.unwrap();
    client.socket.send(part(r#"low","conversa"#, Data::Continue, false)).await.unwrap();
    client.socket.send(part(r#"tions":[]}"#, Data::Continue, true)).await.unwrap();
    assert_eq!(client.wait_for(|frame| frame["re"] == 1).await["ok"], json!({"online": []}));

    client.socket.send(part("{", Data::Text, false)).await.unwrap();
    let filling = " ".repeat(FRAME_BYTES_MAX / 2);
    for _ in 0..2 {
        client.socket.send(part(&filling, Data::Continue, false)).await.unwrap();
    }
    assert_eq!(closing(&mut client.socket).await.map(|(code, _)| code), Some(1009));
}

#[tokio::test]
async fn whatever_is_no_text_closes_with_its_code() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let raw = |payload: &[u8], code: OpCode| Message::Frame(Frame::message(payload.to_vec(), code, true));
    let cases: [(Message, u16); 4] = [
        (Message::Binary(vec![1, 2, 3].into()), 1003),
        (raw(&[0xff, 0xfe], OpCode::Data(Data::Text)), 1007),
        (raw(&[0xed, 0xa0, 0x80], OpCode::Data(Data::Text)), 1007),
        (raw(b"{", OpCode::Data(Data::Continue)), 1002),
    ];
    for (message, expected) in cases {
        let mut client = Client::connect(&server, &anna).await;
        client.socket.send(message.clone()).await.unwrap();
        let code = closing(&mut client.socket).await.map(|(code, _)| code);
        assert_eq!(code, Some(expected), "{message:?}");
    }
    let long_ping = [&[0x89, 0x80 | 126, 0, 126][..], &[0; 4 + 126]].concat();
    for (what, frame) in [
        ("a long ping", long_ping.as_slice()),
        ("unmasked", &[0x81, 1, b'{']),
        ("an unknown opcode", &[0x83, 0x81, 0, 0, 0, 0, b'{']),
        ("reserved bits", &[0xc1, 0x81, 0, 0, 0, 0, b'{']),
    ] {
        let mut client = Client::connect(&server, &anna).await;
        client.socket.get_mut().write_all(frame).await.unwrap();
        assert_eq!(closing(&mut client.socket).await.map(|(code, _)| code), Some(1002), "{what}");
    }
}

#[tokio::test]
async fn pings_are_answered_and_a_goodbye_is_returned() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    client.socket.send(Message::Ping(b"palabre".to_vec().into())).await.unwrap();
    assert_eq!(client.socket.next().await.unwrap().unwrap(), Message::Pong(b"palabre".to_vec().into()));
    client.socket.close(None).await.unwrap();
    assert_eq!(closing(&mut client.socket).await.map(|(code, _)| code), Some(1000));
    while server.platform.hub.connection_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ten_unreadable_frames_close_a_connection_and_unknown_types_do_not() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    for _ in 0..30 {
        assert_eq!(client.ask("dance", json!({})).await["error"]["code"], "unknown_type");
    }
    for _ in 0..9 {
        client.send("not JSON").await;
        let told = client.wait_for(|frame| frame.get("re") == Some(&Value::Null)).await;
        assert_eq!(told["error"]["code"], "bad_frame");
    }
    client.send("[]").await;
    client.wait_for(|frame| frame["error"]["code"] == "bad_frame").await;
    assert_eq!(closing(&mut client.socket).await, Some((4503, "misbehaving".to_owned())));
}

#[tokio::test]
async fn whoever_asks_too_fast_is_told_when_to_go_on() {
    let server = TestServer::start_with(|config| config.commands_per_s = 1);
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    // Of ten at once, the handshake was the first.
    for _ in 0..9 {
        assert!(client.ask("follow", json!({"conversations": []})).await.get("ok").is_some());
    }
    let refused = client.ask("follow", json!({"conversations": []})).await;
    assert_eq!(refused["error"]["code"], "too_many_requests");
    assert_eq!(refused["error"]["temporary"], true);
    assert!(refused["error"]["retry_after_ms"].as_u64().is_some_and(|wait_ms| (1..=1_000).contains(&wait_ms)));
}

#[tokio::test]
async fn whoever_goes_on_asking_too_fast_is_closed() {
    let server = TestServer::start_with(|config| config.commands_per_s = 1);
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    // Also what is not understood counts.
    for id in 0..600 {
        client.socket.feed(Message::text(format!(r#"{{"id":{id},"type":"dance"}}"#))).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    assert_eq!(closing(&mut client.socket).await, Some((4503, "misbehaving".to_owned())));
}

#[tokio::test]
async fn commands_beyond_those_in_flight_are_busy_and_every_one_is_answered_once() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    let mut open: std::collections::BTreeSet<u64> = (1_000..1_300).collect();
    for id in &open {
        let mut fields = talk.says("Bonjour");
        fields["key"] = json!(uuid::Uuid::now_v7());
        passenger.socket.feed(Message::text(frame(*id, "post_message", &fields).to_string())).await.unwrap();
    }
    passenger.socket.flush().await.unwrap();
    let mut done = 0;
    while !open.is_empty() {
        let answer = passenger.wait_for(|frame| frame.get("re").is_some()).await;
        assert!(open.remove(&answer["re"].as_u64().unwrap()), "{answer}");
        match answer.get("ok") {
            Some(_) => done += 1,
            None => {
                assert_eq!((&answer["error"]["code"], &answer["error"]["temporary"]), (&json!("busy"), &json!(true)));
            }
        }
    }
    assert!((32..300).contains(&done), "{done} of 300 had a place");
    for _ in 0..done {
        driver.told("message_posted").await;
    }
    assert!(driver.all_told().await.is_empty(), "nothing is done that was refused");
}

#[tokio::test]
async fn too_many_connections_of_one_account_are_sent_away_with_advice() {
    let server = TestServer::start_with(|config| config.sockets_per_account = 2);
    let anna = server.sign_up("Anna").await;
    let _first = Client::connect(&server, &anna).await;
    let _second = Client::connect(&server, &anna).await;
    let (code, reason) = closing(&mut open_as(&server, &anna).await).await.unwrap();
    assert_eq!(code, 4004);
    assert!(reason.starts_with("overloaded retry_after_ms="), "{reason}");
}

#[tokio::test]
async fn many_people_behind_one_address_may_come_at_once() {
    let server = TestServer::start_with(|config| config.requests_per_s = 1);
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(server.sign_up(&format!("Person{number}")).await);
    }
    for round in 0..5 {
        for person in &people {
            if round % 2 == 0 {
                // As on a node that has just started.
                let token: Token = person.token.parse().unwrap();
                server.platform.accounts.forget_session(token.hash());
            }
            assert_eq!(turned_away(&server, person).await, None);
        }
    }
}

#[tokio::test]
async fn one_account_comes_no_faster_than_it_may_ask() {
    let server = TestServer::start_with(|config| {
        config.commands_per_s = 1;
        config.sockets_per_account = 100;
    });
    let (anna, ben) = (server.sign_up("Anna").await, server.sign_up("Ben").await);
    let (begun, mut let_in) = (Instant::now(), 0);
    for _ in 0..40 {
        match turned_away(&server, &anna).await {
            None => let_in += 1,
            code => assert_eq!(code, Some(4004)),
        }
    }
    assert!((10..=11 + begun.elapsed().as_secs()).contains(&let_in), "{let_in} of 40 are let in");
    assert_eq!(turned_away(&server, &ben).await, None);
}

#[tokio::test]
async fn strangers_come_no_faster_than_their_address_may_ask() {
    let server = TestServer::start_with(|config| config.requests_per_s = 1);
    let anna = server.sign_up("Anna").await;
    assert_eq!(turned_away(&server, &anna).await, None);
    let ours = ("sec-websocket-protocol", PROTOCOL);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        match open(&server, request(&server, &[ours])).await {
            Ok(mut socket) => assert_eq!(closing(&mut socket).await.map(|(code, _)| code), Some(4500)),
            Err(tungstenite::Error::Http(response)) => statuses.push(response.status().as_u16()),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 429), "{statuses:?}");
    // Whoever shows a token may be somebody's page, which cannot read a status.
    let made_up = format!("Bearer {}", "A".repeat(43));
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(closed_with(&server, &[ours, ("authorization", &made_up)]).await);
    }
    assert!(codes.contains(&4004) && codes.iter().all(|code| [4004, 4500].contains(code)), "{codes:?}");
    assert_eq!(turned_away(&server, &anna).await, None, "she is no stranger");
}

#[tokio::test]
async fn an_ended_session_is_closed_at_once() {
    let server = TestServer::start();
    let (anna, ben) = (server.sign_up("Anna").await, server.sign_up("Ben").await);
    let (mut hers, mut his) = (Client::connect(&server, &anna).await, Client::connect(&server, &ben).await);
    server.platform.accounts.sign_out_everywhere(anna.account, None).await.unwrap();
    assert_eq!(closing(&mut hers.socket).await, Some((4501, "revoked".to_owned())));
    assert!(his.ask("follow", json!({"conversations": []})).await.get("ok").is_some());
    assert_eq!(closing(&mut open_as(&server, &anna).await).await.map(|(code, _)| code), Some(4500));
}

#[tokio::test]
async fn a_session_that_another_node_ended_is_closed_at_its_next_command() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    // In the vault alone: nobody on this node is told.
    server.platform.vault.end_sessions(anna.account, None).await.unwrap();
    let closed = async {
        loop {
            // What the vault said before is believed for a second.
            client.socket.send(Message::text(r#"{"id":1,"type":"follow","conversations":[]}"#)).await.ok();
            match client.socket.next().await {
                Some(Ok(Message::Close(close))) => return close.unwrap().code.into(),
                Some(Ok(_)) => {}
                broken => panic!("{broken:?}"),
            }
        }
    };
    let code: u16 = tokio::time::timeout(WITHIN, closed).await.unwrap();
    assert_eq!(code, 4501);
}

#[tokio::test]
async fn a_session_that_is_gone_with_the_end_of_a_restored_vaults_list_is_closed() {
    let server = TestServer::start();
    let (anna, ben) = (server.sign_up("Anna").await, server.sign_up("Ben").await);
    let (mut hers, mut his) = (Client::connect(&server, &anna).await, Client::connect(&server, &ben).await);
    server.platform.vault.end_sessions(ben.account, None).await.unwrap();
    assert_eq!(closing(&mut his.socket).await, Some((4501, "revoked".to_owned())), "the list is followed");
    // Without her session, and before anything had ended.
    let vault = rusqlite::Connection::open(server.platform.config.data.join("vault.db")).unwrap();
    let restored = "BEGIN IMMEDIATE; DELETE FROM sessions; DELETE FROM session_endings;
                    UPDATE sqlite_sequence SET seq = 0 WHERE name = 'session_endings'; COMMIT";
    vault.execute_batch(restored).unwrap();
    assert_eq!(closing(&mut hers.socket).await, Some((4501, "revoked".to_owned())));
}

#[tokio::test]
async fn a_server_that_stops_tells_everybody_to_come_back() {
    let mut server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    server.begin_to_stop();
    let (code, reason) = closing(&mut client.socket).await.unwrap();
    assert_eq!(code, 4000);
    assert!(reason.starts_with("shutdown retry_after_ms="), "{reason}");
}

#[tokio::test]
async fn whoever_reads_nothing_is_closed_as_slow_while_others_are_served() {
    let server = TestServer::start();
    let (talk, mut driver, mut passenger) = Talk::begin(&server).await;
    // A second socket of the passenger, which takes nothing from here on.
    let mut deaf = open_as(&server, &talk.passenger).await;
    let mine = |hub: &palabre::chat::Hub| hub.connection_count();
    assert_eq!(mine(&server.platform.hub), 3);
    let text = "x".repeat(4_000);
    let mut said = 0;
    // The system's buffers take some megabytes first, then the outbox fills.
    while mine(&server.platform.hub) == 3 {
        driver.command("post_message", talk.says(&text)).await;
        said += 1;
        assert!(said < 20_000, "the deaf socket is never closed");
        passenger.told("message_posted").await;
        driver.told("message_posted").await;
    }
    let mut taken = Vec::new();
    // What was on its way may still come; then the socket ends, with the reason or by being cut.
    tokio::time::timeout(WITHIN, deaf.get_mut().read_to_end(&mut taken)).await.expect("it is closed").ok();
    assert!(taken.len() < said * text.len());
}

#[tokio::test]
async fn a_flood_of_tiny_frames_does_not_pile_up() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let mut client = Client::connect(&server, &anna).await;
    // Empty pongs, which want no answer.
    let flood = [0x8a, 0x80, 0, 0, 0, 0].repeat(200_000);
    client.socket.get_mut().write_all(&flood).await.unwrap();
    assert!(client.ask("follow", json!({"conversations": []})).await.get("ok").is_some());
}

#[tokio::test]
async fn someone_who_signs_in_again_is_welcome() {
    let server = TestServer::start();
    let anna = server.sign_up("Anna").await;
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let again =
        server.platform.accounts.sign_in("anna@example.org", "a long enough secret", from, clock::now()).await.unwrap();
    assert_eq!(again.account, anna.account);
    let again = crate::support::Person { account: again.account, token: again.token.reveal().to_string() };
    Client::connect(&server, &again).await;
}
