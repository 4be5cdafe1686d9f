//! How everything comes to rest once nothing goes wrong any more.

use std::time::Duration;

use crate::world::World;

/// More rounds than any honest repair needs.
const ROUNDS_MAX: usize = 100;
/// Moments in which nothing happens before it is quiet.
const QUIET_MOMENTS: usize = 2;
const MOMENT: Duration = Duration::from_millis(30);
/// The longest that anything waits before it is tried again.
const PAUSE: Duration = Duration::from_secs(6);

impl World {
    /// Nothing goes wrong any more: clients get their answers, everything arrives, and the finisher runs what is pending
    /// until nothing is. Then everything must be right.
    pub fn come_to_rest(&mut self) {
        self.faulty = false;
        self.nodes.iter().for_each(|node| node.reach_vault(true));
        for _ in 0..ROUNDS_MAX {
            self.quieten();
            let waiting: Vec<_> =
                (0..self.clients.len()).filter(|it| self.clients[*it].outstanding.is_some()).collect();
            waiting.iter().for_each(|number| self.send_outstanding(*number));
            let node = self.dice.below(self.nodes.len());
            let queued = self.nodes.iter_mut().flat_map(|node| std::mem::take(&mut node.effects));
            let effects: Vec<_> = queued.collect::<Vec<_>>().into_iter().chain(self.unfinished(node)).collect();
            if waiting.is_empty() && effects.is_empty() {
                assert!(self.truth.pending.is_empty(), "effects stay pending for ever: {:?}", self.truth.pending);
                // Whatever waits for its next try has it.
                self.nodes.iter().for_each(|node| node.wait(PAUSE));
                self.quieten();
                return self.check_all();
            }
            for effect in effects {
                self.run_effect(node, effect);
            }
        }
        panic!("it does not come to rest: {:?}", self.truth.pending);
    }

    /// Lets time pass until nothing moves any more.
    fn quieten(&mut self) {
        let mut quiet = 0;
        while quiet < QUIET_MOMENTS {
            quiet = if self.moment() { 0 } else { quiet + 1 };
        }
    }

    /// Everything that can go on goes on; answers whether anything did.
    fn moment(&mut self) -> bool {
        let mut moved = false;
        let head = self.log.events().len() as u64;
        for node in 0..self.nodes.len() {
            if self.nodes[node].feed.position() < head {
                self.follow(node);
                moved = true;
            }
            self.nodes[node].wait(MOMENT);
            self.nodes[node].run_all();
        }
        self.gather();
        moved |= !self.wires.is_empty();
        self.drain();
        for number in 0..self.clients.len() {
            moved |= self.look(number);
        }
        moved
    }
}
