//! What committed facts cause, run by the node that committed them or, when that was interrupted, by any other.

use palabre_events::policy::Effect;
use palabre_projections::pending::EffectsSought;

use crate::fault::Fault;
use crate::world::World;

/// The most unfinished effects that are looked at together.
const PAGE: usize = 256;

/// More than the clocks of nodes differ by, in seconds: whatever its age, what is pending is found.
const CLOCKS_DIFFER_S: i64 = 10;

impl World {
    /// A node runs an effect of what it has committed; now and then it will do so again.
    pub fn run_some_effect(&mut self, node: usize) {
        self.list_told_to_all(node);
        if let Some(effect) = self.dice.draw(&mut self.nodes[node].effects) {
            if self.dice.chance(150) {
                self.nodes[node].effects.push(effect.clone());
            }
            self.run_effect(node, effect);
        }
    }

    /// The finisher of a node runs one of those that its views call pending.
    pub fn look_for_unfinished(&mut self, node: usize) {
        let unfinished = self.unfinished(node);
        if let Some(effect) = self.dice.pick(&unfinished).cloned() {
            self.run_effect(node, effect);
        }
    }

    /// What the views of a node call pending.
    pub fn unfinished(&self, node: usize) -> Vec<Effect> {
        if self.has(Fault::EffectNotRepeated) {
            return Vec::new();
        }
        let feed = &self.nodes[node].feed;
        let caused_by = self.clock.plus_seconds(CLOCKS_DIFFER_S);
        let sought = EffectsSought { cause_position: feed.position(), caused_by, after: None };
        let pending = feed.reader().pending_effects(sought, PAGE).expect("the views answer");
        pending.into_iter().map(|pending| pending.effect).collect()
    }

    /// Only the views know all conversations of a ride: once they have seen what they all must hear of, they list them.
    fn list_told_to_all(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let seen = node.feed.position();
        for position in node.told_to_all.extract_if(.., |position| *position <= seen) {
            let pending = node.feed.reader().pending_effects_of(position).expect("the views answer");
            node.effects.extend(pending.into_iter().map(|pending| pending.effect));
        }
    }
}
