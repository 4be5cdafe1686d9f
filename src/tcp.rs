//! TCP connections when they arrive: how many an address may have, and what the system
//! is told about each.

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::http::origin::neighbourhood;
use crate::telemetry::metrics;

/// Connections that an address may have for each WebSocket that it may have: requests come by others.
const PER_SOCKET: usize = 3;
/// How long a peer may leave what it was sent unacknowledged, or its window shut, before the system ends the
/// connection.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(45);
/// How much the system keeps of what it cannot send yet, in bytes per connection.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// The number of the socket that a request came by.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor(pub RawFd);

/// Marks a connection that is ended. What its peer had sent by then is read all the same: nothing of it is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Refused;

/// The connections of a node, whatever they are for, by the address that they come from. Those of proxies that are
/// trusted are not counted: they stand for many.
pub struct Arrivals {
    uncounted: Vec<IpAddr>,
    open: Arc<Open>,
}

struct Open {
    per_address_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection, given back when it is dropped.
struct Place {
    open: Arc<Open>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.open.by_address.lock();
        if let Some(from_there) = by_address.get_mut(&self.address) {
            *from_there -= 1;
            if *from_there == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

impl Arrivals {
    /// None yet; as many may come as the settings say.
    pub fn new(config: &Config) -> Self {
        let per_address_max = config.sockets_per_address.saturating_mul(PER_SOCKET);
        let open = Open { per_address_max, by_address: Mutex::default() };
        Self { uncounted: config.trusted_proxies.clone(), open: Arc::new(open) }
    }

    /// For `HttpServer::on_connect`. Ends a connection beyond what its address may have. Has the system give up on the
    /// others once they take nothing, and remembers the socket, so that it can be cut.
    pub fn take(&self, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let socket = socket2::SockRef::from(stream);
        match stream.peer_addr().map(|peer| self.place(peer.ip())) {
            Ok(Ok(place)) => {
                data.insert(place);
            }
            Ok(Err(TooMany)) => {
                metrics::connection_refused();
                data.insert(Refused);
                // One that is gone already needs no ending.
                socket.shutdown(Shutdown::Both).ok();
                return;
            }
            // It is gone already.
            Err(_) => return,
        }
        let set = [
            socket.set_tcp_nodelay(true),
            #[cfg(target_os = "linux")]
            socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX)),
            #[cfg(target_os = "linux")]
            socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX),
        ];
        for error in set.into_iter().filter_map(Result::err) {
            // What stands still is ended all the same; it is only later.
            tracing::debug!(%error, "an option of a socket cannot be set");
        }
        data.insert(Descriptor(stream.as_raw_fd()));
    }

    /// A place for a connection from `peer`; none where it is not counted.
    fn place(&self, peer: IpAddr) -> Result<Option<Place>, TooMany> {
        let peer = peer.to_canonical();
        if self.uncounted.contains(&peer) {
            return Ok(None);
        }
        let address = neighbourhood(peer);
        let mut by_address = self.open.by_address.lock();
        let from_there = by_address.get(&address).copied().unwrap_or(0);
        if from_there >= self.open.per_address_max {
            return Err(TooMany);
        }
        by_address.insert(address, from_there + 1);
        Ok(Some(Place { open: self.open.clone(), address }))
    }
}

/// Its address has too many.
#[derive(Debug)]
struct TooMany;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_what_is_given_back_can_be_taken_again() {
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let config = Config { sockets_per_address: 2, trusted_proxies: vec![proxy], ..Config::default() };
        let arrivals = Arrivals::new(&config);
        let places = |address: &str, count: usize| -> Vec<_> {
            (0..count).filter_map(|_| arrivals.place(address.parse().unwrap()).ok()).collect()
        };
        let mut taken = places("2001:db8::1", 10);
        assert_eq!((taken.len(), places("2001:db8::2", 10).len()), (6, 0), "a network of 64 bits is one address");
        assert_eq!((places("2001:db8:0:1::1", 10).len(), places("203.0.113.7", 10).len()), (6, 6));
        taken.truncate(4);
        assert_eq!(places("2001:db8::2", 10).len(), 2);
        assert_eq!(places("::ffff:10.0.0.1", 10).len(), 10, "a trusted proxy is not counted");
        drop(taken);
        assert!(arrivals.open.by_address.lock().is_empty());
    }
    #[cfg(target_os = "linux")]
    #[actix_web::test]
    async fn the_system_gives_up_on_a_peer_that_acknowledges_nothing() {
        let listener = actix_web::rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_peer, arrived) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (stream, _) = arrived.unwrap();
        let mut data = Extensions::new();
        Arrivals::new(&Config::default()).take(&stream, &mut data);
        let socket = socket2::SockRef::from(&stream);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT_BYTES_MAX);
        assert!(socket.tcp_nodelay().unwrap() && data.contains::<Descriptor>() && !data.contains::<Refused>());
    }
}
