//! Nodes and the log between them, the commands that they are given and what they make of them, and their deaths between
//! any two steps.

use palabre::actors::Publish;
use palabre::fanout::Notice;
use palabre_events::domain::Recorded;
use palabre_events::log::KeyedCommand;
use palabre_events::policy::{Effect, EffectCommand, effects_of, notice_of};
use palabre_events::testing::now;
use palabre_events::{AccountId, Actor, ConversationId, DomainEvent, Envelope, StreamId, StreamKind, Timestamp};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

use crate::beginning::Beginning;
use crate::client::Client;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::host::{Ask, Said, Wish, host, was_true};
use crate::log::Log;
use crate::node::{Node, Slot};
use crate::truth::Truth;
use crate::wire::{Cargo, Shipment, Wire};

/// Where files are kept in memory, where there is such a place: nobody has to wait for a disk here.
const IN_MEMORY: &str = "/dev/shm";

/// Where little goes wrong people get far; where much does, it is repair that is repaired.
const TROUBLES: [u32; 3] = [25, 100, 300];

pub struct World {
    pub dice: Dice,
    pub log: Log,
    pub truth: Truth,
    pub nodes: Vec<Node>,
    pub clients: Vec<Client>,
    /// The node that people are sent to; `None`: to any.
    pub balanced_to: Option<usize>,
    pub clock: Timestamp,
    /// Whether anything goes wrong at present.
    pub faulty: bool,
    /// How often things go wrong, in percent of what is usual.
    trouble: u32,
    /// What is wrong by intent.
    pub fault: Option<Fault>,
    /// Whether what a dead node had sent to the log always arrives; otherwise chance decides, or it never does.
    pub posthumous: bool,
    /// What is on its way between nodes and log, and between nodes.
    pub wires: Vec<Wire>,
    pub waiters: BTreeMap<u64, Waiter>,
    /// Holds the views of the nodes.
    pub folder: TempDir,
    /// What the log and the views begin with, if with anything.
    beginning: Option<&'static Beginning>,
    serial: u64,
    traced: DefaultHasher,
}

