//! Where a KurrentDB server is, or a cluster of them.

use eventstore::ClientSettings;
use std::fmt;

/// Where a server is, and how to sign in there. `Debug` and `Display` show no secret.
#[derive(Clone)]
pub struct Address {
    settings: ClientSettings,
    shown: String,
}

/// Why a text is no address. Never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a KurrentDB server such as esdb://host:2113 or esdb+discover://cluster:2113")]
pub struct BadAddress;

impl Address {
    /// What an address may begin with, before `://`.
    pub const SCHEMES: [&str; 4] = ["esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover"];

    /// Reads a connection string as KurrentDB's own clients do.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let settings: ClientSettings = text.parse().map_err(|_| BadAddress)?;
        let hosts: Vec<_> = settings.hosts().iter().map(|host| format!("{}:{}", host.host, host.port)).collect();
        if hosts.is_empty() {
            return Err(BadAddress);
        }
        let discover = if settings.is_dns_discovery_enabled() { "+discover" } else { "" };
        let shown = format!("esdb{discover}://{}", hosts.join(","));
        Ok(Self { settings, shown })
    }

    /// The same for the client.
    pub(super) fn settings(&self) -> &ClientSettings {
        &self.settings
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_its_servers_and_no_secret() {
        let shown = |text: &str| Address::parse(text).map(|address| format!("{address} {address:?}"));
        let single = "esdb://db:2113 esdb://db:2113".to_owned();
        assert_eq!(shown("esdb://anna:s3cr3t@db:2113?tls=false"), Ok(single.clone()));
        assert_eq!(shown("kurrentdb://db"), Ok(single));
        let cluster = "esdb+discover://db:2113 esdb+discover://db:2113".to_owned();
        assert_eq!(shown("kurrentdb+discover://anna:s3cr3t@db"), Ok(cluster));
        let three = "esdb://a:1,b:2,c:3 esdb://a:1,b:2,c:3".to_owned();
        assert_eq!(shown("esdb://a:1,b:2,c:3"), Ok(three));
        for text in ["esdb:", "esdb://", "esdb://anna:s3cr3t@db:port", "esdb://db?tls=perhaps"] {
            assert_eq!(shown(text), Err(BadAddress), "{text}");
        }
    }
}
