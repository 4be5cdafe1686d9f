//! Whose data the gazetteer is made of. Their licences ask that whoever shows places says so.

use serde::Serialize;

/// What was taken from somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsedFor {
    /// Towns: names, coordinates, population.
    Towns,
    /// French communes: official names, départements, postal codes, population.
    Communes,
    /// Carpool places of France.
    CarpoolPlaces,
}

/// Somebody's data within the gazetteer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Source {
    /// What the data are called, and who gives them.
    pub name: &'static str,
    /// Where they come from.
    pub url: &'static str,
    /// Under which licence.
    pub licence: &'static str,
    /// What that licence says.
    pub licence_url: &'static str,
    /// What was taken from them.
    pub used_for: UsedFor,
}

/// All of them; `src/places/data/NOTICE.md` says the same, and what was changed.
pub const SOURCES: [Source; 3] = [
    Source {
        name: "GeoNames",
        url: "https://www.geonames.org/",
        licence: "CC BY 4.0",
        licence_url: "https://creativecommons.org/licenses/by/4.0/",
        used_for: UsedFor::Towns,
    },
    Source {
        name: "Découpage administratif (Etalab), d’après le Code officiel géographique (INSEE)",
        url: "https://github.com/datagouv/decoupage-administratif",
        licence: "Licence Ouverte 2.0",
        licence_url: "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        used_for: UsedFor::Communes,
    },
    Source {
        name: "Base nationale des lieux de covoiturage (transport.data.gouv.fr)",
        url: "https://transport.data.gouv.fr/datasets/base-nationale-des-lieux-de-covoiturage",
        licence: "ODbL 1.0",
        licence_url: "https://opendatacommons.org/licenses/odbl/1-0/",
        used_for: UsedFor::CarpoolPlaces,
    },
];
