//! The port for people: e-mail address, password, language and roles of each account.
//!
//! What a person says of themselves is in the log, sealed; passwords are judged and hashed in `accounts`.

use palabre_events::AccountId;
use palabre_events::account::Language;
use std::fmt;

use super::sessions::EndedSession;
use super::{Answer, Email, SessionId};

/// The people of a vault.
pub trait People: Send + Sync + 'static {
    /// Takes `person` in, unless the account or the e-mail address is there already; then answers who has it and
    /// changes nothing.
    fn admit(&self, person: Person) -> Answer<Admission>;

    /// The person with this e-mail address.
    fn person_by_email(&self, email: Email) -> Answer<Option<Person>>;

    /// The person with this account.
    fn person(&self, account: AccountId) -> Answer<Option<Person>>;

    /// Notes that the log now holds the account's opening. Again, or for nobody, changes nothing.
    fn note_opened(&self, account: AccountId) -> Answer<()>;

    /// Sets in which language to write to the person.
    fn set_language(&self, account: AccountId, language: Language) -> Answer<()>;

    /// Sets the password, forgets any link to reset it, and ends the person's sessions except `keep`; answers those
    /// that ended.
    fn set_password(
        &self,
        account: AccountId,
        password: PasswordHash,
        keep: Option<SessionId>,
    ) -> Answer<Vec<EndedSession>>;

    /// What the account may do beyond its own affairs.
    fn roles(&self, account: AccountId) -> Answer<Roles>;

    /// Gives the account a role. Again changes nothing.
    fn grant_role(&self, account: AccountId, role: Role) -> Answer<()>;

    /// Takes a role away. Again changes nothing.
    fn revoke_role(&self, account: AccountId, role: Role) -> Answer<()>;
}

/// Who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: AccountId,
    /// Unique among all people.
    pub email: Email,
    /// None for who was brought in by an import and has never set one: then only a link by e-mail lets them in.
    pub password: Option<PasswordHash>,
    /// In which language to write to them.
    pub language: Language,
    /// The account's `AccountOpened` as JSON, until the log holds it, so that a crash in between can be mended.
    pub opening: Option<Vec<u8>>,
}

/// What became of a person who was to be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They are in.
    Admitted,
    /// The address, or the account, was in already.
    Taken(Box<Person>),
}

/// A password as an argon2id PHC string. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What an account may do beyond its own affairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Helps people: reads what an audit shows.
    Support,
    /// Runs the platform; may do what support may.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Support, Self::Admin];

    /// As stored and as written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// The roles of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// It was given [`Role::Support`].
    pub support: bool,
    /// It was given [`Role::Admin`].
    pub admin: bool,
}

impl Roles {
    /// Whether the account may do what `role` may.
    pub fn may_act_as(self, role: Role) -> bool {
        match role {
            Role::Support => self.support || self.admin,
            Role::Admin => self.admin,
        }
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::default(), |held, role| match role {
            Role::Support => Self { support: true, ..held },
            Role::Admin => Self { admin: true, ..held },
        })
    }
}
