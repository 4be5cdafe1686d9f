//! What people see: a connection to one node, and every conversation as far as it was told or read back.
//!
//! What comes is checked as it comes: it is in the log, whoever sees it may, and it follows what was seen before.

use futures_util::future::join_all;
use palabre::chat::connection::{Connection, Holder};
use palabre::chat::history::CannotRead;
use palabre::chat::resume::{self, Missing};
use palabre::vault::{SessionId, TokenHash};
use palabre_events::{CommandKey, ConversationId};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use uuid::Uuid;

use crate::world::World;

#[derive(Default)]
pub struct Screen {
    link: Option<Link>,
    /// The last `seq` that was seen of each conversation.
    pub seen: BTreeMap<ConversationId, u64>,
}

struct Link {
    node: usize,
    connection: Arc<Connection>,
    hello: Hello,
    /// Frames that came before the hello was answered.
    held: Vec<Frame>,
}

/// Whether a node has said what was missed.
enum Hello {
    Due,
    Asked(Answer),
    Answered,
}

/// Where the answer comes.
type Answer = Arc<Mutex<Option<Result<Vec<Missing>, CannotRead>>>>;

/// What is looked at of a frame.
#[derive(Clone, Debug, Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    conversation: Option<ConversationId>,
    seq: Option<u64>,
    position: Option<u64>,
    key: Option<CommandKey>,
}

impl Screen {
    /// The node that it is connected to.
    pub fn node(&self) -> Option<usize> {
        self.link.as_ref().map(|link| link.node)
    }

    /// The node has died.
    pub fn cut(&mut self) {
        self.link = None;
    }

    pub fn connection(&self) -> Option<&Arc<Connection>> {
        self.link.as_ref().map(|link| &link.connection)
    }
}

impl World {
    /// Somebody connects if need be, asks what was missed, and looks at what has come. Answers whether anything came.
    pub fn look(&mut self, number: usize) -> bool {
        let Some(mut link) = self.clients[number].screen.link.take().or_else(|| self.connect(number)) else {
            return false;
        };
        let said = match &link.hello {
            Hello::Due => {
                link.hello = Hello::Asked(self.say_hello(number, link.node));
                return self.keep(number, link, true);
            }
            Hello::Asked(answer) => answer.lock().take(),
            Hello::Answered => None,
        };
        match said {
            Some(Ok(missing)) => {
                missing.into_iter().for_each(|missing| self.catch_up(number, missing));
                std::mem::take(&mut link.held).iter().for_each(|frame| self.see(number, frame));
                link.hello = Hello::Answered;
            }
            Some(Err(CannotRead)) => link.hello = Hello::Due,
            None => {}
        }
        let mut came = !matches!(link.hello, Hello::Answered);
        let now_ms = self.nodes[link.node].within(|hub| hub.elapsed_ms());
        link.connection.heard(now_ms);
        while let Poll::Ready(batch) = link.connection.outbox.poll_take(&Context::from_waker(Waker::noop())) {
            for text in &batch.frames {
                self.trace(number, text.as_bytes());
                let frame: Frame = serde_json::from_str(text).expect("frames are JSON");
                came |= frame.seq.is_some();
                match link.hello {
                    Hello::Answered => self.see(number, &frame),
                    Hello::Due | Hello::Asked(_) => link.held.push(frame),
                }
            }
            if batch.close.is_some() {
                self.nodes[link.node].within(|hub| hub.disconnect(&link.connection));
                return true;
            }
        }
        self.keep(number, link, came)
    }

    fn keep(&mut self, number: usize, link: Link, came: bool) -> bool {
        self.clients[number].screen.link = Some(link);
        came
    }

    /// Somebody closes the page; what waits for it is lost.
    pub fn leave(&mut self, number: usize) {
        if let Some(link) = self.clients[number].screen.link.take() {
            self.nodes[link.node].within(|hub| hub.disconnect(&link.connection));
        }
    }

    /// The balancer sends everybody to one node from now on, or to any; who is connected to another has to come anew.
    pub fn rebalance(&mut self) {
        let node = self.dice.below(self.nodes.len());
        self.balanced_to = self.dice.chance(700).then_some(node);
        for number in 0..self.clients.len() {
            let elsewhere =
                self.clients[number].screen.node().is_some_and(|its| self.balanced_to.is_some_and(|to| to != its));
            if elsewhere {
                self.leave(number);
            }
        }
    }

    fn connect(&mut self, number: usize) -> Option<Link> {
        let node = self.balanced_to.unwrap_or_else(|| self.dice.below(self.nodes.len()));
        let account = self.clients[number].account;
        let holder = Holder { account, session: SessionId(Uuid::nil()), token: TokenHash([0; 32]) };
        let connection = self.nodes[node].within(|hub| {
            let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let connection = Arc::new(Connection::new(hub.next_number(), holder, home, None, hub.elapsed_ms()));
            hub.connect(&connection).is_ok().then_some(connection)
        })?;
        Some(Link { node, connection, hello: Hello::Due, held: Vec::new() })
    }

    /// Asks for what was missed of the conversations that there are.
    fn say_hello(&self, number: usize, node: usize) -> Answer {
        let client = &self.clients[number];
        let (account, hub, answer) = (client.account, self.nodes[node].hub.clone(), Answer::default());
        let known = |conversation: &ConversationId| client.screen.seen.get(conversation).copied().unwrap_or(0);
        let asked: Vec<_> = self.truth.talks.keys().map(|conversation| (*conversation, known(conversation))).collect();
        let reply = answer.clone();
        self.nodes[node].begin(async move {
            let missing = asked.into_iter().map(|(conversation, seq)| {
                resume::missing(&hub, account, conversation, seq, resume::RESUMED_BYTES_MAX)
            });
            let missing = join_all(missing).await.into_iter().collect();
            *reply.lock() = Some(missing);
        });
        answer
    }

    fn catch_up(&mut self, number: usize, missing: Missing) {
        match missing {
            Missing::Events(events) => {
                for event in events {
                    self.trace(number, event.get().as_bytes());
                    let frame = serde_json::from_str(event.get()).expect("frames are JSON");
                    self.see(number, &frame);
                }
            }
            Missing::NotYours => {}
            Missing::TooMuch => panic!("conversations are short here"),
            Missing::Ahead => panic!("nobody knows more than the log"),
        }
    }

    /// Looks at one frame.
    fn see(&mut self, number: usize, frame: &Frame) {
        let client = &mut self.clients[number];
        let (Some(conversation), Some(seq), Some(position)) = (frame.conversation, frame.seq, frame.position) else {
            let has_no_place = frame.seq.is_none() || frame.kind == "hidden";
            return assert!(has_no_place, "what has a place in a conversation has one in the log: {frame:?}");
        };
        let event = self.log.events().get(position as usize - 1).filter(|event| event.version == seq);
        let event = event.filter(|event| event.stream == conversation.into());
        let event = event.unwrap_or_else(|| panic!("what is seen is in the log: {frame:?}"));
        let author = event.actor.person() == Some(client.account);
        assert_eq!(frame.key, event.key.filter(|_| author), "the author alone is told the key: {frame:?}");
        let last = client.screen.seen.entry(conversation).or_default();
        let talk = &self.truth.talks[&conversation];
        let next = talk.next_for(client.account, *last);
        if seq > *last {
            assert_eq!(next, Some(seq), "{} sees one after the other, from {last} on: {frame:?}", client.account);
            *last = seq;
        } else {
            assert_eq!(talk.next_for(client.account, seq - 1), Some(seq), "what is seen again may be seen: {frame:?}");
        }
    }
}
