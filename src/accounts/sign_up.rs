//! Signing up; and people who are brought in by others: by an import, or as the first administrator.
//!
//! The steps are: make the person's key; keep address, password and the sealed opening in the vault; have the log take
//! the opening; note that it did. A crash leaves at most a key that names nobody (before the second step), or a person
//! whose opening waits in the vault: signing in, or signing up again with the same address and password, completes it.

use palabre_events::account::{AccountOpened, Language};
use palabre_events::sealed::DisplayName;
use palabre_events::{AccountId, Actor, KeyId, Timestamp};
use std::net::IpAddr;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::sign_in::{check_password, read_email};
use super::{AccountRefusal, Accounts, SignedIn, password};
use crate::commands::FieldError;
use crate::vault::{Admission, Email, PasswordHash, Person, Role};

/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 80;

/// What somebody says who signs up.
#[derive(Clone)]
pub struct SignUp {
    /// Their address.
    pub email: String,
    /// The password that they chose.
    pub password: String,
    /// The name that others shall see.
    pub name: String,
    /// In which language to write to them.
    pub language: Language,
}

/// Somebody was brought in by others.
#[derive(Debug, PartialEq, Eq)]
pub struct Introduced {
    /// Their account.
    pub account: AccountId,
    /// A password that was made for them; shown once and kept nowhere. `None` when they had an account already.
    pub password: Option<Zeroizing<String>>,
}

impl Accounts {
    /// Signs somebody up from `address`, and in. Whoever signs up again with the address and password of an account is
    /// signed in to it; with another password, the address is taken.
    pub async fn sign_up(&self, sign_up: &SignUp, address: IpAddr, now: Timestamp) -> Result<SignedIn, AccountRefusal> {
        let (email, name) = check(sign_up)?;
        self.throttle.try_password(address, &email)?;
        let holder = match self.vault.person_by_email(email.clone()).await? {
            Some(holder) => holder,
            None => {
                let hash = self.hasher.hash(&sign_up.password).await?;
                let person = self.new_person(email, Some(hash), name, sign_up.language).await?;
                match self.vault.admit(person.clone()).await? {
                    Admission::Admitted => return self.let_in(person, now).await,
                    Admission::Taken(holder) => *holder,
                }
            }
        };
        if self.hasher.verify(&sign_up.password, holder.password.as_ref()).await? {
            self.let_in(holder, now).await
        } else {
            Err(AccountRefusal::EmailTaken)
        }
    }

    /// The account of who has `email`; one is opened without a password where there is none, which its person gets into
    /// by having a new password sent. For imports; throttles nothing.
    pub async fn introduce(
        &self,
        email: Email,
        name: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<AccountId, AccountRefusal> {
        self.bring_in(email, None, name, language, now).await.map(|(account, _)| account)
    }

    /// As [`Accounts::introduce`], with a password for whoever has no account yet. For demos.
    pub async fn introduce_with_password(
        &self,
        email: Email,
        password: &str,
        name: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<AccountId, AccountRefusal> {
        check_password(password, &email, "password")?;
        let hash = self.hasher.hash(password).await?;
        self.bring_in(email, Some(hash), name, language, now).await.map(|(account, _)| account)
    }

    /// Makes who has `email` an administrator, with an account and a random password where they have none. For the
    /// command line of whoever operates the platform.
    pub async fn create_admin(
        &self,
        email: Email,
        name: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<Introduced, AccountRefusal> {
        let password = password::generate();
        let hash = self.hasher.hash(&password).await?;
        let (account, new) = self.bring_in(email, Some(hash), name, language, now).await?;
        self.vault.grant_role(account, Role::Admin).await?;
        Ok(Introduced { account, password: new.then_some(password) })
    }

    /// Gives who has `email` a role; `None` when nobody has that address.
    pub async fn grant_role(&self, email: Email, role: Role) -> Result<Option<AccountId>, AccountRefusal> {
        let Some(person) = self.vault.person_by_email(email).await? else { return Ok(None) };
        self.vault.grant_role(person.account, role).await?;
        Ok(Some(person.account))
    }

    /// Takes a role from who has `email`; `None` when nobody has that address. Sessions know it a second later.
    pub async fn revoke_role(&self, email: Email, role: Role) -> Result<Option<AccountId>, AccountRefusal> {
        let Some(person) = self.vault.person_by_email(email).await? else { return Ok(None) };
        self.vault.revoke_role(person.account, role).await?;
        Ok(Some(person.account))
    }

    /// Sets in which language to write mail to the person; the fact itself goes to the log as a command.
    pub async fn set_language(&self, account: AccountId, language: Language) -> Result<(), AccountRefusal> {
        Ok(self.vault.set_language(account, language).await?)
    }

    /// The account of who has `email`, and whether it is new.
    async fn bring_in(
        &self,
        email: Email,
        password: Option<PasswordHash>,
        name: &str,
        language: Language,
        now: Timestamp,
    ) -> Result<(AccountId, bool), AccountRefusal> {
        let name = check_name(name).map_err(|wrong| AccountRefusal::Invalid(vec![wrong]))?;
        let (person, new) = match self.vault.person_by_email(email.clone()).await? {
            Some(holder) => (holder, false),
            None => {
                let person = self.new_person(email, password, name, language).await?;
                match self.vault.admit(person.clone()).await? {
                    Admission::Admitted => (person, true),
                    Admission::Taken(holder) => (*holder, false),
                }
            }
        };
        let account = person.account;
        self.complete(person, Actor::Operator, now).await?;
        Ok((account, new))
    }

    /// Somebody new, with a key of their own and an opening that waits for the log.
    async fn new_person(
        &self,
        email: Email,
        password: Option<PasswordHash>,
        name: DisplayName,
        language: Language,
    ) -> Result<Person, AccountRefusal> {
        let account = AccountId(Uuid::now_v7());
        let key = KeyId::Person(account);
        self.keyring.ready(&[key]).await?;
        let name = self.keyring.seal(key, &name)?;
        let opening = serde_json::to_vec(&AccountOpened { account, name, language }).expect("facts are plain JSON");
        Ok(Person { account, email, password, language, opening: Some(opening) })
    }
}

/// All that is wrong with the form, together.
fn check(sign_up: &SignUp) -> Result<(Email, DisplayName), AccountRefusal> {
    let email = read_email(&sign_up.email);
    let password = match &email {
        Ok(email) => check_password(&sign_up.password, email, "password"),
        Err(_) => Ok(()),
    };
    let name = check_name(&sign_up.name);
    match (email, password, name) {
        (Ok(email), Ok(()), Ok(name)) => Ok((email, name)),
        (email, password, name) => {
            let refusals = [email.err(), password.err(), name.err().map(|wrong| AccountRefusal::Invalid(vec![wrong]))];
            let wrong = refusals.into_iter().flatten().flat_map(|refusal| match refusal {
                AccountRefusal::Invalid(fields) => fields,
                other => unreachable!("a form is checked by its fields: {other:?}"),
            });
            Err(AccountRefusal::Invalid(wrong.collect()))
        }
    }
}

/// A name as others see it: trimmed, on one line.
pub(crate) fn check_name(name: &str) -> Result<DisplayName, FieldError> {
    let wrong = |code, message: &str| Err(FieldError { field: "name".to_owned(), code, message: message.to_owned() });
    let name = name.trim();
    if name.is_empty() {
        return wrong("empty", "a name that others see");
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return wrong("too_long", "at most 80 characters");
    }
    if name.chars().any(char::is_control) {
        return wrong("control_character", "control characters are not text");
    }
    Ok(DisplayName(name.to_owned()))
}
