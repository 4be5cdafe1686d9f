//! People in PostgreSQL.

use deadpool_postgres::{GenericClient, Transaction};
use palabre_events::AccountId;
use palabre_events::account::Language;
use tokio_postgres::Row;

use super::{PostgresVault, row, sessions};
use crate::postgres::Unanswered;
use crate::vault::{Admission, Answer, Email, EndedSession, PasswordHash, People, Person, Role, Roles, SessionId};

const ADMIT: &str = "
    INSERT INTO palabre_vault.people (account, email, password, language, opening) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING";
const HOLDER: &str = "
    SELECT account, email, password, language, opening FROM palabre_vault.people WHERE email = $1 OR account = $2";
const BY_EMAIL: &str = "
    SELECT account, email, password, language, opening FROM palabre_vault.people WHERE email = $1";
const BY_ACCOUNT: &str = "
    SELECT account, email, password, language, opening FROM palabre_vault.people WHERE account = $1";

impl People for PostgresVault {
    fn admit(&self, person: Person) -> Answer<Admission> {
        self.ask_once(move |client| {
            let person = person.clone();
            Box::pin(async move {
                let admit = client.prepare_cached(ADMIT).await?;
                let (account, email) = (person.account.0, person.email.as_str());
                let (password, language) = (person.password.as_ref().map(|hash| &hash.0), person.language.name());
                let row = client.execute(&admit, &[&account, &email, &password, &language, &person.opening]).await?;
                if row == 1 {
                    return Ok(Admission::Admitted);
                }
                // Whoever was in the way is there for good.
                let holder = client.query_one(HOLDER, &[&email, &account]).await?;
                Ok(Admission::Taken(Box::new(person_of(&holder)?)))
            })
        })
    }

    fn person_by_email(&self, email: Email) -> Answer<Option<Person>> {
        self.ask(move |client| {
            let email = email.clone();
            Box::pin(async move {
                let select = client.prepare_cached(BY_EMAIL).await?;
                client.query_opt(&select, &[&email.as_str()]).await?.as_ref().map(person_of).transpose()
            })
        })
    }

    fn person(&self, account: AccountId) -> Answer<Option<Person>> {
        self.ask(move |client| Box::pin(async move { person(&*client, account).await }))
    }

    fn note_opened(&self, account: AccountId) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let update = "UPDATE palabre_vault.people SET opening = NULL WHERE account = $1";
                client.execute(update, &[&account.0]).await?;
                Ok(())
            })
        })
    }

    fn set_language(&self, account: AccountId, language: Language) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let update = "UPDATE palabre_vault.people SET language = $2 WHERE account = $1";
                client.execute(update, &[&account.0, &language.name()]).await?;
                Ok(())
            })
        })
    }

    fn set_password(
        &self,
        account: AccountId,
        password: PasswordHash,
        keep: Option<SessionId>,
    ) -> Answer<Vec<EndedSession>> {
        self.ask(move |client| {
            let password = password.clone();
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let ended = set_password(&transaction, account, &password, keep).await?;
                transaction.commit().await?;
                Ok(ended)
            })
        })
    }

    fn roles(&self, account: AccountId) -> Answer<Roles> {
        self.ask(move |client| {
            Box::pin(async move {
                let select = client.prepare_cached("SELECT role FROM palabre_vault.roles WHERE account = $1").await?;
                client.query(&select, &[&account.0]).await?.iter().map(|row| role_of(row::get(row, 0)?)).collect()
            })
        })
    }

    fn grant_role(&self, account: AccountId, role: Role) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let insert = "INSERT INTO palabre_vault.roles (account, role) VALUES ($1, $2) ON CONFLICT DO NOTHING";
                client.execute(insert, &[&account.0, &role.name()]).await?;
                Ok(())
            })
        })
    }

    fn revoke_role(&self, account: AccountId, role: Role) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let delete = "DELETE FROM palabre_vault.roles WHERE account = $1 AND role = $2";
                client.execute(delete, &[&account.0, &role.name()]).await?;
                Ok(())
            })
        })
    }
}

pub(super) async fn person(client: &impl GenericClient, account: AccountId) -> Result<Option<Person>, Unanswered> {
    let select = client.prepare_cached(BY_ACCOUNT).await?;
    client.query_opt(&select, &[&account.0]).await?.as_ref().map(person_of).transpose()
}

/// Resets go first: whoever redeems one takes them in the same order.
pub(super) async fn set_password(
    transaction: &Transaction<'_>,
    account: AccountId,
    password: &PasswordHash,
    keep: Option<SessionId>,
) -> Result<Vec<EndedSession>, Unanswered> {
    transaction.execute("DELETE FROM palabre_vault.password_resets WHERE account = $1", &[&account.0]).await?;
    let update = "UPDATE palabre_vault.people SET password = $2 WHERE account = $1";
    transaction.execute(update, &[&account.0, &password.0]).await?;
    sessions::end_all(transaction, account, keep).await
}

pub(super) fn role_of(name: &str) -> Result<Role, Unanswered> {
    Role::of_name(name).ok_or_else(|| Unanswered::wrong(0, "not a role"))
}

pub(super) fn person_of(row: &Row) -> Result<Person, Unanswered> {
    Ok(Person {
        account: row::account(row, 0)?,
        email: row::get::<&str>(row, 1)?.parse().map_err(|_| Unanswered::wrong(1, "not an e-mail address"))?,
        password: row::get::<Option<String>>(row, 2)?.map(PasswordHash),
        language: match row::get(row, 3)? {
            "fr" => Language::Fr,
            "en" => Language::En,
            _ => return Err(Unanswered::wrong(3, "not a language")),
        },
        opening: row::get(row, 4)?,
    })
}
