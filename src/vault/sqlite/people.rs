//! People in SQLite.

use palabre_events::AccountId;
use palabre_events::account::Language;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{SqliteVault, row, sessions};
use crate::vault::{Admission, Answer, Email, EndedSession, PasswordHash, People, Person, Role, Roles, SessionId};

impl People for SqliteVault {
    fn admit(&self, person: Person) -> Answer<Admission> {
        self.write(move |connection| {
            let taken = "SELECT account, email, password, language, opening FROM people
                         WHERE email = ?1 OR account = ?2";
            let holder = connection
                .query_row(taken, params![person.email.as_str(), person.account.0.as_bytes()], person_of)
                .optional()?;
            if let Some(holder) = holder {
                return Ok(Admission::Taken(Box::new(holder)));
            }
            connection.execute(
                "INSERT INTO people (account, email, password, language, opening) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    person.account.0.as_bytes(),
                    person.email.as_str(),
                    person.password.as_ref().map(|hash| &hash.0),
                    person.language.name(),
                    person.opening
                ],
            )?;
            Ok(Admission::Admitted)
        })
    }

    fn person_by_email(&self, email: Email) -> Answer<Option<Person>> {
        self.read(move |connection| {
            let mut select = connection
                .prepare_cached("SELECT account, email, password, language, opening FROM people WHERE email = ?1")?;
            select.query_row([email.as_str()], person_of).optional()
        })
    }

    fn person(&self, account: AccountId) -> Answer<Option<Person>> {
        self.read(move |connection| person(connection, account))
    }

    fn note_opened(&self, account: AccountId) -> Answer<()> {
        self.write(move |connection| {
            connection.execute("UPDATE people SET opening = NULL WHERE account = ?1", [account.0.as_bytes()])?;
            Ok(())
        })
    }

    fn set_language(&self, account: AccountId, language: Language) -> Answer<()> {
        self.write(move |connection| {
            let update = "UPDATE people SET language = ?2 WHERE account = ?1";
            connection.execute(update, params![account.0.as_bytes(), language.name()])?;
            Ok(())
        })
    }

    fn set_password(
        &self,
        account: AccountId,
        password: PasswordHash,
        keep: Option<SessionId>,
    ) -> Answer<Vec<EndedSession>> {
        self.write(move |connection| set_password(connection, account, &password, keep))
    }

    fn roles(&self, account: AccountId) -> Answer<Roles> {
        self.read(move |connection| roles(connection, account))
    }

    fn grant_role(&self, account: AccountId, role: Role) -> Answer<()> {
        self.write(move |connection| {
            let insert = "INSERT INTO roles (account, role) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.execute(insert, params![account.0.as_bytes(), role.name()])?;
            Ok(())
        })
    }

    fn revoke_role(&self, account: AccountId, role: Role) -> Answer<()> {
        self.write(move |connection| {
            let delete = "DELETE FROM roles WHERE account = ?1 AND role = ?2";
            connection.execute(delete, params![account.0.as_bytes(), role.name()])?;
            Ok(())
        })
    }
}

pub(super) fn person(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<Person>> {
    let mut select = connection
        .prepare_cached("SELECT account, email, password, language, opening FROM people WHERE account = ?1")?;
    select.query_row([account.0.as_bytes()], person_of).optional()
}

pub(super) fn set_password(
    connection: &Connection,
    account: AccountId,
    password: &PasswordHash,
    keep: Option<SessionId>,
) -> rusqlite::Result<Vec<EndedSession>> {
    let update = "UPDATE people SET password = ?2 WHERE account = ?1";
    connection.execute(update, params![account.0.as_bytes(), password.0])?;
    connection.execute("DELETE FROM password_resets WHERE account = ?1", [account.0.as_bytes()])?;
    sessions::end_all(connection, account, keep)
}

pub(super) fn roles(connection: &Connection, account: AccountId) -> rusqlite::Result<Roles> {
    let mut select = connection.prepare_cached("SELECT role FROM roles WHERE account = ?1")?;
    let role =
        |row: &Row<'_>| Role::of_name(row.get_ref(0)?.as_str()?).ok_or_else(|| row::wrong(0, Type::Text, "not a role"));
    select.query_map([account.0.as_bytes()], role)?.collect()
}

pub(super) fn person_of(row: &Row<'_>) -> rusqlite::Result<Person> {
    let email = row.get_ref(1)?.as_str()?.parse();
    Ok(Person {
        account: row::account(row, 0)?,
        email: email.map_err(|_| row::wrong(1, Type::Text, "not an e-mail address"))?,
        password: row.get::<_, Option<String>>(2)?.map(PasswordHash),
        language: Language::of_name(row.get_ref(3)?.as_str()?)
            .ok_or_else(|| row::wrong(3, Type::Text, "not a language"))?,
        opening: row.get(4)?,
    })
}
