//! What is on its way between nodes and log, and between nodes, in no order: lost, doubled, late or refused as the dice
//! have it.

use palabre::fanout::{Hear, Notice};
use palabre::store::ReadFailure;
use palabre_events::StreamId;
use palabre_events::log::{Append, AppendFailure, ItemAnswer, KeyedCommand};
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::host::News;
use crate::line::{Page, Reading};
use crate::world::World;

/// Something on its way.
pub enum Wire {
    /// Between one shell and the log.
    Shell(Shipment),
    /// A hub reads.
    Read(Reading),
    /// What a hub has read.
    ReadAnswer(oneshot::Sender<Page>, Page),
    /// The feed of a node, in this life of it, reads on.
    Follow { node: usize, life: u64 },
    /// What it has read.
    Followed { node: usize, life: u64, page: Page },
    /// What another node tells this one.
    Notice { node: usize, notice: Notice },
}

pub struct Shipment {
    pub node: usize,
    pub stream: StreamId,
    /// The shell that it belongs to; whatever comes for a dead one is lost.
    pub slot: u64,
    pub cargo: Cargo,
}

pub enum Cargo {
    Load { after_version: u64 },
    Append(Append),
    LookUp(u64, KeyedCommand),
    News(News),
}

impl World {
    /// Puts on the wires what hubs have asked for.
    pub fn gather(&mut self) {
        let asked = self.nodes.iter().flat_map(|node| node.line.take_asked());
        self.wires.extend(asked.map(Wire::Read));
    }

    /// Has the feed of a node read on.
    pub fn follow(&mut self, node: usize) {
        let life = self.nodes[node].life;
        if !std::mem::replace(&mut self.nodes[node].feed_waits, true) {
            self.wires.push(Wire::Follow { node, life });
        }
    }

    /// Lets one thing on the wires arrive, whichever.
    pub fn transmit(&mut self) {
        self.gather();
        let Some(wire) = self.dice.draw(&mut self.wires) else { return };
        match wire {
            Wire::Shell(shipment) => self.transmit_shipment(shipment),
            Wire::Read(Reading { stream, after_version, limit, reply }) => {
                let fails = self.mishap(100);
                let page = if fails {
                    Err(ReadFailure::Unavailable)
                } else {
                    Ok(self.log.read(stream, after_version, limit).0)
                };
                self.wires.push(Wire::ReadAnswer(reply, page));
            }
            // Whoever asked may have died.
            Wire::ReadAnswer(reply, page) => drop(reply.send(page)),
            Wire::Follow { node, life } if self.nodes[node].life == life => {
                let limit = 1 + self.dice.below(40);
                let after = self.nodes[node].feed.position();
                let page =
                    if self.mishap(50) { Err(ReadFailure::Unavailable) } else { Ok(self.log.read_all(after, limit)) };
                self.wires.push(Wire::Followed { node, life, page });
            }
            Wire::Followed { node, life, page } if self.nodes[node].life == life => {
                self.nodes[node].feed_waits = false;
                for (stream, version) in page.map(|page| self.nodes[node].follow(&page)).unwrap_or_default() {
                    self.heard_of(node, stream, version);
                }
            }
            Wire::Follow { .. } | Wire::Followed { .. } => {}
            Wire::Notice { node, notice } => self.hear(node, notice),
        }
    }

    /// A node hears another one.
    fn hear(&mut self, node: usize, notice: Notice) {
        if let Notice::Committed { audience, events } = &notice {
            if self.has(Fault::HolesIgnored) {
                return self.tell_as_it_comes(node, events, audience);
            }
            if let Some(last) = events.last() {
                self.heard_of(node, last.stream, last.version);
            }
        }
        self.nodes[node].within(|hub| hub.hear(notice));
    }

    /// A shell that is awake hears that its stream has grown.
    fn heard_of(&mut self, node: usize, stream: StreamId, version: u64) {
        if let Some(slot) = self.nodes[node].slots.get_mut(&stream) {
            let (serial, wishes) = (slot.serial, slot.host.heard_of(version));
            self.carry_out(node, stream, serial, wishes);
        }
    }

    fn transmit_shipment(&mut self, shipment: Shipment) {
        let Shipment { node, stream, slot, cargo } = shipment;
        let alive = self.nodes[node].slots.get(&stream).is_some_and(|known| known.serial == slot);
        let news = match cargo {
            Cargo::News(news) => return self.deliver(node, stream, slot, news),
            Cargo::Append(append) => match self.append(append, alive) {
                Some(news) => news,
                None => return,
            },
            _ if !alive => return,
            Cargo::Load { .. } if self.mishap(20) => News::Loaded(None),
            Cargo::Load { after_version } => {
                let limit = 1 + self.dice.below(40);
                News::Loaded(Some(self.log.read(stream, after_version, limit)))
            }
            Cargo::LookUp(ticket, _) if self.mishap(50) => News::LookedUp(ticket, Err(AppendFailure::Unavailable)),
            Cargo::LookUp(ticket, key) => News::LookedUp(ticket, Ok(self.log.first_answer(&key))),
        };
        self.wires.push(Wire::Shell(Shipment { node, stream, slot, cargo: Cargo::News(news) }));
    }

    /// What the log does with an append, and what it says of it; nothing when nobody listens any more.
    fn append(&mut self, append: Append, alive: bool) -> Option<News> {
        if !alive {
            // Its node died, or gave it up: it may have been on its way.
            if self.posthumous || self.mishap(500) {
                self.commit(append);
            }
            return None;
        }
        if self.mishap(20) {
            return Some(News::Appended(Err(AppendFailure::Unavailable)));
        }
        if self.mishap(30) {
            match self.dice.below(3) {
                0 => drop(self.commit(append)),
                1 => {
                    // Comes later, when nobody listens any more.
                    let (node, stream) = (0, append.stream);
                    self.wires.push(Wire::Shell(Shipment { node, stream, slot: 0, cargo: Cargo::Append(append) }));
                }
                _ => {}
            }
            return Some(News::Appended(Err(AppendFailure::Unknown)));
        }
        if self.mishap(20) {
            // It comes twice, and the second answer is the one that is heard.
            self.commit(append.clone());
        }
        Some(News::Appended(Ok(self.commit(append))))
    }

    pub fn commit(&mut self, mut append: Append) -> Vec<ItemAnswer> {
        self.spoil(&mut append);
        let before = self.log.events().len();
        let answers = self.log.append(append, self.clock);
        for event in &self.log.events()[before..] {
            self.truth.note(event);
        }
        answers
    }

    fn deliver(&mut self, node: usize, stream: StreamId, slot: u64, news: News) {
        let known = self.nodes[node].slots.get_mut(&stream).filter(|known| known.serial == slot);
        if let Some(known) = known {
            let wishes = known.host.hear(news);
            self.carry_out(node, stream, slot, wishes);
        }
    }

    /// Whether a keyed command may still be on its way to the log.
    pub fn is_under_way(&self, keyed: &KeyedCommand) -> bool {
        let in_append = |wire: &Wire| match wire {
            Wire::Shell(Shipment { cargo: Cargo::Append(append), .. }) => {
                append.items.iter().any(|item| item.key == Some(*keyed))
            }
            _ => false,
        };
        self.wires.iter().any(in_append) || self.waiters.values().any(|waiter| waiter.ask.key == Some(*keyed))
    }

    /// Everything on the wires arrives.
    pub fn drain(&mut self) {
        self.gather();
        while !self.wires.is_empty() {
            self.transmit();
            self.gather();
        }
    }
}
