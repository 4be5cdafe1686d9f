//! Who is it? The name that others see, and the language to write in. How to reach people is in the vault alone.

use palabre_events::account::{AccountEvent, Language};
use palabre_events::domain::Recorded;
use palabre_events::{AccountId, DomainEvent};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde::Serialize;

use crate::columns::{json, to_json, uuid};
use crate::opening::open;
use crate::projection::{FoldError, Folding, Projection, Touched};
use crate::reader::{ViewError, ViewsReader};
use crate::rows::{Row, Rows};

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Who.
    pub account: AccountId,
    /// The name; absent when the person was erased.
    pub name: Option<String>,
    /// In which language to write to them.
    pub language: Language,
}

const SELECT: &str = "SELECT account, name, language FROM people WHERE account = ?1";

fn person(row: &SqlRow<'_>) -> rusqlite::Result<Person> {
    Ok(Person { account: AccountId(uuid(row, 0)?), name: row.get(1)?, language: json(row, 2)? })
}

impl Row for Person {
    type Key = AccountId;

    fn load(account: AccountId, db: &Connection) -> Result<Option<Self>, FoldError> {
        Ok(db.prepare_cached(SELECT)?.query_row([account.0.as_bytes()], person).optional()?)
    }

    fn save(&mut self, account: AccountId, db: &Connection) -> Result<(), FoldError> {
        let replace = "INSERT OR REPLACE INTO people (account, name, language) VALUES (?1, ?2, ?3)";
        db.prepare_cached(replace)?.execute(params![account.0.as_bytes(), self.name, to_json(&self.language)])?;
        Ok(())
    }
}

/// Folds accounts.
#[derive(Default)]
pub(crate) struct People {
    people: Rows<Person>,
}

impl Projection for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError> {
        let DomainEvent::Account(event) = &recorded.event else { return Ok(()) };
        match event {
            AccountEvent::AccountOpened(event) => {
                let name = open(&event.name, folding.opener)?.map(|name| name.0);
                let (account, language) = (event.account, event.language);
                self.people.put(account, Person { account, name, language });
            }
            AccountEvent::ProfileChanged(event) => {
                let person = self.people.edit(event.account, folding.db)?;
                let person = person.ok_or_else(|| FoldError::unknown("person", event.account.0))?;
                if let Some(name) = &event.name {
                    person.name = open(name, folding.opener)?.map(|name| name.0);
                }
                person.language = event.language.unwrap_or(person.language);
            }
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection, _: &mut Touched) -> Result<(), FoldError> {
        self.people.flush(db).map(|_| ())
    }

    fn forget(&mut self) {
        self.people.forget();
    }
}

impl ViewsReader {
    /// A person.
    pub fn person(&self, account: AccountId) -> Result<Option<Person>, ViewError> {
        self.read(|db| db.prepare_cached(SELECT)?.query_row([account.0.as_bytes()], person).optional())
    }

    /// Several people; those without an account are left out. The order is theirs.
    pub fn people(&self, accounts: &[AccountId]) -> Result<Vec<Person>, ViewError> {
        self.read(|db| {
            let mut select = db.prepare_cached(SELECT)?;
            let found = accounts.iter().map(|account| select.query_row([account.0.as_bytes()], person).optional());
            found.filter_map(Result::transpose).collect()
        })
    }
}
