//! The open connections of this node by account, who is connected elsewhere, who watches whose coming and going, and
//! the caps.
//!
//! Presence is told with a delay when somebody goes ([`GONE_AFTER_MS`]), so that a reloaded page does not flicker.

use bytestring::ByteString;
use palabre_events::{AccountId, ConversationId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::connection::{Connection, Followed};
use super::frames::ephemeral::Ephemeral;
use super::roster::Roster;

/// How long after the last connection of an account is gone others are told so, in milliseconds.
pub const GONE_AFTER_MS: u64 = 3_000;
const SHARDS: usize = 64;

/// The open connections of this node.
pub struct Connections {
    shards: [Mutex<Shard>; SHARDS],
    by_address: Mutex<HashMap<IpAddr, usize>>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Shard {
    open: HashMap<AccountId, Vec<Arc<Connection>>>,
    /// To how many other nodes an account is connected.
    elsewhere: HashMap<AccountId, u16>,
    /// Who is told when an account comes or goes.
    watchers: HashMap<AccountId, Vec<Arc<Connection>>>,
    /// Since when accounts that somebody watches have been gone, while that is not told yet.
    going: HashMap<AccountId, u64>,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Of this account.
    OfAccount,
    /// From this address.
    FromAddress,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            by_address: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }
}

impl Connections {
    /// Takes a connection, unless its account or its address has too many already. Answers whether it is the first of
    /// its account.
    pub fn add(
        &self,
        connection: &Arc<Connection>,
        per_account_max: usize,
        per_address_max: usize,
    ) -> Result<bool, TooMany> {
        {
            let mut by_address = self.by_address.lock();
            let from_there = by_address.get(&connection.address).copied().unwrap_or(0);
            if from_there >= per_address_max {
                return Err(TooMany::FromAddress);
            }
            by_address.insert(connection.address, from_there + 1);
        }
        let account = connection.account();
        let mut shard = self.shard(account).lock();
        let was_present = shard.is_present(account);
        let open = shard.open.entry(account).or_default();
        if open.len() >= per_account_max {
            drop(shard);
            self.release_address(connection.address);
            return Err(TooMany::OfAccount);
        }
        open.push(connection.clone());
        let is_first = open.len() == 1;
        self.count.fetch_add(1, Ordering::Relaxed);
        if !was_present {
            shard.came(account);
        }
        Ok(is_first)
    }

    /// Forgets a connection that was added. Answers whether it was the last of its account.
    pub fn remove(&self, connection: &Arc<Connection>, now_ms: u64) -> bool {
        {
            let mut following = connection.following.lock();
            following.over = true;
            self.unwatch(connection, &following.others());
            following.followed = Box::default();
        }
        let account = connection.account();
        let mut shard = self.shard(account).lock();
        let Some(open) = shard.open.get_mut(&account) else { return false };
        let Some(place) = open.iter().position(|known| known.number == connection.number) else { return false };
        open.swap_remove(place);
        let was_last = open.is_empty();
        if was_last {
            shard.open.remove(&account);
            shard.went(account, now_ms);
        }
        drop(shard);
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.release_address(connection.address);
        was_last
    }

    /// Notes that `account` is connected to one more of the other nodes.
    pub fn came_elsewhere(&self, account: AccountId) {
        let mut shard = self.shard(account).lock();
        let was_present = shard.is_present(account);
        *shard.elsewhere.entry(account).or_default() += 1;
        if !was_present {
            shard.came(account);
        }
    }

    /// Notes that `account` is connected to one fewer of the other nodes.
    pub fn gone_elsewhere(&self, account: AccountId, now_ms: u64) {
        let mut shard = self.shard(account).lock();
        let Some(nodes) = shard.elsewhere.get_mut(&account) else { return };
        *nodes -= 1;
        if *nodes == 0 {
            shard.elsewhere.remove(&account);
            shard.went(account, now_ms);
        }
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether `account` has a connection here.
    pub fn is_here(&self, account: AccountId) -> bool {
        self.shard(account).lock().open.contains_key(&account)
    }

    /// Those of `accounts` who are connected to another node, as far as is known.
    pub fn elsewhere(&self, accounts: &[AccountId]) -> Vec<AccountId> {
        let is_elsewhere = |account: &AccountId| self.shard(*account).lock().elsewhere.contains_key(account);
        accounts.iter().copied().filter(is_elsewhere).collect()
    }

    /// Whether `account` counts as online: has a connection here or elsewhere, or its going is not told yet. Whoever begins
    /// to watch it believes then what all who watch it believe, and is told the rest with them.
    pub fn is_online(&self, account: AccountId) -> bool {
        self.shard(account).lock().is_online(account)
    }

    /// Sends a frame to each open connection of `account`.
    pub fn push(&self, account: AccountId, frame: &ByteString) {
        if let Some(open) = self.shard(account).lock().open.get(&account) {
            open.iter().for_each(|connection| connection.outbox.push(frame.clone()));
        }
    }

    /// Sends frames together to each open connection of `account`.
    pub fn push_all<'f>(&self, account: AccountId, frames: &(impl Iterator<Item = &'f ByteString> + Clone)) {
        if let Some(open) = self.shard(account).lock().open.get(&account) {
            open.iter().for_each(|connection| connection.outbox.push_all(frames.clone().cloned()));
        }
    }

    /// The open connections of `account`.
    pub fn of(&self, account: AccountId) -> Vec<Arc<Connection>> {
        self.shard(account).lock().open.get(&account).cloned().unwrap_or_default()
    }

    /// Does something with each open connection, shard by shard.
    pub fn each(&self, mut act: impl FnMut(&Arc<Connection>)) {
        for shard in &self.shards {
            shard.lock().open.values().flatten().for_each(&mut act);
        }
    }

    /// From now on tells `connection` of typing in these conversations, and when any of their others comes or goes, and of
    /// nothing that it followed before.
    pub fn follow(&self, connection: &Arc<Connection>, mut followed: Vec<Followed>) {
        // Held throughout, so that a connection that closes meanwhile leaves no watcher behind. Whoever holds a shard
        // never asks for this lock.
        let mut following = connection.following.lock();
        if following.over {
            return;
        }
        followed.sort_unstable_by_key(|followed| followed.conversation);
        followed.dedup_by_key(|followed| followed.conversation);
        self.unwatch(connection, &following.others());
        following.followed = followed.into_boxed_slice();
        for account in following.others() {
            self.shard(account).lock().watch(account, connection);
        }
    }

    /// Has those who follow `conversation` here follow it as of `roster`, unless they do as of a later one: tells them of
    /// those whom they did not watch before, and nothing more of those whom they watch for no conversation any longer.
    pub fn follow_moves(&self, conversation: ConversationId, roster: &Roster) {
        for account in roster.ever() {
            let now = Followed::by(account, conversation, roster);
            for connection in self.of(account) {
                self.change(&connection, conversation, |followed| {
                    if followed.seq <= now.seq {
                        *followed = now.clone();
                    }
                });
            }
        }
    }

    /// Has `connection` follow nothing in `conversation` until it asks again or somebody moves there.
    pub fn unfollow(&self, connection: &Arc<Connection>, conversation: ConversationId) {
        self.change(connection, conversation, |followed| followed.others = None);
    }

    fn change(&self, connection: &Arc<Connection>, conversation: ConversationId, change: impl FnOnce(&mut Followed)) {
        let mut following = connection.following.lock();
        let before = following.others();
        let Some(followed) = following.of(conversation) else { return };
        change(followed);
        let after = following.others();
        let gone: Vec<_> = before.iter().copied().filter(|account| after.binary_search(account).is_err()).collect();
        self.unwatch(connection, &gone);
        // Afterwards, when nothing comes of them any more: for whoever does not watch them they are not there.
        gone.into_iter().for_each(|account| connection.outbox.push(presence(account, false)));
        for account in after.into_iter().filter(|account| before.binary_search(account).is_err()) {
            let mut shard = self.shard(account).lock();
            shard.watch(account, connection);
            if shard.is_online(account) {
                connection.outbox.push(presence(account, true));
            }
        }
    }

    /// Tells `connection` of those whom it watches, or did, and whose state is not what it was answered when `online` were.
    pub fn tell_since(&self, connection: &Connection, online: &[AccountId]) {
        // Held throughout, so that nobody is unwatched meanwhile.
        let following = connection.following.lock();
        let watched = following.others();
        for account in &watched {
            // Locked until it is told, so that it is in one order with what its watchers are told.
            let shard = self.shard(*account).lock();
            let is_online = shard.is_online(*account);
            if is_online != online.contains(account) {
                connection.outbox.push(presence(*account, is_online));
            }
        }
        for account in online.iter().filter(|account| watched.binary_search(account).is_err()) {
            connection.outbox.push(presence(*account, false));
        }
    }

    fn unwatch(&self, connection: &Arc<Connection>, accounts: &[AccountId]) {
        for account in accounts {
            let mut shard = self.shard(*account).lock();
            if let Some(watchers) = shard.watchers.get_mut(account) {
                watchers.retain(|watcher| watcher.number != connection.number);
                if watchers.is_empty() {
                    shard.watchers.remove(account);
                    shard.going.remove(account);
                }
            }
        }
    }

    /// Tells watchers of those who have been gone for [`GONE_AFTER_MS`].
    pub fn tell_gone(&self, now_ms: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let gone = |(account, since): (&AccountId, &u64)| (since + GONE_AFTER_MS <= now_ms).then_some(*account);
            let gone: Vec<_> = shard.going.iter().filter_map(gone).collect();
            for account in gone {
                shard.going.remove(&account);
                shard.tell_watchers(account, false);
            }
        }
    }

    fn release_address(&self, address: IpAddr) {
        let mut by_address = self.by_address.lock();
        if let Some(from_there) = by_address.get_mut(&address) {
            *from_there -= 1;
            if *from_there == 0 {
                by_address.remove(&address);
            }
        }
    }

    fn shard(&self, account: AccountId) -> &Mutex<Shard> {
        // The last byte of an id is random in every version that is used here.
        &self.shards[usize::from(account.0.as_bytes()[15]) % SHARDS]
    }
}

