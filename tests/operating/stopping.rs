//! SIGTERM: nobody new, what is under way is answered, everybody is told to come back, and the program ends.

use serde_json::{Value, json};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::client::{Client, closing};
use crate::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_stops_in_order() {
    let mut server = Process::start(&[]);
    let anna = server.sign_up("Anna").await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let stream = TcpStream::connect(&server.host).await.unwrap();
        clients.push(Client::over(stream, &server.host, &anna).await);
    }
    server.terminate();
    let mut waits = Vec::new();
    for client in &mut clients {
        let (code, reason) = closing(&mut client.socket).await.expect("it says why");
        assert_eq!(code, 4000);
        waits.push(reason.strip_prefix("shutdown retry_after_ms=").unwrap().parse::<u64>().unwrap());
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 5, "they come back apart: {waits:?}");
    assert!(server.wait().success());
    assert!(TcpStream::connect(&server.host).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_the_stop_is_there_after_it() {
    let store = tempfile::tempdir().unwrap();
    let [log, vault] = ["", "/vault.db"].map(|file| format!("sqlite:{}{file}", store.path().display()));
    let options = ["--store", &log, "--vault", &vault, "--commands-per-s", "100000"];
    let mut server = Process::start(&options);
    let anna = server.sign_up("Anna").await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let rename = |number: u32, host: &str| {
        let request = http.patch(format!("http://{host}/api/v1/me")).bearer_auth(&anna.token);
        request.header("idempotency-key", Uuid::now_v7().to_string()).json(&json!({"name": format!("Anna {number}")}))
    };
    let mut acknowledged = 0;
    for number in 1.. {
        if number == 50 {
            server.terminate();
        }
        match rename(number, &server.host).send().await {
            Ok(answer) if answer.status().is_success() => acknowledged = number,
            _ => break,
        }
    }
    assert!(acknowledged >= 49 && server.wait().success());
    let again = Process::start(&options);
    let me = http.get(format!("http://{}/api/v1/me", again.host)).bearer_auth(&anna.token).send().await.unwrap();
    let me: Value = me.json().await.unwrap();
    let number: u32 = me["name"].as_str().unwrap().strip_prefix("Anna ").unwrap().parse().unwrap();
    assert!((acknowledged..=acknowledged + 1).contains(&number), "{number} after {acknowledged}");
}
