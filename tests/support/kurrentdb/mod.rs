//! A small server that speaks the wire format of KurrentDB and keeps everything in memory: append, read and subscribe, as
//! far as the log of palabre asks for them. For tests where no real server is at hand; it fails on request.
#![expect(clippy::result_large_err, reason = "it is how tonic tells a failure")]

mod records;
mod wire;

use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use records::{Records, Stale};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::codec::ProstCodec;
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};
use wire::append_options::Expected;
use wire::read_options::{Extent, Of};
use wire::read_resp::Content;
use wire::{AppendReq, AppendResp, ReadOptions, ReadReq, ReadResp, Recorded, append_req, append_resp};

/// After so many events that a filter kept back, and when nothing else is left, a subscription is told how far it has come.
const CHECKPOINT_EVERY: usize = 4;

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
        let from = subscribed.wait_for(|from| from.len() >= count).await.expect("the server runs");
        from[..count].to_vec()
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

async fn answer(request: hyper::Request<Incoming>, shared: Arc<Shared>) -> hyper::Response<tonic::body::Body> {
    match request.uri().path() {
        "/event_store.client.streams.Streams/Append" => {
            let append = tower::service_fn(move |request| append(request, shared.clone()));
            Grpc::new(ProstCodec::default()).client_streaming(append, request).await
        }
        "/event_store.client.streams.Streams/Read" => {
            let read = tower::service_fn(move |request| {
                let answer = read(request, &shared);
                async move { answer }
            });
            Grpc::new(ProstCodec::default()).server_streaming(read, request).await
        }
        "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" => {
            let supported = tower::service_fn(|_: Request<()>| async {
                Ok(Response::new(wire::Supported { server_version: "26.0.0".to_owned() }))
            });
            Grpc::new(ProstCodec::default()).unary(supported, request).await
        }
        _ => Status::unimplemented("this server only appends, reads and subscribes").into_http(),
    }
}

async fn append(request: Request<Streaming<AppendReq>>, shared: Arc<Shared>) -> Result<Response<AppendResp>, Status> {
    let mut sent = request.into_inner();
    let (mut options, mut events) = (None, Vec::new());
    while let Some(part) = sent.message().await? {
        match part.content {
            Some(append_req::Content::Options(said)) => options = Some(said),
            Some(append_req::Content::Proposed(event)) => events.push(event),
            None => {}
        }
    }
    let options = options.ok_or_else(|| Status::invalid_argument("no options"))?;
    let stream = options.stream.map(|stream| stream.name).unwrap_or_default();
    let expected = options.expected.unwrap_or(Expected::Any(()));
    *shared.appends.lock() += 1;
    let fault = shared.faults.lock().pop_front();
    match fault {
        Some(Fault::FailsBeforeCommit) => return Err(Status::unavailable("as the test wishes")),
        Some(Fault::TooLarge) => return Err(Status::invalid_argument("Maximum Append Size of 1048576 Exceeded.")),
        _ => {}
    }
    let appended = shared.records.lock().append(&stream, expected, events);
    shared.grown.send_modify(|count| *count += 1);
    match fault {
        Some(Fault::SilentAfterCommit) => std::future::pending().await,
        Some(Fault::FailsAfterCommit) => Err(Status::unavailable("as the test wishes")),
        _ => Ok(Response::new(AppendResp { result: Some(verdict(appended, expected)) })),
    }
}

fn verdict(appended: Result<(u64, u64), Stale>, expected: Expected) -> append_resp::Result {
    match appended {
        Ok((revision, position)) => append_resp::Result::Success(wire::Success {
            current: Some(wire::success::Current::Revision(revision)),
            at: Some(wire::success::At::Position(wire::Position { commit: position, prepare: position })),
        }),
        Err(Stale(current)) => append_resp::Result::WrongExpectedVersion(wire::WrongExpectedVersion {
            current: Some(current.map_or(wire::wrong::Current::NoStream(()), wire::wrong::Current::Revision)),
            expected: Some(match expected {
                Expected::Revision(revision) => wire::wrong::Expected::Revision(revision),
                Expected::NoStream(()) => wire::wrong::Expected::NoStream(()),
                Expected::Any(()) => wire::wrong::Expected::Any(()),
                Expected::StreamExists(()) => wire::wrong::Expected::StreamExists(()),
            }),
        }),
    }
}

type Answers = BoxStream<'static, Result<ReadResp, Status>>;

fn read(request: Request<ReadReq>, shared: &Arc<Shared>) -> Result<Response<Answers>, Status> {
    let options = request.into_inner().options.ok_or_else(|| Status::invalid_argument("no options"))?;
    let answers = match (&options.of, &options.extent) {
        (Some(Of::Stream(stream)), Some(Extent::Count(count))) => {
            let name = stream.stream.clone().unwrap_or_default().name;
            stream::iter(read_stream(&shared.records.lock(), &name, stream.from, options.direction == 1, *count))
                .boxed()
        }
        (Some(Of::All(all)), Some(Extent::Count(count))) => {
            stream::iter(read_all(&shared.records.lock(), all.from, &options, *count)?).boxed()
        }
        (Some(Of::All(all)), Some(Extent::Subscription(()))) => subscribe(shared.clone(), all.from, options.clone())?,
        _ => return Err(Status::unimplemented("this server subscribes to everything or to nothing")),
    };
    Ok(Response::new(answers))
}

