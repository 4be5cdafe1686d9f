//! The whole of the data can be read, known places are found, and searches answer what a plain scan does.

use palabre_events::Point;
use palabre_events::geometry::distance_km;
use proptest::prelude::*;
use std::collections::BTreeSet;

use super::compile::{CannotWrite, Entry, compile};
use super::fold::fold;
use super::grid::cell_of;
use super::layout::Layout;
use super::nearest::PEOPLE_PER_KM2;
use super::search::POPULATION_MIN;
use super::{CARPOOL_PLACES, Kind, Place, Places, TOWNS, nearest, search};

const GRENOBLE: Point = Point { lat: 45.188, lon: 5.724 };

fn names(found: &[Place]) -> Vec<&str> {
    found.iter().map(|place| place.name).collect()
}

fn first(typed: &str, near: Option<Point>) -> Place {
    let found = Places::embedded().search(typed, near, 8);
    found.into_iter().next().unwrap_or_else(|| panic!("nothing is found for {typed:?}"))
}

#[test]
fn every_byte_of_the_data_can_be_read() {
    for file in [TOWNS, CARPOOL_PLACES] {
        let layout = Layout::open(file).unwrap();
        let mut ids = BTreeSet::new();
        let mut population = u32::MAX;
        for number in 0..layout.len() {
            let place = layout.place(number);
            assert!(ids.insert(place.id), "{place:?} is there twice");
            assert!(place.population <= population && !fold(place.name).text.is_empty(), "{place:?}");
            assert!(place.country.chars().all(|letter| letter.is_ascii_uppercase()), "{place:?}");
            assert!(Point::new(place.point.lat, place.point.lon).is_some(), "{place:?}");
            population = place.population;
        }
        let keys: Vec<_> = (0..layout.key_count()).map(|key| layout.key(key)).collect();
        assert!(keys.is_sorted_by(|a, b| a.text <= b.text));
        let mut named = vec![false; layout.len()];
        for key in &keys {
            let name = fold(layout.place(key.place).name);
            named[key.place] |= key.is_first && key.text == name.text.as_bytes();
        }
        assert!(named.into_iter().all(|named| named), "every place is found by its name");
        let mut located = BTreeSet::new();
        for cell in 0..layout.cell_count() {
            assert!(cell == 0 || layout.cell(cell - 1) < layout.cell(cell));
            for place in layout.places_in(cell) {
                assert_eq!(cell_of(layout.point(place)), layout.cell(cell));
                located.insert(place);
            }
        }
        assert_eq!(located.len(), layout.len());
    }
}

#[test]
fn what_is_no_data_file_is_not_opened() {
    assert!(Layout::open(b"").is_none());
    assert!(Layout::open(&TOWNS[..TOWNS.len() - 1]).is_none());
    assert!(Layout::open(&[TOWNS, b"x"].concat()).is_none());
    assert!(Layout::open(&[b"PLACES\x00\x02", &TOWNS[8..]].concat()).is_none());
}

#[test]
fn the_beginning_of_a_name_finds_the_place() {
    for (typed, name, region) in [
        ("Greno", "Grenoble", Some("Isère")),
        ("Gren", "Grenoble", Some("Isère")),
        ("saint etienne", "Saint-Étienne", Some("Loire")),
        ("st-etienne", "Saint-Étienne", Some("Loire")),
        ("L'ISLE D ABEAU", "L'Isle-d'Abeau", Some("Isère")),
        ("ruy", "Ruy-Montceau", Some("Isère")),
        ("bourgoin", "Bourgoin-Jallieu", Some("Isère")),
        ("paris", "Paris", Some("Paris")),
        ("38000", "Grenoble", Some("Isère")),
        ("zur", "Zürich", None),
        ("Turin", "Torino", None),
        ("Geneva", "Genève", None),
        ("Londres", "London", None),
        ("nouméa", "Nouméa", Some("Nouvelle-Calédonie")),
    ] {
        let found = first(typed, Some(GRENOBLE));
        assert_eq!((found.name, found.region), (name, region), "{typed}");
    }
}

#[test]
fn the_name_that_people_there_use_comes_before_one_in_another_language() {
    let found = Places::embedded().search("gren", None, 3);
    assert_eq!(names(&found)[..2], ["Grenoble", "Granada"]);
}

