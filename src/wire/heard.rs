//! What the server says over the socket, as one schema, and its close codes.

use serde::Serialize;

use crate::chat::close::Close;
use crate::chat::frames::SeenEvent;
use crate::chat::frames::answer::{Answer, Welcome};
use crate::chat::frames::ephemeral::Ephemeral;

/// A frame of the server: the welcome, which comes first; an answer, which has `re`; an event of a conversation, or what
/// stands for one that may not be seen, which have `seq`; or what has no place in the log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant holds the documented struct of its name")]
pub enum ServerFrame {
    Welcome(Welcome),
    Answer(Answer),
    Event(SeenEvent),
    Ephemeral(Ephemeral),
}

/// The codes with which a connection is closed. 4000 to 4499: reconnect and resume; from 4500: stop.
pub struct CloseCode;

impl utoipa::PartialSchema for CloseCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        let described = Close::ALL.iter().map(|close| format!("{} {}", close.code(), close.name()).trim().to_owned());
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .enum_values(Some(Close::ALL.iter().map(|close| close.code())))
            .description(Some(described.collect::<Vec<_>>().join(", ")))
            .into()
    }
}

impl utoipa::ToSchema for CloseCode {}
