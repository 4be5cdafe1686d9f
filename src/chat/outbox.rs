//! What waits to be sent to one connection, bounded in bytes and in frames.
//!
//! Whoever has something to say pushes and goes on; its own task takes as much as its peer does. Whoever
//! pushes into an empty outbox wakes that task once. Over the bound the connection is closed as slow and what waits is
//! dropped: nothing is lost, because the client resumes from the log. How the frames are sent is for
//! [`super::socket`].

use bytestring::ByteString;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::close::Close;

/// The most bytes of frames that wait for one connection.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;
/// The most frames that wait for one connection.
pub const OUTBOX_FRAMES_MAX: usize = 8_192;
/// About how many bytes are taken at once; the frame that passes it is taken whole.
pub const BATCH_BYTES: usize = 32 * 1024;

/// What waits for one connection. Every method may be called from any thread, and none blocks.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    taker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<ByteString>,
    bytes: usize,
    ping: bool,
    close: Option<Close>,
    closed: bool,
}

/// What is to be sent next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Frames, in order.
    pub frames: Vec<ByteString>,
    /// Whether to ping after them.
    pub ping: bool,
    /// Whether to close after them. Nothing comes after that.
    pub close: Option<Close>,
}

impl Outbox {
    /// Puts a frame at the end. After a close it is dropped: the client will resume.
    pub fn push(&self, frame: ByteString) {
        self.push_all([frame]);
    }

    /// Puts frames at the end, which are taken together.
    pub fn push_all(&self, frames: impl IntoIterator<Item = ByteString>) {
        let mut waiting = self.waiting.lock();
        let (was_empty, was_closing) = (waiting.frames.is_empty(), waiting.is_closing());
        frames.into_iter().for_each(|frame| waiting.push(frame));
        let has_news = was_empty && !waiting.frames.is_empty() || !was_closing && waiting.is_closing();
        drop(waiting);
        if has_news {
            self.taker.wake();
        }
    }

    /// Asks for a ping.
    pub fn ping(&self) {
        self.waiting.lock().ping = true;
        self.taker.wake();
    }

    /// Closes the connection: after what waits, or at once where [`Close::is_at_once`]. The first reason holds.
    pub fn close(&self, why: Close) {
        self.waiting.lock().close(why);
        self.taker.wake();
    }

    /// Why the connection is being closed, if it is.
    pub fn closing(&self) -> Option<Close> {
        self.waiting.lock().close
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().frames.is_empty()
    }

    /// Takes what is to be sent next, or has `context` woken when there is something. One task takes, no more.
    pub fn poll_take(&self, context: &Context<'_>) -> Poll<Batch> {
        self.taker.register(context.waker());
        let mut waiting = self.waiting.lock();
        let mut batch = Batch { ping: std::mem::take(&mut waiting.ping), ..Batch::default() };
        let mut taken = 0;
        while taken < BATCH_BYTES
            && let Some(frame) = waiting.frames.pop_front()
        {
            taken += frame.len();
            batch.frames.push(frame);
        }
        waiting.bytes -= taken;
        if waiting.frames.is_empty() {
            // An idle connection keeps no memory for frames.
            waiting.frames = VecDeque::new();
            if !waiting.closed {
                batch.close = waiting.close;
                waiting.closed = waiting.is_closing();
            }
        }
        if batch == Batch::default() { Poll::Pending } else { Poll::Ready(batch) }
    }
}

impl Waiting {
    fn is_closing(&self) -> bool {
        self.close.is_some()
    }

    fn push(&mut self, frame: ByteString) {
        if self.is_closing() {
            return;
        }
        let bytes = self.bytes + frame.len();
        if bytes > OUTBOX_BYTES_MAX || self.frames.len() >= OUTBOX_FRAMES_MAX {
            self.close(Close::Slow);
        } else {
            self.bytes = bytes;
            self.frames.push_back(frame);
        }
    }

