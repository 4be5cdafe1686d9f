//! The fields of a client's frame, taken one by one; what is wrong with them is gathered, so that all of it is told at
//! once.

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

use crate::commands::FieldError;
use crate::commands::words::wrong_field;

/// The most fields of a frame; ours have ten.
pub const FIELDS_MAX: usize = 32;

/// The fields of one frame that were not taken yet, and what was wrong with those that were.
#[derive(Debug)]
pub struct Fields<'a> {
    left: Vec<(String, &'a RawValue)>,
    wrong: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// The fields of a JSON object; none when `text` is anything else, names a field twice or has too many.
    pub fn read(text: &'a str) -> Option<Self> {
        Some(Self { left: serde_json::from_str::<Distinct<'a>>(text).ok()?.0, wrong: Vec::new() })
    }

    /// Takes the field `name`, which must be there.
    pub fn need<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let taken = self.take(name);
        if taken.is_none() && !self.wrong.iter().any(|wrong| wrong.field.starts_with(name)) {
            let message = "is missing".to_owned();
            self.wrong.push(FieldError { field: name.to_owned(), code: "missing", message });
        }
        taken
    }

    /// Takes the field `name` if it is there; `null` counts as absent.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let place = self.left.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.left.swap_remove(place);
        let mut json = serde_json::Deserializer::from_str(value.get());
        match serde_path_to_error::deserialize::<_, Option<T>>(&mut json) {
            Ok(value) => value,
            Err(error) => {
                let wrong = wrong_field(&error);
                let dot = if wrong.field.is_empty() || wrong.field.starts_with('[') { "" } else { "." };
                self.wrong.push(FieldError { field: format!("{name}{dot}{}", wrong.field), ..wrong });
                None
            }
        }
    }

    /// Takes all fields that are left as a `T`.
    pub fn rest<T: DeserializeOwned>(&mut self) -> Option<T> {
        let left = std::mem::take(&mut self.left);
        match serde_path_to_error::deserialize(MapDeserializer::new(left.into_iter())) {
            Ok(rest) => Some(rest),
            Err(error) => {
                self.wrong.push(wrong_field(&error));
                None
            }
        }
    }

    /// Nothing may be left.
    pub fn end(&mut self) -> Option<()> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.rest::<Nothing>().map(|Nothing {}| ())
    }

    /// Notes that `field` is wrong.
    pub fn wrong(&mut self, field: &str, code: &'static str, message: String) {
        self.wrong.push(FieldError { field: field.to_owned(), code, message });
    }

    /// What was wrong.
    pub fn into_wrong(self) -> Vec<FieldError> {
        self.wrong
    }
}

/// Fields with distinct names, in order.
struct Distinct<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Distinct<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Distinct<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct<'de>, A::Error> {
                let mut fields: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if fields.len() == FIELDS_MAX || fields.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom("too many fields, or one twice"));
                    }
                    fields.push((name, value));
                }
                Ok(Distinct(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
