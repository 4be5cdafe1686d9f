//! Everything about how frames travel: the handshake, and one actor per WebSocket on actix-web-actors. No other file
//! knows that crate, so that another transport is a change of this file alone; `docs/decisions/0002-websocket-actor.md`
//! says why it is this one.
//!
//! Writing: whoever serves the connection polls the actor only while the peer takes what it is sent. The actor then
//! takes one batch from the outbox at a time, so the outbox is the only queue, and it is bounded. Reading: frames are
//! judged by their declared length before they are whole, and nothing is read while frames wait to be handled. Timers
//! are not here: an actor whose peer takes nothing is not polled, so [`super::watchdog`] has them.

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_http::ws::{Codec, Frame, Item, Message, ProtocolError};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{CloseCode, CloseReason, WebsocketContext, handshake, handshake_with_protocols};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::Stream;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::codec::Decoder;

use super::close::Close;
use super::connection::Connection;
use super::door::{self, Entry};
use super::outbox::Batch;
use super::session;
use crate::http::problem::Problem;
use crate::platform::Platform;
use crate::tcp::{Descriptor, Refused};
use crate::telemetry::metrics;

/// The longest frame, and the longest message of several frames, in bytes.
pub const FRAME_BYTES_MAX: usize = 65_536;

/// `GET /ws`.
pub async fn open(
    request: HttpRequest,
    payload: web::Payload,
    platform: web::Data<Platform>,
) -> Result<HttpResponse, Error> {
    if request.conn_data::<Refused>().is_some() {
        return Err(Problem::unavailable().into());
    }
    // Before anybody is let in, so that whoever is let in gets a socket.
    handshake(&request).map_err(|_| no_handshake())?;
    let platform = platform.into_inner();
    let descriptor = request.conn_data::<Descriptor>().map(|descriptor| descriptor.0);
    let entry = door::enter(&platform, &request, descriptor).await?;
    let protocol = entry.protocol();
    let mut response = handshake_with_protocols(&request, &[protocol]).map_err(|_| no_handshake())?;
    let (reader, unread) = (Reader::new(payload), futures_util::stream::pending::<Result<Bytes, PayloadError>>());
    let socket = Socket { platform, entry, reader: Some(reader), closed: Cell::new(None) };
    Ok(response.streaming(WebsocketContext::create(socket, unread)))
}

fn no_handshake() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "no_handshake", "ask here for an upgrade to WebSocket, version 13")
}

/// The actor of one WebSocket.
struct Socket {
    platform: Arc<Platform>,
    entry: Entry,
    reader: Option<Reader>,
    /// Why the peer was told to go.
    closed: Cell<Option<Close>>,
}

impl Actor for Socket {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match &self.entry {
            Entry::Open(connection) => {
                context.add_stream(Sending { connection: connection.clone(), gave: false, waited: false });
                context.add_stream(self.reader.take().expect("an actor starts once"));
                // The session may have ended between the handshake and the moment when the hub knew the connection.
                self.check_session(connection);
            }
            Entry::Shut { why, .. } => self.close(context, *why, self.platform.hub.next_number()),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut closed = self.closed.get();
        if let Entry::Open(connection) = &self.entry {
            // A peer that takes nothing is never told why, and is cut in the end.
            closed = closed.or_else(|| connection.outbox.closing());
            // Whatever is still being done for it is for nobody.
            connection.outbox.close(Close::Goodbye);
            // The connection's owner drops this actor before it closes the socket.
            connection.gone();
            self.platform.hub.disconnect(connection);
        }
        closed.into_iter().for_each(metrics::socket_closed);
    }
}

impl Socket {
    /// Has the connection closed if its session has ended. Whether the vault answers is for the next ping.
    fn check_session(&self, connection: &Arc<Connection>) {
        let (platform, connection) = (self.platform.clone(), connection.clone());
        actix_web::rt::spawn(async move { session::still_signed_in(&platform.accounts, &connection).await.ok() });
    }

    fn close(&self, context: &mut WebsocketContext<Self>, why: Close, number: u64) {
        self.closed.set(Some(why));
        let description = if why.name().is_empty() { None } else { Some(why.reason(number)) };
        context.close(Some(CloseReason { code: CloseCode::from(why.code()), description }));
        context.stop();
    }
}

/// Batches of the outbox, one at each turn of the actor: what it sends is then offered to the peer before it takes more.
struct Sending {
    connection: Arc<Connection>,
    gave: bool,
    waited: bool,
}

