//! Which GeoNames town is which French commune. GeoNames' data tell the region here, but not the commune's code, so towns
//! are matched by name; where that is not enough, by the département of the towns around. What stays doubtful stays
//! unmatched.

use palabre::places::fold::{Folded, fold};
use palabre_events::Point;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::communes::{Commune, Communes, OVERSEAS};
use crate::geonames::Town;

/// How many towns around say in which département a town may be.
const AROUND: usize = 8;
/// By how much populations of one place may differ between the two sources, when they have to tell two communes apart.
const ALIKE: f64 = 1.6;

/// Which commune a town is, today's or former, by their indexes.
pub type Matched = BTreeMap<usize, usize>;

/// Matches `towns`, French ones, with `communes`.
pub fn matched(towns: &[Town], communes: &Communes) -> Matched {
    let mut matching = Matching::of(towns, communes);
    matching.by_unique_name();
    matching.drop_outliers();
    let around = matching.departements_around_the_rest();
    matching.by_rule(&around, |matching, town| matching.named(&matching.town_names[town].text, true));
    matching.by_rule(&around, |matching, town| matching.named(&matching.town_names[town].text, false));
    matching.by_rule(&around, |matching, town| {
        let others = matching.towns[town].alternatenames.iter();
        let all: BTreeSet<usize> = others.flat_map(|name| matching.named(&fold(name).text, true)).collect();
        all.into_iter().collect()
    });
    matching.by_rule(&around, Matching::lengthened);
    matching.commune_of
}

struct Matching<'a> {
    towns: &'a [Town],
    communes: &'a [Commune],
    town_names: Vec<Folded>,
    commune_names: Vec<Folded>,
    communes_named: HashMap<String, Vec<usize>>,
    commune_of: Matched,
    taken: BTreeSet<usize>,
}

