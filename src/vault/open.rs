//! Which vault, and opening it: the one place that knows every adapter by name.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::copy::{Original, Target};
use super::{PostgresVault, SqliteVault, Vault, VaultFailure};
use crate::postgres::{Address, BadAddress};

/// Where a vault is. `Debug` and `Display` show no secret.
#[derive(Clone)]
pub enum VaultUrl {
    /// `sqlite:PATH`.
    Sqlite(PathBuf),
    /// `postgres://…`.
    Postgres(Box<Address>),
}

/// Why a text does not say where a vault is. Never repeats the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadVaultUrl {
    /// There is no such kind.
    #[error("the vault must be sqlite:PATH or postgres://…; `{0}` is not known")]
    Scheme(String),
    /// It says no file.
    #[error("the vault must be sqlite:PATH or postgres://…; the path is missing")]
    NoPath,
    /// The address of a database cannot be read.
    #[error(transparent)]
    Address(#[from] BadAddress),
}

/// Why a vault is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// The one in a file.
    #[error(transparent)]
    Sqlite(#[from] VaultFailure),
    /// The one in a database.
    #[error(transparent)]
    Postgres(#[from] crate::postgres::OpenFailure),
    /// There is no file.
    #[error("there is no vault in {0}")]
    Missing(PathBuf),
}

/// Opens the vault at `url`, and makes it where there is none. May block for a moment.
pub fn open(url: &VaultUrl) -> Result<Arc<dyn Vault>, OpenFailure> {
    Ok(match url {
        VaultUrl::Sqlite(path) => Arc::new(SqliteVault::open(path)?),
        VaultUrl::Postgres(address) => Arc::new(PostgresVault::open(address)?),
    })
}

/// Opens the vault at `url`, which must be there, to be copied. May block for a moment.
pub fn original(url: &VaultUrl) -> Result<Arc<dyn Original>, OpenFailure> {
    Ok(match url {
        VaultUrl::Sqlite(path) if !path.is_file() => return Err(OpenFailure::Missing(path.clone())),
        VaultUrl::Sqlite(path) => Arc::new(SqliteVault::open(path)?),
        VaultUrl::Postgres(address) => Arc::new(PostgresVault::open_existing(address)?),
    })
}

/// Opens the vault at `url` to be copied into, and makes it where there is none. May block for a moment.
pub fn target(url: &VaultUrl) -> Result<Arc<dyn Target>, OpenFailure> {
    Ok(match url {
        VaultUrl::Sqlite(path) => Arc::new(SqliteVault::open_unfinished(path)?),
        VaultUrl::Postgres(address) => Arc::new(PostgresVault::open_unfinished(address)?),
    })
}

impl FromStr for VaultUrl {
    type Err = BadVaultUrl;

    fn from_str(text: &str) -> Result<Self, BadVaultUrl> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err(BadVaultUrl::NoPath),
            Some(("sqlite", path)) => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(Address::parse(text)?))),
            Some((scheme, _)) => Err(BadVaultUrl::Scheme(scheme.to_owned())),
            // A text without a colon holds no password.
            None => Err(BadVaultUrl::Scheme(text.to_owned())),
        }
    }
}

impl fmt::Display for VaultUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for VaultUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
