//! Points, places and routes. The town is clear; the exact point and what people call it are sealed.

use serde::{Deserialize, Serialize};

use crate::{Sealable, Sealed};

/// A point on the earth, WGS 84 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Latitude, −90 to 90.
    pub lat: f64,
    /// Longitude, −180 to 180.
    pub lon: f64,
}

impl Point {
    /// A point, or `None` when a coordinate is out of range or not a number.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }
}

/// Where exactly, and what a person calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExactPlace {
    /// The point.
    pub point: Point,
    /// Such as "the station's car park"; at most [`ExactPlace::LABEL_MAX`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl ExactPlace {
    /// The longest label, in characters.
    pub const LABEL_MAX: usize = 120;
}

impl Sealable for ExactPlace {
    const PURPOSE: &'static str = "place";

    fn to_plaintext(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a point and a label are always JSON")
    }

    fn from_plaintext(bytes: Vec<u8>) -> Option<Self> {
        let place: Self = serde_json::from_slice(&bytes).ok()?;
        Point::new(place.point.lat, place.point.lon).map(|_| place)
    }
}

/// A place as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The town, from a public gazetteer, never typed by a person; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
    /// The exact point and its label.
    pub exact: Sealed<ExactPlace>,
}

/// The way of a ride: where it starts, passes and ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Origin, via points, destination: 2 to [`Route::STOPS_MAX`].
    pub stops: Vec<Place>,
    /// Length of each leg between two stops, in metres of great circle.
    pub legs_m: Vec<u32>,
}

impl Route {
    /// The most stops, origin and destination included.
    pub const STOPS_MAX: usize = 12;

    /// The longest way: eleven times half around the earth, more than any stops can be apart.
    pub const LENGTH_M_MAX: u32 = 11 * 20_037_509;

    /// Length of the whole way, in metres of great circle; `u32::MAX` for legs that no car can drive.
    pub fn length_m(&self) -> u32 {
        self.legs_m.iter().fold(0, |sum, leg| sum.saturating_add(*leg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_lies_on_the_earth() {
        for (lat, lon) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)] {
            assert!(Point::new(lat, lon).is_some());
        }
        for (lat, lon) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Point::new(lat, lon), None);
        }
    }

    #[test]
    fn an_exact_place_opens_as_it_was_sealed_and_nothing_else_does() {
        for label in [None, Some("Gare routière, quai n° 3".to_owned())] {
            let place = ExactPlace { point: Point { lat: 45.123_456_789, lon: -0.1 }, label };
            assert_eq!(ExactPlace::from_plaintext(place.to_plaintext()), Some(place));
        }
        for bytes in [&b""[..], b"{}", br#"{"point":{"lat":91,"lon":0}}"#] {
            assert_eq!(ExactPlace::from_plaintext(bytes.to_vec()), None);
        }
    }

    #[test]
    fn legs_that_no_car_can_drive_do_not_overflow() {
        let way = Route { stops: vec![], legs_m: vec![u32::MAX, 1] };
        assert_eq!(way.length_m(), u32::MAX);
    }
}
