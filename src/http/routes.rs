//! Every address of the API and what it understands: one table, from which both the routes and the OpenAPI document come.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi;

use super::docs::{self, Common, Frames};
use super::headers::guard;
use super::problem::{Details, Problem};
use super::{
    accounts, conversations, health, metrics, mine, places, proposals, requests, reservations, rides, searches,
    sessions, settings, talk,
};
use crate::page;
use crate::platform::Platform;

macro_rules! name_of {
    (get) => {
        "GET, HEAD"
    };
    (post) => {
        "POST"
    };
    (patch) => {
        "PATCH"
    };
    (delete) => {
        "DELETE"
    };
}

/// Whoever may read may also ask for the headers alone; the server leaves the body out.
macro_rules! answers {
    ($resource:expr, get, $handler:expr) => {
        $resource.route(web::get().to($handler)).route(web::head().to($handler))
    };
    ($resource:expr, $method:ident, $handler:expr) => {
        $resource.route(web::$method().to($handler))
    };
}

macro_rules! table {
    ($($path:literal { $first:ident: $($first_handler:ident)::+ $(, $method:ident: $($handler:ident)::+)* })+) => {
        /// Each address with the methods that it understands.
        pub const TABLE: &[(&str, &[&str])] = &[$(($path, &[name_of!($first) $(, name_of!($method))*])),+];

        fn mount(api: &mut web::ServiceConfig) {
            $({
                const ALLOW: &str = concat!(name_of!($first) $(, ", ", name_of!($method))*);
                let resource = answers!(web::resource($path), $first, $($first_handler)::+);
                $(let resource = answers!(resource, $method, $($handler)::+);)*
                let refused = web::to(|| async { refuse(Problem::method_not_allowed(ALLOW)) });
                let resource = resource.default_service(refused);
                api.service(resource);
            })+
        }

        /// The OpenAPI document.
        #[derive(OpenApi)]
        #[openapi(
            info(title = "Palabre", description = "Carpooling where the conversation is the booking. Writes take \
                `Idempotency-Key`; answers to writes carry `position`, and reads that follow pass it as `min_position`. \
                Times are RFC 3339 in UTC, prices whole cents, points degrees of WGS 84. The frames of the chat at `/ws` are \
                among the schemas: `ClientFrame`, `ServerFrame` and `CloseCode`; docs/PROTOCOL.md tells how they go together."),
            paths($($($first_handler)::+ $(, $($handler)::+)*),+),
            components(schemas(Details)),
            modifiers(&Common, &Frames),
            security(("cookie" = []), ("bearer" = []))
        )]
        pub struct Document;
    };
}

table! {
    "/healthz" { get: health::healthz }
    "/metrics" { get: metrics::metrics }
    "/api/v1/accounts" { post: accounts::sign_up }
    "/api/v1/sessions" { get: sessions::list, post: sessions::sign_in, delete: sessions::sign_out_everywhere }
    "/api/v1/sessions/current" { get: sessions::current, delete: sessions::sign_out }
    "/api/v1/password-resets" { post: accounts::ask_reset }
    "/api/v1/password-resets/confirm" { post: accounts::confirm_reset }
    "/api/v1/settings" { get: settings::show }
    "/api/v1/me" { get: accounts::me, patch: accounts::change_profile }
    "/api/v1/me/password" { post: accounts::change_password }
    "/api/v1/me/rides" { get: mine::rides }
    "/api/v1/me/requests" { get: mine::requests }
    "/api/v1/me/reservations" { get: mine::reservations }
    "/api/v1/me/to-handle" { get: mine::to_handle }
    "/api/v1/me/history" { get: mine::history }
    "/api/v1/rides" { post: rides::offer }
    "/api/v1/rides/{ride}" { get: rides::show, patch: rides::change }
    "/api/v1/rides/{ride}/reschedule" { post: rides::reschedule }
    "/api/v1/rides/{ride}/cancel" { post: rides::cancel }
    "/api/v1/rides/{ride}/events" { get: rides::record }
    "/api/v1/rides/{ride}/requests" { get: rides::suited_requests }
    "/api/v1/searches" { get: searches::search }
    "/api/v1/places" { get: places::find }
    "/api/v1/places/nearest" { get: places::nearest }
    "/api/v1/places/sources" { get: places::sources }
    "/api/v1/requests" { post: requests::post }
    "/api/v1/requests/{request}" { get: requests::show }
    "/api/v1/requests/{request}/withdraw" { post: requests::withdraw }
    "/api/v1/conversations" { get: conversations::inbox, post: conversations::open }
    "/api/v1/conversations/{conversation}" { get: conversations::show }
    "/api/v1/conversations/{conversation}/events" { get: talk::events }
    "/api/v1/conversations/{conversation}/messages" { post: talk::post_message }
    "/api/v1/conversations/{conversation}/messages/{message}" {
        patch: talk::edit_message, delete: talk::retract_message
    }
    "/api/v1/conversations/{conversation}/marks" { post: talk::mark_read }
    "/api/v1/conversations/{conversation}/proposals" { post: proposals::make }
    "/api/v1/conversations/{conversation}/proposals/{proposal}/accept" { post: proposals::accept }
    "/api/v1/conversations/{conversation}/proposals/{proposal}/decline" { post: proposals::decline }
    "/api/v1/conversations/{conversation}/proposals/{proposal}/withdraw" { post: proposals::withdraw }
    "/api/v1/reservations" { post: reservations::reserve }
    "/api/v1/reservations/{reservation}" { get: reservations::show }
    "/api/v1/reservations/{reservation}/cancel" { post: reservations::cancel }
    "/api/v1/reservations/{reservation}/reconfirm" { post: reservations::reconfirm }
    "/api/v1/reservations/{reservation}/no-show" { post: reservations::no_show }
}

/// Mounts everything on an application that was given its `web::Data<Platform>`. What nobody understands is answered here
/// too, by the page or as a problem, so other services must be mounted before.
pub fn routes(application: &mut web::ServiceConfig) {
    let reading = |path: &str| web::resource(path.to_owned()).default_service(web::to(only_reading));
    application.service(
        web::scope("")
            .wrap(from_fn(guard))
            .configure(mount)
            .service(answers!(reading(docs::DOCUMENT_PATH), get, docs::document))
            .service(answers!(reading("/api/docs"), get, docs::to_page))
            .service(answers!(reading("/api/docs/{file:.*}"), get, docs::page))
            .default_service(web::to(page_or_nothing)),
    );
}

/// An address of the page that people see; otherwise nothing.
async fn page_or_nothing(platform: web::Data<Platform>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    page::answer(&request, platform.tiles.as_ref()).ok_or_else(Problem::no_such_route)
}

async fn only_reading() -> Result<HttpResponse, Problem> {
    refuse(Problem::method_not_allowed(name_of!(get)))
}

fn refuse(problem: Problem) -> Result<HttpResponse, Problem> {
    Err(problem)
}
