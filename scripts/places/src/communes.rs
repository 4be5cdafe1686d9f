//! The communes of France, from `@etalab/decoupage-administratif`: official names, départements, population, postal
//! codes; no coordinates.

use anyhow::Context;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// Countries that are French, by their ISO 3166 code, with INSEE's code of the département or collectivity.
pub const OVERSEAS: [(&str, &str); 11] = [
    ("GP", "971"),
    ("MQ", "972"),
    ("GF", "973"),
    ("RE", "974"),
    ("PM", "975"),
    ("YT", "976"),
    ("BL", "977"),
    ("MF", "978"),
    ("WF", "986"),
    ("PF", "987"),
    ("NC", "988"),
];

/// A commune of today, or one that became part of another and is still named on maps.
#[derive(Clone, Debug, Deserialize)]
pub struct Commune {
    /// INSEE's code.
    pub code: String,
    /// The official name.
    #[serde(rename = "nom")]
    pub name: String,
    #[serde(rename = "type")]
    kind: String,
    /// INSEE's code of the département.
    #[serde(default)]
    pub departement: String,
    /// INSEE's code of the region.
    #[serde(default)]
    pub region: String,
    /// The commune that it is part of today.
    #[serde(default, rename = "chefLieu")]
    pub part_of: Option<String>,
    /// How many people live there.
    #[serde(default)]
    pub population: u32,
    /// Its postal codes.
    #[serde(default, rename = "codesPostaux")]
    pub postal_codes: Vec<String>,
}

#[derive(Deserialize)]
struct Departement {
    code: String,
    nom: String,
}

impl Commune {
    /// Whether it is a commune of today.
    pub fn is_present(&self) -> bool {
        self.kind == "commune-actuelle"
    }

    /// Whether it lies overseas, where a département has few towns, and no other one is near.
    pub fn is_overseas(&self) -> bool {
        OVERSEAS.iter().any(|(_, departement)| *departement == self.departement)
    }

    fn is_former(&self) -> bool {
        matches!(self.kind.as_str(), "commune-deleguee" | "commune-associee")
    }
}

/// Communes, today's and former ones, and the names of the départements by their codes.
pub struct Communes {
    /// Communes.
    pub all: Vec<Commune>,
    departements: HashMap<String, String>,
}

impl Communes {
    /// Reads both files.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let file = folder.join(name);
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
        };
        let mut all: Vec<Commune> = serde_json::from_slice(&read("communes.json")?)?;
        all.retain(|commune| commune.is_present() || commune.is_former());
        let departements: Vec<Departement> = serde_json::from_slice(&read("departements.json")?)?;
        Ok(Self { all, departements: departements.into_iter().map(|one| (one.code, one.nom)).collect() })
    }

    /// The name of a département.
    pub fn departement(&self, code: &str) -> Option<&str> {
        self.departements.get(code).map(String::as_str)
    }

    /// The commune of today with this code.
    pub fn present(&self, code: &str) -> Option<usize> {
        self.all.iter().position(|commune| commune.is_present() && commune.code == code)
    }
}
