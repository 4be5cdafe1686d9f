//! Has the client's sockets send at once.
//!
//! The client library leaves Nagle's algorithm on and has no setting for it. What it asks goes out in several small
//! pieces, each of which then waits until the other system has acknowledged the one before, some 40 ms later: an append
//! takes 80 ms instead of one. Its sockets are this process's own, so they are found among the descriptors. Where the
//! system does not allow that, as in some containers, the server's side can help (`docs/OPERATING.md`).

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;
use std::io;

/// Turns Nagle's algorithm off on every TCP connection of this process; answers on how many it was on. Blocks for a
/// moment.
pub(super) fn send_at_once() -> io::Result<usize> {
    let waiting = connections()?.into_iter().filter(|socket| socket.tcp_nodelay().is_ok_and(|at_once| !at_once));
    Ok(waiting.filter(|socket| socket.set_tcp_nodelay(true).is_ok()).count())
}

/// The TCP connections of this process, under descriptors of their own.
fn connections() -> io::Result<Vec<Socket>> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut connections = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        // A descriptor may be closed between being listed and being looked at.
        let is_socket =
            std::fs::read_link(&path).is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let Some(number) = number.filter(|_| is_socket) else { continue };
        let socket = match pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            Ok(descriptor) => Socket::from(descriptor),
            Err(rustix::io::Errno::BADF) => continue,
            Err(refused) => return Err(refused.into()),
        };
        if socket.peer_addr().is_ok_and(|peer| peer.as_socket().is_some()) {
            connections.push(socket);
        }
    }
    Ok(connections)
}

/// For each connection to this port, whether it sends at once.
#[cfg(test)]
pub(super) fn at_once(port: u16) -> io::Result<Vec<bool>> {
    let is_there = |socket: &Socket| socket.peer_addr().unwrap().as_socket().unwrap().port() == port;
    connections()?.iter().filter(|socket| is_there(socket)).map(Socket::tcp_nodelay).collect()
}