/// Who waits for an answer.
#[derive(Clone)]
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
    /// Nodes around an empty log.
    pub fn new(seed: u64, nodes: usize) -> Self {
        let place = Some(PathBuf::from(IN_MEMORY)).filter(|place| place.is_dir());
        let folder = tempfile::tempdir_in(place.unwrap_or_else(std::env::temp_dir)).expect("a temporary folder");
        let mut world = Self {
            dice: Dice::new(seed),
            log: Log::new(),
            truth: Truth::default(),
            nodes: Vec::new(),
            clients: Vec::new(),
            balanced_to: None,
            clock: now(),
            faulty: false,
            trouble: 100,
            fault: None,
            posthumous: false,
            wires: Vec::new(),
            waiters: BTreeMap::new(),
            folder,
            beginning: None,
            serial: 0,
            traced: DefaultHasher::new(),
        };
        world.start_all(nodes);
        world
    }

    /// Nodes around a log that has the beginning, with views that have it too.
    pub fn begun(seed: u64, nodes: usize, beginning: &'static Beginning, fault: Option<Fault>) -> Self {
        let mut world = Self { fault, beginning: Some(beginning), ..Self::new(seed, 0) };
        world.trouble = *world.dice.pick(&TROUBLES).expect("there are some");
        beginning.appends.iter().for_each(|append| drop(world.commit(append.clone())));
        world.start_all(nodes);
        world
    }

    fn start_all(&mut self, nodes: usize) {
        self.nodes = (0..nodes).map(|_| self.start(None)).collect();
    }

    /// A node that starts now, with the views in a file or with new ones.
    fn start(&mut self, views: Option<PathBuf>) -> Node {
        let life = self.serial();
        let views = views.unwrap_or_else(|| self.new_views(&format!("views-{life}")));
        Node::start(life, views, self.log.events().len() as u64, !self.has(Fault::RepairSkipped))
    }

    /// A place for views that have seen no more than the beginning.
    pub fn new_views(&self, name: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        if let Some(beginning) = self.beginning {
            std::fs::write(&file, &beginning.views).expect("the folder can be written to");
        }
        file
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Takes what somebody is told into the trace of this run.
    pub fn trace(&mut self, who: usize, what: &[u8]) {
        self.traced.write_usize(who);
        self.traced.write(what);
    }

    /// Stands for all that people were told, in its order.
    pub fn traced(&self) -> u64 {
        self.traced.finish()
    }

    /// True about so many times in a thousand, while things go wrong.
    pub fn mishap(&mut self, per_mille: u32) -> bool {
        self.faulty && self.dice.chance(per_mille * self.trouble / 100)
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
    pub fn carry_out(&mut self, node: usize, stream: StreamId, slot: u64, wishes: Vec<Wish>) {
        for wish in wishes {
            if self.mishap(2) {
                return self.crash(node);
            }
            let cargo = match wish {
                Wish::Load { after_version } => Cargo::Load { after_version },
                Wish::Append(append) => {
                    self.go_ahead(node, &append);
                    Cargo::Append(append)
                }
                Wish::LookUp(ticket, key) => Cargo::LookUp(ticket, key),
                Wish::Publish(events, audience) => {
                    self.publish(node, &events, &audience);
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
            self.wires.push(Wire::Shell(Shipment { node, stream, slot, cargo }));
        }
    }

    /// The node that commits something tells its people and the other nodes, and runs the effects, unless it forgets.
    fn publish(&mut self, node: usize, events: &[Arc<Envelope>], audience: &[AccountId]) {
        if !self.has(Fault::ToldBeforeCommit) {
            self.nodes[node].within(|hub| hub.publish(events, audience));
            self.pass_on(node, events, audience);
        }
        for event in events {
            let recorded = Recorded::read(event).expect("the simulation reads what it wrote");
            if self.mishap(100) {
                continue;
            }
            self.nodes[node].effects.extend(effects_of(&recorded));
            if matches!(&recorded.event, DomainEvent::Ride(event) if notice_of(event).is_some()) {
                self.nodes[node].told_to_all.push(recorded.position);
            }
        }
    }

    /// What was committed in a conversation goes to the other nodes, at once or later, now and then twice or never.
    pub fn pass_on(&mut self, from: usize, events: &[Arc<Envelope>], audience: &[AccountId]) {
        let Some(last) = events.last().filter(|last| last.stream.kind == StreamKind::Conversation) else { return };
        for node in (0..self.nodes.len()).filter(|node| *node != from) {
            let copies = if self.mishap(250) { 0 } else { 1 + usize::from(self.mishap(100)) };
            for _ in 0..copies {
                let notice = if self.mishap(50) {
                    // Too long to be passed on.
                    Notice::Grown { conversation: ConversationId(last.stream.id), seq: last.version }
                } else {
                    Notice::Committed { audience: audience.to_vec(), events: events.to_vec() }
                };
                self.wires.push(Wire::Notice { node, notice });
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

    /// A node dies, and starts again with its views as they are, or without them when its disk died as well.
    pub fn crash(&mut self, node: usize) {
        for client in self.clients.iter_mut().filter(|client| client.screen.node() == Some(node)) {
            client.screen.cut();
        }
        let disk_dies = self.mishap(100);
        let views = (!disk_dies).then(|| self.nodes[node].views().to_owned());
        self.nodes[node] = self.start(views);
        self.lose_rows(node);
        let lost: Vec<u64> =
            self.waiters.iter().filter(|(_, waiter)| waiter.node == node).map(|(ticket, _)| *ticket).collect();
        for ticket in lost {
            let waiter = self.waiters.remove(&ticket).expect("just found");
            if let Whose::Client(number) = waiter.whose {
                self.client_hears(number, ticket, &waiter, Said::Unavailable);
            }
        }
    }

    /// Every awake aggregate that is settled is what the log folds to.
    pub fn check_states(&self) {
        for slot in self.nodes.iter().flat_map(|node| node.slots.values()) {
            slot.host.check(&self.truth.history);
        }
    }
}
