//! Faults planted on purpose between the servers and a client, to show that the checks find them.
//!
//! The platform itself is never changed for this: the balancer does to one event of one connection what a platform would
//! that publishes before it commits, or that does not mend the gap when a message was lost.

use clap::ValueEnum;
use palabre_load_tests::frame;
use palabre_load_tests::relay::{Filter, Filters};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Which message it befalls, counted over all connections: one that comes when everybody has long been there. What is lost
/// while they come is no fault to them, but read.
const VICTIM: u64 = 300;
/// How the text of an event's frame begins.
const EVENT: &[u8] = br#"{"conversation":"#;
/// What a message has in its frame.
const MESSAGE: &[u8] = br#""type":"message_posted""#;
const TEXT: u8 = 0x81;

/// What to plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// An event never reaches one of its readers, and the gap is not mended.
    LostFrame,
    /// A reader is told an event that is not in the log.
    EarlyFrame,
}

/// Filters for a balancer that plant this once.
pub fn filters(plant: Plant) -> Filters {
    let seen = Arc::new(AtomicU64::new(0));
    Box::new(move || {
        let (seen, mut buffer, mut is_socket) = (Arc::clone(&seen), Vec::new(), None);
        let filter: Filter = Box::new(move |bytes| {
            buffer.extend_from_slice(bytes);
            pass(&mut buffer, &mut is_socket, |event| {
                (seen.fetch_add(1, SeqCst) == VICTIM).then(|| planted(plant, event))
            })
        });
        filter
    })
}

/// Takes what is whole out of `buffer`; `change` may put something else in the place of a message.
fn pass(
    buffer: &mut Vec<u8>,
    is_socket: &mut Option<bool>,
    mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let mut passed = Vec::new();
    if is_socket.is_none() {
        // The answer to an upgrade is the first of its connection.
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return passed };
        *is_socket = Some(buffer.starts_with(b"HTTP/1.1 101"));
        passed.extend(buffer.drain(..end + 4));
    }
    if *is_socket == Some(false) {
        passed.append(buffer);
        return passed;
    }
    // What cannot be read goes on as it is; the client will say so.
    while let Ok(Some((head, length))) = frame::header(buffer) {
        if buffer.len() < head + length {
            return passed;
        }
        let whole: Vec<u8> = buffer.drain(..head + length).collect();
        let payload = &whole[head..];
        let is_message = || payload.windows(MESSAGE.len()).any(|part| part == MESSAGE);
        let may_change = whole[0] == TEXT && payload.starts_with(EVENT) && is_message();
        let changed = may_change.then(|| change(payload)).flatten();
        passed.extend(changed.unwrap_or(whole));
    }
    passed
}

fn planted(plant: Plant, event: &[u8]) -> Vec<u8> {
    match plant {
        Plant::LostFrame => Vec::new(),
        Plant::EarlyFrame => {
            let mut next: Value = serde_json::from_slice(event).expect("the server sends JSON");
            next["seq"] = json!(next["seq"].as_u64().expect("an event has a seq") + 1);
            [text_frame(event), text_frame(next.to_string().as_bytes())].concat()
        }
    }
}

fn text_frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("an event is shorter than 64 kB");
    [&[TEXT, 126][..], &length.to_be_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

    fn event(seq: u64) -> Vec<u8> {
        text_frame(json!({"conversation": "a", "seq": seq, "type": "message_posted"}).to_string().as_bytes())
    }

    /// What a filter lets through of this, byte by byte as the network may bring it.
    fn through(plant: Plant, bytes: &[u8]) -> Vec<u8> {
        let mut filter = filters(plant)();
        bytes.iter().flat_map(|byte| filter(&[*byte])).collect()
    }

    fn events(up_to: u64) -> Vec<u8> {
        UPGRADE.iter().copied().chain((0..up_to).flat_map(event)).collect()
    }

    #[test]
    fn one_event_is_lost() {
        let through = through(Plant::LostFrame, &events(VICTIM + 10));
        let expected = [events(VICTIM), (VICTIM + 1..VICTIM + 10).flat_map(event).collect()].concat();
        assert_eq!(through, expected);
    }

    #[test]
    fn one_event_comes_early() {
        let through = through(Plant::EarlyFrame, &events(VICTIM + 1));
        assert_eq!(through, [events(VICTIM + 1), event(VICTIM + 1)].concat());
    }

    #[test]
    fn what_is_no_socket_passes_as_it_is() {
        let page = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), event(1)].concat();
        assert_eq!(through(Plant::LostFrame, &page), page);
    }
}
