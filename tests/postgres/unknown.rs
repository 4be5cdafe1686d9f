//! A commit whose answer is lost on the way: the server has it, and nobody was told.

use palabre::store::EventStore;
use palabre_events::CommandKey;
use palabre_events::log::{AppendFailure, ItemAnswer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::writing::{append, expect, open, stream};

/// The whole command, and also the tag that says that it is done.
const COMMIT: &[u8] = b"COMMIT\0";

/// Passes everything on; once `armed`, the next commit is passed on too, but what the server says to it is thrown away,
/// and the connection ends.
async fn relay(client: TcpStream, port: u16, armed: Arc<AtomicBool>) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
    let lost = Arc::new(AtomicBool::new(false));
    let upwards = {
        let lost = lost.clone();
        async move {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = from_client.read(&mut buffer).await?;
                if length == 0 {
                    return std::io::Result::Ok(());
                }
                let commits = buffer[..length].windows(COMMIT.len()).any(|word| word == COMMIT);
                if commits && armed.swap(false, Ordering::SeqCst) {
                    lost.store(true, Ordering::SeqCst);
                }
                to_server.write_all(&buffer[..length]).await?;
            }
        }
    };
    let downwards = async move {
        let mut buffer = vec![0; 64 * 1024];
        let mut said = Vec::new();
        loop {
            let length = from_server.read(&mut buffer).await?;
            if length == 0 {
                return std::io::Result::Ok(());
            }
            if lost.load(Ordering::SeqCst) {
                said.extend_from_slice(&buffer[..length]);
                if said.windows(COMMIT.len()).any(|word| word == COMMIT) {
                    return Ok(());
                }
            } else {
                to_client.write_all(&buffer[..length]).await?;
            }
        }
    };
    tokio::select! {
        ended = upwards => ended,
        ended = downwards => ended,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_its_key_finds_it() {
    let server = PostgresServer::shared();
    let url = server.fresh_database_over_tcp();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxied = url.replace(&server.port().to_string(), &listener.local_addr().unwrap().port().to_string());
    let armed = Arc::new(AtomicBool::new(false));
    let (port, arm) = (server.port(), armed.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, port, arm.clone()));
        }
    });
    let store: Arc<dyn EventStore> = tokio::task::block_in_place(|| open(&proxied));
    let key = || CommandKey(Uuid::now_v7());
    store.append(append(stream(1), 0, key())).await.unwrap();

    armed.store(true, Ordering::SeqCst);
    let lost = append(stream(1), 1, key());
    assert_eq!(store.append(lost.clone()).await, Err(AppendFailure::Unknown));
    assert!(!armed.load(Ordering::SeqCst), "it was that commit");
    let first = store.first_answer(lost.stream, lost.items[0].key.unwrap()).await.unwrap().expect("it was committed");
    assert_eq!((first.stream, first.version, first.position), (stream(1), 2, 2));
    let again = store.append(lost).await.unwrap();
    assert_eq!(again, [ItemAnswer::Duplicate(first)]);
    store.append(append(stream(1), 2, key())).await.unwrap();
    expect(&*store, &[(stream(1), 3)].into()).await;
}
