//! What clients ask for, read from their frames. The one decoder of the protocol's client side.
//!
//! It judges form alone; whether something may be done is for `commands` and the rules.

use palabre_events::{CommandKey, ConversationId, ProposalId, ReservationId, TermsHash};
use std::collections::BTreeMap;
use uuid::Uuid;

use super::fields::Fields;
use super::frames::answer::{Answer, CommandError, Outcome};
use crate::commands::input::{EditMessage, MakeProposal, OpenConversation, PostMessage, WithReason};
use crate::commands::{FieldError, Refusal};

/// The most conversations that one hello or follow names.
pub const FOLLOWED_MAX: usize = 50;

/// A frame that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// The client's number for it; it comes back in the answer.
    pub id: u64,
    /// What is asked.
    pub what: What,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// To resume.
    Hello(Hello),
    /// To be told of typing and presence in these conversations.
    Follow(Vec<ConversationId>),
    /// To tell others that one types, or stops.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Whether one types.
        on: bool,
    },
    /// To note how far one has read.
    MarkRead {
        /// The client's key.
        key: CommandKey,
        /// Where.
        conversation: ConversationId,
        /// Up to and with this `seq`.
        up_to: u64,
    },
    /// A command.
    Command(CommandKey, Command),
}

/// What the client knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The log that it knows.
    pub log_id: Option<Uuid>,
    /// The position that its inbox is true for.
    pub position: Option<u64>,
    /// The last `seq` of each conversation that it has open.
    pub conversations: BTreeMap<ConversationId, u64>,
}

/// A command that may be repeated with its key.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "named after the commands of the protocol; the fields are theirs")]
pub enum Command {
    OpenConversation(OpenConversation),
    PostMessage(ConversationId, PostMessage),
    EditMessage(ConversationId, u64, EditMessage),
    RetractMessage(ConversationId, u64),
    MakeProposal(ConversationId, Box<MakeProposal>),
    AcceptProposal(ConversationId, ProposalId, TermsHash),
    DeclineProposal(ConversationId, ProposalId, WithReason),
    WithdrawProposal(ConversationId, ProposalId),
    CancelBooking(ConversationId, ReservationId, WithReason),
    ReconfirmBooking(ConversationId, ReservationId, u32),
    ReportNoShow(ConversationId, ReservationId),
}

/// Why a frame is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no frame of this protocol at all.
    BadFrame {
        /// Its `id`, where there is one.
        re: Option<u64>,
        /// What is wrong.
        why: &'static str,
    },
    /// Its type is not known, perhaps because the client is newer.
    UnknownType {
        /// Its `id`.
        re: u64,
    },
    /// Some of its fields are wrong.
    Invalid {
        /// Its `id`.
        re: u64,
        /// All that is wrong.
        fields: Vec<FieldError>,
    },
}

impl Unread {
    /// What the client is told.
    pub fn answer(self) -> Answer {
        let (re, error) = match self {
            Self::BadFrame { re, why } => (re, CommandError::new("bad_frame", why)),
            Self::UnknownType { re } => {
                (Some(re), CommandError::new("unknown_type", "this server does not know this type of frame"))
            }
            Self::Invalid { re, fields } => (Some(re), Refusal::Invalid(fields).into()),
        };
        Answer { re, outcome: Outcome::Error(error) }
    }
}

/// Reads a frame.
pub fn read(text: &str) -> Result<Asking, Unread> {
    let bad = |re, why| Unread::BadFrame { re, why };
    let mut fields =
        Fields::read(text).ok_or_else(|| bad(None, "a frame is a JSON object, each of its fields once"))?;
    let id: u64 = fields.take("id").ok_or_else(|| bad(None, "a frame has an `id`, a whole number"))?;
    let kind: String = fields.take("type").ok_or_else(|| bad(Some(id), "a frame has a `type`, a text"))?;
    let Some(read) = reader_of(&kind) else { return Err(Unread::UnknownType { re: id }) };
    let what = read(&mut fields);
    let wrong = fields.into_wrong();
    match what {
        Some(what) if wrong.is_empty() => Ok(Asking { id, what }),
        _ => Err(Unread::Invalid { re: id, fields: wrong }),
    }
}

