//! Measures the gazetteer: how long its opening, a search while somebody types, and the town of a point take.
//!
//! The first answers of a fresh process are told apart, since the data are read from disk then.

use palabre::places::Places;
use palabre_events::Point;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What people type, letter by letter.
const TYPED: [&str; 12] =
    ["s", "sa", "saint", "saint e", "saint etienne", "l", "la", "greno", "montceau", "38", "vi", "paris"];
const GRENOBLE: Point = Point { lat: 45.188, lon: 5.724 };
const ROUNDS: usize = 200;
const POINTS: u32 = 100_000;

fn main() {
    let started = Instant::now();
    let places = Places::embedded();
    println!("opening: {:?}", started.elapsed());
    let started = Instant::now();
    let first = places.search("greno", Some(GRENOBLE), 8);
    println!("first search: {:?}, {} found", started.elapsed(), first.len());

    let mut worst = Duration::ZERO;
    for typed in TYPED {
        for near in [None, Some(GRENOBLE)] {
            let mut took: Vec<Duration> = (0..ROUNDS)
                .map(|_| {
                    let started = Instant::now();
                    black_box(places.search(black_box(typed), near, 8));
                    started.elapsed()
                })
                .collect();
            took.sort();
            let (median, p99) = (took[ROUNDS / 2], took[ROUNDS * 99 / 100]);
            let how = if near.is_some() { "near Grenoble" } else { "anywhere" };
            println!("search {typed:?} {how}: median {median:?}, p99 {p99:?}");
            worst = worst.max(p99);
        }
    }
    println!("slowest p99: {worst:?}");

    // Every hundredth of a degree over France and its neighbours, in an order that jumps.
    let started = Instant::now();
    let mut with_town = 0;
    for number in 0..POINTS {
        let jump = |by: u32, steps: u32| f64::from(number.wrapping_mul(by) % steps) / 100.0;
        let (lat, lon) = (jump(7_919, 900), jump(104_729, 1_300));
        with_town += u32::from(places.town_of(black_box(Point { lat: 42.5 + lat, lon: -4.5 + lon })).is_some());
    }
    println!("town of a point: {:?} each, {with_town} of {POINTS} have one", started.elapsed() / POINTS);
}
