//! A write whose answer is lost on the way: the server has it, and nobody was told.

use palabre::postgres::Address;
use palabre::store::EventStore;
use palabre::vault::{
    Admission, PasswordHash, People, Person, PostgresVault, Resets, Session, SessionId, Sessions, Token, VaultFailure,
};
use palabre_events::account::Language;
use palabre_events::log::{AppendFailure, ItemAnswer};
use palabre_events::{AccountId, CommandKey};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::writing::{append, expect, open, stream, write_alone};

/// How the server says that a command is done, up to the end of the word.
type Tag = &'static [u8];

/// Passes everything on; the next answer with the tag in `armed` is thrown away, and with it the connection ends.
async fn relay(client: TcpStream, port: u16, armed: Arc<Mutex<Option<Tag>>>) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
    let downwards = async move {
        let mut buffer = vec![0; 64 * 1024];
        // Since it was armed.
        let mut said = Vec::new();
        loop {
            let length = from_server.read(&mut buffer).await?;
            said.extend_from_slice(&buffer[..length]);
            let is_lost = match &mut *armed.lock().unwrap() {
                Some(tag) => said.windows(tag.len()).any(|word| word == *tag),
                None => {
                    said.clear();
                    false
                }
            };
            if is_lost {
                *armed.lock().unwrap() = None;
            }
            if length == 0 || is_lost {
                return std::io::Result::Ok(());
            }
            to_client.write_all(&buffer[..length]).await?;
        }
    };
    tokio::select! {
        ended = tokio::io::copy(&mut from_client, &mut to_server) => ended.map(drop),
        ended = downwards => ended,
    }
}

/// Two hosts, A and B, which are two ways to one server; A is shut for good in the middle of writing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_host_is_lost_everything_goes_on_with_the_next_one() {
    const EACH: u64 = 30;
    let server = PostgresServer::shared();
    let ways: Vec<_> =
        [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()]
            .into_iter()
            .map(|listener| (listener.local_addr().unwrap().port(), tokio::spawn(pass_all(listener, server.port()))))
            .collect();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", ways[0].0, ways[1].0);
    let url = server.fresh_database_over_tcp().replace(&format!("127.0.0.1:{}", server.port()), &hosts);
    let store: Arc<dyn EventStore> = tokio::task::block_in_place(|| open(&url));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..4)
        .map(|number| tokio::spawn(write_alone(store.clone(), stream(number), acknowledged.clone(), 4 * EACH)))
        .collect();
    while acknowledged.load(Ordering::Relaxed) < EACH {
        tokio::task::yield_now().await;
    }
    ways[0].1.abort();
    let mut versions = HashMap::new();
    for (number, writer) in writers.into_iter().enumerate() {
        versions.insert(stream(number), writer.await.unwrap());
    }
    assert!(versions.values().sum::<u64>() >= 4 * EACH);
    expect(&*store, &versions).await;
    // The head is followed there as well.
    let other: Arc<dyn EventStore> = tokio::task::block_in_place(|| open(&url));
    other.append(append(stream(9), 0, CommandKey(Uuid::now_v7()))).await.unwrap();
    let (mut head, due) = (store.head(), *other.head().borrow());
    let followed = tokio::time::timeout(Duration::from_secs(30), head.wait_for(|head| *head >= due)).await;
    assert!(matches!(followed, Ok(Ok(_))));
}

/// Passes everything on between whoever connects and the server; ended, it takes nobody, and cuts whom it took.
async fn pass_all(listener: TcpListener, port: u16) {
    let mut ways = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        ways.spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            // Either side may end it.
            tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
        });
    }
}

/// The URL of a new database behind a relay, and what makes the relay lose an answer.
async fn behind_a_relay() -> (String, Arc<Mutex<Option<Tag>>>) {
    let server = PostgresServer::shared();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let url = server.fresh_database_over_tcp().replace(&server.port().to_string(), &own.to_string());
    let armed = Arc::<Mutex<Option<Tag>>>::default();
    let (port, arm) = (server.port(), armed.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, port, arm.clone()));
        }
    });
    (url, armed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_its_key_finds_it() {
    let (url, armed) = behind_a_relay().await;
    let store: Arc<dyn EventStore> = tokio::task::block_in_place(|| open(&url));
    let key = || CommandKey(Uuid::now_v7());
    store.append(append(stream(1), 0, key())).await.unwrap();

    *armed.lock().unwrap() = Some(b"COMMIT\0");
    let lost = append(stream(1), 1, key());
    assert_eq!(store.append(lost.clone()).await, Err(AppendFailure::Unknown));
    assert!(armed.lock().unwrap().is_none(), "it was that commit");
    let first = store.first_answer(lost.stream, lost.items[0].key.unwrap()).await.unwrap().expect("it was committed");
    assert_eq!((first.stream, first.version, first.position), (stream(1), 2, 2));
    let again = store.append(lost).await.unwrap();
    assert_eq!(again, [ItemAnswer::Duplicate(first)]);
    store.append(append(stream(1), 2, key())).await.unwrap();
    expect(&*store, &[(stream(1), 3)].into()).await;
}

/// Asked again behind the caller's back, each would say that somebody else had been faster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_the_vault_whose_answer_is_lost_is_unknown_and_done_once() {
    let (url, armed) = behind_a_relay().await;
    let vault = tokio::task::block_in_place(|| PostgresVault::open(&Address::parse(&url).unwrap()).unwrap());
    let lose = |tag: Tag| *armed.lock().unwrap() = Some(tag);
    let (account, now) = (AccountId(Uuid::new_v4()), palabre::clock::now());
    let email = "anna@exemple.fr".parse().unwrap();
    let anna = Person { account, email, password: None, language: Language::Fr, opening: None };

    lose(b"INSERT 0 1\0");
    assert_eq!(vault.admit(anna.clone()).await, Err(VaultFailure::Unavailable));
    assert_eq!(vault.admit(anna.clone()).await, Ok(Admission::Taken(Box::new(anna))));

    let (id, later) = (SessionId(Uuid::new_v4()), now.plus_seconds(1000));
    let session = Session { id, account, made_at: now, last_seen_at: now, expires_at: later };
    vault.open_session(Token::generate().hash(), session).await.unwrap();
    lose(b"SELECT 1\0");
    assert_eq!(vault.end_session(account, id).await, Err(VaultFailure::Unavailable));
    assert_eq!(vault.end_session(account, id).await, Ok(None));

    let reset = Token::generate().hash();
    vault.keep_reset(account, reset, later).await.unwrap();
    lose(b"COMMIT\0");
    let redeemed = vault.redeem_reset(reset, PasswordHash("hashed".to_owned()), now).await;
    assert_eq!(redeemed, Err(VaultFailure::Unavailable));
    assert_eq!(vault.redeem_reset(reset, PasswordHash("hashed".to_owned()), now).await, Ok(None));
    assert_eq!(vault.person(account).await.unwrap().unwrap().password, Some(PasswordHash("hashed".to_owned())));
}
