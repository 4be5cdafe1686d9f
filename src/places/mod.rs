//! The embedded gazetteer: towns of Europe and carpool places of France, found by the beginnings of their names, and the
//! town nearest to a point. Nobody outside is ever asked.
//!
//! [`Places`] answers; [`mod@search`] ranks and [`mod@nearest`] measures over [`layout`], the data files as they lie in
//! the program; [`mod@fold`] makes names alike, [`grid`] divides the map, [`sources`] says whose data these are. The data
//! come from `scripts/make-places`, which writes them by [`mod@compile`]. The HTTP API searches here; commands and the
//! import ask for the town of a point.

pub mod compile;
pub mod fold;
pub mod grid;
pub mod layout;
pub mod nearest;
pub mod search;
pub mod sources;
#[cfg(test)]
mod tests;

use palabre_events::Point;
use serde::Serialize;
use std::sync::LazyLock;

use layout::{Layout, Written};

/// How far from a point the middle of its town may be, in km.
pub const TOWN_WITHIN_KM: f64 = 10.0;

static TOWNS: &[u8] = include_bytes!("data/towns.bin");
static CARPOOL_PLACES: &[u8] = include_bytes!("data/carpool-places-fr.bin");
static EMBEDDED: LazyLock<Places> = LazyLock::new(|| {
    let open = |file| Layout::open(file).expect("a test reads the whole of these files");
    Places { towns: open(TOWNS), carpool_places: open(CARPOOL_PLACES) }
});

/// Towns and carpool places.
#[derive(Debug)]
pub struct Places {
    towns: Layout<'static>,
    carpool_places: Layout<'static>,
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A city, town or village.
    Town,
    /// A place made for people to meet and share a car.
    CarpoolPlace,
}

/// A place of the gazetteer.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = GazetteerPlace)]
pub struct Place {
    /// Its source and the id it has there, such as `geonames:3014728`.
    pub id: String,
    /// Its name, as people there write it.
    pub name: &'static str,
    /// The French département that it lies in, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'static str>,
    /// ISO 3166 code of two letters.
    pub country: &'static str,
    /// Latitude of its middle in degrees, WGS 84.
    pub lat: f64,
    /// Longitude of its middle in degrees, WGS 84.
    pub lon: f64,
    /// How many people live there; 0 where nobody does, or nobody counted.
    pub population: u32,
    /// What it is.
    pub kind: Kind,
}

impl Place {
    /// Where it is.
    pub fn point(&self) -> Point {
        Point { lat: self.lat, lon: self.lon }
    }
}

impl Places {
    /// Those that are part of the program. They are read in place: this costs nothing.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// The `limit` likeliest places that `typed` is the beginning of: of a name of theirs, or of a word in it. Large and,
    /// where a point is given, near ones come first. See [`mod@search`].
    pub fn search(&self, typed: &str, near: Option<Point>, limit: usize) -> Vec<Place> {
        let of = |layout, kind| search::search(layout, typed, near, limit).into_iter().map(move |hit| (hit, kind));
        let mut found: Vec<_> = of(&self.towns, Kind::Town).collect();
        found.extend(of(&self.carpool_places, Kind::CarpoolPlace));
        // Stable: of two that are equally likely, the town comes first.
        found.sort_by(|(a, _), (b, _)| b.likelihood.total_cmp(&a.likelihood));
        found.truncate(limit);
        found.into_iter().map(|(hit, kind)| self.place(hit.place, kind)).collect()
    }

    /// The town whose edge is nearest to `point`, its middle at most [`TOWN_WITHIN_KM`] away.
    pub fn nearest_town(&self, point: Point) -> Option<Place> {
        nearest::nearest(&self.towns, point, TOWN_WITHIN_KM).map(|town| self.place(town, Kind::Town))
    }

    /// The name of that town. See [`mod@nearest`].
    pub fn town_of(&self, point: Point) -> Option<&'static str> {
        nearest::nearest(&self.towns, point, TOWN_WITHIN_KM).map(|town| self.towns.place(town).name)
    }

    /// Every town, the largest first.
    pub fn towns(&self) -> impl Iterator<Item = Place> {
        (0..self.towns.len()).map(|town| self.place(town, Kind::Town))
    }

    /// Every carpool place.
    pub fn carpool_places(&self) -> impl Iterator<Item = Place> {
        (0..self.carpool_places.len()).map(|place| self.place(place, Kind::CarpoolPlace))
    }

    fn place(&self, number: usize, kind: Kind) -> Place {
        let (layout, source) = match kind {
            Kind::Town => (&self.towns, "geonames"),
            Kind::CarpoolPlace => (&self.carpool_places, "bnlc"),
        };
        let Written { id, name, region, country, point, population } = layout.place(number);
        let id = format!("{source}:{id}");
        Place { id, name, region, country, lat: point.lat, lon: point.lon, population, kind }
    }
}
