//! Faults planted into the nodes and the log: each must be found within a few seeds, or the simulation proves nothing.

use palabre::actors::Publish;
use palabre::chat::frames::{self, Told};
use palabre_events::log::{Append, Hash};
use palabre_events::testing::PlainOpener;
use palabre_events::{AccountId, ConversationId, Envelope, StreamKind};
use std::sync::Arc;

use crate::host::Said;
use crate::run::first_to_say;
use crate::world::{Whose, World};

/// What is wrong with this world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nodes tell their people what they are about to append.
    ToldBeforeCommit,
    /// Nodes answer commands that they are about to append.
    AnsweredBeforeCommit,
    /// Nodes tell what others pass on as it comes, whatever is missing before it.
    HolesIgnored,
    /// What was lost between nodes is not told by the feed.
    RepairSkipped,
    /// The log forgets which keys it has seen.
    KeyForgotten,
    /// The log takes an append to a ride whatever version it expects.
    VersionIgnored,
    /// The views of a node that dies lose rows.
    ViewsLoseRows,
    /// Nobody runs again the effects that a crash interrupted.
    EffectNotRepeated,
}

impl World {
    /// What a node does with an append before the log has taken it: nothing, unless it is one of the wrong ones.
    pub fn go_ahead(&mut self, node: usize, append: &Append) {
        if self.has(Fault::ToldBeforeCommit) && append.stream.kind == StreamKind::Conversation {
            let events = self.as_if_committed(append).concat();
            if let Some(talk) = self.truth.talks.get(&ConversationId(append.stream.id)) {
                let audience: Vec<_> = talk.present().into_iter().collect();
                self.nodes[node].within(|hub| hub.publish(&events, &audience));
                self.pass_on(node, &events, &audience);
            }
        }
        if self.has(Fault::AnsweredBeforeCommit) {
            for (item, events) in append.items.iter().zip(self.as_if_committed(append)) {
                let waits =
                    self.waiters.iter().find(|(_, waiter)| waiter.ask.key.is_some() && waiter.ask.key == item.key);
                if let Some((ticket, waiter)) = waits.map(|(ticket, waiter)| (*ticket, waiter.clone()))
                    && let Whose::Client(number) = waiter.whose
                {
                    self.client_hears(number, ticket, &waiter, Said::Committed(events));
                }
            }
        }
    }

    /// The events of each item as they will be, should nothing come in between.
    fn as_if_committed(&self, append: &Append) -> Vec<Vec<Arc<Envelope>>> {
        let (mut version, mut position) = (append.expected_version, self.log.events().len() as u64);
        let mut place = |new: &palabre_events::NewEvent| {
            (version, position) = (version + 1, position + 1);
            Arc::new(Envelope::chained(new.clone(), append.stream, version, position, self.clock, &Hash::START))
        };
        append.items.iter().map(|item| item.events.iter().map(&mut place).collect()).collect()
    }

    /// What becomes of the views of a node that dies: nothing, unless they are the wrong ones.
    pub fn lose_rows(&self, node: usize) {
        if self.has(Fault::ViewsLoseRows) {
            let views = rusqlite::Connection::open(self.nodes[node].views()).expect("the views can be opened");
            views.execute("DELETE FROM requests", []).expect("there is such a table");
        }
    }

    /// What the log makes of an append that it takes: nothing else, unless it is one of the wrong ones.
    pub fn spoil(&self, append: &mut Append) {
        if self.has(Fault::KeyForgotten) {
            append.items.iter_mut().for_each(|item| item.key = None);
        }
        if self.has(Fault::VersionIgnored) && append.stream.kind == StreamKind::Ride {
            let of_stream = |event: &&Arc<Envelope>| event.stream == append.stream;
            append.expected_version = self.log.events().iter().filter(of_stream).count() as u64;
        }
    }

    /// Tells the people of a node what another one passes on, without a look at what was told before.
    pub fn tell_as_it_comes(&self, node: usize, events: &[Arc<Envelope>], audience: &[AccountId]) {
        for event in events {
            let told = Told::open(event, &PlainOpener::default()).expect("nothing is erased").expect("it can be read");
            let here =
                self.clients.iter().filter(|it| it.screen.node() == Some(node) && audience.contains(&it.account));
            for client in here {
                let is_author = told.author() == Some(client.account);
                let told = if is_author { told.clone() } else { told.clone().without_key() };
                client.screen.connection().expect("it is connected").outbox.push(frames::text(&told));
            }
        }
    }
}

/// So many seeds at most until each is found for what it is; most need one to three.
const FOUND_WITHIN: u64 = 100;

macro_rules! found {
    ($($name:ident: $fault:ident, $says:literal;)+) => {$(
        #[test]
        fn $name() {
            let found = first_to_say($says, FOUND_WITHIN, Fault::$fault);
            let seed = found.unwrap_or_else(|others| panic!("no seed says {:?}, but: {others:#?}", $says));
            println!("found with seed {seed}");
        }
    )+};
}

found! {
    what_is_told_before_its_commit_is_found: ToldBeforeCommit, "what is seen is in the log";
    what_is_answered_before_its_commit_is_found: AnsweredBeforeCommit, "acknowledged, so in the log";
    a_hole_that_is_ignored_is_found: HolesIgnored, "sees one after the other";
    a_repair_that_is_skipped_is_found: RepairSkipped, "sees everything";
    a_key_that_is_forgotten_is_found: KeyForgotten, "was committed twice";
    a_state_that_the_log_does_not_have_is_found: VersionIgnored, "replay equals live";
    a_seat_that_is_sold_twice_is_found: VersionIgnored, "seats sold at metre";
    an_effect_that_is_not_repeated_is_found: EffectNotRepeated, "pending for ever";
    views_that_miss_something_are_found: ViewsLoseRows, "fed views are a fresh fold";
}
