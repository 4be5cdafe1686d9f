//! The calls that the server answers: append, read, subscribe, and what it can do.

use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::body::Incoming;
use std::sync::Arc;
use tonic::codec::ProstCodec;
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};

use super::records::{Records, Stale};
use super::subscription::subscribe;
use super::wire::append_options::Expected;
use super::wire::read_options::{Extent, Of};
use super::wire::read_resp::Content;
use super::wire::{self, AppendReq, AppendResp, ReadOptions, ReadReq, ReadResp, Recorded, append_req, append_resp};
use super::{Fault, Shared};

pub(super) async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
) -> hyper::Response<tonic::body::Body> {
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

pub(super) type Answers = BoxStream<'static, Result<ReadResp, Status>>;

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

pub(super) fn first_place(records: &Records, from: Option<wire::all_options::From>) -> Result<usize, Status> {
    use wire::all_options::From;
    match from {
        Some(From::Position(position)) => {
            records.place(position.commit).ok_or_else(|| Status::invalid_argument("no record begins at this position"))
        }
        Some(From::End(())) => Ok(records.all().len()),
        Some(From::Start(())) | None => Ok(0),
    }
}

pub(super) fn lets_through(options: &ReadOptions, event: &Recorded) -> bool {
    let Some(expression) = options.filter.as_ref().and_then(|filter| filter.streams.as_ref()) else { return true };
    let name = event.stream.as_ref().map(|stream| stream.name.as_slice()).unwrap_or_default();
    expression.prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

pub(super) fn told(event: &Recorded) -> ReadResp {
    answered(Content::Event(wire::ReadEvent { event: Some(event.clone()), commit: event.commit }))
}

pub(super) fn answered(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}
