//! Where rides pass and when: milestones in cells of space, ordered by time within each.
//!
//! A path is cut into pieces of at most `spacing_km`, and the middle of each is a milestone. So every point of the
//! path has a milestone within half a spacing along the path, that is, no further away over ground and no more than
//! the driving time of half a spacing earlier or later. Asking for milestones with that slack misses no ride; what it
//! finds too much is for the rule to refuse. Cells are cubes in space, where poles and the antimeridian are places
//! like any other.

use std::collections::{BTreeSet, HashMap};

use palabre_events::Timestamp;
use palabre_events::geometry::{EARTH_RADIUS_KM, Path, SECONDS_PER_KM, UnitVector};

/// Slack for rounding, in radii of the earth (6 mm) and in seconds.
const ROUNDING: f64 = 1e-9;
const ROUNDING_S: f64 = 1.0;

/// Number of a ride in the index.
pub(super) type Slot = u32;

/// A cube of space.
type Cell = [u16; 3];

/// All space within a straight line of a place; in radii of the earth.
struct Ball {
    centre: [f64; 3],
    radius: f64,
}

/// Milestones of rides, all with the same spacing.
pub(super) struct Grid {
    /// The longest piece of a path with one milestone.
    spacing_km: f64,
    /// Edge of a cell, in radii of the earth.
    edge: f64,
    cells: HashMap<Cell, BTreeSet<(Minute, Slot)>>,
}

/// Whole minutes since 1970. Times beyond its range are held at its ends, which keeps their order.
type Minute = i32;

impl Grid {
    /// An empty grid; the cell's edge must be at least 1 km, so that cells can be numbered.
    pub(super) fn new(spacing_km: f64, edge_km: f64) -> Self {
        assert!(edge_km >= 1.0, "cells are numbered in 16 bits");
        Self { spacing_km, edge: edge_km / EARTH_RADIUS_KM, cells: HashMap::new() }
    }

    pub(super) fn insert(&mut self, slot: Slot, path: &Path, departs_at: Timestamp) {
        for (place, minute) in milestones(path, departs_at, self.spacing_km) {
            self.cells.entry(self.cell(place)).or_default().insert((minute, slot));
        }
    }

    /// Takes out what [`Grid::insert`] put in with the same arguments.
    pub(super) fn remove(&mut self, slot: Slot, path: &Path, departs_at: Timestamp) {
        for (place, minute) in milestones(path, departs_at, self.spacing_km) {
            let cell = self.cell(place);
            if let Some(passing) = self.cells.get_mut(&cell) {
                passing.remove(&(minute, slot));
                if passing.is_empty() {
                    self.cells.remove(&cell);
                }
            }
        }
    }

    /// Calls `visit` with every ride that has a point of its path within `radius_km` of `place` which it passes within
    /// `tolerance_s` of `at`; also with others, and with some more than once.
    pub(super) fn passing(
        &self,
        place: UnitVector,
        radius_km: f64,
        at: Timestamp,
        tolerance_s: u32,
        mut visit: impl FnMut(Slot),
    ) {
        let half_km = self.spacing_km / 2.0;
        let slack_s = f64::from(tolerance_s) + half_km * SECONDS_PER_KM + ROUNDING_S;
        let (from, to) = (minute(at.as_seconds_f64() - slack_s), minute(at.as_seconds_f64() + slack_s));
        let angle = ((radius_km + half_km) / EARTH_RADIUS_KM).clamp(0.0, std::f64::consts::PI);
        let around = Ball { centre: place.coordinates(), radius: 2.0 * (angle / 2.0).sin() + ROUNDING };
        self.visit_cells(&around, |passing| {
            passing.range((from, 0)..=(to, Slot::MAX)).for_each(|(_, slot)| visit(*slot));
        });
    }

    /// Calls `visit` with every cell that may have a point within `around`. Looks at no more places than there are
    /// cells, however large the ball.
    fn visit_cells<'a>(&'a self, around: &Ball, mut visit: impl FnMut(&'a BTreeSet<(Minute, Slot)>)) {
        let rows = |at: f64| self.number(at - around.radius)..=self.number(at + around.radius);
        let [x, y, z] = around.centre.map(rows);
        if x.len() * y.len() * z.len() >= self.cells.len() {
            let near = self.cells.iter().filter(|(cell, _)| self.may_hold(**cell, around));
            near.for_each(|(_, passing)| visit(passing));
            return;
        }
        for x in x {
            for y in y.clone() {
                for z in z.clone().filter(|z| self.may_hold([x, y, *z], around)) {
                    if let Some(passing) = self.cells.get(&[x, y, z]) {
                        visit(passing);
                    }
                }
            }
        }
    }

    /// Whether some point of the earth's surface may lie both in `cell` and in `around`; most cubes of the box around
    /// a place are air, rock or corners.
    fn may_hold(&self, cell: Cell, around: &Ball) -> bool {
        let (mut nearest, mut furthest, mut apart) = (0.0, 0.0, 0.0);
        for (number, centre) in cell.into_iter().zip(around.centre) {
            let low = f64::from(number) * self.edge - 1.0;
            let high = low + self.edge;
            nearest += low.max(-high).max(0.0).powi(2);
            furthest += high.max(-low).powi(2);
            apart += (low - centre).max(centre - high).max(0.0).powi(2);
        }
        nearest <= 1.0 + ROUNDING && furthest >= 1.0 - ROUNDING && apart <= around.radius.powi(2) + ROUNDING
    }

    fn cell(&self, place: UnitVector) -> Cell {
        place.coordinates().map(|at| self.number(at))
    }

    /// Which row of cells a coordinate falls in. Never falls when the coordinate grows, so that a point between two
    /// others is in a row between theirs.
    fn number(&self, coordinate: f64) -> u16 {
        ((coordinate + 1.0) / self.edge) as u16
    }
}

/// The middles of equal pieces of each leg, none longer than `spacing_km`, and when the ride passes them.
fn milestones(path: &Path, departs_at: Timestamp, spacing_km: f64) -> impl Iterator<Item = (UnitVector, Minute)> {
    let departs_s = departs_at.as_seconds_f64();
    path.legs().iter().enumerate().flat_map(move |(index, leg)| {
        let pieces = (leg.length_km() / spacing_km).ceil().max(1.0);
        (0..pieces as u32).map(move |piece| {
            let leg_km = leg.length_km() * (f64::from(piece) + 0.5) / pieces;
            (leg.at(leg_km), minute(departs_s + SECONDS_PER_KM * (path.start_km(index) + leg_km)))
        })
    })
}

/// The minute that `seconds` since 1970 falls in.
fn minute(seconds: f64) -> Minute {
    (seconds / 60.0).floor() as Minute
}
