//! What a page needs to know of the platform before anybody has signed in.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::answer::ok;
use super::identity::MaybeIdentity;
use super::problem::Problem;
use super::query::Query;
use crate::page::tiles::Tiles;
use crate::platform::Platform;

/// What whoever operates the platform has set.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SettingsShown {
    /// Whether people and rides here are made up.
    pub demo: bool,
    /// Where maps come from; absent: from nowhere, so that a client draws its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<Tiles>,
}

/// What is set
#[utoipa::path(get, path = "/api/v1/settings", tag = "operating", security(()),
    responses((status = 200, description = "What clients should know", body = SettingsShown)))]
pub async fn show(
    platform: web::Data<Platform>,
    _who: MaybeIdentity,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    Ok(ok(SettingsShown { demo: platform.is_demo, tiles: platform.tiles.clone() }))
}
