//! What every address has in common: headers, limits, throttles, freshness, health.

use palabre::http::identity::COOKIE;
use palabre::store::EventStore;
use palabre::store::sqlite::SqliteStore;
use palabre::vault::Token;
use palabre_events::NewEvent;
use palabre_events::aggregate::EventData;
use palabre_events::conversation::ConversationEvent;
use palabre_events::log::{Append, AppendItem};
use palabre_events::testing::{ANNA, by, now, posted, talk_with};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

use crate::client::{Answer, Client, send, text};
use crate::support::TestServer;

#[actix_web::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    for path in ["/me", "/nothing", "/rides/x", "/healthz", "/api/openapi.json", "/api/docs/"] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        let personal = path != "/api/docs/";
        assert_eq!(answer.header("cache-control") == "no-store", personal, "{path}");
    }
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    for (path, allow) in [
        ("/rides", "POST"),
        ("/me", "GET, HEAD, PATCH"),
        ("/sessions", "GET, HEAD, POST, DELETE"),
        ("/healthz", "GET, HEAD"),
    ] {
        let answer = send(nobody.request(Method::PUT, path)).await;
        assert_eq!(answer.header("allow"), allow);
        answer.refuses(405, "method_not_allowed");
    }
}

#[actix_web::test]
async fn whoever_may_read_may_ask_for_the_headers_alone() {
    let server = TestServer::start();
    let answer = raw(&server, "HEAD /healthz HTTP/1.1\r\nHost: palabre.test\r\nConnection: close\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
    assert_eq!(body, "");
}

#[actix_web::test]
async fn answers_are_whole_before_they_are_sent() {
    let server = TestServer::start();
    let places = "/api/v1/places?q=s";
    for (path, accepted, encoding) in [
        ("/api/openapi.json", "br, gzip", Some("gzip")),
        ("/api/openapi.json", "br", Some("identity")),
        ("/api/openapi.json", "identity, gzip;q=0.5", Some("identity")),
        (places, "br", Some("br")),
        (places, "identity", None),
    ] {
        let host = "HTTP/1.1\r\nHost: palabre.test\r\nConnection: close";
        let answer = raw(&server, &format!("GET {path} {host}\r\nAccept-Encoding: {accepted}\r\n\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        assert_eq!(header("content-encoding").as_deref(), encoding, "{head}");
        assert!(header("content-length").is_some() && header("transfer-encoding").is_none(), "{head}");
        if matches!(encoding, None | Some("identity")) {
            assert_eq!(header("content-length"), Some(body.len().to_string()), "{path}");
        }
    }
}

#[actix_web::test]
async fn who_asks_too_fast_is_told_to_wait() {
    let server = TestServer::start_with(|config| config.commands_per_s = 1);
    let anna = Client::sign_up(&server, "Anna").await;
    let mut refused = None;
    for _ in 0..20 {
        let answer = anna.get("/me").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("ten at once are the limit");
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.refuses(429, "too_many_requests")["retry_after_ms"].as_u64().unwrap() <= 1_000);
    // Others are not kept waiting.
    Client::sign_up(&server, "Ben").await.get("/me").await.is(200);
}

#[actix_web::test]
async fn strangers_are_counted_by_address_as_a_trusted_proxy_tells_it() {
    let server = TestServer::start_with(|config| {
        config.requests_per_s = 1;
        config.trusted_proxies = vec![std::net::IpAddr::from([127, 0, 0, 1])];
    });
    let nobody = Client::nobody(&server);
    let ask = |from: &'static str| {
        let search = "/searches?from=45,5&to=46,5&at=2027-01-04T18:25:00Z";
        send(nobody.request(Method::GET, search).header("x-forwarded-for", from))
    };
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(ask("198.51.100.7").await.status.as_u16());
    }
    assert!(answers.contains(&200) && answers.contains(&429), "{answers:?}");
    ask("198.51.100.8").await.is(200);
}

/// Asks who one is with a token that nobody has: as an app does, or as a browser.
async fn ask_with_made_up_token(nobody: &Client, as_browser: bool) -> Answer {
    let (token, request) = (Token::generate().reveal().to_string(), nobody.request(Method::GET, "/me"));
    let request =
        if as_browser { request.header("cookie", format!("{COOKIE}={token}")) } else { request.bearer_auth(token) };
    send(request).await
}

#[actix_web::test]
async fn made_up_tokens_are_counted_by_address_before_the_vault_is_asked() {
    let server = TestServer::start_with(|config| config.requests_per_s = 1);
    // Without sessions, whoever asks the vault for one is told that it has no answer.
    let vault = rusqlite::Connection::open(server.platform.config.data.join("vault.db")).unwrap();
    vault.execute_batch("ALTER TABLE sessions RENAME TO lost").unwrap();
    let (nobody, begun, mut asked_vault) = (Client::nobody(&server), Instant::now(), 0);
    for number in 0..40 {
        let answer = ask_with_made_up_token(&nobody, number % 2 == 0).await;
        if answer.status == 503 {
            asked_vault += 1;
        } else {
            assert_eq!(answer.header("retry-after"), "1");
            answer.refuses(429, "too_many_requests");
        }
    }
    assert!((10..=11 + begun.elapsed().as_secs()).contains(&asked_vault), "{asked_vault} questions");
}

#[actix_web::test]
async fn whoever_is_signed_in_gets_through_while_strangers_of_their_address_are_refused() {
    let server = TestServer::start_with(|config| config.requests_per_s = 1);
    let (anna, nobody) = (Client::sign_up(&server, "Anna").await, Client::nobody(&server));
    let mut statuses = Vec::new();
    for number in 0..40 {
        anna.get("/me").await.is(200);
        statuses.push(ask_with_made_up_token(&nobody, number % 2 == 0).await.status.as_u16());
    }
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
}

#[actix_web::test]
async fn a_read_waits_for_the_write_before_it_but_not_for_ever() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    for number in 0..20 {
        let done = anna.patch("/me", json!({"name": format!("Anna {number}")})).await.is(200);
        let me = anna.get(&format!("/me?min_position={}", done["position"])).await.is(200);
        assert_eq!(text(&me["name"]), format!("Anna {number}"));
    }
    let behind = anna.get("/me?min_position=1000000").await;
    assert_eq!(behind.header("retry-after"), "1");
    behind.refuses(503, "behind");
    anna.get("/me?min_position=soon").await.refuses(422, "invalid");
}

