//! What waits to be said to other nodes, bounded in messages and in bytes. It waits as it was given: it is written where
//! it is said, on the thread of the fan-out.
//!
//! Nobody waits for room: what does not fit, or comes while there is no session with Redis, is dropped and counted.
//! The log will tell.

use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;

use super::notice::{Channel, Notice};

/// The most messages that wait.
pub const MESSAGES_MAX: usize = 16_384;
/// The most bytes of messages that wait, by [`Notice::bytes_held`].
pub const BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most channels that are published to in one go.
pub const BATCH_CHANNELS: usize = 512;

/// One message and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// To each of these.
    pub to: Vec<Channel>,
    /// What is said.
    pub notice: Notice,
}

/// What waits.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    parcels: VecDeque<Parcel>,
    bytes: usize,
    open: bool,
}

/// Why a message is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// There is no session with Redis.
    Shut,
    /// Too much waits.
    Full,
}

impl Queue {
    /// From now on takes messages.
    pub fn open(&self) {
        self.waiting.lock().open = true;
    }

    /// From now on drops messages, and those that wait; answers how many those were.
    pub fn shut(&self) -> usize {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.parcels.len()
    }

    /// Whether messages are taken.
    pub fn is_open(&self) -> bool {
        self.waiting.lock().open
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.waiting.lock().parcels.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a message at the end.
    pub fn push(&self, parcel: Parcel) -> Result<(), Dropped> {
        let mut waiting = self.waiting.lock();
        if !waiting.open {
            return Err(Dropped::Shut);
        }
        let bytes = waiting.bytes + parcel.notice.bytes_held();
        if bytes > BYTES_MAX || waiting.parcels.len() >= MESSAGES_MAX {
            return Err(Dropped::Full);
        }
        waiting.bytes = bytes;
        waiting.parcels.push_back(parcel);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for messages and takes them, in order, for about [`BATCH_CHANNELS`] channels; the message that passes it
    /// is taken whole. One task takes, no more.
    pub async fn take(&self) -> Vec<Parcel> {
        loop {
            let batch = self.waiting.lock().take_batch();
            if !batch.is_empty() {
                return batch;
            }
            self.filled.notified().await;
        }
    }
}

impl Waiting {
    fn take_batch(&mut self) -> Vec<Parcel> {
        let (mut batch, mut channels) = (Vec::new(), 0);
        while channels < BATCH_CHANNELS
            && let Some(parcel) = self.parcels.pop_front()
        {
            channels += parcel.to.len();
            self.bytes -= parcel.notice.bytes_held();
            batch.push(parcel);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::testing::{ANNA, talk_with};

    fn parcel(seq: u64) -> Parcel {
        Parcel { to: vec![Channel::Nodes], notice: Notice::Grown { conversation: talk_with(ANNA), seq } }
    }

    /// One that takes up all the room for bytes.
    fn heavy() -> Parcel {
        let empty = Notice::Committed { audience: vec![], events: vec![] };
        let audience = vec![ANNA; (BYTES_MAX - empty.bytes_held()) / size_of_val(&ANNA)];
        let notice = Notice::Committed { audience, events: vec![] };
        assert!(notice.bytes_held() <= BYTES_MAX);
        Parcel { to: vec![Channel::Nodes], notice }
    }

    fn opened() -> Queue {
        let queue = Queue::default();
        queue.open();
        queue
    }

    #[tokio::test]
    async fn what_waits_comes_out_in_order_in_batches() {
        let queue = opened();
        let parcels: Vec<_> = (0..=BATCH_CHANNELS as u64).map(parcel).collect();
        parcels.iter().for_each(|parcel| queue.push(parcel.clone()).unwrap());
        assert_eq!(queue.take().await, parcels[..BATCH_CHANNELS]);
        assert_eq!(queue.take().await, parcels[BATCH_CHANNELS..]);
        assert!(queue.is_empty());
    }

    #[test]
    fn beyond_its_bounds_messages_are_dropped() {
        let queue = opened();
        queue.push(heavy()).unwrap();
        assert_eq!(queue.push(parcel(1)), Err(Dropped::Full));
        let queue = opened();
        (0..MESSAGES_MAX).for_each(|_| queue.push(parcel(1)).unwrap());
        assert_eq!(queue.push(parcel(1)), Err(Dropped::Full));
    }

    #[test]
    fn without_a_session_nothing_waits() {
        let queue = Queue::default();
        assert_eq!(queue.push(parcel(1)), Err(Dropped::Shut));
        queue.open();
        queue.push(parcel(1)).unwrap();
        assert_eq!(queue.shut(), 1);
        assert_eq!(queue.push(parcel(1)), Err(Dropped::Shut));
        queue.open();
        assert!(queue.is_empty());
        queue.push(heavy()).unwrap();
    }
}
