//! Who is connected to the other nodes, as they say it. Pure: times and messages come as arguments.
//!
//! Each node numbers what it says of its own people: once the whole roll, then changes, and a beat every
//! [`BEAT_EVERY`]. Whoever misses a number asks for the whole roll again. A node that was not heard of for
//! [`GONE_AFTER`] is gone with all its people, so those of a node that was killed are soon offline. All of it may be
//! lost: presence is a courtesy.

use palabre_events::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::notice::NodeId;

/// Between two beats of a node.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);
/// After so long without a beat a node is gone.
pub const GONE_AFTER: Duration = Duration::from_secs(7);
/// The most accounts in one message.
pub const ACCOUNTS_PER_MESSAGE_MAX: usize = 2_000;
/// The most nodes that are known of; further ones are not heard.
pub const NODES_MAX: usize = 256;
/// The most accounts that are known to be elsewhere, counted once per node; further ones count as offline.
pub const ACCOUNTS_MAX: usize = 500_000;
/// How long to wait before asking a node again for its whole roll.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What a node says of the people connected to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is there, and what it said last has this number.
    Beat {
        /// The number.
        number: u64,
    },
    /// These came and went since the number before.
    Changed {
        /// One more than the number before.
        number: u64,
        /// Those who came.
        came: Vec<AccountId>,
        /// Those who went.
        gone: Vec<AccountId>,
    },
    /// A part of the whole roll.
    Whole {
        /// One more than the number before.
        number: u64,
        /// Whether a new roll begins.
        first: bool,
        /// These are there.
        accounts: Vec<AccountId>,
    },
    /// It asks another node for the whole roll.
    Ask {
        /// Which.
        node: NodeId,
    },
    /// It stops, and its people go elsewhere.
    Leaving,
}

/// What came of hearing something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Accounts with a node that they were not connected to before.
    pub came: Vec<AccountId>,
    /// Accounts with a node that they are not connected to any more.
    pub gone: Vec<AccountId>,
    /// Whether to ask the node for its whole roll.
    pub ask: bool,
}

/// Who is connected to the other nodes.
#[derive(Debug, Default)]
pub struct Elsewhere {
    nodes: HashMap<NodeId, Node>,
    accounts: usize,
}

#[derive(Debug, Default)]
struct Node {
    heard_at: Duration,
    /// The last number that was heard without a gap before it; none while the roll is not known.
    number: Option<u64>,
    asked_at: Option<Duration>,
    accounts: HashSet<AccountId>,
}

impl Elsewhere {
    /// How many other nodes are known of.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Takes in what `from` says at `now`, counted from any fixed moment.
    pub fn hear(&mut self, from: NodeId, says: Presence, now: Duration) -> Heard {
        let mut heard = Heard::default();
        if let Presence::Leaving = says {
            self.forget(from, &mut heard);
            return heard;
        }
        if !self.nodes.contains_key(&from) && self.nodes.len() >= NODES_MAX {
            return heard;
        }
        let node = self.nodes.entry(from).or_default();
        node.heard_at = now;
        let room = ACCOUNTS_MAX - self.accounts + node.accounts.len();
        let before = node.accounts.len();
        match says {
            Presence::Beat { number } => node.number = node.number.filter(|known| *known == number),
            Presence::Changed { number, came, gone } if node.number == Some(number - 1) => {
                node.number = Some(number);
                node.remove(gone, &mut heard.gone);
                node.add(came, room, &mut heard.came);
            }
            Presence::Whole { number, first: true, accounts } => {
                node.number = Some(number);
                let there: HashSet<_> = accounts.iter().copied().collect();
                let gone: Vec<_> = node.accounts.difference(&there).copied().collect();
                node.remove(gone, &mut heard.gone);
                node.add(accounts, room, &mut heard.came);
            }
            Presence::Whole { number, first: false, accounts } if node.number == Some(number - 1) => {
                node.number = Some(number);
                node.add(accounts, room, &mut heard.came);
            }
            Presence::Changed { .. } | Presence::Whole { .. } => node.number = None,
            Presence::Ask { .. } | Presence::Leaving => {}
        }
        let due = node.asked_at.is_none_or(|asked_at| now >= asked_at + ASK_EVERY);
        if node.number.is_none() && due {
            node.asked_at = Some(now);
            heard.ask = true;
        }
        let after = node.accounts.len();
        self.accounts = self.accounts + after - before;
        heard
    }

    /// Forgets the nodes that were not heard of for [`GONE_AFTER`].
    pub fn expire(&mut self, now: Duration) -> Heard {
        let mut heard = Heard::default();
        let silent = self.nodes.iter().filter(|(_, node)| now >= node.heard_at + GONE_AFTER);
        for node in silent.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget(node, &mut heard);
        }
        heard
    }

    fn forget(&mut self, node: NodeId, heard: &mut Heard) {
        if let Some(node) = self.nodes.remove(&node) {
            self.accounts -= node.accounts.len();
            heard.gone.extend(node.accounts);
        }
    }
}

impl Node {
    fn add(&mut self, accounts: Vec<AccountId>, room: usize, came: &mut Vec<AccountId>) {
        for account in accounts {
            if self.accounts.len() < room && self.accounts.insert(account) {
                came.push(account);
            }
        }
    }

    fn remove(&mut self, accounts: Vec<AccountId>, gone: &mut Vec<AccountId>) {
        gone.extend(accounts.into_iter().filter(|account| self.accounts.remove(account)));
    }
}

