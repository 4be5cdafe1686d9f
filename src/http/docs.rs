//! The OpenAPI document, made from the code, and the page that reads it. The page is part of the program: it works
//! offline and fetches nothing from anywhere else.

use actix_web::http::header::{self, ContentEncoding};
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::{Arc, LazyLock};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, PartialSchema};
use utoipa_swagger_ui::Config;

use super::encoding;
use super::freshness::MIN_POSITION;
use super::headers::DOCS_POLICY;
use super::identity::COOKIE;
use super::problem::{MEDIA_TYPE, Problem};
use super::routes::Document;
use crate::wire::ChatDocument;

/// Where the document is.
pub const DOCUMENT_PATH: &str = "/api/openapi.json";

static WRITTEN: LazyLock<web::Bytes> = LazyLock::new(|| web::Bytes::from(written()));
/// Once for all: it is long, and anybody may ask for it.
static COMPRESSED: LazyLock<web::Bytes> = LazyLock::new(|| compressed(&WRITTEN));
static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from(DOCUMENT_PATH).validator_url("none").persist_authorization(false)));

/// The OpenAPI document as it is told.
pub fn written() -> String {
    Document::openapi().to_pretty_json().expect("the document is plain data")
}

/// The OpenAPI document.
pub async fn document(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header((header::VARY, "accept-encoding"));
    let liked = encoding::liked(&request, [ContentEncoding::Gzip]);
    response.insert_header(liked);
    response.body(if liked == ContentEncoding::Gzip { COMPRESSED.clone() } else { WRITTEN.clone() })
}

/// As gzip.
fn compressed(text: &[u8]) -> web::Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text).and_then(|()| gzip.finish()).expect("memory takes it").into()
}

/// To the page, at the address under which its parts are found.
pub async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/docs/")).finish()
}

/// The page, or a part of it.
pub async fn page(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, PAGE.clone()).map_err(|error| {
        tracing::error!(%error, "the page of the API cannot be made");
        Problem::internal()
    })?;
    let file = found.ok_or_else(Problem::no_such_route)?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header(ContentEncoding::Gzip);
    }
    let response = response
        .insert_header((header::CONTENT_SECURITY_POLICY, DOCS_POLICY))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .content_type(file.content_type)
        .body(file.bytes.into_owned());
    Ok(response)
}

/// The frames of the chat, which no address answers.
pub struct Frames;

impl Modify for Frames {
    fn modify(&self, document: &mut OpenApi) {
        document.merge(ChatDocument::openapi());
    }
}

/// What all operations share: how to show who one is, and the shape of every error.
pub struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
        components.add_security_scheme("cookie", cookie);
        components.add_security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let problem = ResponseBuilder::new()
            .description("Anything else: problem details (RFC 9457). `code` is stable; `fields` says what is wrong with which field")
            .content(MEDIA_TYPE, content)
            .build();
        components.responses.insert("Problem".to_owned(), RefOr::T(problem));
        for item in document.paths.paths.values_mut() {
            if let Some(read) = item.get.as_mut() {
                read.parameters.get_or_insert_default().push(RefOr::T(min_position()));
            }
            for operation in operations(item) {
                // Handlers of different nouns share names.
                let noun = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
                let name = operation.operation_id.take().unwrap_or_default();
                operation.operation_id = Some(format!("{noun}_{name}"));
                let problem = RefOr::Ref(Ref::from_response_name("Problem"));
                operation.responses.responses.insert("default".to_owned(), problem);
            }
        }
    }
}

/// The parameter that every read understands.
fn min_position() -> Parameter {
    ParameterBuilder::new()
        .name(MIN_POSITION)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("The `position` of a write that the answer must know of; waits for at most a second"))
        .schema(Some(u64::schema()))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().filter_map(Option::as_mut)
}
