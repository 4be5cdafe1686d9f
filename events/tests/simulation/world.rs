//! Nodes, the log between them, and everything that goes wrong: replies lost or late, nodes that die between any two
//! steps, effects run never, late or twice.

use palabre_events::domain::Recorded;
use palabre_events::log::{Append, AppendFailure, KeyedCommand};
use palabre_events::policy::{Effect, EffectCommand};
use palabre_events::testing::{ModelLog, now};
use palabre_events::{Actor, Envelope, StreamId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

use crate::client::Client;
use crate::dice::Dice;
use crate::host::{Ask, Host, News, Said, Wish, host, was_true};
use crate::truth::Truth;

pub struct World {
    pub dice: Dice,
    pub log: ModelLog,
    pub truth: Truth,
    pub nodes: Vec<Node>,
    pub clients: Vec<Client>,
    pub clock: Timestamp,
    /// Whether anything goes wrong at present.
    pub faulty: bool,
    /// Whether what a dead node had sent to the log always arrives; otherwise chance decides, or it never does.
    pub posthumous: bool,
    /// What is on its way between nodes and log.
    pub wires: Vec<Wire>,
    pub waiters: BTreeMap<u64, Waiter>,
    serial: u64,
}

#[derive(Default)]
pub struct Node {
    slots: BTreeMap<StreamId, Slot>,
    /// Effects of what this node committed, not yet run.
    pub effects: Vec<Effect>,
}

struct Slot {
    serial: u64,
    host: Box<dyn Host>,
}

/// Something between one shell and the log.
pub struct Wire {
    node: usize,
    stream: StreamId,
    /// The shell that it belongs to; whatever comes for a dead one is lost.
    slot: u64,
    cargo: Cargo,
}

enum Cargo {
    Load { after_version: u64 },
    Append(Append),
    LookUp(u64, KeyedCommand),
    News(News),
}

/// Who waits for an answer.
pub struct Waiter {
    pub ask: Ask,
    pub node: usize,
    /// Length of the log when the command came.
    pub came_at: usize,
    pub whose: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Client(usize),
    Effect,
    Timer,
}

impl World {
    pub fn new(seed: u64, nodes: usize) -> Self {
        Self {
            dice: Dice::new(seed),
            log: ModelLog::default(),
            truth: Truth::default(),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            clients: Vec::new(),
            clock: now(),
            faulty: false,
            posthumous: false,
            wires: Vec::new(),
            waiters: BTreeMap::new(),
            serial: 0,
        }
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// True so many times in a thousand, while things go wrong.
    pub fn mishap(&mut self, per_mille: u32) -> bool {
        self.faulty && self.dice.chance(per_mille)
    }

    /// A command, as `by` gives it now. Clocks differ by some seconds.
    pub fn ask(&mut self, command: EffectCommand, by: Actor, key: Option<KeyedCommand>) -> Ask {
        let skew_s = if self.faulty { self.dice.below(5) as i64 - 2 } else { 0 };
        let command_id = Uuid::from_u128(u128::from(self.serial()) << 32);
        Ask { command, by, key, command_id, now: self.clock.plus_seconds(skew_s) }
    }

    /// Hands a command to a node.
    pub fn send(&mut self, node: usize, ask: Ask, whose: Whose) -> u64 {
        let (ticket, stream) = (self.serial(), ask.stream());
        let waiter = Waiter { ask: ask.clone(), node, came_at: self.truth.history.len(), whose };
        self.waiters.insert(ticket, waiter);
        let fresh = self.serial();
        let slot = self.nodes[node].slots.entry(stream).or_insert_with(|| Slot { serial: fresh, host: host(stream) });
        let (serial, wishes) = (slot.serial, slot.host.ask(ticket, ask));
        self.carry_out(node, stream, serial, wishes);
        ticket
    }

    pub fn run_effect(&mut self, node: usize, effect: Effect) -> u64 {
        let ask = self.ask(effect.into_command(), Actor::System, None);
        self.send(node, ask, Whose::Effect)
    }

    /// Does what a shell asks for, in order; the node may die in between.
    fn carry_out(&mut self, node: usize, stream: StreamId, slot: u64, wishes: Vec<Wish>) {
        for wish in wishes {
            if self.mishap(3) {
                return self.crash(node);
            }
            let cargo = match wish {
                Wish::Load { after_version } => Cargo::Load { after_version },
                Wish::Append(append) => Cargo::Append(append),
                Wish::LookUp(ticket, key) => Cargo::LookUp(ticket, key),
                Wish::Publish(events) => {
                    self.publish(node, &events);
                    continue;
                }
                Wish::Reply(ticket, said) => {
                    self.reply(ticket, said);
                    continue;
                }
                Wish::Stop => {
                    self.nodes[node].slots.remove(&stream);
                    continue;
                }
            };
            self.wires.push(Wire { node, stream, slot, cargo });
        }
    }

    /// The node that commits a cause runs its effects, unless it dies or forgets.
    fn publish(&mut self, node: usize, events: &[Arc<Envelope>]) {
        for event in events {
            let recorded = Recorded::read(event).expect("the simulation reads what it wrote");
            let effects = self.truth.effects(&recorded);
            if !self.mishap(100) {
                self.nodes[node].effects.extend(effects);
            }
        }
    }

    fn reply(&mut self, ticket: u64, said: Said) {
        let waiter = self.waiters.remove(&ticket).expect("nobody is answered twice");
        self.check_answer(&waiter, &said);
        let heard = if self.mishap(50) { Said::Unavailable } else { said };
        if let Whose::Client(number) = waiter.whose {
            self.client_hears(number, ticket, &waiter, heard);
        }
    }

    /// What is answered is true.
    fn check_answer(&self, waiter: &Waiter, said: &Said) {
        let ask = &waiter.ask;
        match said {
            Said::Committed(events) => {
                for event in events {
                    assert_eq!(self.log.events()[event.position as usize - 1], *event, "acknowledged, so in the log");
                }
            }
            Said::Duplicate(first) => {
                let event = &self.log.events()[first.position as usize - 1];
                assert_eq!(Some((event.actor, event.key)), ask.key.map(|keyed| (ask.by, Some(keyed.key))));
            }
            Said::Unchanged | Said::Rejected(_) => {
                let known = ask.key.and_then(|keyed| self.log.first_answer(&keyed));
                let repeat = known.is_some_and(|first| first.position <= waiter.came_at as u64);
                assert!(!repeat, "{said:?} although it was committed before: {ask:?}");
                let honest = was_true(&self.truth.history, ask, waiter.came_at, said);
                assert!(honest, "{said:?} was never true of {ask:?}");
                let refused_effect = waiter.whose == Whose::Effect && matches!(said, Said::Rejected(_));
                assert!(!refused_effect, "an effect is never rejected: {said:?} for {ask:?}");
            }
            Said::KeyReused => panic!("no key is used twice here: {ask:?}"),
            Said::Busy | Said::Unavailable => {}
        }
    }

    /// Whether a keyed command may still be on its way to the log.
    pub fn is_under_way(&self, keyed: &KeyedCommand) -> bool {
        let in_append = |wire: &Wire| match &wire.cargo {
            Cargo::Append(append) => append.items.iter().any(|item| item.key == Some(*keyed)),
            _ => false,
        };
        self.wires.iter().any(in_append) || self.waiters.values().any(|waiter| waiter.ask.key == Some(*keyed))
    }

    pub fn crash(&mut self, node: usize) {
        self.nodes[node] = Node::default();
        let lost: Vec<u64> =
            self.waiters.iter().filter(|(_, waiter)| waiter.node == node).map(|(ticket, _)| *ticket).collect();
        for ticket in lost {
            let waiter = self.waiters.remove(&ticket).expect("just found");
            if let Whose::Client(number) = waiter.whose {
                self.client_hears(number, ticket, &waiter, Said::Unavailable);
            }
        }
    }

    /// Lets one thing on the wires arrive, whichever.
    pub fn transmit(&mut self) {
        let Some(wire) = self.dice.draw(&mut self.wires) else { return };
        let Wire { node, stream, slot, cargo } = wire;
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
                let page = self.log.read(stream, after_version, limit);
                News::Loaded(Some((page.events, page.more)))
            }
            Cargo::LookUp(ticket, _) if self.mishap(50) => News::LookedUp(ticket, Err(AppendFailure::Unavailable)),
            Cargo::LookUp(ticket, key) => News::LookedUp(ticket, Ok(self.log.first_answer(&key))),
        };
        self.wires.push(Wire { node, stream, slot, cargo: Cargo::News(news) });
    }

    /// What the log does with an append, and what it says of it; nothing when nobody listens any more.
    fn append(&mut self, append: Append, alive: bool) -> Option<News> {
        if !alive {
            // Its node died, or gave it up: it may have been on its way.
            if self.posthumous || self.mishap(500) {
                self.commit(&append);
            }
            return None;
        }
        if self.mishap(20) {
            return Some(News::Appended(Err(AppendFailure::Unavailable)));
        }
        if self.mishap(30) {
            match self.dice.below(3) {
                0 => drop(self.commit(&append)),
                1 => {
                    // Comes later, when nobody listens any more.
                    let (node, stream) = (0, append.stream);
                    self.wires.push(Wire { node, stream, slot: 0, cargo: Cargo::Append(append) });
                }
                _ => {}
            }
            return Some(News::Appended(Err(AppendFailure::Unknown)));
        }
        Some(News::Appended(Ok(self.commit(&append))))
    }

    fn commit(&mut self, append: &Append) -> Vec<palabre_events::log::ItemAnswer> {
        let before = self.log.events().len();
        let answers = self.log.append(append, self.clock);
        for event in &self.log.events()[before..] {
            self.truth.note(event);
        }
        answers
    }

    fn deliver(&mut self, node: usize, stream: StreamId, slot: u64, news: News) {
        let Some(known) = self.nodes[node].slots.get_mut(&stream).filter(|known| known.serial == slot) else { return };
        let wishes = known.host.hear(news);
        self.carry_out(node, stream, slot, wishes);
    }

    /// Every awake aggregate that is settled is what the log folds to.
    pub fn check_states(&self) {
        for slot in self.nodes.iter().flat_map(|node| node.slots.values()) {
            slot.host.check(&self.truth.history);
        }
    }

    /// Everything on the wires arrives.
    pub fn drain(&mut self) {
        while !self.wires.is_empty() {
            self.transmit();
        }
    }
}