/// Reads the fields of a type of frame. Answers nothing when it has noted something wrong.
type Reader = fn(&mut Fields<'_>) -> Option<What>;

/// The types of frames that clients may send, and how to read each.
const READERS: &[(&str, Reader)] = &[
    ("hello", hello),
    ("follow", follow),
    ("typing", typing),
    ("mark_read", mark_read),
    ("open_conversation", |fields| {
        let (key, open) = (fields.need("key"), fields.rest());
        Some(What::Command(key?, Command::OpenConversation(open?)))
    }),
    ("post_message", |fields| {
        let (key, conversation) = keyed(fields);
        let post = fields.rest();
        Some(What::Command(key?, Command::PostMessage(conversation?, post?)))
    }),
    ("edit_message", |fields| {
        let ((key, conversation), message) = (keyed(fields), fields.need("message"));
        let edit = fields.rest();
        Some(What::Command(key?, Command::EditMessage(conversation?, message?, edit?)))
    }),
    ("retract_message", |fields| {
        let ((key, conversation), message) = (keyed(fields), fields.need("message"));
        fields.end()?;
        Some(What::Command(key?, Command::RetractMessage(conversation?, message?)))
    }),
    ("make_proposal", |fields| {
        let (key, conversation) = keyed(fields);
        let make = fields.rest();
        Some(What::Command(key?, Command::MakeProposal(conversation?, Box::new(make?))))
    }),
    ("accept_proposal", |fields| {
        let ((key, conversation), proposal) = (keyed(fields), fields.need("proposal"));
        let terms_hash = fields.need("terms_hash");
        fields.end()?;
        Some(What::Command(key?, Command::AcceptProposal(conversation?, proposal?, terms_hash?)))
    }),
    ("decline_proposal", |fields| {
        let ((key, conversation), proposal) = (keyed(fields), fields.need("proposal"));
        let why = fields.rest();
        Some(What::Command(key?, Command::DeclineProposal(conversation?, proposal?, why?)))
    }),
    ("withdraw_proposal", |fields| {
        let ((key, conversation), proposal) = (keyed(fields), fields.need("proposal"));
        fields.end()?;
        Some(What::Command(key?, Command::WithdrawProposal(conversation?, proposal?)))
    }),
    ("cancel_booking", |fields| {
        let ((key, conversation), reservation) = (keyed(fields), fields.need("reservation"));
        let why = fields.rest();
        Some(What::Command(key?, Command::CancelBooking(conversation?, reservation?, why?)))
    }),
    ("reconfirm_booking", |fields| {
        let ((key, conversation), reservation) = (keyed(fields), fields.need("reservation"));
        let terms_version = fields.need("terms_version");
        fields.end()?;
        Some(What::Command(key?, Command::ReconfirmBooking(conversation?, reservation?, terms_version?)))
    }),
    ("report_no_show", |fields| {
        let ((key, conversation), reservation) = (keyed(fields), fields.need("reservation"));
        fields.end()?;
        Some(What::Command(key?, Command::ReportNoShow(conversation?, reservation?)))
    }),
];

/// The types of frames that clients may send.
pub fn types() -> impl Iterator<Item = &'static str> {
    READERS.iter().map(|(kind, _)| *kind)
}

fn reader_of(kind: &str) -> Option<Reader> {
    READERS.iter().find(|(known, _)| *known == kind).map(|(_, reader)| *reader)
}

fn keyed(fields: &mut Fields<'_>) -> (Option<CommandKey>, Option<ConversationId>) {
    (fields.need("key"), fields.need("conversation"))
}

fn hello(fields: &mut Fields<'_>) -> Option<What> {
    let (log_id, position) = (fields.take("log_id"), fields.take("position"));
    let conversations: BTreeMap<_, _> = fields.take("conversations").unwrap_or_default();
    fields.end()?;
    if log_id.is_none() && (position.is_some() || !conversations.is_empty()) {
        fields.wrong("log_id", "missing", "a position or a `seq` means nothing without its log".to_owned());
    }
    at_most_followed(fields, conversations.len());
    Some(What::Hello(Hello { log_id, position, conversations }))
}

fn follow(fields: &mut Fields<'_>) -> Option<What> {
    let conversations: Option<Vec<_>> = fields.need("conversations");
    fields.end()?;
    at_most_followed(fields, conversations.as_ref().map_or(0, Vec::len));
    Some(What::Follow(conversations?))
}

fn at_most_followed(fields: &mut Fields<'_>, count: usize) {
    if count > FOLLOWED_MAX {
        fields.wrong("conversations", "too_many", format!("at most {FOLLOWED_MAX} conversations"));
    }
}

fn typing(fields: &mut Fields<'_>) -> Option<What> {
    let (conversation, on) = (fields.need("conversation"), fields.need("on"));
    fields.end()?;
    Some(What::Typing { conversation: conversation?, on: on? })
}

