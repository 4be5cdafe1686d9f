//! Search by the beginning of a name or of a word in it, the most likely first.
//!
//! A place draws as a mass does: by its population, and by the square of its nearness where a point is given. Whoever
//! types a name to its end most likely means the place of that name; a word inside a name is less likely meant than the
//! first one, and a name in another language less likely than the name that people there use.

use palabre_events::Point;
use palabre_events::geometry::distance_km;

use super::fold::fold;
use super::grid::KM_PER_DEGREE;
use super::layout::{Key, Layout};

/// As how many people a place counts that has fewer: small places differ by nearness alone.
pub(super) const POPULATION_MIN: u32 = 200;
/// At this distance a place draws a quarter of what it draws here.
const HALF_DRAW_KM: f64 = 25.0;
/// How much likelier a name is that was typed to its end.
const WHOLE_NAME: f64 = 8.0;
/// How much likelier a word inside of a name is.
const INNER_WORD: f64 = 0.125;
/// How much likelier a name is that the place does not bear itself: "Gren" is Grenoble rather than Grenade, in Spain.
const OTHER_NAME: f64 = 0.5;

/// A place that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// How likely it is meant, compared with others.
    pub likelihood: f64,
    /// Its number in the layout.
    pub place: usize,
}

/// The `limit` likeliest places of `layout` that `typed` is the beginning of.
pub fn search(layout: &Layout<'_>, typed: &str, near: Option<Point>, limit: usize) -> Vec<Hit> {
    let needle = fold(typed).text.into_bytes();
    let mut best = Best { hits: Vec::with_capacity(limit + 1), limit };
    if needle.is_empty() {
        return best.hits;
    }
    for number in first_key(layout, &needle)..layout.key_count() {
        let key = layout.key(number);
        if !key.text.starts_with(&needle) {
            break;
        }
        let draw = draw(layout, &key, &needle);
        // What is too unlikely here is more so farther away; and nothing is nearer than it is north or south.
        let could_be = |near: Point| draw * nearness(north_south_km(layout.point(key.place), near));
        if best.would_keep(draw) && near.is_none_or(|near| best.would_keep(could_be(near))) {
            let draw = if is_own_name(layout, &key) { draw } else { draw * OTHER_NAME };
            let likelihood = near.map_or(draw, |near| draw * nearness(distance_km(layout.point(key.place), near)));
            best.offer(Hit { likelihood, place: key.place });
        }
    }
    best.hits
}

/// The first key that is not before `needle`.
fn first_key(layout: &Layout<'_>, needle: &[u8]) -> usize {
    let (mut from, mut to) = (0, layout.key_count());
    while from < to {
        let middle = from.midpoint(to);
        if layout.key(middle).text < needle { from = middle + 1 } else { to = middle }
    }
    from
}

fn draw(layout: &Layout<'_>, key: &Key<'_>, needle: &[u8]) -> f64 {
    let population = f64::from(layout.population(key.place).max(POPULATION_MIN));
    match key.is_first {
        false => population * INNER_WORD,
        true if key.text == needle => population * WHOLE_NAME,
        true => population,
    }
}

/// Whether `key` is the name that its place bears, or the end of it.
fn is_own_name(layout: &Layout<'_>, key: &Key<'_>) -> bool {
    fold(layout.place(key.place).name).text.as_bytes().ends_with(key.text)
}

fn nearness(km: f64) -> f64 {
    (1.0 + km / HALF_DRAW_KM).powi(-2)
}

/// A little less than two points are apart at least.
fn north_south_km(a: Point, b: Point) -> f64 {
    (a.lat - b.lat).abs() * KM_PER_DEGREE * 0.999_999
}

/// The likeliest hits so far, the likeliest first, no place twice.
struct Best {
    hits: Vec<Hit>,
    limit: usize,
}

impl Best {
    fn would_keep(&self, likelihood: f64) -> bool {
        self.hits.len() < self.limit || self.hits.last().is_some_and(|last| last.likelihood <= likelihood)
    }

    fn offer(&mut self, hit: Hit) {
        match self.hits.iter().position(|known| known.place == hit.place) {
            Some(known) if self.hits[known].likelihood >= hit.likelihood => return,
            Some(known) => drop(self.hits.remove(known)),
            None => {}
        }
        let at = self.hits.partition_point(|known| {
            known.likelihood.total_cmp(&hit.likelihood).reverse().then(known.place.cmp(&hit.place)).is_lt()
        });
        self.hits.insert(at, hit);
        self.hits.truncate(self.limit);
    }
}