impl Stream for Sending {
    type Item = Batch;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        if std::mem::take(&mut self.gave) {
            // Nothing needs to wake the actor: it has answered with bytes, so it is polled again for more.
            return Poll::Pending;
        }
        // An answer mostly comes right behind the event that it tells of: they go together if it is let pass.
        if !self.waited && self.connection.is_busy() && !self.connection.outbox.is_empty() {
            self.waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        let batch = self.connection.outbox.poll_take(context);
        self.gave = batch.is_ready();
        batch.map(Some)
    }
}

impl StreamHandler<Batch> for Socket {
    fn handle(&mut self, batch: Batch, context: &mut Self::Context) {
        let Entry::Open(connection) = &self.entry else { return };
        for frame in batch.frames {
            context.text(frame);
        }
        if batch.ping {
            context.ping(b"");
            self.check_session(connection);
        }
        if let Some(why) = batch.close {
            self.close(context, why, connection.number);
        }
    }
}

impl StreamHandler<Incoming> for Socket {
    fn handle(&mut self, incoming: Incoming, context: &mut Self::Context) {
        let Entry::Open(connection) = &self.entry else { return };
        connection.heard(self.platform.hub.elapsed_ms());
        match incoming {
            Incoming::Text(text) => session::received(&self.platform, connection, &text),
            Incoming::Ping(content) => context.pong(&content),
            Incoming::Pong => {}
            Incoming::Goodbye => self.close(context, Close::Goodbye, connection.number),
            Incoming::Broken(why) => self.close(context, why, connection.number),
        }
    }
}

/// The context wants a handler for messages of its own reader. Ours reads instead, so that none comes.
impl StreamHandler<Result<Message, ProtocolError>> for Socket {
    fn handle(&mut self, _: Result<Message, ProtocolError>, _: &mut Self::Context) {}
}

/// What comes from a peer.
#[derive(Debug, PartialEq, Eq)]
enum Incoming {
    Text(ByteString),
    Ping(Bytes),
    Pong,
    Goodbye,
    Broken(Close),
}

/// Reads whole messages, and never keeps more than one message and one chunk.
struct Reader<S = web::Payload> {
    chunks: S,
    codec: Codec,
    unread: BytesMut,
    /// The beginning of a text that comes in several frames.
    begun: Option<BytesMut>,
    ended: bool,
}

impl<S> Reader<S> {
    fn new(chunks: S) -> Self {
        let codec = Codec::new().max_size(FRAME_BYTES_MAX);
        Self { chunks, codec, unread: BytesMut::new(), begun: None, ended: false }
    }

    /// The next message in what was received; none when it is not whole.
    fn next_message(&mut self) -> Option<Incoming> {
        loop {
            if declared_length(&self.unread).is_some_and(|length| length > FRAME_BYTES_MAX as u64) {
                return Some(Incoming::Broken(Close::TooLong));
            }
            let frame = match self.codec.decode(&mut self.unread) {
                Ok(frame) => frame?,
                Err(ProtocolError::Overflow) => return Some(Incoming::Broken(Close::TooLong)),
                Err(_) => return Some(Incoming::Broken(Close::BrokenProtocol)),
            };
            if let Some(incoming) = self.assemble(frame) {
                return Some(incoming);
            }
        }
    }

    fn assemble(&mut self, frame: Frame) -> Option<Incoming> {
        Some(match frame {
            Frame::Text(text) => read_text(text),
            Frame::Ping(content) => Incoming::Ping(content),
            Frame::Pong(_) => Incoming::Pong,
            Frame::Close(_) => Incoming::Goodbye,
            Frame::Binary(_) | Frame::Continuation(Item::FirstBinary(_)) => Incoming::Broken(Close::Binary),
            Frame::Continuation(Item::FirstText(part)) => {
                self.begun = Some(part.into());
                return None;
            }
            Frame::Continuation(Item::Continue(part)) => return self.go_on(&part),
            Frame::Continuation(Item::Last(part)) => match self.go_on(&part) {
                Some(too_long) => too_long,
                None => read_text(self.begun.take()?.freeze()),
            },
        })
    }