impl Shard {
    fn is_present(&self, account: AccountId) -> bool {
        self.open.contains_key(&account) || self.elsewhere.contains_key(&account)
    }

    fn is_online(&self, account: AccountId) -> bool {
        self.is_present(account) || self.going.contains_key(&account)
    }

    fn watch(&mut self, account: AccountId, watcher: &Arc<Connection>) {
        self.watchers.entry(account).or_default().push(watcher.clone());
    }

    /// Somebody who was nowhere is somewhere.
    fn came(&mut self, account: AccountId) {
        if self.going.remove(&account).is_none() {
            self.tell_watchers(account, true);
        }
    }

    /// Somebody who was here or elsewhere may be nowhere.
    fn went(&mut self, account: AccountId, now_ms: u64) {
        if !self.is_present(account) && self.watchers.contains_key(&account) {
            self.going.insert(account, now_ms);
        }
    }

    fn tell_watchers(&self, account: AccountId, online: bool) {
        if let Some(watchers) = self.watchers.get(&account) {
            let frame = presence(account, online);
            watchers.iter().for_each(|watcher| watcher.outbox.push(frame.clone()));
        }
    }
}

fn presence(account: AccountId, online: bool) -> ByteString {
    super::frames::text(&Ephemeral::Presence { account, online })
}
