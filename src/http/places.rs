//! Places by the beginnings of their names, and the town of a point, from the embedded gazetteer; and whose data those are.
//!
//! Nobody needs a session for them, and what was looked for is kept nowhere.

use actix_web::{HttpRequest, HttpResponse};
use palabre_events::Point;
use serde::Serialize;

use super::answer::ok;
use super::identity::MaybeIdentity;
use super::problem::Problem;
use super::query::{Query, point, whole};
use crate::places::fold::fold;
use crate::places::sources::{SOURCES, Source};
use crate::places::{Place, Places};

/// The most characters that are typed.
const TYPED_CHARS_MAX: usize = 80;
/// The most places that are answered.
const PLACES_MAX: u32 = 20;
/// Places that are answered when nothing is said.
const PLACES_DEFAULT: u32 = 8;

/// Places that were found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlacesFound {
    /// The likeliest first.
    pub items: Vec<Place>,
}

/// The town of a point.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NearestTown {
    /// Absent where there is none within 10 km.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Whose data the places are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaceSources {
    /// Each is to be named wherever places are shown.
    pub sources: Vec<Source>,
}

/// Find places by the beginning of a name
#[utoipa::path(get, path = "/api/v1/places", tag = "places", security(()),
    params(("q" = String, Query, description = "What was typed so far: the beginning of a name, of a word in it, or of a \
            French postal code; accents, case, hyphens and apostrophes do not count; 1 to 80 characters", example = "greno"),
        ("near" = Option<String>, Query, description = "LAT,LON in degrees: places near it come first", example = "45.188,5.724"),
        ("limit" = Option<u32>, Query, description = "1 to 20, default 8")),
    responses((status = 200, description = "The likeliest places", body = PlacesFound)))]
pub async fn find(_who: MaybeIdentity, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let typed = query.required("q", typed);
    let near = query.optional("near", point);
    let limit = query.optional("limit", whole(1..=PLACES_MAX)).unwrap_or(PLACES_DEFAULT);
    query.finish()?;
    let typed = typed.expect("a search without it was refused");
    let limit = usize::try_from(limit).expect("at most twenty");
    Ok(ok(PlacesFound { items: Places::embedded().search(&typed, near, limit) }))
}

/// The town nearest to a point
#[utoipa::path(get, path = "/api/v1/places/nearest", tag = "places", security(()),
    params(("at" = String, Query, description = "LAT,LON in degrees", example = "45.188,5.724")),
    responses((status = 200, description = "The town, where one is within 10 km", body = NearestTown)))]
pub async fn nearest(_who: MaybeIdentity, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let at: Option<Point> = query.required("at", point);
    query.finish()?;
    let at = at.expect("a question without it was refused");
    Ok(ok(NearestTown { place: Places::embedded().nearest_town(at) }))
}

/// Whose data the places are, to be named wherever places are shown
#[utoipa::path(get, path = "/api/v1/places/sources", tag = "places", security(()),
    responses((status = 200, description = "Sources and their licences", body = PlaceSources)))]
pub async fn sources(_who: MaybeIdentity, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    Ok(ok(PlaceSources { sources: SOURCES.to_vec() }))
}

fn typed(text: &str) -> Result<String, String> {
    if text.chars().count() > TYPED_CHARS_MAX {
        return Err(format!("has at most {TYPED_CHARS_MAX} characters"));
    }
    if fold(text).text.is_empty() {
        return Err("has at least one letter or digit".to_owned());
    }
    Ok(text.to_owned())
}
