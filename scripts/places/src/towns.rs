//! The towns of the data file: GeoNames' towns, and, where one is a French commune, what France says of it.

use palabre::places::compile::Entry;
use std::collections::BTreeSet;

use crate::communes::{Communes, OVERSEAS};
use crate::geonames::Town;
use crate::matching::matched;

/// How much of France the data cover.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Communes of today that have a place.
    pub communes: usize,
    /// Communes of today.
    pub communes_of: usize,
    /// People who live in the former.
    pub people: u64,
    /// People who live in the latter.
    pub people_of: u64,
    /// Places that bear the name of a commune that became part of another.
    pub former: usize,
    /// Places in France that are no commune, today's or former, or of which that is doubtful: quarters and hamlets for the
    /// most part, whose names would say less of where they are than the commune's.
    pub left_out: usize,
}

/// The entries of all `towns`, and how many communes are among them.
pub fn entries(towns: Vec<Town>, communes: &Communes) -> (Vec<Entry>, Coverage) {
    let is_french =
        |town: &Town| town.countrycode == "FR" || OVERSEAS.iter().any(|(code, _)| *code == town.countrycode);
    let (french, foreign): (Vec<Town>, Vec<Town>) = towns.into_iter().partition(is_french);
    let matched = matched(&french, communes);

    let mut coverage = Coverage::default();
    let mut covered = BTreeSet::new();
    let mut entries: Vec<Entry> = foreign.iter().map(Town::entry).collect();
    for (number, town) in french.iter().enumerate() {
        let Some(commune) = matched.get(&number).map(|commune| &communes.all[*commune]) else {
            coverage.left_out += 1;
            continue;
        };
        let mut entry = town.entry();
        entry.region = communes.departement(&commune.departement).map(str::to_owned);
        // A commune that became part of another and is its seat stands for it.
        let present = match &commune.part_of {
            Some(whole) if !commune.is_present() => {
                communes.present(whole).filter(|whole| communes.all[*whole].code == commune.code)
            }
            _ => communes.present(&commune.code),
        };
        match present.map(|present| &communes.all[present]).filter(|present| covered.insert(present.code.clone())) {
            Some(present) => {
                entry.other_names.push(std::mem::replace(&mut entry.name, present.name.clone()));
                entry.other_names.extend(present.postal_codes.iter().cloned());
                entry.population = present.population;
            }
            None => {
                entry.name.clone_from(&commune.name);
                coverage.former += 1;
            }
        }
        entries.push(entry);
    }

    for commune in communes.all.iter().filter(|commune| commune.is_present()) {
        let is_covered = covered.contains(&commune.code);
        coverage.communes_of += 1;
        coverage.people_of += u64::from(commune.population);
        coverage.communes += usize::from(is_covered);
        coverage.people += if is_covered { u64::from(commune.population) } else { 0 };
    }
    (entries, coverage)
}