#[actix_web::test]
async fn health_says_live_and_ready() {
    let server = TestServer::start();
    let health = Client::nobody(&server).get("/healthz").await.is(200);
    assert_eq!(
        (health["live"].clone(), health["ready"].clone(), health["degraded"].clone()),
        (json!(true), json!(true), json!([]))
    );
    assert_eq!(health["demo"], false);
}

#[actix_web::test]
async fn a_node_that_cannot_follow_its_log_says_so_and_works() {
    let of_nothing = ConversationEvent::from(posted(ANNA)).to_json();
    for (data, part) in [(of_nothing, "views"), (b"{}".to_vec(), "feed")] {
        let folder = tempfile::tempdir().unwrap();
        write_one(folder.path(), data).await;
        let since = Instant::now();
        let server = TestServer::start_with(|config| config.data = folder.path().to_owned());
        assert!(since.elapsed() < Duration::from_secs(30), "it does not wait for what cannot come");
        let told = |health: &Value| health["degraded"][0]["part"] == part;
        let health = Client::nobody(&server).until("/healthz", told).await;
        assert_eq!((&health["ready"], &health["degraded"][0]["bearable"]), (&json!(true), &json!(true)), "{health}");
        Client::sign_up(&server, "Anna").await;
    }
}

/// Writes a log with one message, in a conversation that was never opened.
async fn write_one(folder: &Path, data: Vec<u8>) {
    let log = SqliteStore::open(folder).unwrap();
    let event = NewEvent {
        event_id: Uuid::now_v7(),
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: now(),
        actor: by(ANNA),
        key: None,
        correlation_id: Uuid::nil(),
        causation_id: Uuid::nil(),
        traceparent: None,
        data,
    };
    let items = vec![AppendItem { key: None, events: vec![event] }];
    log.append(Append { stream: talk_with(ANNA).into(), expected_version: 0, items }).await.unwrap();
    log.close().await;
}