fn read_stream(
    records: &Records,
    name: &[u8],
    from: Option<wire::stream_options::From>,
    backwards: bool,
    count: u64,
) -> Vec<Result<ReadResp, Status>> {
    use wire::stream_options::From;
    let Some(events) = records.of_stream(name) else {
        let stream = Some(wire::StreamIdentifier { name: name.to_vec() });
        return vec![Ok(answered(Content::StreamNotFound(wire::StreamNotFound { stream })))];
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let told = |event: &Recorded| Ok(told(event));
    match (from, backwards) {
        (Some(From::Revision(first)), false) => {
            events.filter(|event| event.revision >= first).take(count).map(told).collect()
        }
        (Some(From::End(())), true) => events.rev().take(count).map(told).collect(),
        (_, false) => events.take(count).map(told).collect(),
        (_, true) => vec![Err(Status::unimplemented("this server reads backwards only from the end"))],
    }
}

fn read_all(
    records: &Records,
    from: Option<wire::all_options::From>,
    options: &ReadOptions,
    count: u64,
) -> Result<Vec<Result<ReadResp, Status>>, Status> {
    use wire::all_options::From;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let wanted = |event: &&Recorded| lets_through(options, event);
    if options.direction == 1 {
        return match from {
            Some(From::End(())) => {
                Ok(records.all().iter().rev().filter(wanted).take(count).map(|event| Ok(told(event))).collect())
            }
            _ => Err(Status::unimplemented("this server reads backwards only from the end")),
        };
    }
    let first = first_place(records, from)?;
    Ok(records.all()[first..].iter().filter(wanted).take(count).map(|event| Ok(told(event))).collect())
}

fn first_place(records: &Records, from: Option<wire::all_options::From>) -> Result<usize, Status> {
    use wire::all_options::From;
    match from {
        Some(From::Position(position)) => {
            records.place(position.commit).ok_or_else(|| Status::invalid_argument("no record begins at this position"))
        }
        Some(From::End(())) => Ok(records.all().len()),
        Some(From::Start(())) | None => Ok(0),
    }
}

/// What is after the position, and then what comes; how far it has come where the filter keeps all back.
fn subscribe(
    shared: Arc<Shared>,
    from: Option<wire::all_options::From>,
    options: ReadOptions,
) -> Result<Answers, Status> {
    let place = first_place(&shared.records.lock(), from)?;
    let after = match from {
        Some(wire::all_options::From::Position(position)) => Some((position.commit, position.prepare)),
        _ => None,
    };
    shared.subscribed_from.send_modify(|from| from.push(after.map_or(0, |(commit, _)| commit)));
    let (grown, dropped) = (shared.grown.subscribe(), shared.dropped.subscribe());
    let state = Subscribed { shared, options, grown, dropped, after, place, kept_back: 0, is_confirmed: false };
    Ok(stream::unfold(Some(state), async |state| {
        let mut state = state?;
        match state.next().await {
            Ok(content) => Some((Ok(answered(content)), Some(state))),
            Err(dropped) => Some((Err(dropped), None)),
        }
    })
    .boxed())
}

struct Subscribed {
    shared: Arc<Shared>,
    options: ReadOptions,
    grown: watch::Receiver<u64>,
    dropped: watch::Receiver<u64>,
    after: Option<(u64, u64)>,
    place: usize,
    kept_back: usize,
    is_confirmed: bool,
}

impl Subscribed {
    async fn next(&mut self) -> Result<Content, Status> {
        if !self.is_confirmed {
            self.is_confirmed = true;
            return Ok(Content::Confirmation(wire::Confirmation { subscription: "one".to_owned() }));
        }
        loop {
            self.grown.mark_unchanged();
            if let Some(content) = self.next_recorded() {
                return Ok(content);
            }
            tokio::select! {
                biased;
                grown = self.grown.changed() => grown.map_err(|_| Status::unavailable("the server ends"))?,
                _ = self.dropped.changed() => return Err(Status::unavailable("as the test wishes")),
            }
        }
    }

    fn next_recorded(&mut self) -> Option<Content> {
        let records = self.shared.records.lock();
        while let Some(event) = records.all().get(self.place) {
            self.place += 1;
            if Some((event.commit, event.prepare)) <= self.after {
                continue;
            }
            if lets_through(&self.options, event) {
                self.kept_back = 0;
                return told(event).content;
            }
            self.kept_back += 1;
            let is_last = self.place == records.all().len();
            if self.kept_back >= CHECKPOINT_EVERY && is_last {
                self.kept_back = 0;
                // The place where the next record will begin.
                return Some(Content::Checkpoint(wire::Position { commit: records.end(), prepare: 0 }));
            }
        }
        None
    }
}

fn lets_through(options: &ReadOptions, event: &Recorded) -> bool {
    let Some(expression) = options.filter.as_ref().and_then(|filter| filter.streams.as_ref()) else { return true };
    let name = event.stream.as_ref().map(|stream| stream.name.as_slice()).unwrap_or_default();
    expression.prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

fn told(event: &Recorded) -> ReadResp {
    answered(Content::Event(wire::ReadEvent { event: Some(event.clone()), commit: event.commit }))
}

fn answered(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}
