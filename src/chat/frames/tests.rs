//! Every fact as it goes over the wire. Clients depend on these shapes: fields may be added, never changed.

use palabre_events::KeyId;
use palabre_events::conversation::*;
use palabre_events::ride::{RefusalReason, Side};
use palabre_events::sealed::Reason;
use palabre_events::testing::*;
use serde_json::{Value, json};

use super::Fact;

fn wire(event: impl Into<ConversationEvent>) -> Value {
    wire_with(event, &PlainOpener::default())
}

fn wire_with(event: impl Into<ConversationEvent>, opener: &PlainOpener) -> Value {
    serde_json::to_value(Fact::of(event.into(), opener).unwrap()).unwrap()
}

fn terms_on_wire() -> Value {
    json!({
        "seats": 2,
        "price_per_seat": {"cents": 800, "currency": "EUR"},
        "pickup": {"lat": 45.19, "lon": 5.71, "town": "Grenoble"},
        "drop_off": {"lat": 45.75, "lon": 4.85, "town": "Lyon"},
        "pickup_at": "2027-01-04T08:00:00.000Z",
        "stretch": {"from_m": 0, "to_m": 25_000},
        "ride_terms_version": 1,
    })
}

fn a_proposal() -> ProposalMade {
    made(proposal(1), ANNA, terms(2, TO_VOIRON))
}

#[test]
fn talk() {
    let reason = sealed(KeyId::Person(DORA), &Reason("Complet".to_owned()));
    let cases: Vec<(ConversationEvent, Value)> = vec![
        (
            opened().into(),
            json!({"type": "conversation_opened", "data": {"kind": "ride", "ride": RIDE, "driver": DORA, "passenger": ANNA}}),
        ),
        (
            ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() }.into(),
            json!({"type": "conversation_opened", "data": {"kind": "group", "ride": RIDE, "driver": DORA}}),
        ),
        (
            ConversationOpened { in_answer_to: Some(REQUEST), ..opened() }.into(),
            json!({"type": "conversation_opened", "data":
                {"kind": "ride", "ride": RIDE, "driver": DORA, "passenger": ANNA, "in_answer_to": REQUEST}}),
        ),
        (
            MessagePosted { in_reply_to: Some(2), ..posted(ANNA) }.into(),
            json!({"type": "message_posted", "data": {"author": ANNA, "text": "Bonjour", "in_reply_to": 2}}),
        ),
        (
            MessageEdited { message: 2, text: posted(ANNA).text }.into(),
            json!({"type": "message_edited", "data": {"message": 2, "text": "Bonjour"}}),
        ),
        (MessageRetracted { message: 2 }.into(), json!({"type": "message_retracted", "data": {"message": 2}})),
        (
            ParticipantJoined { account: ANNA, reservation: reservation(1) }.into(),
            json!({"type": "participant_joined", "data": {"account": ANNA, "reservation": reservation(1)}}),
        ),
        (
            ParticipantLeft { account: ANNA, reservation: reservation(1) }.into(),
            json!({"type": "participant_left", "data": {"account": ANNA, "reservation": reservation(1)}}),
        ),
        (
            ProposalDeclined { proposal: proposal(1), by: DORA, reason: Some(reason.clone()) }.into(),
            json!({"type": "proposal_declined", "data": {"proposal": proposal(1), "by": DORA, "reason": "Complet"}}),
        ),
        (
            BookingCancelled { reservation: reservation(1), by: Side::Driver, blameless: false, reason: Some(reason) }
                .into(),
            json!({"type": "booking_cancelled", "data":
                {"reservation": reservation(1), "by": "driver", "blameless": false, "reason": "Complet"}}),
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(wire(event), expected);
    }
}

