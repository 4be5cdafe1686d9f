//! Shapes that many answers share, and how questions to the views are asked.

use actix_web::HttpResponse;
use actix_web::http::header;
use palabre_events::terms::Terms;
use palabre_events::{AccountId, ExactPlace};
use palabre_projections::places::{OpenPlace, OpenTerms};
use palabre_projections::{Page, Paging, ViewError, ViewsReader};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

use super::problem::Problem;
use super::query::{Query, count};
use crate::audit::state::PersonShown;
use crate::chat::frames::negotiation::{WirePlace, WireStretch, WireTerms};
use crate::commands::Done;
use crate::platform::Platform;

/// What a write made.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Written {
    /// The version of its stream after it; in a conversation, the `seq` of its last event.
    pub seq: u64,
    /// The position of its last event, for `min_position`; 0 when nothing was appended.
    pub position: u64,
    /// Whether the same command had been committed before.
    #[serde(skip_serializing_if = "is_false")]
    pub duplicate: bool,
    /// Whether it was so already.
    #[serde(skip_serializing_if = "is_false")]
    pub unchanged: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<Done> for Written {
    fn from(done: Done) -> Self {
        Self { seq: done.seq, position: done.position, duplicate: done.duplicate, unchanged: done.unchanged }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `before` of the next page, where there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl<T> Listed<T> {
    /// The items of `page`, each shown by `show`.
    pub fn of<U>(page: Page<U>, show: impl FnMut(U) -> T) -> Self {
        Self { items: page.items.into_iter().map(show).collect(), next: page.next }
    }
}

/// 200 with JSON.
pub fn ok(body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// 200 with what a write made.
pub fn written(done: Done) -> HttpResponse {
    ok(Written::from(done))
}

/// 201 with JSON, and where it is.
pub fn created(location: String, body: impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((header::LOCATION, location)).json(body)
}

/// Which page a request asks for: `before` and `limit`.
pub fn paging(query: &mut Query) -> Paging {
    let limit = usize::try_from(query.limit()).expect("a page is small");
    Paging { before: query.optional("before", count), limit }
}

/// Asks the views.
pub async fn ask<T: Send + 'static>(
    platform: &Platform,
    question: impl FnOnce(&ViewsReader) -> Result<T, ViewError> + Send + 'static,
) -> Result<T, Problem> {
    platform.views.query(question).await.map_err(|failure| {
        tracing::error!(%failure, "the views do not answer");
        Problem::unavailable()
    })
}

/// The names of those whom an answer mentions.
#[derive(Clone, Debug, Default)]
pub struct People(HashMap<AccountId, String>);

impl People {
    /// Looks `accounts` up.
    pub fn of(reader: &ViewsReader, accounts: impl IntoIterator<Item = AccountId>) -> Result<Self, ViewError> {
        let accounts: Vec<_> = accounts.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let people = reader.people(&accounts)?;
        Ok(Self(people.into_iter().filter_map(|person| Some((person.account, person.name?))).collect()))
    }

    /// `account` under its name.
    pub fn show(&self, account: AccountId) -> PersonShown {
        PersonShown { account, name: self.0.get(&account).cloned() }
    }
}

/// A place as people see it.
pub fn place(place: OpenPlace) -> WirePlace {
    let (point, label) = match place.exact {
        Some(ExactPlace { point, label }) => (Some(point), label),
        None => (None, None),
    };
    WirePlace { lat: point.map(|point| point.lat), lon: point.map(|point| point.lon), label, town: place.town }
}

/// A place to about a kilometre, for people whom the exact point does not concern yet.
pub fn rough_place(exact: OpenPlace) -> WirePlace {
    let cut = |degrees: f64| (degrees * 100.0).trunc() / 100.0;
    let place = place(exact);
    WirePlace { lat: place.lat.map(cut), lon: place.lon.map(cut), label: None, town: place.town }
}

/// Terms as people see them.
pub fn terms(terms: OpenTerms) -> WireTerms {
    WireTerms {
        seats: terms.seats,
        price_per_seat: terms.price_per_seat.into(),
        pickup: place(terms.pickup),
        drop_off: place(terms.drop_off),
        pickup_at: terms.pickup_at,
        stretch: WireStretch { from_m: terms.stretch.from_m, to_m: terms.stretch.to_m },
        ride_terms_version: terms.ride_terms_version,
    }
}

/// The most seats that anybody asks for.
pub const SEATS_MAX: u32 = Terms::SEATS_MAX as u32;
