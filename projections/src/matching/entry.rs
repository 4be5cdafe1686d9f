//! What the index knows of an offered ride, and how that changes.

use palabre_events::geometry::Path;
use palabre_events::ride::Audience;
use palabre_events::{AccountId, RideId, Stretch, Timestamp};

/// An offered ride, as far as a search reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The ride.
    pub ride: RideId,
    /// Who drives.
    pub driver: AccountId,
    /// Who may see it.
    pub audience: Audience,
    /// Its way.
    pub path: Path,
    /// When it leaves its origin.
    pub departs_at: Timestamp,
    /// Seats for passengers, reserved ones included.
    pub seats: u8,
    /// What is reserved: a stretch of the way and how many seats on it.
    pub taken: Vec<(Stretch, u8)>,
    /// The longest detour for one passenger that the driver allows, in minutes; `None` where nothing was said.
    pub detour_min_max: Option<u16>,
    /// Position in the log of the offer: between equal scores, the one offered first comes first.
    pub offered_position: u64,
    /// The id that another system gave it, where it was imported.
    pub import_reference: Option<String>,
}

/// A change to what is on offer.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A ride is on offer, or differs from what was known of it.
    Upsert(Box<Entry>),
    /// Seats of a ride were reserved, freed, added or taken away; says nothing about rides not on offer.
    Seats {
        /// The ride.
        ride: RideId,
        /// Seats for passengers, reserved ones included.
        seats: u8,
        /// All that is reserved now.
        taken: Vec<(Stretch, u8)>,
    },
    /// A ride is no longer on offer.
    Remove(RideId),
}
