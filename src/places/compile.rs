//! Writes data files: what [`super::layout`] reads. For the script that makes them, and for tests.

use palabre_events::Point;
use std::collections::BTreeSet;

use super::fold::fold;
use super::grid::cell_of;
use super::layout::{MAGIC, NO_REGION, PER_DEGREE};

/// The longest name or id, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 255;
/// The most regions of a file.
pub const REGIONS_MAX: usize = NO_REGION as usize;

/// A place to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The id that its source gives it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What else people call it.
    pub other_names: Vec<String>,
    /// The French département that it lies in, where known.
    pub region: Option<String>,
    /// ISO 3166 code of two letters.
    pub country: [u8; 2],
    /// Where it is.
    pub point: Point,
    /// How many people live there.
    pub population: u32,
}

/// Why entries cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotWrite {
    /// A text is empty or too long.
    #[error("a text has 1 to {TEXT_BYTES_MAX} bytes, and this has not: {0:?}")]
    Text(String),
    /// There are more regions than can be numbered.
    #[error("there are more than {REGIONS_MAX} regions")]
    Regions,
    /// The file would be larger than its numbers reach.
    #[error("the file would have more than 4 GiB")]
    TooLarge,
}

/// The data file of `entries`, in any order; the same entries always give the same bytes.
pub fn compile(mut entries: Vec<Entry>) -> Result<Vec<u8>, CannotWrite> {
    entries.sort_by(|a, b| b.population.cmp(&a.population).then_with(|| a.id.cmp(&b.id)));
    let regions: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.region.as_deref()).collect();
    let regions: Vec<&str> = regions.into_iter().collect();
    if regions.len() > REGIONS_MAX {
        return Err(CannotWrite::Regions);
    }

    let (mut places, mut texts) = (Vec::new(), Vec::new());
    let mut names = Names::default();
    for (place, entry) in entries.iter().enumerate() {
        push(&mut places, degrees(entry.point.lat).cast_unsigned());
        push(&mut places, degrees(entry.point.lon).cast_unsigned());
        push(&mut places, entry.population);
        push(&mut places, small(texts.len())?);
        places.extend(entry.country);
        let region = entry.region.as_deref().and_then(|name| regions.binary_search(&name).ok());
        places.push(region.map_or(NO_REGION, |at| u8::try_from(at).expect("few regions")));
        push_text(&mut texts, &entry.name)?;
        push_text(&mut texts, &entry.id)?;
        names.add(small(place)?, entry)?;
    }

    let mut region_texts = Vec::new();
    for region in &regions {
        push_text(&mut region_texts, region)?;
    }
    let keys = names.keys();
    let OnMap { cells, places: by_cell } = on_map(&entries)?;
    let mut file = MAGIC.to_vec();
    for length in [entries.len(), regions.len(), texts.len(), names.folded.len(), keys.len(), cells.len()] {
        push(&mut file, small(length)?);
    }
    file.extend([places, region_texts, texts, names.folded].concat());
    for (a, b) in keys.iter().chain(&cells) {
        push(&mut file, *a);
        push(&mut file, *b);
    }
    for place in by_cell {
        push(&mut file, place);
    }
    Ok(file)
}

/// The folded names, and where each of their words begins.
#[derive(Default)]
struct Names {
    folded: Vec<u8>,
    words: Vec<(u32, u32)>,
}

impl Names {
    fn add(&mut self, place: u32, entry: &Entry) -> Result<(), CannotWrite> {
        if self.folded.is_empty() {
            self.folded.push(0);
        }
        let mut seen = BTreeSet::new();
        let names = [&entry.name].into_iter().chain(&entry.other_names).map(|name| fold(name));
        for name in names.filter(|name| !name.text.is_empty()) {
            // Names that fold alike may have their words begin elsewhere.
            let new: Vec<usize> =
                name.words.iter().copied().filter(|word| seen.insert((name.text.clone(), *word))).collect();
            if new.is_empty() {
                continue;
            }
            let begin = self.folded.len();
            for word in new {
                self.words.push((small(begin + word)?, place));
            }
            self.folded.extend(name.text.as_bytes());
            self.folded.push(0);
        }
        Ok(())
    }

    fn keys(&self) -> Vec<(u32, u32)> {
        let rest = |at: u32| {
            let rest = &self.folded[at as usize..];
            &rest[..rest.iter().position(|byte| *byte == 0).expect("a zero byte ends every name")]
        };
        let mut keys = self.words.clone();
        keys.sort_by(|a, b| rest(a.0).cmp(rest(b.0)).then_with(|| a.1.cmp(&b.1)).then_with(|| a.0.cmp(&b.0)));
        keys
    }
}

/// The places on the map.
struct OnMap {
    /// The cells that have places, each with where its places begin in `places`.
    cells: Vec<(u32, u32)>,
    places: Vec<u32>,
}

fn on_map(entries: &[Entry]) -> Result<OnMap, CannotWrite> {
    let mut located = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        // By the coordinates as they are read back.
        let read = |coordinate: f64| f64::from(degrees(coordinate)) / PER_DEGREE;
        let point = Point { lat: read(entry.point.lat), lon: read(entry.point.lon) };
        located.push((cell_of(point), small(place)?));
    }
    located.sort_unstable();
    let mut cells: Vec<(u32, u32)> = Vec::new();
    for (at, (cell, _)) in located.iter().enumerate() {
        if cells.last().is_none_or(|(last, _)| last != cell) {
            cells.push((*cell, small(at)?));
        }
    }
    Ok(OnMap { cells, places: located.into_iter().map(|(_, place)| place).collect() })
}

fn degrees(coordinate: f64) -> i32 {
    (coordinate * PER_DEGREE).round() as i32
}

fn small(number: usize) -> Result<u32, CannotWrite> {
    u32::try_from(number).map_err(|_| CannotWrite::TooLarge)
}

fn push(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend(number.to_le_bytes());
}

fn push_text(bytes: &mut Vec<u8>, text: &str) -> Result<(), CannotWrite> {
    let fits = u8::try_from(text.len()).ok().filter(|length| *length > 0);
    bytes.push(fits.ok_or_else(|| CannotWrite::Text(text.to_owned()))?);
    bytes.extend(text.as_bytes());
    Ok(())
}