#[actix_web::test]
async fn a_node_tells_this_machine_what_it_measured() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    anna.patch("/me", json!({"name": "Anna Magnani"})).await.is(200);
    let told = raw(&server, "GET /metrics HTTP/1.1\r\nHost: palabre.test\r\nConnection: close\r\n\r\n").await;
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/plain; version=0.0.4"), "{head}");
    for line in [
        "palabre_command_duration_seconds_count{aggregate=\"account\",outcome=\"committed\"}",
        "palabre_views_lag_positions ",
        "palabre_sockets_open ",
        "palabre_fanout_up 0",
    ] {
        assert!(body.contains(line), "{line} in {body}");
    }
    assert!(!body.contains("Anna") && !body.contains(&anna.account().await), "numbers, not people");
}

#[actix_web::test]
async fn what_a_node_measured_is_not_for_everybody() {
    let behind_proxy = |readers: &[[u8; 4]]| {
        let readers = readers.iter().map(|address| std::net::IpAddr::from(*address)).collect();
        TestServer::start_with(|config| {
            config.trusted_proxies = vec![std::net::IpAddr::from([127, 0, 0, 1])];
            config.metrics_readers = readers;
        })
    };
    let asked_for = async |server: &TestServer, from: &'static str| {
        let nobody = Client::nobody(server);
        send(nobody.request(Method::GET, "/metrics").header("x-forwarded-for", from)).await
    };
    let server = behind_proxy(&[[198, 51, 100, 7]]);
    assert_eq!(asked_for(&server, "198.51.100.7").await.status.as_u16(), 200);
    for stranger in ["198.51.100.8", "nonsense", "127.0.0.1", "198.51.100.7, 203.0.113.9"] {
        asked_for(&server, stranger).await.refuses(403, "not_a_reader");
    }
    // Through a proxy that was not said to be one, everybody would come from this machine.
    asked_for(&TestServer::start(), "198.51.100.8").await.refuses(403, "not_a_reader");
}

#[actix_web::test]
async fn a_body_has_an_end() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    let long = json!({"name": "a".repeat(70_000)});
    anna.patch("/me", long).await.refuses(413, "body_too_large");
    // Without a length told beforehand it is counted as it comes.
    let head = "POST /api/v1/accounts HTTP/1.1\r\nHost: palabre.test\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/json\r\nConnection: close\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let answer = raw(&server, &format!("{head}{}0\r\n\r\n", chunk.repeat(20))).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
    anna.get("/me").await.is(200);
}

/// Sends bytes as they are; answers what comes back until the connection ends.
async fn raw(server: &TestServer, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(server.address).await.unwrap();
    // The server may have had enough before all is sent.
    connection.write_all(bytes.as_bytes()).await.ok();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn the_page_of_the_api_needs_nothing_from_elsewhere() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    let page = nobody.request(Method::GET, "/api/docs/").send().await.unwrap().text().await.unwrap();
    let parts: Vec<_> =
        page.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")).collect();
    assert!(parts.len() >= 3, "{page}");
    for part in parts {
        let name = part.trim_start_matches("./");
        assert!(!name.contains("//"), "{part} comes from elsewhere");
        let answer = nobody.request(Method::GET, &format!("/api/docs/{name}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{part}");
    }
    let start =
        nobody.request(Method::GET, "/api/docs/swagger-initializer.js").send().await.unwrap().text().await.unwrap();
    assert!(start.contains("/api/openapi.json"), "{start}");
    nobody.get("/api/docs/no-such-part.js").await.refuses(404, "no_such_route");
}

#[actix_web::test]
async fn signing_in_is_throttled() {
    let server = TestServer::start_with(|config| config.sign_ins_per_min = 3);
    let nobody = Client::nobody(&server);
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..6 {
        let wrong = json!({"email": "anna@example.org", "password": "not the right one"});
        answers.push(nobody.post("/sessions", wrong).await.body["code"].clone());
    }
    assert!(
        answers.contains(&json!("wrong_credentials")) && answers.contains(&json!("too_many_attempts")),
        "{answers:?}"
    );
}
