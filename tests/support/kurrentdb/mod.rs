//! A small server that speaks the wire format of KurrentDB and keeps everything in memory: append, read and subscribe, as
//! far as the log of palabre asks for them. For tests where no real server is at hand; it fails on request.
#![expect(clippy::result_large_err, reason = "it is how tonic tells a failure")]

mod calls;
mod records;
mod subscription;
mod wire;

use calls::answer;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use records::Records;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::Recorded;

/// After so many events that a filter kept back, and when nothing else is left, a subscription is told how far it has come.
const CHECKPOINT_EVERY: usize = 4;

/// How long a test waits for subscriptions.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(30);

/// What happens to an append instead of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is committed, and the answer never comes.
    SilentAfterCommit,
    /// It is committed, and the answer is that something failed.
    FailsAfterCommit,
    /// It is not committed, and the answer is that something failed.
    FailsBeforeCommit,
    /// It is larger than the server takes.
    TooLarge,
}

/// A server on a port of its own.
pub struct KurrentServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    running: Mutex<Option<watch::Sender<()>>>,
}

struct Shared {
    records: Mutex<Records>,
    /// Counts the appends.
    grown: watch::Sender<u64>,
    /// Counts how often subscriptions were dropped.
    dropped: watch::Sender<u64>,
    faults: Mutex<VecDeque<Fault>>,
    appends: Mutex<u64>,
    /// Where subscriptions have begun, in order.
    subscribed_from: watch::Sender<Vec<u64>>,
}

impl KurrentServer {
    /// Starts one, empty.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let shared = Shared {
            records: Mutex::default(),
            grown: watch::Sender::new(0),
            dropped: watch::Sender::new(0),
            faults: Mutex::default(),
            appends: Mutex::default(),
            subscribed_from: watch::Sender::new(Vec::new()),
        };
        let mut server = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            shared: Arc::new(shared),
            runtime: Some(runtime.expect("a runtime")),
            running: Mutex::default(),
        };
        server.address = server.come_back();
        server
    }

    /// Where it is, as `--store` takes it.
    pub fn url(&self) -> String {
        format!("esdb://{}?tls=false&maxDiscoverAttempts=2&discoveryInterval=10", self.address)
    }

    /// The next appends meet these, one each.
    pub fn expect_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().extend(faults);
    }

    /// How many appends have arrived, whatever became of them.
    pub fn appends(&self) -> u64 {
        *self.shared.appends.lock()
    }

    /// Ends every subscription with an error.
    pub fn drop_subscriptions(&self) {
        self.shared.dropped.send_modify(|count| *count += 1);
    }

    /// Where the first `count` subscriptions have begun, in order; waits for them.
    pub async fn subscribed(&self, count: usize) -> Vec<u64> {
        let mut subscribed = self.shared.subscribed_from.subscribe();
        let enough = subscribed.wait_for(|from| from.len() >= count);
        let from = tokio::time::timeout(SUBSCRIBED_WITHIN, enough).await.expect("somebody subscribes");
        from.expect("the server runs")[..count].to_vec()
    }

    /// Adds events of its own, until subscriptions are told of a checkpoint; answers where the next event begins.
    pub fn add_own_events(&self) -> u64 {
        let mut records = self.shared.records.lock();
        for _ in 0..CHECKPOINT_EVERY {
            records.put_own();
        }
        let end = records.end();
        drop(records);
        self.shared.grown.send_modify(|count| *count += 1);
        end
    }

    /// The data of a stream's events as they lie here.
    pub fn data_of(&self, stream: &str) -> Vec<Vec<u8>> {
        self.of_stream(stream, |event| event.data.clone())
    }

    /// What the data of a stream's events were said to be.
    pub fn content_types_of(&self, stream: &str) -> Vec<String> {
        self.of_stream(stream, |event| event.metadata.get("content-type").cloned().unwrap_or_default())
    }

    fn of_stream<T>(&self, stream: &str, tell: impl Fn(&Recorded) -> T) -> Vec<T> {
        let records = self.shared.records.lock();
        records.of_stream(stream.as_bytes()).into_iter().flatten().map(tell).collect()
    }

    /// Goes away: connections are cut, nobody listens. What was committed stays.
    pub fn go_away(&self) {
        let running = self.running.lock().take();
        let handle = self.runtime.as_ref().expect("it runs").handle();
        let (gone, seen) = std::sync::mpsc::channel::<()>();
        handle.spawn(async move {
            if let Some(running) = running {
                running.send_replace(());
                running.closed().await;
            }
            drop(gone);
        });
        assert!(seen.recv().is_err(), "nothing is ever sent; the other end is dropped");
    }

    /// Comes back on the same port.
    pub fn come_back(&self) -> SocketAddr {
        let (running, ended) = watch::channel(());
        *self.running.lock() = Some(running);
        let (shared, address) = (self.shared.clone(), self.address);
        let (listening, heard) = std::sync::mpsc::channel();
        self.runtime.as_ref().expect("it runs").spawn(async move {
            let listener = listen(address).expect("the port is free");
            listening.send(listener.local_addr().expect("it is bound")).expect("whoever starts it waits");
            serve(listener, shared, ended).await;
        });
        heard.recv().expect("it listens")
    }
}

impl Drop for KurrentServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(64)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut ended: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    connections.spawn(connection(socket, shared.clone()));
                }
            }
            _ = ended.changed() => break,
        }
    }
    // Before whoever waits for the end comes back to the port.
    drop(listener);
    connections.shutdown().await;
}

async fn connection(socket: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(request, shared).await) }
    });
    socket.set_nodelay(true).expect("it is connected");
    let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // A connection that ends in an error has ended.
    drop(http.serve_connection(TokioIo::new(socket), service).await);
}
