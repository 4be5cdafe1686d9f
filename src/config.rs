//! Settings: from the command line, the environment (`PALABRE_…`), a TOML file, and defaults, in this order.

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::page::tiles::{NoTiles, Tiles};
use crate::store::open::{BadStoreUrl, StoreUrl};
use crate::vault::open::VaultUrl;

/// All settings of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The folder that holds everything: log, vault, views, mails.
    pub data: PathBuf,
    /// The log; `sqlite:FOLDER`, `postgres://…` or `esdb://…`. Absent: in the data folder.
    pub store: Option<String>,
    /// The vault; `sqlite:PATH` or `postgres://…`. Absent: in the log's database, else `vault.db` in the data folder.
    pub vault: Option<String>,
    /// The Redis through which nodes hear each other at once, such as `redis://127.0.0.1:6379/`. Absent: from the log
    /// alone.
    pub redis: Option<String>,
    /// How people reach the platform, such as `https://covoiturage.example`. Absent: `http://LISTEN`.
    pub public_url: Option<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Where mail goes out, such as `smtps://user:password@mail.example`. Absent: into a folder.
    pub smtp_url: Option<String>,
    /// Who mail comes from.
    pub mail_from: String,
    /// Where maps come from, such as `https://tiles.example/{z}/{x}/{y}.png`. Absent: the page draws its own.
    pub tiles_url: Option<String>,
    /// Whom to name on those maps.
    pub tiles_attribution: Option<String>,
    /// The most commands per second of one account; ten times as many may come at once.
    pub commands_per_s: u32,
    /// The most requests per second of one address without an account; ten times as many may come at once.
    pub requests_per_s: u32,
    /// The most sockets of one account.
    pub sockets_per_account: usize,
    /// The most sockets of one address.
    pub sockets_per_address: usize,
    /// Seconds between two pings of a socket; whoever says nothing for 2.4 times as long is closed.
    pub ping_every_s: u32,
    /// The most sign-ups and sign-ins per minute of one address.
    pub sign_ins_per_min: u32,
    /// Threads that serve HTTP and sockets.
    pub workers: usize,
    /// What to log, such as `info` or `palabre=debug`.
    pub log_filter: String,
    /// Whether to log as JSON.
    pub log_json: bool,
    /// Where spans go by OTLP over HTTP, such as `http://127.0.0.1:4318`. Absent: nowhere.
    pub otlp_url: Option<String>,
    /// Addresses that may read `/metrics`, besides those of this machine.
    pub metrics_readers: Vec<std::net::IpAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("palabre-data"),
            store: None,
            vault: None,
            redis: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            smtp_url: None,
            mail_from: "Palabre <palabre@localhost>".to_owned(),
            tiles_url: None,
            tiles_attribution: None,
            commands_per_s: 20,
            requests_per_s: 50,
            sockets_per_account: 20,
            sockets_per_address: 1_000,
            ping_every_s: 25,
            sign_ins_per_min: 30,
            workers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            log_filter: "info".to_owned(),
            log_json: false,
            otlp_url: None,
            metrics_readers: Vec::new(),
        }
    }
}

