//! What clients need to know of the wire, as schemas in the OpenAPI document: beside the shapes of the HTTP API also the
//! frames of the chat and the words that fields are limited to. Types for other languages are generated from it.
//!
//! Nothing here is sent or read. The core knows no schemas, and the socket reads frames by hand, so [`words`] and [`asked`]
//! say again what those do; the compiler and tests hold both to the same. [`heard`] joins what the server says.

pub mod asked;
pub mod heard;
pub mod words;

use utoipa::OpenApi;

/// The schemas of the chat, to be merged into the document of the HTTP API.
#[derive(OpenApi)]
#[openapi(components(schemas(asked::ClientFrame, heard::ServerFrame, heard::CloseCode)))]
pub struct ChatDocument;

#[cfg(test)]
mod tests {
    use crate::http::docs;

    /// The page's types are generated from this copy.
    const COPY: &str = "web/src/wire/openapi.json";

    #[test]
    fn the_page_knows_the_document_as_it_is() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(COPY);
        let copy = std::fs::read_to_string(path).expect("the copy is part of the project");
        assert!(copy.trim_end() == docs::written(), "{COPY} is not what the server says; run `make wire`");
    }
}
