//! Whose data the gazetteer is made of. Their licences ask that whoever shows places says so.

use serde::Serialize;

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
    pub used_for: &'static str,
}

/// All of them; `src/places/data/NOTICE.md` says the same, and what was changed.
pub const SOURCES: [Source; 3] = [
    Source {
        name: "GeoNames",
        url: "https://www.geonames.org/",
        licence: "CC BY 4.0",
        licence_url: "https://creativecommons.org/licenses/by/4.0/",
        used_for: "towns: names, coordinates, population",
    },
    Source {
        name: "Découpage administratif, Etalab, from the Code officiel géographique of INSEE",
        url: "https://github.com/datagouv/decoupage-administratif",
        licence: "Licence Ouverte 2.0",
        licence_url: "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        used_for: "French communes: official names, départements, postal codes, population",
    },
    Source {
        name: "Base nationale des lieux de covoiturage, transport.data.gouv.fr",
        url: "https://transport.data.gouv.fr/datasets/base-nationale-des-lieux-de-covoiturage",
        licence: "ODbL 1.0",
        licence_url: "https://opendatacommons.org/licenses/odbl/1-0/",
        used_for: "carpool places of France",
    },
];