/// Writes the whole roll after `number`, in parts.
pub fn whole(accounts: &[AccountId], number: &mut u64) -> Vec<Presence> {
    let mut parts = accounts.chunks(ACCOUNTS_PER_MESSAGE_MAX).map(<[_]>::to_vec).collect::<Vec<_>>();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let part = |(place, accounts): (usize, Vec<AccountId>)| {
        *number += 1;
        Presence::Whole { number: *number, first: place == 0, accounts }
    };
    parts.into_iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::testing::{ANNA, BEN, DORA};
    use uuid::Uuid;

    const NODE: NodeId = NodeId(Uuid::from_u128(1));
    const OTHER: NodeId = NodeId(Uuid::from_u128(2));

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn came(accounts: &[AccountId]) -> Heard {
        Heard { came: accounts.to_vec(), ..Heard::default() }
    }

    fn gone(accounts: &[AccountId]) -> Heard {
        Heard { gone: accounts.to_vec(), ..Heard::default() }
    }

    fn known(accounts: &[AccountId]) -> (Elsewhere, u64) {
        let (mut elsewhere, mut number) = (Elsewhere::default(), 5);
        for part in whole(accounts, &mut number) {
            elsewhere.hear(NODE, part, at(0));
        }
        (elsewhere, number)
    }

    #[test]
    fn a_roll_and_its_changes_are_followed() {
        let (mut elsewhere, number) = known(&[]);
        let changed =
            |number, came: &[_], gone: &[_]| Presence::Changed { number, came: came.into(), gone: gone.into() };
        assert_eq!(elsewhere.hear(NODE, changed(number + 1, &[ANNA, BEN], &[]), at(1)), came(&[ANNA, BEN]));
        assert_eq!(elsewhere.hear(NODE, changed(number + 2, &[], &[ANNA, DORA]), at(2)), gone(&[ANNA]));
        assert_eq!(elsewhere.hear(NODE, Presence::Beat { number: number + 2 }, at(3)), Heard::default());
        assert_eq!(elsewhere.hear(NODE, Presence::Leaving, at(4)), gone(&[BEN]));
    }

    #[test]
    fn whoever_misses_a_number_asks_once_a_second_and_then_knows_the_difference() {
        let (mut elsewhere, mut number) = known(&[ANNA]);
        let ask = Heard { ask: true, ..Heard::default() };
        assert_eq!(elsewhere.hear(NODE, Presence::Beat { number: number + 1 }, at(1)), ask);
        assert_eq!(elsewhere.hear(NODE, Presence::Beat { number: number + 1 }, at(999)), Heard::default());
        let stale = Presence::Changed { number: number + 2, came: vec![DORA], gone: vec![] };
        assert_eq!(elsewhere.hear(NODE, stale, at(1_001)), ask);
        number += 2;
        let [whole] = whole(&[BEN], &mut number).try_into().unwrap();
        let heard = elsewhere.hear(NODE, whole, at(1_100));
        assert_eq!(heard, Heard { came: vec![BEN], gone: vec![ANNA], ask: false });
        assert_eq!(elsewhere.hear(NODE, Presence::Beat { number }, at(1_200)), Heard::default());
    }

    #[test]
    fn a_node_of_which_only_a_beat_is_known_is_asked() {
        let mut elsewhere = Elsewhere::default();
        assert!(elsewhere.hear(NODE, Presence::Beat { number: 0 }, at(0)).ask);
    }

    #[test]
    fn the_people_of_a_node_that_falls_silent_go_and_those_of_others_stay() {
        let (mut elsewhere, _) = known(&[ANNA]);
        let mut number = 0;
        whole(&[ANNA, BEN], &mut number).into_iter().for_each(|part| drop(elsewhere.hear(OTHER, part, at(3_000))));
        assert_eq!(elsewhere.expire(GONE_AFTER - at(1)), Heard::default());
        assert_eq!(elsewhere.expire(GONE_AFTER), gone(&[ANNA]));
        assert_eq!(elsewhere.nodes(), 1);
    }

    #[test]
    fn a_long_roll_comes_in_parts() {
        let accounts: Vec<_> =
            (0..2 * ACCOUNTS_PER_MESSAGE_MAX + 1).map(|n| AccountId(Uuid::from_u128(n as u128))).collect();
        let (mut elsewhere, mut number) = (Elsewhere::default(), 0);
        let parts = whole(&accounts, &mut number);
        assert_eq!((parts.len(), number), (3, 3));
        let came: usize = parts.into_iter().map(|part| elsewhere.hear(NODE, part, at(0)).came.len()).sum();
        assert_eq!(came, accounts.len());
        assert_eq!(elsewhere.expire(at(60_000)).gone.len(), accounts.len());
    }

    #[test]
    fn what_is_known_is_bounded() {
        let mut elsewhere = Elsewhere::default();
        for node in 0..=NODES_MAX {
            elsewhere.hear(NodeId(Uuid::from_u128(node as u128)), Presence::Beat { number: 0 }, at(0));
        }
        assert_eq!(elsewhere.nodes(), NODES_MAX);
        let (mut elsewhere, mut number) = (Elsewhere::default(), 0);
        let accounts: Vec<_> = (0..ACCOUNTS_MAX + 10).map(|n| AccountId(Uuid::from_u128(n as u128))).collect();
        whole(&accounts, &mut number).into_iter().for_each(|part| drop(elsewhere.hear(NODE, part, at(0))));
        assert_eq!(
            elsewhere.hear(OTHER, Presence::Whole { number: 1, first: true, accounts: vec![ANNA] }, at(0)),
            Heard::default()
        );
        assert_eq!(elsewhere.expire(at(60_000)).gone.len(), ACCOUNTS_MAX);
    }
}