#[test]
fn negotiation() {
    let made = a_proposal();
    let hash = made.terms_hash.to_string();
    let on_wire = json!({"type": "proposal_made", "data": {
        "proposal": proposal(1), "by": ANNA, "terms": terms_on_wire(), "terms_hash": hash,
        "expires_at": "2027-01-04T12:00:00.000Z",
    }});
    assert_eq!(wire(made.clone()), on_wire, "the nonce stays with us");
    let counter = ProposalMade { in_reply_to: Some(proposal(7)), replaces: Some(reservation(3)), ..made.clone() };
    assert_eq!(wire(counter.clone())["data"]["in_reply_to"], json!(proposal(7)));
    assert_eq!(wire(counter)["data"]["replaces"], json!(reservation(3)));
    assert_eq!(
        wire(accepted(&made, DORA)),
        json!({"type": "proposal_accepted", "data": {
            "proposal": proposal(1), "acceptance": {"person": DORA}, "terms_hash": hash, "terms": terms_on_wire(),
        }})
    );
    let standing =
        ProposalAccepted { acceptance: Acceptance::Standing { ride_terms_version: 4 }, ..accepted(&made, DORA) };
    assert_eq!(wire(standing)["data"]["acceptance"], json!({"standing": {"ride_terms_version": 4}}));
    for (event, expected) in [
        (ConversationEvent::from(ProposalWithdrawn { proposal: proposal(1) }), "proposal_withdrawn"),
        (ProposalExpired { proposal: proposal(1) }.into(), "proposal_expired"),
    ] {
        assert_eq!(wire(event), json!({"type": expected, "data": {"proposal": proposal(1)}}));
    }
    assert_eq!(
        wire(ProposalVoided { proposal: proposal(1), reason: VoidReason::AnotherAccepted }),
        json!({"type": "proposal_voided", "data": {"proposal": proposal(1), "reason": "another_accepted"}})
    );
}

#[test]
fn booking() {
    let made = a_proposal();
    let price = json!({"cents": 800, "currency": "EUR"});
    assert_eq!(
        wire(confirmed(&made)),
        json!({"type": "booking_confirmed", "data": {
            "proposal": proposal(1), "reservation": reservation(1), "ride": RIDE, "passenger": ANNA, "seats": 2,
            "price_per_seat": price, "pickup_at": "2027-01-04T08:00:00.000Z",
        }})
    );
    assert_eq!(
        wire(BookingRefused { proposal: proposal(1), reason: RefusalReason::NoSeatsLeft }),
        json!({"type": "booking_refused", "data": {"proposal": proposal(1), "reason": "no_seats_left"}})
    );
    let changed = BookingChanged {
        proposal: proposal(2),
        reservation: reservation(1),
        seats: 1,
        price_per_seat: euros(800),
        pickup_at: departure(),
    };
    assert_eq!(
        wire(changed),
        json!({"type": "booking_changed", "data": {
            "proposal": proposal(2), "reservation": reservation(1), "seats": 1, "price_per_seat": price,
            "pickup_at": "2027-01-04T08:00:00.000Z",
        }})
    );
}

#[test]
fn news_of_the_ride() {
    let departs = "2027-01-04T08:00:00.000Z";
    let cases = [
        (
            RideNotice::Rescheduled { departs_at: departure(), route_changed: true, terms_version: 2 },
            json!({"what": "rescheduled", "departs_at": departs, "route_changed": true, "terms_version": 2}),
        ),
        (
            RideNotice::TermsChanged { terms_version: 3, price_per_seat: Some(euros(700)), seats: None },
            json!({"what": "terms_changed", "terms_version": 3, "price_per_seat": {"cents": 700, "currency": "EUR"}}),
        ),
        (RideNotice::Cancelled, json!({"what": "cancelled"})),
        (RideNotice::Departed, json!({"what": "departed"})),
        (
            RideNotice::Reconfirmed { reservation: reservation(1) },
            json!({"what": "reconfirmed", "reservation": reservation(1)}),
        ),
        (RideNotice::NoShow { reservation: reservation(1) }, json!({"what": "no_show", "reservation": reservation(1)})),
    ];
    for (notice, expected) in cases {
        let noticed = RideNoticed { ride: RIDE, ride_version: 5, notice };
        assert_eq!(wire(noticed), json!({"type": "ride_noticed", "data": {"ride": RIDE, "notice": expected}}));
    }
}

#[test]
fn what_was_erased_or_does_not_match_its_key_is_absent() {
    let erased = PlainOpener { erased: vec![KeyId::Person(ANNA), KeyId::Conversation(talk_with(ANNA))] };
    assert_eq!(wire_with(posted(ANNA), &erased)["data"], json!({"author": ANNA}));
    let terms = &wire_with(a_proposal(), &erased)["data"]["terms"];
    assert_eq!(terms["pickup"], json!({"town": "Grenoble"}));
    assert_eq!(terms["seats"], 2, "one side's erasure leaves what was agreed");
    let forged = palabre_events::Sealed::from_box(KeyId::Person(ANNA), vec![1, 2, 3]);
    assert_eq!(wire(MessagePosted { text: forged, ..posted(ANNA) })["data"], json!({"author": ANNA}));
}
