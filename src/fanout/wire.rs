//! How messages between nodes are written: a tag of 16 bytes by the vault's key for nodes, then JSON.
//!
//! Nodes of two versions may run side by side while one is replaced by the other: what a node cannot read it leaves
//! out, since the log has it. Whatever comes without the right tag was not written by a node and is left out too.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::notice::{NodeId, Notice};
use crate::vault::data_key::{NodeKey, TAG_LENGTH};

/// The longest message, in bytes. Longer events are read from the log.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Writes and reads messages.
#[derive(Clone, Debug)]
pub struct Wire {
    node: NodeId,
    key: NodeKey,
}

/// Why a message is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// This node said it.
    Own,
    /// No node of this vault wrote it, or it was altered.
    Forged,
    /// It is longer than any node writes, or of a kind that this version does not know.
    Unreadable,
}

impl Wire {
    /// For messages of `node`.
    pub fn new(node: NodeId, key: NodeKey) -> Self {
        Self { node, key }
    }

    /// Writes `notice`. Events that are too long for one message are left to the log.
    pub fn write(&self, notice: &Notice) -> Bytes {
        let written = self.write_whole(notice).or_else(|| self.write_whole(&notice.shorter()?));
        written.expect("only events are long")
    }

    /// None when it would be too long, or holds events that are no JSON, which the log would not have taken.
    fn write_whole(&self, notice: &Notice) -> Option<Bytes> {
        let mut message = BytesMut::zeroed(TAG_LENGTH).writer();
        serde_json::to_writer(&mut message, &Message { from: self.node, says: notice }).ok()?;
        let mut message = message.into_inner();
        if message.len() > MESSAGE_BYTES_MAX {
            return None;
        }
        let tag = self.key.tag(&message[TAG_LENGTH..]);
        message[..TAG_LENGTH].copy_from_slice(&tag);
        Some(message.freeze())
    }

    /// Reads what another node wrote, and which; what it says of itself is heard too when it is a probe.
    pub fn read(&self, message: &[u8]) -> Result<(NodeId, Notice), Unheard> {
        let (tag, body) = message.split_first_chunk::<TAG_LENGTH>().ok_or(Unheard::Forged)?;
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(Unheard::Unreadable);
        }
        if !self.key.knows(body, tag) {
            return Err(Unheard::Forged);
        }
        let Message { from, says } = serde_json::from_slice(body).map_err(|_| Unheard::Unreadable)?;
        if from == self.node && says != Notice::Probe {
            return Err(Unheard::Own);
        }
        Ok((from, says))
    }
}

#[derive(Serialize, Deserialize)]
struct Message<N> {
    from: NodeId,
    says: N,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::presence::Presence;
    use crate::vault::KeyMaterial;
    use crate::vault::data_key::DataKey;
    use palabre_events::log::Hash;
    use palabre_events::testing::{ANNA, BEN, DORA, by, key, now, talk_with};
    use palabre_events::{Envelope, KeyId};
    use std::sync::Arc;
    use uuid::Uuid;

    fn wires() -> [Wire; 2] {
        let key = DataKey::new(KeyId::Platform, &KeyMaterial::generate()).node_key();
        [1, 2].map(|number| Wire::new(NodeId(Uuid::from_u128(number)), key.clone()))
    }

    fn envelope(version: u64, data: &str) -> Arc<Envelope> {
        Arc::new(Envelope {
            event_id: Uuid::from_u128(version.into()),
            stream: talk_with(ANNA).into(),
            version,
            position: 100 + version,
            event_type: "MessagePosted".to_owned(),
            schema_version: 1,
            occurred_at: now(),
            recorded_at: now(),
            actor: by(ANNA),
            key: Some(key(1)),
            correlation_id: Uuid::from_u128(7),
            causation_id: Uuid::from_u128(8),
            traceparent: None,
            data: data.as_bytes().to_vec(),
            hash: Hash([9; 32]),
        })
    }

