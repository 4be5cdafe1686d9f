//! Spans, as a collector gets them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost_otlp::Message;
use serde_json::json;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use uuid::Uuid;

use crate::process::Process;

/// A collector that takes what it is sent, span by span.
fn collector() -> (String, Receiver<Span>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (spans, taken) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let spans = spans.clone();
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                while let Some((path, body)) = request(&mut connection) {
                    assert_eq!(path, "POST /v1/traces HTTP/1.1");
                    let batch = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
                    let of_scopes = batch.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                    for span in of_scopes.flat_map(|scope| scope.spans) {
                        // When the test is over nobody listens.
                        spans.send(span).ok();
                    }
                    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                }
            });
        }
    });
    (format!("http://{address}"), taken)
}

/// The next request of a connection: its first line and its body; none at the end.
fn request(connection: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).ok()?;
    Some((head.lines().next().unwrap().to_owned(), body))
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_a_span_with_its_ids_in_the_client_s_trace() {
    let (url, spans) = collector();
    let server = Process::start(&["--otlp-url", &url]);
    let anna = server.sign_up("Anna").await;
    let trace = Uuid::new_v4().simple().to_string();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let renamed = http
        .patch(format!("http://{}/api/v1/me", server.host))
        .bearer_auth(&anna.token)
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .json(&json!({"name": "Anna Magnani"}));
    assert_eq!(renamed.send().await.unwrap().status().as_u16(), 200);
    let of_trace =
        move |span: &Span| span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == trace;
    let span = tokio::task::spawn_blocking(move || {
        let within = std::time::Duration::from_secs(30);
        loop {
            let span = spans.recv_timeout(within).expect("the span comes");
            if span.name == "command" && of_trace(&span) {
                return span;
            }
        }
    });
    let span = span.await.unwrap();
    assert_eq!(span.parent_span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    assert_eq!(attribute(&span, "stream"), Some(format!("account-{}", anna.account)));
    assert_eq!(attribute(&span, "outcome").as_deref(), Some("committed"));
    assert!(attribute(&span, "command").is_some_and(|id| id.parse::<Uuid>().is_ok()));
    assert!(!format!("{span:?}").contains("Magnani"), "ids, not what people write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_keeps_nobody_waiting() {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut server = Process::start(&["--otlp-url", &format!("http://{nobody}")]);
    server.sign_up("Anna").await;
    server.terminate();
    assert!(server.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_look_for_and_where_from_is_in_no_span_and_no_line() {
    let (url, spans) = collector();
    let mut log = tempfile::tempfile().unwrap();
    let to_log = Stdio::from(log.try_clone().unwrap());
    let mut server = Process::start_logging("debug", to_log, &["--otlp-url", &url]);
    let http = reqwest::Client::builder().no_proxy().user_agent("Bicyclette/7").build().unwrap();
    let point = "45.18791,5.72463";
    for (path, status) in [
        (format!("searches?from={point}&to=45.76412,4.83571&at=2031-05-04T08:00:00Z"), 200),
        (format!("places?q=Champollion&near={point}"), 200),
        (format!("places/nearest?at={point}"), 200),
        (format!("Champollion/{point}"), 404),
    ] {
        let answer = http.get(format!("http://{}/api/v1/{path}", server.host)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}: {}", answer.text().await.unwrap());
    }
    let taken = tokio::task::spawn_blocking(move || {
        let within = std::time::Duration::from_secs(30);
        [(); 4].map(|()| spans.recv_timeout(within).expect("the span comes"))
    });
    let taken = taken.await.unwrap();
    server.terminate();
    assert!(server.wait().success());
    let mut lines = String::new();
    log.seek(SeekFrom::Start(0)).and_then(|_| log.read_to_string(&mut lines)).unwrap();
    assert!(lines.contains("starting"), "{lines}");
    let told = format!("{taken:?}");
    assert!(!told.contains("127.0.0.1"), "who asks: {told}");
    for text in [told, lines] {
        for theirs in ["45.18791", "5.72463", "45.76412", "Champollion", "2031-05-04", "Bicyclette"] {
            assert!(!text.contains(theirs), "{theirs} in {text}");
        }
    }
    let names: Vec<_> = taken.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["GET /api/v1/searches", "GET /api/v1/places", "GET /api/v1/places/nearest", "GET none"]);
    assert!(attribute(&taken[1], "http.status_code").unwrap().contains("200"));
    assert!(attribute(&taken[1], "request_id").is_some_and(|id| id.parse::<Uuid>().is_ok()));
}
