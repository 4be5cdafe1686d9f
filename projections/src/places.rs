//! Places and terms as people read them: opened, or absent where a person was erased.

use palabre_events::terms::Terms;
use palabre_events::{ExactPlace, Opener, Place, Price, Stretch, Timestamp};
use serde::{Deserialize, Serialize};

use crate::FoldError;
use crate::opening::open;

/// A place, opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenPlace {
    /// The town, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
    /// The exact point and its label; absent when whoever it belongs to was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactPlace>,
}

impl OpenPlace {
    pub(crate) fn of(place: &Place, opener: &dyn Opener) -> Result<Self, FoldError> {
        Ok(Self { town: place.town.clone(), exact: open(&place.exact, opener)? })
    }
}

/// What two people agreed on, or may agree on, with its places opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenTerms {
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: Price,
    /// Where the passenger gets in.
    pub pickup: OpenPlace,
    /// Where the passenger gets out.
    pub drop_off: OpenPlace,
    /// When the passenger is picked up.
    pub pickup_at: Timestamp,
    /// The stretch of the ride's way.
    pub stretch: Stretch,
    /// The version of the ride's terms that these build on.
    pub ride_terms_version: u32,
}

impl OpenTerms {
    pub(crate) fn of(terms: &Terms, opener: &dyn Opener) -> Result<Self, FoldError> {
        Ok(Self {
            seats: terms.seats,
            price_per_seat: terms.price_per_seat,
            pickup: OpenPlace::of(&terms.pickup, opener)?,
            drop_off: OpenPlace::of(&terms.drop_off, opener)?,
            pickup_at: terms.pickup_at,
            stretch: terms.stretch,
            ride_terms_version: terms.ride_terms_version,
        })
    }
}