#[test]
fn words_inside_a_name_are_found_too_and_nearness_counts() {
    let near = Places::embedded().search("montceau", Some(Point { lat: 45.6, lon: 5.3 }), 3);
    assert!(names(&near).contains(&"Ruy-Montceau"), "{near:?}");
    assert_eq!(first("montceau", None).name, "Montceau-les-Mines");
    assert_eq!(first("vienne", Some(GRENOBLE)).name, "Vienne");
    assert_eq!(first("vienne", Some(Point { lat: 48.2, lon: 16.4 })).name, "Wien");
}

#[test]
fn carpool_places_are_found_by_their_own_name_and_by_their_town() {
    let attignat = Point { lat: 46.29, lon: 5.16 };
    let found = Places::embedded().search("attignat", Some(attignat), 8);
    assert_eq!((found[0].name, found[0].kind), ("Attignat", Kind::Town));
    let carpool: Vec<_> = found.iter().filter(|place| place.kind == Kind::CarpoolPlace).collect();
    assert!(
        carpool.iter().any(|place| place.id == "bnlc:01024-C-002" && place.name == "Bourg-Nord, Attignat"),
        "{found:?}"
    );
}

#[test]
fn no_letters_find_nothing_and_no_more_is_answered_than_asked() {
    for typed in ["", " -'", "xqzt"] {
        assert_eq!(Places::embedded().search(typed, None, 8), []);
    }
    assert_eq!(Places::embedded().search("s", Some(GRENOBLE), 5).len(), 5);
    assert_eq!(Places::embedded().search("s", None, 0).len(), 0);
}

#[test]
fn a_point_has_the_town_that_is_nearest_and_none_in_the_wild() {
    let town = |lat, lon| Places::embedded().town_of(Point { lat, lon });
    let stations = [
        (45.1915, 5.7145, "Grenoble"),
        (45.7605, 4.8595, "Lyon"),
        (45.5857, 5.2725, "Bourgoin-Jallieu"),
        (48.8809, 2.3553, "Paris"),
        (48.8623, 2.4414, "Montreuil"),
    ];
    for (lat, lon, name) in stations {
        assert_eq!(town(lat, lon), Some(name));
    }
    assert_eq!(town(45.5864, 5.3214), Some("Ruy-Montceau"));
    assert_eq!(town(44.9, -8.0), None);
    assert_eq!(town(89.99, 0.0), None);
}

#[test]
fn a_text_that_does_not_fit_is_not_written() {
    let entry = |name: &str| Entry { name: name.to_owned(), ..entries_of(&[("a", &[], 45.0, 5.0, 1)]).remove(0) };
    for name in [String::new(), "x".repeat(256)] {
        assert_eq!(compile(vec![entry(&name)]), Err(CannotWrite::Text(name)));
    }
}

fn entries_of(places: &[(&str, &[&str], f64, f64, u32)]) -> Vec<Entry> {
    let entry = |(number, (name, others, lat, lon, population)): (usize, &(&str, &[&str], f64, f64, u32))| Entry {
        id: number.to_string(),
        name: (*name).to_owned(),
        other_names: others.iter().map(|name| (*name).to_owned()).collect(),
        region: number.is_multiple_of(2).then(|| "Isère".to_owned()),
        country: *b"FR",
        point: Point { lat: *lat, lon: *lon },
        population: *population,
    };
    places.iter().enumerate().map(entry).collect()
}

/// Names of a few letters, so that many begin alike.
fn any_name() -> impl Strategy<Value = String> {
    "[aàbB]{1,3}([ '-](st|b|aa)){0,2}"
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let place = (
        any_name(),
        prop::collection::vec(any_name(), 0..3),
        -2_000_i32..2_000,
        -2_000_i32..2_000,
        prop_oneof![Just(0), 100_u32..400, any::<u32>()],
    );
    prop::collection::vec(place, 0..30).prop_map(|places| {
        let entry =
            |(number, (name, other_names, lat, lon, population)): (usize, (String, Vec<String>, i32, i32, u32))| {
                // As fine as coordinates are kept, so that a scan measures the same.
                let point =
                    Point { lat: f64::from(4_500_000 + lat * 10) / 100_000.0, lon: f64::from(lon * 10) / 100_000.0 };
                let [example] = entries_of(&[("a", &[], 0.0, 0.0, 0)]).try_into().expect("one was asked for");
                Entry { id: format!("{number:03}"), name, other_names, point, population, ..example }
            };
        places.into_iter().enumerate().map(entry).collect()
    })
}

