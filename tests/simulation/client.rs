//! People at their browsers: one command at a time, and the same key again until there is an answer.

use palabre_events::log::{Fingerprint, KeyedCommand};
use palabre_events::policy::EffectCommand;
use palabre_events::ride::RideCommand;
use palabre_events::{AccountId, Actor, CommandKey, Envelope, ReservationId};
use std::sync::Arc;

use crate::host::{Ask, Said};
use crate::screen::Screen;
use crate::world::{Waiter, Whose, World};

pub struct Client {
    pub account: AccountId,
    pub outstanding: Option<Outstanding>,
    /// What was acknowledged to have been committed.
    pub acknowledged: Vec<(KeyedCommand, Vec<Arc<Envelope>>)>,
    /// Reservations that it was told are cancelled.
    pub cancelled: Vec<ReservationId>,
    /// What was refused for good, with nothing of it under way any more.
    pub refused: Vec<KeyedCommand>,
    pub screen: Screen,
}

#[derive(Debug)]
pub struct Outstanding {
    pub command: EffectCommand,
    pub key: KeyedCommand,
    pub tickets: Vec<u64>,
}

impl Client {
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            outstanding: None,
            acknowledged: vec![],
            cancelled: vec![],
            refused: vec![],
            screen: Screen::default(),
        }
    }
}

/// A key of the client's own: the number says which.
pub fn key_of(account: AccountId, key: CommandKey) -> KeyedCommand {
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(key.0.as_bytes());
    KeyedCommand { account, key, fingerprint: Fingerprint(fingerprint) }
}

impl World {
    /// A client thinks of something new to ask for.
    pub fn want(&mut self, number: usize, command: EffectCommand, key: CommandKey) {
        let client = &mut self.clients[number];
        assert!(client.outstanding.is_none(), "one command at a time");
        client.outstanding = Some(Outstanding { command, key: key_of(client.account, key), tickets: vec![] });
    }

    /// Sends what a client waits for (again), to any node.
    pub fn send_outstanding(&mut self, number: usize) {
        let client = &self.clients[number];
        let Some(outstanding) = &client.outstanding else { return };
        let (command, key, by) = (outstanding.command.clone(), outstanding.key, Actor::Person(client.account));
        let node = self.dice.below(self.nodes.len());
        let ask: Ask = self.ask(command, by, Some(key));
        let ticket = self.send(node, ask, Whose::Client(number));
        // The answer may have come at once.
        let waits = self.waiters.contains_key(&ticket);
        if let Some(outstanding) = self.clients[number].outstanding.as_mut().filter(|_| waits) {
            outstanding.tickets.push(ticket);
        }
    }

    pub fn client_hears(&mut self, number: usize, ticket: u64, waiter: &Waiter, said: Said) {
        let key = waiter.ask.key.expect("people's commands have keys");
        let under_way = self.is_under_way(&key) || self.log.first_answer(&key).is_some();
        let client = &mut self.clients[number];
        let current = client.outstanding.as_mut().filter(|outstanding| outstanding.key == key);
        if let Some(outstanding) = current {
            outstanding.tickets.retain(|known| *known != ticket);
        }
        let current = client.outstanding.as_ref().is_some_and(|outstanding| outstanding.key == key);
        if let EffectCommand::Ride(_, RideCommand::CancelReservation { reservation, .. }) = &waiter.ask.command
            && matches!(said, Said::Committed(_) | Said::Duplicate(_) | Said::Unchanged)
        {
            client.cancelled.push(*reservation);
        }
        match said {
            Said::Busy | Said::Unavailable => return,
            Said::Committed(events) => client.acknowledged.push((key, events)),
            Said::Duplicate(_) | Said::KeyReused => {}
            Said::Unchanged | Said::Rejected(_) if under_way => {}
            Said::Unchanged | Said::Rejected(_) => client.refused.push(key),
        }
        if current {
            client.outstanding = None;
        }
    }
}
