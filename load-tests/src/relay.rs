//! A way for TCP connections that can be made worse: cut, stalled, slowed down. With several targets it is a balancer.
//!
//! It sends each new connection to the next target that is up. What is on its way when a connection is cut is lost, as
//! it is when a cable is pulled.

use anyhow::Result;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The most bytes taken at once.
const CHUNK: usize = 16 * 1024;
/// Chunks that may be on their way, in each direction of a connection.
const CHUNKS_ON_THE_WAY: usize = 64;
/// How long connecting to a target may take.
const CONNECT_BOUND: Duration = Duration::from_secs(2);
/// Between two looks at whether a target is well.
const CHECK_EVERY: Duration = Duration::from_millis(300);
/// How long a target may take to say that it is well.
const CHECK_BOUND: Duration = Duration::from_secs(1);
/// Looks in a row that fail until a target counts as down.
const CHECKS_FAILED: u32 = 2;

/// Changes what a target says to a client, chunk by chunk.
pub type Filter = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;
/// Makes the filter of a new connection.
pub type Filters = Box<dyn Fn() -> Filter + Send + Sync>;

/// The way. Dropping it cuts all its connections.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    targets: Vec<Target>,
    turn: AtomicUsize,
    delay_ms: AtomicU64,
    stalled: watch::Sender<bool>,
    filters: Option<Filters>,
    connections: Mutex<BTreeMap<u64, Connection>>,
    count: AtomicU64,
}

struct Target {
    address: SocketAddr,
    is_up: AtomicBool,
}

struct Connection {
    target: SocketAddr,
    task: AbortHandle,
}

impl Relay {
    /// A way to `target`.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        Self::start(&[target], None).await
    }

    /// A balancer before `targets`, which asks each of them at `/healthz` whether it should be sent anybody.
    pub async fn balance(targets: &[SocketAddr], filters: Option<Filters>) -> Result<Self> {
        let mut relay = Self::start(targets, filters).await?;
        for index in 0..targets.len() {
            relay.tasks.push(tokio::spawn(check(Arc::clone(&relay.shared), index)));
        }
        Ok(relay)
    }

    async fn start(targets: &[SocketAddr], filters: Option<Filters>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, crate::server::free_port()?)).await?;
        let address = listener.local_addr()?;
        let target = |address: &SocketAddr| Target { address: *address, is_up: AtomicBool::new(true) };
        let shared = Arc::new(Shared {
            targets: targets.iter().map(target).collect(),
            turn: AtomicUsize::new(0),
            delay_ms: AtomicU64::new(0),
            stalled: watch::Sender::new(false),
            filters,
            connections: Mutex::default(),
            count: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, tasks: vec![accepting] })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connections that `chosen` says yes to; answers how many those were.
    pub fn cut(&self, mut chosen: impl FnMut() -> bool) -> usize {
        let mut connections = self.shared.connections();
        let before = connections.len();
        connections.retain(|_, connection| {
            let cut = chosen();
            if cut {
                connection.task.abort();
            }
            !cut
        });
        before - connections.len()
    }

    /// Lets nothing through until told otherwise; nothing is lost, and nobody is told.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// How long everything takes from now on, each way.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(delay.as_millis().try_into().unwrap_or(u64::MAX), SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.cut(|| true);
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, Connection>> {
        self.connections.lock().expect("whoever holds the connections does not panic")
    }

    /// A connection to the next target that takes one.
    async fn connect(&self) -> Option<(SocketAddr, TcpStream)> {
        let turn = self.turn.fetch_add(1, SeqCst);
        for step in 0..self.targets.len() {
            let target = &self.targets[(turn + step) % self.targets.len()];
            if !target.is_up.load(SeqCst) {
                continue;
            }
            if let Ok(Ok(stream)) = timeout(CONNECT_BOUND, TcpStream::connect(target.address)).await {
                return Some((target.address, stream));
            }
        }
        None
    }

    async fn passable(&self) {
        // The sender lives in `self`.
        self.stalled.subscribe().wait_for(|stalled| !stalled).await.ok();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // A listener fails for want of open files at most, and then the clients say so.
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.count.fetch_add(1, SeqCst);
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            own.passable().await;
            let Some((target, server)) = own.connect().await else { return };
            let carrying = tokio::spawn(carry(client, server, Arc::clone(&own)));
            own.connections().insert(number, Connection { target, task: carrying.abort_handle() });
            // It may have been cut.
            carrying.await.ok();
            own.connections().remove(&number);
        });
    }
}

