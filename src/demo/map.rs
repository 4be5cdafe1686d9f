//! Where people of a demo live and go: real towns of the gazetteer, drawn by how large and how near they are.
//!
//! The gravity model: as many go from here to there as there are people there, over the square of the distance.

use chacha20::ChaCha8Rng;
use palabre_events::Point;
use palabre_events::geometry::distance_km;
use rand::RngExt;
use rand::seq::IndexedRandom;
use std::ops::Range;

use super::words::MEETING_POINTS;
use crate::commands::input::PlaceInput;
use crate::places::{Place, Places};

/// Towns smaller than this have nobody in the demo.
const POPULATION_MIN: u32 = 2_000;
/// Where most of the demo happens, so that searches there find several rides: between Lyon and Grenoble.
const MIDDLE: Point = Point { lat: 45.55, lon: 5.25 };
const MIDDLE_RADIUS_KM: f64 = 85.0;
/// Nearer than this all distances count the same.
const NEAR_KM: f64 = 5.0;
/// How far from a town's middle its carpool place may be.
const CARPOOL_WITHIN_KM: f64 = 4.0;
/// How many of those who could meet at a carpool place do, in percent.
const CARPOOL_PERCENT: u32 = 60;
/// A town that a way passes may be that much off it, as a part of the way.
const VIA_DETOUR: f64 = 1.04;
const VIA_POPULATION_MIN: u32 = 5_000;

/// The towns of the demo.
pub struct Map {
    towns: Vec<Place>,
    carpool_places: Vec<Place>,
}

/// A town of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Town(usize);

impl Map {
    /// Towns of European France without Corsica, which no car leaves without a ship.
    pub fn new(places: &Places) -> Self {
        let on_the_road = |place: &Place| place.country == "FR" && !(place.lon > 8.4 && place.lat < 43.2);
        let towns = places.towns().take_while(|town| town.population >= POPULATION_MIN).filter(on_the_road).collect();
        Self { towns, carpool_places: places.carpool_places().filter(on_the_road).collect() }
    }

    /// The point of a town's middle.
    pub fn point(&self, town: Town) -> Point {
        self.towns[town.0].point()
    }

    /// The distance between two towns.
    pub fn km(&self, a: Town, b: Town) -> f64 {
        distance_km(self.point(a), self.point(b))
    }

    /// Where somebody lives: near the middle of the demo, or anywhere in the country.
    pub fn home(&self, rng: &mut ChaCha8Rng, anywhere: bool) -> Town {
        self.drawn(rng, |town| {
            let reached = anywhere || distance_km(town.point(), MIDDLE) <= MIDDLE_RADIUS_KM;
            if reached { f64::from(town.population) } else { 0.0 }
        })
        .expect("there are towns near the middle")
    }

    /// Where somebody goes to who lives in `from`, so many km away; none where there is no such town.
    pub fn destination(&self, rng: &mut ChaCha8Rng, from: Town, km: Range<f64>) -> Option<Town> {
        let here = self.point(from);
        self.drawn(rng, |town| {
            let away = distance_km(here, town.point());
            if km.contains(&away) { f64::from(town.population) / away.max(NEAR_KM).powi(2) } else { 0.0 }
        })
    }

    /// At most `count` larger towns that the way from `a` to `b` passes, in order.
    pub fn vias(&self, rng: &mut ChaCha8Rng, a: Town, b: Town, count: usize) -> Vec<Town> {
        let (from, to, whole) = (self.point(a), self.point(b), self.km(a, b));
        let passes = |town: &Place| {
            let (before, after) = (distance_km(from, town.point()), distance_km(town.point(), to));
            town.population >= VIA_POPULATION_MIN
                && before + after <= whole * VIA_DETOUR
                && before.min(after) >= whole * 0.15
        };
        let mut vias = Vec::new();
        for _ in 0..count {
            let far_from_others = |town: &Place, vias: &[Town]| {
                vias.iter().all(|via: &Town| distance_km(self.point(*via), town.point()) >= whole * 0.15)
            };
            let weight = |town: &Place| {
                if passes(town) && far_from_others(town, &vias) { f64::from(town.population) } else { 0.0 }
            };
            let Some(via) = self.drawn(rng, weight) else { break };
            vias.push(via);
        }
        vias.sort_by(|x, y| self.km(a, *x).total_cmp(&self.km(a, *y)));
        vias
    }

    /// Where one meets in a town: a carpool place where there is one, most often; else somewhere in the middle.
    pub fn stop(&self, rng: &mut ChaCha8Rng, town: Town) -> PlaceInput {
        let middle = self.point(town);
        let near = self.carpool_places.iter().map(|place| (distance_km(place.point(), middle), place));
        let nearest = near.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(km, _)| *km <= CARPOOL_WITHIN_KM);
        let at_carpool_place = rng.random_range(0..100) < CARPOOL_PERCENT;
        match nearest {
            Some((_, place)) if at_carpool_place => labelled(place.point(), place.name),
            _ => {
                let meeting_point = MEETING_POINTS.choose(rng).expect("there are some");
                labelled(middle, &format!("{meeting_point} ({})", self.towns[town.0].name))
            }
        }
    }

    /// One of the towns, as likely as it is heavy; none where all weigh nothing.
    fn drawn(&self, rng: &mut ChaCha8Rng, weight: impl Fn(&Place) -> f64) -> Option<Town> {
        let weights: Vec<f64> = self.towns.iter().map(weight).collect();
        let whole: f64 = weights.iter().sum();
        if whole <= 0.0 {
            return None;
        }
        let mut left = rng.random_range(0.0..whole);
        let drawn = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        // What rounding leaves over belongs to the last one that has weight.
        drawn.or_else(|| weights.iter().rposition(|weight| *weight > 0.0)).map(Town)
    }
}

fn labelled(point: Point, label: &str) -> PlaceInput {
    let label: String = label.chars().take(palabre_events::ExactPlace::LABEL_MAX).collect();
    PlaceInput { lat: point.lat, lon: point.lon, label: Some(label) }
}
