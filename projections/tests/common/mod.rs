//! The offers and searches of `tests/data`, as the index takes them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path as FilePath;

use palabre_events::geometry::Path;
use palabre_events::ride::Audience;
use palabre_events::{AccountId, Point, RideId, Timestamp};
use palabre_projections::matching::{Entry, Search};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The account that all offers belong to.
pub const DRIVER: AccountId = AccountId(Uuid::from_u128(1));

#[derive(Deserialize)]
struct OfferLine {
    id: String,
    origin: (f64, f64),
    via: Vec<(f64, f64)>,
    destination: (f64, f64),
    departure: i64,
    seats: u8,
}

#[derive(Deserialize)]
struct SearchLine {
    id: String,
    pickup: (f64, f64),
    dropoff: (f64, f64),
    time: i64,
    tolerance_min: u32,
    radius_km: f64,
    seats: u8,
}

/// The lines of a file of `tests/data`.
pub fn lines<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    BufReader::new(file).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// The 10,000 offers, in the order in which they were offered.
pub fn offers() -> Vec<Entry> {
    lines::<OfferLine>("offers-10k.jsonl").into_iter().zip(1..).map(|(line, position)| entry(line, position)).collect()
}

fn entry(line: OfferLine, position: u64) -> Entry {
    let stops: Vec<Point> = [line.origin].into_iter().chain(line.via).chain([line.destination]).map(point).collect();
    Entry {
        ride: RideId::imported(DRIVER, &line.id),
        driver: DRIVER,
        audience: Audience::Everyone,
        path: Path::new(&stops).unwrap(),
        departs_at: Timestamp::from_seconds(line.departure).unwrap(),
        seats: line.seats,
        taken: Vec::new(),
        detour_min_max: None,
        offered_position: position,
        import_reference: Some(line.id),
    }
}

/// The 436 searches with their ids.
pub fn searches() -> Vec<(String, Search)> {
    lines::<SearchLine>("searches.jsonl")
        .into_iter()
        .map(|line| {
            let search = Search {
                pickup: point(line.pickup),
                drop_off: point(line.dropoff),
                at: Timestamp::from_seconds(line.time).unwrap(),
                tolerance_s: line.tolerance_min * 60,
                radius_km: line.radius_km,
                seats: line.seats,
                limit: Search::LIMIT,
                excluding_driver: None,
            };
            (line.id, search)
        })
        .collect()
}

fn point((lat, lon): (f64, f64)) -> Point {
    Point::new(lat, lon).unwrap()
}