async fn carry(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    // Where the system does not know the option, small chunks are late.
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).ok();
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let filter = shared.filters.as_ref().map(|filters| filters());
    // Whichever way ends first ends both: neither HTTP here nor sockets, PostgreSQL or Redis go on half closed.
    tokio::select! {
        () = one_way(from_client, to_server, &shared, None) => {}
        () = one_way(from_server, to_client, &shared, filter) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, mut filter: Option<Filter>) {
    let (on_its_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_ON_THE_WAY);
    let reading = async {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let bytes = match &mut filter {
                Some(filter) => filter(&chunk[..length]),
                None => chunk[..length].to_vec(),
            };
            let due = Instant::now() + Duration::from_millis(shared.delay_ms.load(SeqCst));
            if on_its_way.send((due, bytes)).await.is_err() {
                return;
            }
        }
        drop(on_its_way);
    };
    let writing = async {
        while let Some((due, bytes)) = arriving.recv().await {
            sleep_until(due).await;
            shared.passable().await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}

/// Asks the target for ever whether it is well; cuts its connections when it is not.
async fn check(shared: Arc<Shared>, index: usize) {
    let target = &shared.targets[index];
    let mut failed = 0;
    loop {
        failed = if is_well(target.address).await { 0 } else { failed + 1 };
        let is_up = failed < CHECKS_FAILED;
        if target.is_up.swap(is_up, SeqCst) && !is_up {
            shared.connections().values().filter(|one| one.target == target.address).for_each(|one| one.task.abort());
        }
        sleep(CHECK_EVERY).await;
    }
}

/// Whether a server at `address` says at `/healthz` that it should be sent requests.
pub async fn is_well(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with(b"HTTP/1.1 200"))
    };
    matches!(timeout(CHECK_BOUND, ask).await, Ok(Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each chunk with itself.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn say(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
        stream.write_all(text.as_bytes()).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn it_carries_delays_stalls_and_cuts() {
        let relay = Relay::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(say(&mut stream, "hello").await.unwrap(), "hello");
        relay.delay(Duration::from_millis(40));
        let begun = Instant::now();
        assert_eq!(say(&mut stream, "slow").await.unwrap(), "slow");
        assert!(begun.elapsed() >= Duration::from_millis(80));
        relay.delay(Duration::ZERO);
        relay.stall(true);
        assert!(timeout(Duration::from_millis(50), say(&mut stream, "a")).await.is_err());
        relay.stall(false);
        let mut late = [0];
        stream.read_exact(&mut late).await.unwrap();
        assert_eq!(late, *b"a");
        assert_eq!(relay.cut(|| true), 1);
        assert!(say(&mut stream, "gone").await.is_err());
    }

    #[tokio::test]
    async fn a_filter_changes_what_the_target_says() {
        let shout: Filters = Box::new(|| Box::new(|bytes: &[u8]| bytes.to_ascii_uppercase()));
        let relay = Relay::start(&[echo().await], Some(shout)).await.unwrap();
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        assert_eq!(say(&mut stream, "hello").await.unwrap(), "HELLO");
    }

    #[tokio::test]
    async fn a_target_that_does_not_listen_is_passed_over() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        let relay = Relay::start(&[gone, echo().await], None).await.unwrap();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(relay.address()).await.unwrap();
            assert_eq!(say(&mut stream, "hello").await.unwrap(), "hello");
        }
    }
}
