//! Where a database is and how to speak to it: a URL, read once.
//!
//! TLS is spoken when the URL asks for it, and then the server's certificate is always checked, by name and up to a
//! root: `sslmode=require`, `verify-ca` and `verify-full` mean the same here.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::random;

/// How long one address of a host may take to take up a connection.
const TAKE_UP_WITHIN: Duration = Duration::from_secs(3);
/// How long a peer may leave sent bytes unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);

/// The address of a database. `Debug` and `Display` show neither user nor password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    /// The same for each host alone.
    hosts: Vec<Config>,
    /// None where it is not asked for.
    tls: Option<MakeRustlsConnect>,
}

/// Why a URL is no address. Never repeats the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadAddress {
    /// It cannot be read.
    #[error("not an address of a database such as postgres://user:password@host/name: {0}")]
    Unreadable(#[from] tokio_postgres::Error),
    /// It does not say where.
    #[error("the address of the database names no host")]
    NoHost,
    /// Nobody knows which belong together.
    #[error(
        "the address of the database must name one port, or one for each host, and a hostaddr for each host or none"
    )]
    Uneven,
    /// Another way to speak TLS than those known.
    #[error("sslmode is disable, require, verify-ca or verify-full; the last three check the certificate")]
    SslMode,
    /// The file of root certificates cannot be used.
    #[error("sslrootcert cannot be used: {0}")]
    RootCertificates(String),
}

impl Address {
    /// Reads a URL such as `postgres://user:password@host:5432/name?sslmode=require&sslrootcert=/etc/palabre/ca.pem`.
    /// Several hosts separated by commas are tried in order, and the first that can be written to is taken.
    pub fn parse(url: &str) -> Result<Self, BadAddress> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut tls, mut roots, mut rest) = (false, None, form_urlencoded::Serializer::new(String::new()));
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("sslmode", "disable") => tls = false,
                ("sslmode", "require" | "verify-ca" | "verify-full") => tls = true,
                ("sslmode", _) => return Err(BadAddress::SslMode),
                ("sslrootcert", file) => roots = Some(file.to_owned()),
                (name, value) => drop(rest.append_pair(name, value)),
            }
        }
        // The driver reads %20 as a space, and + as itself; a + of the value has become %2B.
        let mut config: Config = format!("{base}?{}", rest.finish().replace('+', "%20")).parse()?;
        let (hosts, ports, addresses) = (config.get_hosts(), config.get_ports(), config.get_hostaddrs());
        if hosts.is_empty() {
            return Err(BadAddress::NoHost);
        }
        if [(ports.len(), 1), (addresses.len(), 0)].iter().any(|(given, few)| given > few && *given != hosts.len()) {
            return Err(BadAddress::Uneven);
        }
        config
            .application_name("palabre")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .ssl_mode(if tls { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(TAKE_UP_WITHIN)
            .tcp_user_timeout(UNACKNOWLEDGED_WITHIN)
            .keepalives_idle(UNACKNOWLEDGED_WITHIN);
        let tls = if tls { Some(MakeRustlsConnect::new(client_config(roots.as_deref())?)) } else { None };
        let hosts = (0..config.get_hosts().len()).map(|place| alone(&config, place)).collect();
        Ok(Self { config, hosts, tls })
    }

    /// Whether what is said can be read on the way to another machine.
    pub fn is_exposed(&self) -> bool {
        let is_near = |host: &Host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
            Host::Unix(_) => true,
        };
        self.config.get_ssl_mode() == SslMode::Disable && !self.config.get_hosts().iter().all(is_near)
    }

    /// How to connect to each host, in the order in which they are to be tried.
    pub(super) fn hosts(&self) -> Vec<&Config> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            hosts.sort_by_cached_key(|_| random::bytes::<8>());
        }
        hosts
    }

    pub(super) fn tls(&self) -> Option<&MakeRustlsConnect> {
        self.tls.as_ref()
    }
}

/// What `config` says of the host at `place`. The driver would wait for a host that is silent, instead of trying the
/// next; so it is never told of more than one.
fn alone(config: &Config, place: usize) -> Config {
    let mut alone = Config::new();
    match &config.get_hosts()[place] {
        Host::Tcp(name) => alone.host(name),
        Host::Unix(folder) => alone.host_path(folder),
    };
    config.get_hostaddrs().get(place).map(|address| alone.hostaddr(*address));
    config.get_ports().get(place).or(config.get_ports().first()).map(|port| alone.port(*port));
    config.get_user().map(|user| alone.user(user));
    config.get_password().map(|password| alone.password(password));
    config.get_dbname().map(|name| alone.dbname(name));
    config.get_options().map(|options| alone.options(options));
    config.get_application_name().map(|name| alone.application_name(name));
    config.get_connect_timeout().map(|within| alone.connect_timeout(*within));
    config.get_tcp_user_timeout().map(|within| alone.tcp_user_timeout(*within));
    config.get_keepalives_interval().map(|interval| alone.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| alone.keepalives_retries(retries));
    alone
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .load_balance_hosts(config.get_load_balance_hosts());
    alone
}

