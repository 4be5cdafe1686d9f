//! The frames that clients send, as schemas. `chat::asking` reads them; a test has it read each of these, whole, and with
//! each of its fields left out.

use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::commands::input::{PlaceInput, PriceInput};

/// A frame of a client. `id` is a whole number of its own choosing that comes back in the answer; `key` a UUIDv7 that makes
/// the command safe to repeat.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of docs/PROTOCOL.md and of the bodies of the HTTP API")]
pub enum ClientFrame {
    /// What the client knows, so that it is told what it missed.
    Hello {
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        log_id: Option<Uuid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<u64>,
        /// The last `seq` of each conversation that it has open, at most 50.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversations: Option<BTreeMap<String, u64>>,
    },
    /// Whose typing and presence to tell, in place of those followed before; at most 50.
    Follow { id: u64, conversations: Vec<Uuid> },
    /// One types, or stops. Answered only when it fails.
    Typing { id: u64, conversation: Uuid, on: bool },
    /// How far one has read.
    MarkRead { id: u64, key: Uuid, conversation: Uuid, up_to: u64 },
    /// Open the conversation about a ride, or find it.
    OpenConversation {
        id: u64,
        key: Uuid,
        ride: Uuid,
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<Uuid>,
    },
    /// Say something.
    PostMessage {
        id: u64,
        key: Uuid,
        conversation: Uuid,
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<u64>,
    },
    /// Correct a message of one's own.
    EditMessage { id: u64, key: Uuid, conversation: Uuid, message: u64, text: String },
    /// Take a message of one's own back.
    RetractMessage { id: u64, key: Uuid, conversation: Uuid, message: u64 },
    /// Propose terms.
    MakeProposal {
        id: u64,
        key: Uuid,
        conversation: Uuid,
        seats: u8,
        price_per_seat: PriceInput,
        pickup: PlaceInput,
        drop_off: PlaceInput,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(format = DateTime)]
        pickup_at: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_s: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<Uuid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        replaces: Option<Uuid>,
    },
    /// Agree to the terms that have this hash.
    AcceptProposal { id: u64, key: Uuid, conversation: Uuid, proposal: Uuid, terms_hash: String },
    /// Not agree.
    DeclineProposal {
        id: u64,
        key: Uuid,
        conversation: Uuid,
        proposal: Uuid,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Take a proposal of one's own back.
    WithdrawProposal { id: u64, key: Uuid, conversation: Uuid, proposal: Uuid },
    /// Give a booking up.
    CancelBooking {
        id: u64,
        key: Uuid,
        conversation: Uuid,
        reservation: Uuid,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The changed ride still suits.
    ReconfirmBooking { id: u64, key: Uuid, conversation: Uuid, reservation: Uuid, terms_version: u32 },
    /// The passenger did not come.
    ReportNoShow { id: u64, key: Uuid, conversation: Uuid, reservation: Uuid },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::asking::{Unread, read, types};
    use serde_json::Value;

    const ID: u64 = 7;

    /// One of each, with every field.
    fn all() -> Vec<ClientFrame> {
        use ClientFrame as F;
        let (id, key, conversation, other) = (ID, Uuid::now_v7(), Uuid::new_v4(), Uuid::new_v4());
        let place = || PlaceInput { lat: 45.2, lon: 5.7, label: Some("Gare".to_owned()) };
        let text = || "Bonjour".to_owned();
        vec![
            F::Hello {
                id,
                log_id: Some(other),
                position: Some(1),
                conversations: Some(BTreeMap::from([(conversation.to_string(), 1)])),
            },
            F::Follow { id, conversations: vec![conversation] },
            F::Typing { id, conversation, on: true },
            F::MarkRead { id, key, conversation, up_to: 3 },
            F::OpenConversation { id, key, ride: other, request: Some(other) },
            F::PostMessage { id, key, conversation, text: text(), in_reply_to: Some(1) },
            F::EditMessage { id, key, conversation, message: 1, text: text() },
            F::RetractMessage { id, key, conversation, message: 1 },
            F::MakeProposal {
                id,
                key,
                conversation,
                seats: 2,
                price_per_seat: PriceInput { cents: 700, currency: "EUR".to_owned() },
                pickup: place(),
                drop_off: place(),
                pickup_at: Some("2027-01-04T18:25:00Z".to_owned()),
                expires_in_s: Some(3600),
                in_reply_to: Some(other),
                replaces: Some(other),
            },
            F::AcceptProposal { id, key, conversation, proposal: other, terms_hash: "0".repeat(64) },
            F::DeclineProposal { id, key, conversation, proposal: other, reason: Some(text()) },
            F::WithdrawProposal { id, key, conversation, proposal: other },
            F::CancelBooking { id, key, conversation, reservation: other, reason: Some(text()) },
            F::ReconfirmBooking { id, key, conversation, reservation: other, terms_version: 2 },
            F::ReportNoShow { id, key, conversation, reservation: other },
        ]
    }

    /// The fields that the schema of the frame `kind` requires.
    fn required(kind: &str) -> Vec<String> {
        let schema = serde_json::to_value(<ClientFrame as utoipa::PartialSchema>::schema()).unwrap();
        let variants = schema["oneOf"].as_array().unwrap();
        let variant = variants.iter().find(|variant| variant["properties"]["type"]["enum"][0] == kind).unwrap();
        serde_json::from_value(variant["required"].clone()).unwrap()
    }

    #[test]
    fn the_socket_reads_every_frame_and_needs_what_its_schema_requires() {
        for frame in all() {
            let whole = serde_json::to_value(&frame).unwrap();
            assert!(read(&whole.to_string()).is_ok_and(|asking| asking.id == ID), "{whole}");
            let kind = whole["type"].as_str().unwrap();
            let required = required(kind);
            for field in whole.as_object().unwrap().keys() {
                let mut part = whole.clone();
                part.as_object_mut().unwrap().remove(field);
                let needed = required.contains(field);
                // A position or a `seq` means nothing without its log, which no schema can say.
                let told_apart = kind == "hello" && field == "log_id";
                assert_eq!(read(&part.to_string()).is_err(), needed || told_apart, "{kind} without {field}");
            }
        }
    }

    #[test]
    fn every_type_that_the_socket_knows_is_here() {
        let kinds: Vec<_> = all().iter().map(|frame| serde_json::to_value(frame).unwrap()["type"].clone()).collect();
        assert_eq!(kinds, types().map(Value::from).collect::<Vec<_>>());
        let unknown = serde_json::json!({"id": ID, "type": "post_card"}).to_string();
        assert_eq!(read(&unknown), Err(Unread::UnknownType { re: ID }));
    }
}
