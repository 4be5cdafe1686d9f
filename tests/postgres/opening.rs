//! What a log is opened with, and when it is not.

use palabre::postgres::{Address, OpenFailure};
use palabre::store::EventStore;
use palabre::store::postgres::PostgresStore;
use palabre_events::CommandKey;
use palabre_events::log::AppendFailure;
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::writing::{append, expect, open, stream};

fn refused(url: &str) -> OpenFailure {
    PostgresStore::open(&Address::parse(url).unwrap()).map(drop).unwrap_err()
}

fn read_only(url: &str) -> Result<PostgresStore, OpenFailure> {
    PostgresStore::open_read_only(&Address::parse(url).unwrap())
}

#[test]
fn nodes_may_make_the_log_at_once() {
    let url = PostgresServer::shared().fresh_database();
    let names = std::thread::scope(|scope| {
        let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&url).log_id())).collect();
        opening.into_iter().map(|name| name.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(names.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn a_log_may_be_read_without_writing_to_it() {
    let url = PostgresServer::shared().fresh_database();
    let missing = read_only(&url).map(drop).unwrap_err();
    assert!(matches!(missing, OpenFailure::Missing { .. }), "{missing}");
    let writing = open(&url);
    writing.append(append(stream(1), 0, CommandKey(Uuid::now_v7()))).await.unwrap();
    let reading = read_only(&url).unwrap();
    assert_eq!((reading.log_id(), *reading.head().borrow()), (writing.log_id(), 1));
    expect(&reading, &[(stream(1), 1)].into()).await;
    let refused = reading.append(append(stream(1), 1, CommandKey(Uuid::now_v7()))).await;
    assert_eq!(refused, Err(AppendFailure::Unavailable));
}

#[test]
fn a_log_of_a_later_program_is_left_alone() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    drop(open(&url));
    server.sql(&url, "UPDATE palabre_log.schema_version SET version = 99");
    let later = "the log has schema 99, this palabre knows up to 1; use a newer palabre";
    assert_eq!(refused(&url).to_string(), later);
    assert_eq!(read_only(&url).map(drop).unwrap_err().to_string(), later);
}

#[tokio::test]
async fn over_tls_the_certificate_is_checked() {
    let url = PostgresServer::shared().fresh_database_over_tls();
    let store = open(&url);
    store.append(append(stream(1), 0, CommandKey(Uuid::now_v7()))).await.unwrap();
    expect(&*store, &[(stream(1), 1)].into()).await;
    // Nobody signed it whom the world trusts, and it is not for this name.
    let unknown = refused(url.split("&sslrootcert").next().unwrap()).to_string();
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let misnamed = refused(&url.replace("@localhost", "@127.0.0.1")).to_string();
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
}

#[test]
fn what_cannot_be_reached_is_said_without_the_password() {
    let url = PostgresServer::shared().fresh_database_over_tcp();
    for wrong in [url.replace("a%20password", "s3cr3t"), "postgres://anna:s3cr3t@127.0.0.1:1/palabre".to_owned()] {
        let said = format!("{0} {0:?}", refused(&wrong));
        assert!(said.contains("127.0.0.1") && !said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn a_server_that_does_not_flush_is_refused() {
    let server = PostgresServer::start_with("-c fsync=off");
    let failure = refused(&server.fresh_database());
    assert!(matches!(failure, OpenFailure::NotDurable { .. }), "{failure}");
}

#[tokio::test]
async fn what_a_server_would_not_wait_for_is_waited_for() {
    let server = PostgresServer::start_with("-c synchronous_commit=off");
    let url = server.fresh_database();
    let store = open(&url);
    store.append(append(stream(1), 0, CommandKey(Uuid::now_v7()))).await.unwrap();
    server.restart();
    assert_eq!(server.sql(&url, "SELECT position FROM palabre_log.log_head"), "1");
}

#[tokio::test]
async fn tampering_is_proved() {
    let server = PostgresServer::shared();
    let url = server.fresh_database();
    let store = open(&url);
    for version in 0..5 {
        store.append(append(stream(1), version, CommandKey(Uuid::now_v7()))).await.unwrap();
    }
    let fault = async |sql: &str| {
        server.sql(&url, sql);
        palabre::store::verify::verify(&*store, |_, _| ()).await.unwrap_err().to_string()
    };
    let altered = fault("UPDATE palabre_log.events SET data = '\\x7b7d' WHERE position = 4").await;
    assert!(altered.starts_with("position 4 ") && altered.contains("hash"), "{altered}");
    let missing = fault("DELETE FROM palabre_log.events WHERE position = 2").await;
    assert!(missing.starts_with("position 2:"), "{missing}");
}