    #[test]
    fn what_is_written_is_read_byte_for_byte() {
        let [here, there] = wires();
        let events = vec![envelope(4, r#"{"b": 1,   "a":"é"}"#), envelope(5, "{}")];
        for notice in [
            Notice::Committed { audience: vec![ANNA, DORA], events },
            Notice::Grown { conversation: talk_with(ANNA), seq: 7 },
            Notice::Read { to: DORA, conversation: talk_with(ANNA), account: ANNA, up_to: 3 },
            Notice::Typing { to: DORA, conversation: talk_with(ANNA), account: ANNA, on: true },
            Notice::SessionEnded { account: BEN, session: Uuid::from_u128(3) },
            Notice::Presence(Presence::Changed { number: 3, came: vec![ANNA], gone: vec![BEN] }),
        ] {
            let message = here.write(&notice);
            assert_eq!(there.read(&message), Ok((here.node, notice)));
            assert_eq!(here.read(&message).unwrap_err(), Unheard::Own);
        }
    }

    /// Nodes of two versions hear each other, so what is written must stay as it is. One message a line in the file, each
    /// without its tag.
    #[test]
    fn messages_are_written_as_they_always_were() {
        let [here, there] = wires();
        let traced = Envelope { key: None, traceparent: Some("00-1-2-01".to_owned()), ..(*envelope(5, "{}")).clone() };
        let (conversation, account) = (talk_with(ANNA), ANNA);
        let notices = [
            Notice::Committed {
                audience: vec![ANNA, DORA],
                events: vec![envelope(4, r#"{"b": 1,   "a":"é"}"#), Arc::new(traced)],
            },
            Notice::Grown { conversation, seq: 7 },
            Notice::Read { to: DORA, conversation, account, up_to: 3 },
            Notice::Typing { to: DORA, conversation, account, on: true },
            Notice::SessionEnded { account, session: Uuid::from_u128(3) },
            Notice::Presence(Presence::Beat { number: 2 }),
            Notice::Presence(Presence::Changed { number: 3, came: vec![ANNA], gone: vec![BEN] }),
            Notice::Presence(Presence::Whole { number: 4, first: true, accounts: vec![ANNA, DORA] }),
            Notice::Presence(Presence::Ask { node: there.node }),
            Notice::Presence(Presence::Leaving),
            Notice::Probe,
        ];
        let golden: Vec<_> = include_str!("golden/messages.jsonl").lines().collect();
        assert_eq!(golden.len(), notices.len());
        for (notice, golden) in notices.into_iter().zip(golden) {
            let message = here.write(&notice);
            assert_eq!(std::str::from_utf8(&message[TAG_LENGTH..]).unwrap(), golden);
            assert_eq!(there.read(&message), Ok((here.node, notice)));
        }
    }

    #[test]
    fn a_probe_of_ones_own_is_heard() {
        let [here, _] = wires();
        assert_eq!(here.read(&here.write(&Notice::Probe)), Ok((here.node, Notice::Probe)));
    }

    #[test]
    fn whoever_has_not_the_key_is_not_heard() {
        let ([here, there], [stranger, _]) = (wires(), wires());
        let notice = Notice::SessionEnded { account: BEN, session: Uuid::from_u128(3) };
        let message = here.write(&notice);
        for place in [0, TAG_LENGTH, message.len() - 1] {
            let mut altered = message.to_vec();
            altered[place] ^= 1;
            assert_eq!(there.read(&altered).unwrap_err(), Unheard::Forged);
        }
        assert_eq!(there.read(&stranger.write(&notice)).unwrap_err(), Unheard::Forged);
        assert_eq!(there.read(b"short").unwrap_err(), Unheard::Forged);
    }

    #[test]
    fn events_that_are_too_long_are_left_to_the_log() {
        let [here, there] = wires();
        let events = vec![envelope(4, &format!("{:?}", "x".repeat(MESSAGE_BYTES_MAX)))];
        let message = here.write(&Notice::Committed { audience: vec![ANNA], events });
        let grown = Notice::Grown { conversation: talk_with(ANNA), seq: 4 };
        assert_eq!(there.read(&message), Ok((here.node, grown)));
    }

    #[test]
    fn what_is_too_long_or_out_of_order_is_left_out() {
        let [here, there] = wires();
        assert_eq!(there.read(&[0; MESSAGE_BYTES_MAX + 1]).unwrap_err(), Unheard::Unreadable);
        for events in [vec![], vec![envelope(4, "{}"), envelope(6, "{}")]] {
            let message = here.write(&Notice::Committed { audience: vec![ANNA], events });
            assert_eq!(there.read(&message).unwrap_err(), Unheard::Unreadable);
        }
    }
}
