//! What only the log on PostgreSQL can show, beside the contract that it shares. Restarts of the server are tested in
//! `tests/postgres/`.

use std::sync::Arc;

use super::*;
use crate::store::contract;
use crate::test_postgres::PostgresServer;

fn open(url: &str) -> Arc<dyn EventStore> {
    Arc::new(PostgresStore::open(&Address::parse(url).expect("an address")).expect("opens"))
}

async fn fixture() -> contract::Fixture {
    contract::Fixture { store: open(&PostgresServer::shared().fresh_database()), place: Box::new(()) }
}

contract::suite!(fixture);
