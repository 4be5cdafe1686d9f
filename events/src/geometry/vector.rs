//! Points of the sphere as unit vectors from the earth's centre: there, poles and the antimeridian are places like
//! any other.

use std::ops::{Add, Mul, Sub};

use super::EARTH_RADIUS_KM;
use crate::Point;

/// A point of the sphere, as the vector of length 1 that leads there from the centre of the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitVector(pub(super) Vector);

/// Any vector; lengths in radii of the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vector {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) z: f64,
}

impl From<Point> for UnitVector {
    fn from(point: Point) -> Self {
        let (sin_lat, cos_lat) = point.lat.to_radians().sin_cos();
        let (sin_lon, cos_lon) = point.lon.to_radians().sin_cos();
        Self(Vector { x: cos_lat * cos_lon, y: cos_lat * sin_lon, z: sin_lat })
    }
}

impl From<UnitVector> for Point {
    fn from(UnitVector(at): UnitVector) -> Self {
        Self { lat: at.z.atan2(at.x.hypot(at.y)).to_degrees(), lon: at.y.atan2(at.x).to_degrees() }
    }
}

impl UnitVector {
    /// Its three coordinates, each −1 to 1: towards 0° N 0° E, towards 0° N 90° E, towards the north pole.
    pub fn coordinates(self) -> [f64; 3] {
        [self.0.x, self.0.y, self.0.z]
    }

    /// Great-circle distance in km. Kahan's formula: exact for neighbours and for antipodes alike.
    pub fn distance_km(self, other: Self) -> f64 {
        self.angle(other) * EARTH_RADIUS_KM
    }

    pub(super) fn angle(self, other: Self) -> f64 {
        2.0 * (self.0 - other.0).length().atan2((self.0 + other.0).length())
    }
}

impl Vector {
    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(super) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    pub(super) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// This vector at length 1; it must not be zero.
    pub(super) fn normalised(self) -> UnitVector {
        UnitVector(self * (1.0 / self.length()))
    }

    /// Some vector at a right angle to this one.
    pub(super) fn any_perpendicular(self) -> UnitVector {
        let axis = if self.z.abs() < 0.5 { Self { x: 0.0, y: 0.0, z: 1.0 } } else { Self { x: 1.0, y: 0.0, z: 0.0 } };
        self.cross(axis).normalised()
    }
}

impl Add for Vector {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
    }
}

impl Sub for Vector {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }
    }
}

impl Mul<f64> for Vector {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { x: self.x * factor, y: self.y * factor, z: self.z * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::distance_km;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_measures_as_geo_does(a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0)) {
            let (a, b) = (Point { lat: a.0, lon: a.1 }, Point { lat: b.0, lon: b.1 });
            let here = UnitVector::from(a).distance_km(b.into());
            // The haversine is blunt near antipodes; 1 cm elsewhere would be far too much.
            let slack = if here > 20_000.0 { 1e-3 } else { 1e-6 };
            prop_assert!((here - distance_km(a, b)).abs() < slack, "{} {}", here, distance_km(a, b));
        }

        #[test]
        fn a_point_comes_back(lat in -90.0..=90.0, lon in -180.0..=180.0) {
            let point = Point { lat, lon };
            let back = Point::from(UnitVector::from(point));
            prop_assert!(distance_km(point, back) < 1e-8);
            prop_assert!(Point::new(back.lat, back.lon).is_some());
        }
    }
}