impl<'a> Matching<'a> {
    fn of(towns: &'a [Town], communes: &'a Communes) -> Self {
        let commune_names: Vec<Folded> = communes.all.iter().map(|commune| fold(&commune.name)).collect();
        let mut communes_named: HashMap<String, Vec<usize>> = HashMap::new();
        for (commune, name) in commune_names.iter().enumerate() {
            communes_named.entry(name.text.clone()).or_default().push(commune);
        }
        Self {
            towns,
            communes: &communes.all,
            town_names: towns.iter().map(|town| fold(&town.name)).collect(),
            commune_names,
            communes_named,
            commune_of: Matched::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Communes of today, or former ones, of a folded name.
    fn named(&self, name: &str, present: bool) -> Vec<usize> {
        let all = self.communes_named.get(name).into_iter().flatten().copied();
        all.filter(|commune| self.communes[*commune].is_present() == present).collect()
    }

    /// Communes of today whose name begins with the words of the town's: Ruy is Ruy-Montceau.
    fn lengthened(&self, town: usize) -> Vec<usize> {
        let name = &self.town_names[town];
        let begins = |commune: &usize| {
            let longer = &self.commune_names[*commune];
            longer.text.starts_with(&name.text)
                && longer.words.contains(&name.text.len())
                && alike(self.towns[town].population, self.communes[*commune].population) <= ALIKE
        };
        (0..self.communes.len()).filter(|commune| self.communes[*commune].is_present()).filter(begins).collect()
    }

    /// A name that one town and one commune of a region have.
    fn by_unique_name(&mut self) {
        let names = self.town_names.clone();
        let named = |town: usize| (&*names[town].text, &*self.towns[town].countrycode, &*self.towns[town].admin1code);
        let mut homonyms: HashMap<(&str, &str, &str), usize> = HashMap::new();
        for town in 0..self.towns.len() {
            *homonyms.entry(named(town)).or_default() += 1;
        }
        let mut found = Vec::new();
        for town in (0..self.towns.len()).filter(|town| homonyms[&named(*town)] == 1) {
            let candidates = self.named(&names[town].text, true).into_iter();
            let possible = candidates.filter(|commune| may_be_in(&self.towns[town], &self.communes[*commune]));
            if let [only] = *possible.collect::<Vec<_>>() {
                found.push((town, only));
            }
        }
        for (town, commune) in found {
            self.put(town, commune);
        }
    }

    /// A hamlet that bears the name of a distant commune has other people, and no town of that commune's département
    /// around it.
    fn drop_outliers(&mut self) {
        let located = self.located();
        for (town, commune) in self.commune_of.clone() {
            let (point, commune_there) = (self.towns[town].point(), &self.communes[commune]);
            // It is its own nearest neighbour, which says nothing.
            let around: BTreeSet<&str> = nearest(point, &located, AROUND + 1).into_iter().skip(1).collect();
            let is_alone = alike(self.towns[town].population, commune_there.population) > ALIKE
                && !around.contains(&*commune_there.departement);
            if is_alone && !commune_there.is_overseas() {
                self.commune_of.remove(&town);
                self.taken.remove(&commune);
            }
        }
    }

    fn departements_around_the_rest(&self) -> BTreeMap<usize, BTreeSet<&'a str>> {
        let located = self.located();
        let rest = (0..self.towns.len()).filter(|town| !self.commune_of.contains_key(town));
        rest.map(|town| (town, nearest(self.towns[town].point(), &located, AROUND).into_iter().collect())).collect()
    }

    /// Matches what is left with those communes that `candidates` names, that lie around, and that no other town is.
    fn by_rule(&mut self, around: &BTreeMap<usize, BTreeSet<&str>>, candidates: impl Fn(&Self, usize) -> Vec<usize>) {
        for (town, departements) in
            around.iter().filter(|(town, _)| !self.commune_of.contains_key(*town)).collect::<Vec<_>>()
        {
            let mut open = candidates(self, *town);
            open.retain(|commune| {
                let there = &self.communes[*commune];
                !self.taken.contains(commune)
                    && may_be_in(&self.towns[*town], there)
                    && departements.contains(&*there.departement)
            });
            if let Some(commune) = self.the_one(&open, self.towns[*town].population) {
                self.put(*town, commune);
            }
        }
    }

    /// The only one of `communes`, or the only one that has about as many people.
    fn the_one(&self, communes: &[usize], population: u32) -> Option<usize> {
        let as_large = |commune: &usize| alike(population, self.communes[*commune].population) <= ALIKE;
        match *communes {
            [only] => Some(only),
            _ => match *communes.iter().copied().filter(as_large).collect::<Vec<_>>() {
                [only] => Some(only),
                _ => None,
            },
        }
    }

    fn put(&mut self, town: usize, commune: usize) {
        self.commune_of.insert(town, commune);
        self.taken.insert(commune);
    }

    /// The points of the towns that are matched, and their départements.
    fn located(&self) -> Vec<(Point, &'a str)> {
        let (towns, communes) = (self.towns, self.communes);
        self.commune_of.iter().map(|(town, commune)| (towns[*town].point(), &*communes[*commune].departement)).collect()
    }
}

/// Whether region or country allow that a town is this commune.
fn may_be_in(town: &Town, commune: &Commune) -> bool {
    match OVERSEAS.iter().find(|(country, _)| *country == town.countrycode) {
        Some((_, departement)) => commune.departement == *departement,
        None => town.admin1code == commune.region,
    }
}

/// The départements of the `count` points nearest to `point`, the nearest first.
fn nearest<'a>(point: Point, located: &[(Point, &'a str)], count: usize) -> Vec<&'a str> {
    let per_lon = point.lat.to_radians().cos();
    let apart = |other: Point| (other.lat - point.lat).powi(2) + ((other.lon - point.lon) * per_lon).powi(2);
    let mut all: Vec<(f64, &str)> = located.iter().map(|(other, departement)| (apart(*other), *departement)).collect();
    if count < all.len() {
        all.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0));
        all.truncate(count);
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, departement)| departement).collect()
}

/// How many times larger one population is than the other.
fn alike(a: u32, b: u32) -> f64 {
    let (a, b) = (f64::from(a.max(1)), f64::from(b.max(1)));
    (a / b).max(b / a)
}
