//! Carpool places of France, from the Base nationale des lieux de covoiturage.

use anyhow::Context;
use palabre::places::compile::{Entry, TEXT_BYTES_MAX};
use palabre::places::fold::fold;
use palabre_events::Point;
use serde::Deserialize;
use std::path::Path;

use crate::communes::{Communes, OVERSEAS};

#[derive(Deserialize)]
struct Line {
    id_lieu: String,
    nom_lieu: String,
    com_lieu: String,
    insee: String,
    ouvert: bool,
    #[serde(rename = "Xlong")]
    lon: f64,
    #[serde(rename = "Ylat")]
    lat: f64,
}

/// The entries of those that are open.
pub fn entries(file: &Path, communes: &Communes) -> anyhow::Result<Vec<Entry>> {
    let mut lines = csv::Reader::from_path(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines = lines.deserialize().collect::<Result<Vec<Line>, _>>()?;
    Ok(lines.into_iter().filter(|line| line.ouvert).filter_map(|line| entry(&line, communes)).collect())
}

/// None where the coordinates are none.
fn entry(line: &Line, communes: &Communes) -> Option<Entry> {
    let commune = communes.present(&line.insee).map(|commune| &communes.all[commune]);
    let town = commune.map_or(line.com_lieu.trim(), |commune| &commune.name);
    let own = line.nom_lieu.split_whitespace().collect::<Vec<_>>().join(" ");
    // Half of them are called after their town, the other half is found by it all the same.
    let name = if fold(&own).text.contains(&fold(town).text) { own } else { format!("{own}, {town}") };
    let departement = commune.map_or_else(|| line.insee.get(..2).unwrap_or_default(), |commune| &commune.departement);
    let overseas = OVERSEAS.iter().find(|(_, code)| *code == departement);
    Some(Entry {
        id: line.id_lieu.clone(),
        name: shortened(name),
        other_names: vec![],
        region: communes.departement(departement).map(str::to_owned),
        country: overseas.map_or("FR", |(country, _)| country).as_bytes().first_chunk().copied()?,
        point: Point::new(line.lat, line.lon)?,
        population: 0,
    })
}

fn shortened(mut name: String) -> String {
    while name.len() > TEXT_BYTES_MAX {
        name.pop();
    }
    name
}