    fn close(&mut self, why: Close) {
        if self.is_closing() {
            return;
        }
        self.close = Some(why);
        if why.is_at_once() {
            self.frames = VecDeque::new();
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(outbox: &Outbox) -> Option<Batch> {
        match outbox.poll_take(&Context::from_waker(Waker::noop())) {
            Poll::Ready(batch) => Some(batch),
            Poll::Pending => None,
        }
    }

    fn frame(bytes: usize) -> ByteString {
        "x".repeat(bytes).into()
    }

    #[test]
    fn frames_come_out_in_order_in_batches() {
        let outbox = Outbox::default();
        for length in [BATCH_BYTES - 1, 10, 3] {
            outbox.push(frame(length));
        }
        let lengths = |batch: Option<Batch>| batch.unwrap().frames.iter().map(|f| f.len()).collect::<Vec<_>>();
        assert_eq!(lengths(take(&outbox)), [BATCH_BYTES - 1, 10]);
        assert_eq!(lengths(take(&outbox)), [3]);
        assert_eq!(take(&outbox), None);
    }

    #[test]
    fn the_taker_is_woken_once_until_it_takes() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        let waker = Waker::from(wakes.clone());
        let poll = || outbox.poll_take(&Context::from_waker(&waker)).is_ready();
        assert!(!poll());
        outbox.push(frame(1));
        outbox.push(frame(1));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(poll() && !poll());
        outbox.push(frame(1));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn frames_that_come_together_wake_once_and_go_together() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        let waker = Waker::from(wakes.clone());
        assert!(outbox.poll_take(&Context::from_waker(&waker)).is_pending());
        outbox.push_all([]);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "nothing came");
        outbox.push_all([frame(1), frame(2), frame(3)]);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(take(&outbox).unwrap().frames.len(), 3);
        assert!(outbox.poll_take(&Context::from_waker(&waker)).is_pending());
        outbox.push_all([frame(1), frame(OUTBOX_BYTES_MAX), frame(1)]);
        assert_eq!((outbox.closing(), outbox.is_empty()), (Some(Close::Slow), true), "the second is too much");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn over_its_bytes_it_drops_all_and_closes_as_slow() {
        let outbox = Outbox::default();
        outbox.push(frame(OUTBOX_BYTES_MAX));
        assert_eq!(outbox.closing(), None);
        outbox.push(frame(1));
        assert_eq!(outbox.closing(), Some(Close::Slow));
        assert!(outbox.is_empty());
        assert_eq!(take(&outbox), Some(Batch { close: Some(Close::Slow), ..Batch::default() }));
        assert_eq!(take(&outbox), None);
    }

    #[test]
    fn over_its_frames_it_closes_as_slow() {
        let outbox = Outbox::default();
        (0..OUTBOX_FRAMES_MAX).for_each(|_| outbox.push(frame(1)));
        assert_eq!(outbox.closing(), None);
        outbox.push(frame(1));
        assert_eq!(outbox.closing(), Some(Close::Slow));
    }

    #[test]
    fn a_close_comes_after_what_waits_unless_it_is_at_once() {
        let outbox = Outbox::default();
        outbox.push(frame(3));
        outbox.close(Close::Shutdown);
        outbox.push(frame(4));
        outbox.close(Close::Gap);
        let last = Batch { frames: vec![frame(3)], ping: false, close: Some(Close::Shutdown) };
        assert_eq!(take(&outbox), Some(last));
        assert_eq!(take(&outbox), None);

        let outbox = Outbox::default();
        outbox.push(frame(3));
        outbox.close(Close::Revoked);
        assert_eq!(take(&outbox), Some(Batch { close: Some(Close::Revoked), ..Batch::default() }));
    }

    #[test]
    fn what_was_taken_makes_room() {
        let outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push(frame(OUTBOX_BYTES_MAX));
            assert_eq!(take(&outbox).unwrap().frames.len(), 1);
        }
        assert_eq!(outbox.closing(), None);
    }
}