    fn go_on(&mut self, part: &[u8]) -> Option<Incoming> {
        let begun = self.begun.get_or_insert_default();
        if begun.len() + part.len() > FRAME_BYTES_MAX {
            return Some(Incoming::Broken(Close::TooLong));
        }
        begun.extend_from_slice(part);
        None
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for Reader<S> {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if let Some(incoming) = this.next_message() {
                this.ended = matches!(incoming, Incoming::Broken(_) | Incoming::Goodbye);
                return Poll::Ready(Some(incoming));
            }
            match pin!(&mut this.chunks).poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => this.unread.extend_from_slice(&chunk),
                Poll::Ready(Some(Err(_)) | None) => this.ended = true,
                Poll::Pending => {
                    if this.unread.is_empty() {
                        // An idle connection keeps no memory for reading.
                        this.unread = BytesMut::new();
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

fn read_text(text: Bytes) -> Incoming {
    ByteString::try_from(text).map_or(Incoming::Broken(Close::NotUtf8), Incoming::Text)
}

/// The length that the frame at the beginning of `received` declares, as soon as that has come (RFC 6455, 5.2).
fn declared_length(received: &[u8]) -> Option<u64> {
    match received.get(1)? & 0x7f {
        126 => Some(u64::from(u16::from_be_bytes(received.get(2..4)?.try_into().ok()?))),
        127 => Some(u64::from_be_bytes(received.get(2..10)?.try_into().ok()?)),
        length => Some(u64::from(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::connection::Holder;
    use crate::vault::{SessionId, TokenHash};
    use futures_util::{StreamExt, stream};
    use palabre_events::testing::ANNA;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use uuid::Uuid;

    /// A frame as clients send it, masked.
    fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 77, 177, 27];
        let mut frame = vec![head];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What is read when `bytes` come in chunks of these lengths, over and over.
    fn read(bytes: &[u8], chunk_lengths: &[usize]) -> Vec<Incoming> {
        let mut left = bytes;
        let mut chunks = Vec::new();
        for length in chunk_lengths.iter().cycle() {
            let (chunk, rest) = left.split_at((*length).min(left.len()));
            chunks.push(Ok(Bytes::copy_from_slice(chunk)));
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        futures_util::FutureExt::now_or_never(Reader::new(stream::iter(chunks)).collect())
            .expect("nothing is waited for")
    }

    fn text(text: &str) -> Incoming {
        Incoming::Text(text.into())
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_messages_come(chunk_lengths in prop::collection::vec(1_usize..50, 1..20)) {
            let long = "é".repeat(1_000);
            let sent = [
                frame(0x81, b"one"),
                frame(0x01, "deux h".as_bytes()),
                frame(0x89, b"ping"),
                frame(0x00, &"é".as_bytes()[..1]),
                frame(0x80, &"é".as_bytes()[1..]),
                frame(0x81, long.as_bytes()),
                frame(0x8a, b""),
                frame(0x81, b""),
                frame(0x88, &[0x03, 0xe8]),
                frame(0x81, b"after the end"),
            ];
            let ping = Incoming::Ping(Bytes::from_static(b"ping"));
            let expected =
                vec![text("one"), ping, text("deux hé"), text(&long), Incoming::Pong, text(""), Incoming::Goodbye];
            prop_assert_eq!(read(&sent.concat(), &chunk_lengths), expected);
        }
    }

    #[test]
    fn a_length_too_long_ends_reading_with_the_first_bytes_that_say_so() {
        for (head, bytes_needed) in
            [(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1][..], 10), (&[0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0], 10)]
        {
            assert_eq!(declared_length(&head[..bytes_needed - 1]), None);
            assert_eq!(read(head, &[1]), [Incoming::Broken(Close::TooLong)]);
        }
        assert_eq!(read(&frame(0x81, &vec![b'x'; FRAME_BYTES_MAX]), &[1_000]).len(), 1);
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn an_answer_goes_with_the_event_before_it_and_nobody_else_waits() {
        let holder = Holder { account: ANNA, session: SessionId(Uuid::nil()), token: TokenHash([0; 32]) };
        let connection = Arc::new(Connection::new(1, holder, IpAddr::V4(Ipv4Addr::LOCALHOST), None, 0));
        let mut sending = Sending { connection: connection.clone(), gave: false, waited: false };
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut taken = || match Pin::new(&mut sending).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(batch) => batch.map(|batch: Batch| batch.frames.len()),
            Poll::Pending => None,
        };
        let under_way = connection.begin();
        connection.outbox.push("event".into());
        assert_eq!((taken(), wakes.0.load(Ordering::Relaxed)), (None, 1), "it comes back by itself");
        connection.outbox.push("answer".into());
        assert_eq!(taken(), Some(2));
        assert_eq!(taken(), None, "what was given is sent first");
        drop(under_way);
        connection.outbox.push("event".into());
        assert_eq!(taken(), Some(1));
    }

    #[test]
    fn a_reader_keeps_nothing_of_what_was_read() {
        let mut reader =
            Reader::new(stream::iter([Ok(Bytes::from(frame(0x81, &[b'x'; 9_000])))]).chain(stream::pending()));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(reader.poll_next_unpin(&mut context), Poll::Ready(Some(Incoming::Text(_)))));
        assert!(reader.poll_next_unpin(&mut context).is_pending());
        assert_eq!(reader.unread.capacity(), 0);
    }
}
