//! Which log, and opening it: the one place that knows every adapter by name.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

use super::EventStore;
use super::copy::{NoTarget, Original, Target};
#[cfg(feature = "kurrentdb")]
use super::kurrent::{self, KurrentStore, KurrentTarget};
use super::postgres::{PostgresStore, PostgresTarget};
use super::sqlite::{SqliteStore, SqliteTarget};
use crate::postgres::{Address, BadAddress};

/// Where a log is. `Debug` and `Display` show no secret.
#[derive(Clone)]
pub enum StoreUrl {
    /// `sqlite:FOLDER`.
    Sqlite(PathBuf),
    /// `postgres://…`.
    Postgres(Box<Address>),
    /// `esdb://…` or `kurrentdb://…`.
    #[cfg(feature = "kurrentdb")]
    Kurrent(Box<kurrent::Address>),
}

/// What a log is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read and to write; it is made where there is none. A log in a folder has one such process at a time.
    Write,
    /// To read only, also while others write; it must be there.
    Read,
}

/// Why a text does not say where a log is. Never repeats the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadStoreUrl {
    /// There is no such kind.
    #[error("the store must be sqlite:FOLDER, postgres://… or esdb://…; `{0}` is not known")]
    Scheme(String),
    /// It says no folder.
    #[error("the store must be sqlite:FOLDER, postgres://… or esdb://…; the folder is missing")]
    NoFolder,
    /// The address of a database cannot be read.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// This program was built without it.
    #[cfg(not(feature = "kurrentdb"))]
    #[error("this palabre was built without KurrentDB; build it with the feature `kurrentdb`")]
    LeftOut,
    /// The address of a KurrentDB server cannot be read.
    #[cfg(feature = "kurrentdb")]
    #[error(transparent)]
    Kurrent(#[from] kurrent::BadAddress),
}

/// Why a log is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// The one in a folder.
    #[error(transparent)]
    Sqlite(#[from] super::sqlite::OpenFailure),
    /// The one in a database.
    #[error(transparent)]
    Postgres(#[from] crate::postgres::OpenFailure),
    /// The one on KurrentDB.
    #[cfg(feature = "kurrentdb")]
    #[error(transparent)]
    Kurrent(#[from] kurrent::OpenFailure),
}

/// Opens the log at `url`. May block for a moment.
pub fn open(url: &StoreUrl, access: Access) -> Result<Arc<dyn EventStore>, OpenFailure> {
    Ok(match (url, access) {
        (StoreUrl::Sqlite(folder), Access::Write) => Arc::new(SqliteStore::open(folder)?),
        (StoreUrl::Sqlite(folder), Access::Read) => Arc::new(SqliteStore::open_read_only(folder)?),
        (StoreUrl::Postgres(address), Access::Write) => Arc::new(PostgresStore::open(address)?),
        (StoreUrl::Postgres(address), Access::Read) => Arc::new(PostgresStore::open_read_only(address)?),
        #[cfg(feature = "kurrentdb")]
        (StoreUrl::Kurrent(address), Access::Write) => Arc::new(KurrentStore::open(address)?),
        #[cfg(feature = "kurrentdb")]
        (StoreUrl::Kurrent(address), Access::Read) => Arc::new(KurrentStore::open_read_only(address)?),
    })
}

/// Opens the log at `url`, which must be there, to be copied. To write, where it should be held from others meanwhile and can be.
pub fn original(url: &StoreUrl, access: Access) -> Result<Arc<dyn Original>, OpenFailure> {
    Ok(match (url, access) {
        (StoreUrl::Sqlite(folder), Access::Write) => Arc::new(SqliteStore::open_existing(folder)?),
        (StoreUrl::Sqlite(folder), Access::Read) => Arc::new(SqliteStore::open_read_only(folder)?),
        (StoreUrl::Postgres(address), _) => Arc::new(PostgresStore::open_read_only(address)?),
        #[cfg(feature = "kurrentdb")]
        (StoreUrl::Kurrent(address), _) => Arc::new(KurrentStore::open_read_only(address)?),
    })
}

/// Begins a copy of the log `of` at `url`, or goes on with the one there. May block for a moment.
pub fn target(url: &StoreUrl, of: Uuid) -> anyhow::Result<Box<dyn Target>> {
    // A copy knows by the name whether it is gone on with, and this one is another at its next opening to write.
    anyhow::ensure!(!of.is_nil(), NoTarget::Unnamed);
    Ok(match url {
        StoreUrl::Sqlite(folder) => Box::new(SqliteTarget::open(folder, of)?),
        StoreUrl::Postgres(address) => Box::new(PostgresTarget::open(address, of)?),
        #[cfg(feature = "kurrentdb")]
        StoreUrl::Kurrent(address) => Box::new(KurrentTarget::open(address, of)?),
    })
}

impl FromStr for StoreUrl {
    type Err = BadStoreUrl;

    fn from_str(text: &str) -> Result<Self, BadStoreUrl> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err(BadStoreUrl::NoFolder),
            Some(("sqlite", folder)) => Ok(Self::Sqlite(folder.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(Address::parse(text)?))),
            #[cfg(feature = "kurrentdb")]
            Some((scheme, _)) if kurrent::Address::SCHEMES.contains(&scheme) => {
                Ok(Self::Kurrent(Box::new(kurrent::Address::parse(text)?)))
            }
            #[cfg(not(feature = "kurrentdb"))]
            Some(("esdb" | "esdb+discover" | "kurrentdb" | "kurrentdb+discover", _)) => Err(BadStoreUrl::LeftOut),
            Some((scheme, _)) => Err(BadStoreUrl::Scheme(scheme.to_owned())),
            // A text without a colon holds no password.
            None => Err(BadStoreUrl::Scheme(text.to_owned())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(folder) => write!(f, "sqlite:{}", folder.display()),
            Self::Postgres(address) => address.fmt(f),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "kurrentdb")]
    fn a_log_is_on_kurrentdb() {
        let shown = |text: &str| text.parse::<StoreUrl>().map(|url| url.to_string()).map_err(|bad| bad.to_string());
        for text in ["esdb://anna:s3cr3t@db:2113?tls=false", "kurrentdb://anna:s3cr3t@db"] {
            assert_eq!(shown(text), Ok("esdb://db:2113".to_owned()));
        }
        assert!(!shown("esdb://anna:s3cr3t@db:port").unwrap_err().contains("s3cr3t"));
    }

    #[test]
    fn a_log_is_in_a_folder_or_in_a_database() {
        let shown = |text: &str| text.parse::<StoreUrl>().map(|url| url.to_string()).map_err(|bad| bad.to_string());
        assert_eq!(shown("sqlite:/srv/palabre"), Ok("sqlite:/srv/palabre".to_owned()));
        assert_eq!(shown("postgres://anna:s3cr3t@db/log"), Ok("postgres://db:5432/log".to_owned()));
        assert_eq!(shown("postgresql://anna:s3cr3t@db/log"), Ok("postgres://db:5432/log".to_owned()));
        for (text, said) in
            [("mysql://x", "`mysql` is not known"), ("here", "`here`"), ("sqlite:", "folder is missing")]
        {
            assert!(shown(text).unwrap_err().contains(said), "{text}");
        }
    }
}