fn client_config(roots: Option<&str>) -> Result<ClientConfig, BadAddress> {
    let mut trusted = RootCertStore::empty();
    match roots {
        None => trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unusable = |why: String| BadAddress::RootCertificates(format!("{file}: {why}"));
            let certificates = CertificateDer::pem_file_iter(file).map_err(|why| unusable(why.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|why| unusable(why.to_string()))?;
                trusted.add(certificate).map_err(|why| unusable(why.to_string()))?;
            }
            if trusted.is_empty() {
                return Err(unusable("there is no certificate in it".to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.expect("the provider serves the default versions");
    Ok(versions.with_root_certificates(trusted).with_no_client_auth())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(folder) => write!(f, "{comma}{}", folder.display())?,
            }
            if let Some(port) = self.config.get_ports().get(place).or(self.config.get_ports().first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t";

    #[test]
    fn an_address_shows_where_and_no_secret() {
        let address = Address::parse("postgres://anna:s3cr3t@db.example:5433,other.example:5434/palabre").unwrap();
        assert_eq!(address.to_string(), "postgres://db.example:5433,other.example:5434/palabre");
        assert!(!format!("{address:?}").contains(SECRET));
        let socket = Address::parse("postgres://postgres@%2Frun%2Fpostgresql/palabre").unwrap();
        assert_eq!(socket.to_string(), "postgres:///run/postgresql:5432/palabre");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let urls = [
            "postgres://anna:s3cr3t@db/palabre?sslmode=prefer",
            "postgres://anna:s3cr3t@db:port/palabre",
            "postgres://anna:s3cr3t@db/palabre?colour=blue",
            "postgres:///palabre?password=s3cr3t",
            "postgres://anna:s3cr3t@db/palabre?sslmode=require&sslrootcert=/nowhere.pem",
        ];
        for url in urls {
            let error = Address::parse(url).expect_err(url);
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
        }
    }

    #[test]
    fn a_value_with_a_space_or_a_plus_reaches_the_driver_as_it_is() {
        for written in ["-c%20work_mem=8MB+-c%20a.b=1%2B1", "-c+work_mem=8MB%20-c+a.b=1%2B1"] {
            let address = Address::parse(&format!("postgres://anna@db/palabre?options={written}")).unwrap();
            assert_eq!(address.config.get_options(), Some("-c work_mem=8MB -c a.b=1+1"), "{written}");
        }
    }

    #[test]
    fn a_host_is_told_all_that_the_address_says_and_of_no_other_host() {
        let options = "options=-c%20jit%3Doff&keepalives_interval=7&keepalives_retries=3&channel_binding=require\
                       &sslmode=require&sslnegotiation=direct&load_balance_hosts=random&keepalives=0";
        let one = |host: &str, ip: &str| format!("postgres://anna:s3cr3t@{host}/palabre?{options}&hostaddr={ip}");
        let of = |url: &str| Address::parse(url).unwrap();
        let alone = [one("db:5433", "10.0.0.1"), one("other:5434", "10.0.0.2")].map(|url| of(&url).config);
        let both = of(&one("db:5433,other:5434", "10.0.0.1,10.0.0.2"));
        assert_eq!(both.hosts, alone);
        assert!(both.hosts().iter().all(|host| alone.contains(host)) && both.hosts().len() == 2);
        for uneven in ["a:1,b:2,c/palabre?port=3", "a,b/palabre?hostaddr=10.0.0.1"] {
            let url = format!("postgres://anna@{uneven}");
            assert!(matches!(Address::parse(&url), Err(BadAddress::Uneven)), "{url}");
        }
    }

    #[test]
    fn a_password_in_clear_over_the_network_is_noticed() {
        let exposed = |url: &str| Address::parse(url).unwrap().is_exposed();
        assert!(exposed("postgres://anna@db.example/palabre"));
        assert!(!exposed("postgres://anna@db.example/palabre?sslmode=require"));
        assert!(!exposed("postgres://anna@127.0.0.1/palabre"));
        assert!(!exposed("postgres://anna@%2Frun%2Fpostgresql/palabre"));
    }
}