fn mark_read(fields: &mut Fields<'_>) -> Option<What> {
    let ((key, conversation), up_to) = (keyed(fields), fields.need("up_to"));
    fields.end()?;
    Some(What::MarkRead { key: key?, conversation: conversation?, up_to: up_to? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::testing::{ANNA, key, proposal, talk_with};
    use serde_json::{Value, json};

    fn told(text: &str) -> (Value, Vec<(String, &'static str)>) {
        let unread = read(text).unwrap_err();
        let fields = match &unread {
            Unread::Invalid { fields, .. } => fields.iter().map(|wrong| (wrong.field.clone(), wrong.code)).collect(),
            _ => Vec::new(),
        };
        (serde_json::to_value(unread.answer()).unwrap(), fields)
    }

    fn a_message() -> Value {
        json!({"id": 1, "key": key(1), "type": "post_message", "conversation": talk_with(ANNA), "text": "Bonjour"})
    }

    #[test]
    fn a_command_is_read_whole() {
        let key = key(1);
        let frame = json!({
            "id": 7, "key": key, "type": "make_proposal", "conversation": talk_with(ANNA), "seats": 2,
            "price_per_seat": {"cents": 700, "currency": "EUR"}, "pickup": {"lat": 45.2, "lon": 5.7, "label": "Gare"},
            "drop_off": {"lat": 45.7, "lon": 4.8}, "in_reply_to": proposal(1),
        });
        let asking = read(&frame.to_string()).unwrap();
        let What::Command(read_key, Command::MakeProposal(conversation, make)) = asking.what else { panic!() };
        assert_eq!((asking.id, read_key, conversation), (7, key, talk_with(ANNA)));
        assert_eq!((make.seats, make.in_reply_to, make.replaces), (2, Some(proposal(1)), None));
        assert_eq!(make.pickup.label.as_deref(), Some("Gare"));
    }

    #[test]
    fn null_counts_as_absent() {
        let mut frame = a_message();
        frame["in_reply_to"] = Value::Null;
        assert!(read(&frame.to_string()).is_ok());
        let hello = json!({"id": 2, "type": "hello", "log_id": null, "position": null, "conversations": null});
        assert_eq!(read(&hello.to_string()).unwrap().what, What::Hello(Hello::default()));
    }

    #[test]
    fn what_is_no_frame_at_all_is_a_bad_frame() {
        let deep = "[".repeat(500);
        let many: String = (0..40).map(|n| format!("\"f{n}\":1,")).collect();
        for text in [
            "",
            " ",
            "bonjour",
            "null",
            "7",
            "\"hello\"",
            "[]",
            "[1,2]",
            "{",
            "{}",
            "{\"id\":1",
            "{\"type\":\"hello\"}",
            "{\"id\":-1,\"type\":\"hello\"}",
            "{\"id\":1.5,\"type\":\"hello\"}",
            "{\"id\":\"1\",\"type\":\"hello\"}",
            "{\"id\":null,\"type\":\"hello\"}",
            "{\"id\":18446744073709551616,\"type\":\"hello\"}",
            "{\"id\":1,\"id\":2,\"type\":\"hello\"}",
            "{\"id\":1,\"type\":\"hello\",\"type\":\"follow\"}",
            "{\"id\":1,\"type\":\"hello\"} trailing",
            "{'id':1,'type':'hello'}",
            "{\"id\":1,\"type\":\"hello\",}",
            "{\"id\":NaN,\"type\":\"hello\"}",
            "\u{feff}{\"id\":1,\"type\":\"hello\"}",
            &deep,
            &format!("{{\"id\":1,\"type\":\"hello\",\"x\":{deep}}}"),
            &format!("{{{many}\"id\":1}}"),
        ] {
            let (answer, _) = told(text);
            assert_eq!(answer["re"], Value::Null, "{text}");
            assert_eq!(answer["error"]["code"], "bad_frame", "{text}");
        }
        let (answer, _) = told("{\"id\":4}");
        assert_eq!((&answer["re"], &answer["error"]["code"]), (&json!(4), &json!("bad_frame")));
        let (answer, _) = told("{\"id\":4,\"type\":4}");
        assert_eq!((&answer["re"], &answer["error"]["code"]), (&json!(4), &json!("bad_frame")));
    }

    #[test]
    fn unknown_types_are_told_apart() {
        for kind in ["", "Hello", "post_card", "welcome", "hidden"] {
            let (answer, _) = told(&json!({"id": 9, "type": kind}).to_string());
            assert_eq!((&answer["re"], &answer["error"]["code"]), (&json!(9), &json!("unknown_type")), "{kind}");
            assert_eq!(answer["error"]["temporary"], false);
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let with = |name: &str, value: Value| {
            let mut frame = a_message();
            frame[name] = value;
            frame
        };
        let proposal = |change: Value| {
            let mut frame = json!({
                "id": 7, "key": key(1), "type": "make_proposal", "conversation": talk_with(ANNA), "seats": 2,
                "price_per_seat": {"cents": 700, "currency": "EUR"}, "pickup": {"lat": 45.2, "lon": 5.7},
                "drop_off": {"lat": 45.7, "lon": 4.8},
            });
            frame.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            frame
        };
        let many: Vec<_> = (0..=FOLLOWED_MAX).map(|_| talk_with(ANNA)).collect();
        let many_seqs: BTreeMap<_, _> =
            (0..=FOLLOWED_MAX).map(|n| (ConversationId(Uuid::from_u128(n as u128)), 1)).collect();
        let cases = [
            (
                json!({"id": 1, "type": "post_message"}),
                vec![("key", "missing"), ("conversation", "missing"), ("text", "missing")],
            ),
            (with("key", json!(7)), vec![("key", "wrong_type")]),
            (with("key", json!("abc")), vec![("key", "invalid")]),
            (with("conversation", json!("ride-1")), vec![("conversation", "invalid")]),
            (with("text", json!(7)), vec![("text", "wrong_type")]),
            (with("text", json!({"de": "Hallo"})), vec![("text", "wrong_type")]),
            (with("txet", json!("Bonjour")), vec![("txet", "unknown_field")]),
            (with("in_reply_to", json!(-1)), vec![("in_reply_to", "out_of_range")]),
            (json!({"id": 1, "type": "follow"}), vec![("conversations", "missing")]),
            (json!({"id": 1, "type": "follow", "conversations": many}), vec![("conversations", "too_many")]),
            (json!({"id": 1, "type": "follow", "conversations": ["x"]}), vec![("conversations[0]", "invalid")]),
            (json!({"id": 1, "type": "hello", "position": 4}), vec![("log_id", "missing")]),
            (json!({"id": 1, "type": "hello", "log_id": "x"}), vec![("log_id", "invalid")]),
            (
                json!({"id": 1, "type": "hello", "log_id": Uuid::nil(), "conversations": many_seqs}),
                vec![("conversations", "too_many")],
            ),
            (
                json!({"id": 1, "type": "hello", "log_id": Uuid::nil(), "conversations": {"x": 1}}),
                vec![("conversations.x", "invalid")],
            ),
            (json!({"id": 1, "type": "hello", "key": key(1)}), vec![("key", "unknown_field")]),
            (
                json!({"id": 1, "type": "typing", "conversation": talk_with(ANNA), "on": "yes"}),
                vec![("on", "wrong_type")],
            ),
            (proposal(json!({"seats": 300})), vec![("seats", "out_of_range")]),
            (proposal(json!({"seats": "two"})), vec![("seats", "wrong_type")]),
            (proposal(json!({"pickup": {"lat": 1.0}})), vec![("pickup.lon", "missing")]),
            (proposal(json!({"pickup": {"lat": "x", "lon": 1.0}})), vec![("pickup.lat", "wrong_type")]),
            (proposal(json!({"pickup": {"lat": 1.0, "lon": 1.0, "alt": 1}})), vec![("pickup.alt", "unknown_field")]),
            (proposal(json!({"pickup_at": "tomorrow"})), vec![("pickup_at", "invalid")]),
            (proposal(json!({"message": 1})), vec![("message", "unknown_field")]),
            (
                json!({"id": 1, "key": key(1), "type": "accept_proposal", "conversation": talk_with(ANNA), "proposal": proposal_id(), "terms_hash": "00"}),
                vec![("terms_hash", "invalid")],
            ),
            (
                json!({"id": 1, "key": key(1), "type": "retract_message", "conversation": talk_with(ANNA), "message": 2, "text": ""}),
                vec![("text", "unknown_field")],
            ),
        ];
        for (frame, expected) in cases {
            let (answer, fields) = told(&frame.to_string());
            assert_eq!((&answer["re"], &answer["error"]["code"]), (&frame["id"], &json!("invalid")), "{frame}");
            let fields: Vec<_> = fields.iter().map(|(field, code)| (field.as_str(), *code)).collect();
            assert_eq!(fields, expected, "{frame}");
        }
    }

    fn proposal_id() -> ProposalId {
        proposal(1)
    }
}