impl Config {
    /// The defaults, under `file` (where given), under `said`: a struct whose absent fields are skipped.
    pub fn read(file: Option<&Path>, said: &impl Serialize) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            anyhow::ensure!(file.is_file(), "there is no settings file {}", file.display());
            figment = figment.merge(Toml::file_exact(file));
        }
        Ok(figment.merge(Serialized::defaults(said)).extract()?)
    }

    /// How people reach the platform, without a slash at the end.
    pub fn public_url(&self) -> String {
        let own = || format!("http://{}", self.listen);
        self.public_url.as_deref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
    }

    /// Where maps come from, if anywhere.
    pub fn tiles(&self) -> Result<Option<Tiles>, NoTiles> {
        let attribution = self.tiles_attribution.as_deref().unwrap_or_default();
        self.tiles_url.as_deref().map(|url| Tiles::read(url, attribution)).transpose()
    }

    /// Where the log is.
    pub fn store_url(&self) -> Result<StoreUrl, BadStoreUrl> {
        self.store.as_deref().map_or_else(|| Ok(StoreUrl::Sqlite(self.data.clone())), str::parse)
    }

    /// Where the vault is.
    pub fn vault_url(&self) -> anyhow::Result<VaultUrl> {
        match (self.vault.as_deref(), self.store_url()?) {
            (Some(url), _) => Ok(url.parse()?),
            (None, StoreUrl::Postgres(address)) => Ok(VaultUrl::Postgres(address)),
            // A log in a folder or on KurrentDB has its vault beside it.
            (None, _) => Ok(VaultUrl::Sqlite(self.data.join("vault.db"))),
        }
    }

    /// The file of the views.
    pub fn views_file(&self) -> PathBuf {
        self.data.join("views.db")
    }

    /// The folder that mails go to when no mail server is set.
    pub fn mail_folder(&self) -> PathBuf {
        self.data.join("mail")
    }
}

/// Shows nothing that could be secret: addresses of stores and of mail servers hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).field("data", &self.data).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Said {
        #[serde(skip_serializing_if = "Option::is_none")]
        listen: Option<SocketAddr>,
        #[serde(skip_serializing_if = "Option::is_none")]
        commands_per_s: Option<u32>,
    }

    #[test]
    fn what_is_said_goes_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("palabre.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\ncommands_per_s = 7\n").unwrap();
        let said = Said { listen: Some("127.0.0.1:9001".parse().unwrap()), commands_per_s: None };
        let config = Config::read(Some(&file), &said).unwrap();
        assert_eq!((config.listen.port(), config.commands_per_s), (9001, 7));
        assert_eq!(config.sockets_per_account, Config::default().sockets_per_account);
    }

    #[test]
    fn a_misspelt_setting_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("palabre.toml");
        std::fs::write(&file, "lisen = \"127.0.0.1:9000\"\n").unwrap();
        let said = Said { listen: None, commands_per_s: None };
        assert!(Config::read(Some(&file), &said).unwrap_err().to_string().contains("lisen"));
    }

    #[test]
    fn another_kind_of_store_is_refused_in_words() {
        let config = Config { store: Some("mysql://x".to_owned()), ..Config::default() };
        assert!(config.store_url().unwrap_err().to_string().contains("mysql"));
    }

    #[test]
    fn the_vault_goes_with_the_log_unless_it_is_said_where() {
        let vault = |store: Option<&str>, vault: Option<&str>| {
            let [store, vault] = [store, vault].map(|url| url.map(str::to_owned));
            Config { store, vault, data: "data".into(), ..Config::default() }.vault_url().unwrap().to_string()
        };
        assert_eq!(vault(None, None), "sqlite:data/vault.db");
        assert_eq!(vault(Some("sqlite:/srv/log"), None), "sqlite:data/vault.db");
        assert_eq!(vault(Some("postgres://anna:s3cr3t@db/palabre"), None), "postgres://db:5432/palabre");
        assert_eq!(vault(Some("postgres://db/palabre"), Some("postgres://other/vault")), "postgres://other:5432/vault");
        #[cfg(feature = "kurrentdb")]
        assert_eq!(vault(Some("esdb://db:2113"), None), "sqlite:data/vault.db");
        assert_eq!(vault(Some("postgres://db/palabre"), Some("sqlite:/srv/vault.db")), "sqlite:/srv/vault.db");
    }

    #[test]
    fn settings_show_no_secret() {
        let store = Some("postgres://anna:s3cr3t@db/palabre".to_owned());
        let smtp_url = Some("smtps://anna:s3cr3t@mail.example".to_owned());
        assert!(!format!("{:?}", Config { store, smtp_url, ..Config::default() }).contains("s3cr3t"));
    }
}
