//! Real places along one road, for rides that pass by one another.

use serde_json::{Value, json};

/// A place with a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// What people call it.
    pub label: &'static str,
    /// Latitude, WGS 84 degrees.
    pub lat: f64,
    /// Longitude, WGS 84 degrees.
    pub lon: f64,
}

impl Place {
    /// A place.
    pub const fn new(label: &'static str, lat: f64, lon: f64) -> Self {
        Self { label, lat, lon }
    }

    /// As bodies and frames write it.
    pub fn to_json(self) -> Value {
        json!({"lat": self.lat, "lon": self.lon, "label": self.label})
    }

    /// As searches write it: `LAT,LON`.
    pub fn to_query(self) -> String {
        format!("{},{}", self.lat, self.lon)
    }
}

/// The station of Grenoble.
pub const GRENOBLE: Place = Place::new("Gare de Grenoble", 45.19149, 5.71451);
/// The toll of Voreppe.
pub const VOREPPE: Place = Place::new("Péage de Voreppe", 45.28861, 5.62637);
/// La Tour-du-Pin.
pub const LA_TOUR_DU_PIN: Place = Place::new("La Tour-du-Pin", 45.56651, 5.44496);
/// Bourgoin-Jallieu.
pub const BOURGOIN: Place = Place::new("Gare de Bourgoin-Jallieu", 45.58527, 5.27398);
/// Ruy-Montceau, a village 3 km from Bourgoin-Jallieu.
pub const RUY: Place = Place::new("Ruy-Montceau", 45.58806, 5.31611);
/// L'Isle-d'Abeau.
pub const ISLE_D_ABEAU: Place = Place::new("Gare de L'Isle-d'Abeau", 45.62036, 5.23105);
/// The station of Lyon Part-Dieu.
pub const LYON: Place = Place::new("Lyon Part-Dieu", 45.76056, 4.85919);

/// The road from Grenoble to Lyon, in order.
pub const ROAD: [Place; 6] = [GRENOBLE, VOREPPE, LA_TOUR_DU_PIN, BOURGOIN, ISLE_D_ABEAU, LYON];