/// How likely `entry` is meant, found by looking at every word of every name.
fn scanned(entry: &Entry, typed: &str, near: Option<Point>) -> Option<f64> {
    let needle = fold(typed).text;
    let own = fold(&entry.name).text;
    let names = [&entry.name].into_iter().chain(&entry.other_names).map(|name| fold(name));
    let matches = names.flat_map(|name| {
        let factor = |(number, at): (usize, &usize)| {
            let rest = &name.text[*at..];
            let other = if own.ends_with(rest) { 1.0 } else { 0.5 };
            let by_place = match (number, rest == needle) {
                (0, true) => 8.0,
                (0, false) => 1.0,
                _ => 0.125,
            };
            rest.starts_with(&needle).then_some(other * by_place)
        };
        name.words.iter().enumerate().filter_map(factor).collect::<Vec<_>>()
    });
    let best: f64 = matches.max_by(f64::total_cmp)?;
    let draw = f64::from(entry.population.max(POPULATION_MIN)) * best;
    Some(near.map_or(draw, |near| draw * (1.0 + distance_km(entry.point, near) / 25.0).powi(-2)))
}

#[test]
fn a_name_that_folds_like_another_is_found_by_its_own_words() {
    let file = compile(entries_of(&[("Baa", &["b'aa"], 45.0, 0.0, 0)])).unwrap();
    let layout = Layout::open(&file).unwrap();
    assert_eq!(search::search(&layout, "a", None, 1).len(), 1);
}

proptest! {
    #[test]
    fn a_search_answers_what_a_plain_scan_does(
        entries in any_entries(), typed in "[ab]{1,4}", near in prop::option::of((45.0..45.1, -0.1..0.1)), limit in 0_usize..8,
    ) {
        let near = near.map(|(lat, lon)| Point { lat, lon });
        let file = compile(entries.clone()).unwrap();
        let layout = Layout::open(&file).unwrap();
        let found = search::search(&layout, &typed, near, limit);
        let found: Vec<_> = found.iter().map(|hit| (hit.likelihood, layout.place(hit.place).id.to_owned())).collect();
        let mut expected: Vec<_> = (entries.iter())
            .filter_map(|entry| Some((scanned(entry, &typed, near)?, entry.population, entry.id.clone())))
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(&b.2)));
        expected.truncate(limit);
        let expected: Vec<_> = expected.into_iter().map(|(likelihood, _, id)| (likelihood, id)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_nearest_is_what_a_plain_scan_finds(
        entries in any_entries(), lat in 44.9..45.3, lon in -0.3..0.3, within_km in 0.0..30.0,
    ) {
        let point = Point { lat, lon };
        let file = compile(entries.clone()).unwrap();
        let layout = Layout::open(&file).unwrap();
        let found = nearest::nearest(&layout, point, within_km).map(|place| layout.place(place).id);
        let reachable = entries.iter().filter(|entry| distance_km(point, entry.point) <= within_km);
        let edges = reachable.map(|entry| {
            let radius_km = (f64::from(entry.population) / PEOPLE_PER_KM2 / std::f64::consts::PI).sqrt();
            (distance_km(point, entry.point) - radius_km, entry)
        });
        let expected = edges.min_by(|(a_km, a), (b_km, b)| {
            a_km.total_cmp(b_km).then(b.population.cmp(&a.population)).then_with(|| a.id.cmp(&b.id))
        });
        prop_assert_eq!(found, expected.map(|(_, entry)| &*entry.id));
    }

    #[test]
    fn what_is_written_is_read(entries in any_entries()) {
        let file = compile(entries.clone()).unwrap();
        let layout = Layout::open(&file).unwrap();
        prop_assert_eq!(layout.len(), entries.len());
        for number in 0..layout.len() {
            let read = layout.place(number);
            let entry = entries.iter().find(|entry| entry.id == read.id).unwrap();
            prop_assert_eq!((read.name, read.region), (&*entry.name, entry.region.as_deref()));
            prop_assert_eq!((read.point, read.population), (entry.point, entry.population));
        }
    }
}
