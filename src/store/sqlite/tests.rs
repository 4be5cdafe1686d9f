//! What only the log on SQLite can show, beside the contract that it shares.

use std::sync::Arc;

use super::*;
use crate::store::contract;

fn fixture() -> contract::Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    contract::Fixture { store: Arc::new(store), folder: Some(folder) }
}

contract::suite!(fixture);
