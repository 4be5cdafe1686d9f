//! A field of a change that can be absent, `null` or a value: keep, clear or set (as in RFC 7396, JSON Merge Patch).
//!
//! A field of this type is `default`, and left out where it keeps: serde alone cannot tell absent from `null`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of something that may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is absent from here on.
    Clear,
    /// It is this from here on.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether all stays as it is.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Whether there is nothing from here on.
    pub fn clears(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// What is set, if anything is.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => serializer.serialize_some(value),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::input::ChangeRide;

    #[test]
    fn absent_null_and_a_value_are_read_and_written_as_three_things() {
        let cases = [
            ("{}", Patch::Keep),
            (r#"{"vehicle":null}"#, Patch::Clear),
            (r#"{"vehicle":"Clio"}"#, Patch::Set("Clio".to_owned())),
        ];
        for (json, vehicle) in cases {
            let change: ChangeRide = serde_json::from_str(json).unwrap();
            assert_eq!(change.vehicle, vehicle, "{json}");
            let written: ChangeRide = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
            assert_eq!(written, change, "{json}");
        }
    }
}
