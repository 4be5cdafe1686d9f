//! The data files as they lie in the program: read in place, nothing is unpacked or copied, so that opening one costs
//! neither time nor memory.
//!
//! Numbers are little-endian. After a header (`PLACES`, a version of two bytes, and six lengths of four bytes: places,
//! regions, bytes of texts, bytes of folded names, keys, cells) come
//! - *places*, the largest population first, [`PLACE_BYTES`] each: latitude and longitude in 10⁻⁵ degrees, population,
//!   where in the texts, two letters of country, number of the region or [`NO_REGION`];
//! - *regions*: as many texts, each a length of one byte and so many bytes of UTF-8;
//! - *texts*: for each place its name and its id, written likewise;
//! - *folded names*: each between two zero bytes;
//! - *keys*: where in the folded names a word begins, and whose name it is; sorted by what stands there up to the zero;
//! - *cells* of a grid on the map: number, and where its places begin in the next section; sorted by number;
//! - *places by cell*: one number for each place.
//!
//! [`super::compile`] writes them; a test reads every byte of those that are kept here.

use palabre_events::Point;

/// What a file begins with; the last two bytes are the version of this layout.
pub const MAGIC: &[u8; 8] = b"PLACES\x00\x01";
/// Bytes of the header.
pub const HEADER_BYTES: usize = MAGIC.len() + 6 * 4;
/// Bytes of a place.
pub const PLACE_BYTES: usize = 19;
/// Bytes of a key, and of a cell.
pub const PAIR_BYTES: usize = 8;
/// The number of no region.
pub const NO_REGION: u8 = u8::MAX;
/// What coordinates are multiplied by.
pub const PER_DEGREE: f64 = 100_000.0;

/// A data file.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    places: &'a [u8],
    regions: Vec<&'a str>,
    texts: &'a [u8],
    folded: &'a [u8],
    keys: &'a [u8],
    cells: &'a [u8],
    by_cell: &'a [u8],
}

/// A place as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Written<'a> {
    /// The id that its source gives it.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The French département that it lies in, where known.
    pub region: Option<&'a str>,
    /// ISO 3166 code of two letters.
    pub country: &'a str,
    /// Where it is.
    pub point: Point,
    /// How many people live there.
    pub population: u32,
}

/// A word of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The folded name from this word on.
    pub text: &'a [u8],
    /// Whether it is the first word.
    pub is_first: bool,
    /// Whose name it is.
    pub place: usize,
}

impl<'a> Layout<'a> {
    /// Reads the header of `file`; none where it is not such a file, or not whole.
    pub fn open(file: &'a [u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(MAGIC)?;
        let mut lengths = [0; 6];
        for length in &mut lengths {
            *length = usize::try_from(number(rest.split_off(..4)?, 0)).ok()?;
        }
        let [places, region_count, text_bytes, folded_bytes, keys, cells] = lengths;
        let place_bytes = rest.split_off(..places.checked_mul(PLACE_BYTES)?)?;
        let mut regions = Vec::new();
        for _ in 0..region_count {
            let length = usize::from(*rest.split_off_first()?);
            regions.push(std::str::from_utf8(rest.split_off(..length)?).ok()?);
        }
        let layout = Self {
            places: place_bytes,
            regions,
            texts: rest.split_off(..text_bytes)?,
            folded: rest.split_off(..folded_bytes)?,
            keys: rest.split_off(..keys.checked_mul(PAIR_BYTES)?)?,
            cells: rest.split_off(..cells.checked_mul(PAIR_BYTES)?)?,
            by_cell: rest.split_off(..places.checked_mul(4)?)?,
        };
        rest.is_empty().then_some(layout)
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places.len() / PLACE_BYTES
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where a place is.
    pub fn point(&self, place: usize) -> Point {
        let degrees = |at| f64::from(number(self.places, place * PLACE_BYTES + at).cast_signed()) / PER_DEGREE;
        Point { lat: degrees(0), lon: degrees(4) }
    }

    /// How many people live in a place.
    pub fn population(&self, place: usize) -> u32 {
        number(self.places, place * PLACE_BYTES + 8)
    }

    /// All of a place.
    pub fn place(&self, place: usize) -> Written<'a> {
        let bytes = &self.places[place * PLACE_BYTES..][..PLACE_BYTES];
        let (name, id_at) = text(self.texts, index(bytes, 12));
        let (id, _) = text(self.texts, id_at);
        Written {
            id,
            name,
            region: self.regions.get(usize::from(bytes[18])).copied(),
            country: utf8(&bytes[16..18]),
            point: self.point(place),
            population: self.population(place),
        }
    }

    /// How many keys there are.
    pub fn key_count(&self) -> usize {
        self.keys.len() / PAIR_BYTES
    }

    /// A key.
    pub fn key(&self, key: usize) -> Key<'a> {
        let at = index(self.keys, key * PAIR_BYTES);
        let rest = &self.folded[at..];
        let length = rest.iter().position(|byte| *byte == 0).expect("a zero byte ends every name");
        let place = index(self.keys, key * PAIR_BYTES + 4);
        Key { text: &rest[..length], is_first: self.folded[at - 1] == 0, place }
    }

    /// How many cells have places.
    pub fn cell_count(&self) -> usize {
        self.cells.len() / PAIR_BYTES
    }

    /// The number of a cell.
    pub fn cell(&self, cell: usize) -> u32 {
        number(self.cells, cell * PAIR_BYTES)
    }

    /// The places of a cell.
    pub fn places_in(&self, cell: usize) -> impl Iterator<Item = usize> + 'a {
        let first = index(self.cells, cell * PAIR_BYTES + 4);
        let next = cell + 1;
        let end = if next < self.cell_count() { index(self.cells, next * PAIR_BYTES + 4) } else { self.len() };
        let by_cell = self.by_cell;
        (first..end).map(move |at| index(by_cell, at * 4))
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes[at..].first_chunk().expect("sections hold whole numbers");
    u32::from_le_bytes(*four)
}

fn index(bytes: &[u8], at: usize) -> usize {
    number(bytes, at) as usize
}

/// The text at `at`, and where the next one begins.
fn text(texts: &[u8], at: usize) -> (&str, usize) {
    let begin = at + 1;
    let end = begin + usize::from(texts[at]);
    (utf8(&texts[begin..end]), end)
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("texts are written as UTF-8")
}
