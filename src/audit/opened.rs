//! An event as data, as much of it as a viewer sees: its own JSON with what was sealed opened, or left out.
//!
//! A place comes as `{town?, lat?, lon?, label?}`. What was erased is absent.

use palabre_events::aggregate::EventData;
use palabre_events::sealed::{CannotOpen, Comment, DisplayName, MessageText, Reason, Vehicle};
use palabre_events::{DomainEvent, ExactPlace, Opener, Sealable, Sealed};
use serde_json::{Map, Value, json};

use super::AuditFailure;
use super::visibility::Sight;

/// What a viewer with this `sight` sees of `event`.
pub fn opened(event: &DomainEvent, sight: Sight, opener: &dyn Opener) -> Result<Value, AuditFailure> {
    let mut data = match event {
        DomainEvent::Account(event) => value_of(event),
        DomainEvent::Conversation(event) => value_of(event),
        DomainEvent::Marks(event) => value_of(event),
        DomainEvent::Request(event) => value_of(event),
        DomainEvent::Ride(event) => value_of(event),
    };
    match sight {
        Sight::Hidden => Ok(Value::Null),
        Sight::Outline => Ok(data.pointer("/terms/seats").map_or(json!({}), |seats| json!({ "seats": seats }))),
        Sight::Facts => {
            open_within(&mut data, None)?;
            Ok(data)
        }
        Sight::Full => {
            open_within(&mut data, Some(opener))?;
            Ok(data)
        }
    }
}

fn value_of(event: &impl EventData) -> Value {
    serde_json::from_slice(&event.to_json()).expect("events are written as JSON")
}

/// Replaces every box within `value` by what is in it, or leaves it out where there is no opener or it was erased.
fn open_within(value: &mut Value, opener: Option<&dyn Opener>) -> Result<(), AuditFailure> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| open_within(item, opener)),
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                if members.get(&name).is_some_and(is_box) {
                    let boxed = members.remove(&name).expect("it was just found");
                    if let Some(opener) = opener {
                        put(members, name, boxed, opener)?;
                    }
                } else if let Some(member) = members.get_mut(&name) {
                    open_within(member, opener)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_box(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|members| members.len() == 2 && members.contains_key("key") && members.contains_key("box"))
}

/// Puts the content of a box where the box was; which kind it is follows from the field's name.
fn put(members: &mut Map<String, Value>, name: String, boxed: Value, opener: &dyn Opener) -> Result<(), AuditFailure> {
    let content = match name.as_str() {
        "exact" => {
            if let Some(place) = open::<ExactPlace>(boxed, opener)? {
                members.insert("lat".to_owned(), place.point.lat.into());
                members.insert("lon".to_owned(), place.point.lon.into());
                members.extend(place.label.map(|label| ("label".to_owned(), label.into())));
            }
            return Ok(());
        }
        "text" => open::<MessageText>(boxed, opener)?.map(|text| text.0),
        "reason" => open::<Reason>(boxed, opener)?.map(|reason| reason.0),
        "comment" => open::<Comment>(boxed, opener)?.map(|comment| comment.0),
        "vehicle" => open::<Vehicle>(boxed, opener)?.map(|vehicle| vehicle.0),
        "name" => open::<DisplayName>(boxed, opener)?.map(|name| name.0),
        _ => None,
    };
    members.extend(content.map(|content| (name, content.into())));
    Ok(())
}

fn open<T: Sealable>(boxed: Value, opener: &dyn Opener) -> Result<Option<T>, AuditFailure> {
    let sealed: Sealed<T> = serde_json::from_value(boxed).expect("the event was read with this box in it");
    open_sealed(&sealed, opener)
}

/// What is in the box; none where it was erased.
pub(super) fn open_sealed<T: Sealable>(sealed: &Sealed<T>, opener: &dyn Opener) -> Result<Option<T>, AuditFailure> {
    match sealed.open(opener) {
        Ok(content) => Ok(Some(content)),
        Err(CannotOpen::Erased) => Ok(None),
        Err(CannotOpen::Unavailable) => Err(AuditFailure::Unavailable),
        Err(CannotOpen::Forged) => {
            Err(AuditFailure::Damaged(format!("a sealed {} does not match its key {}", T::PURPOSE, sealed.key)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story::{story, type_of};
    use palabre_events::KeyId;
    use palabre_events::testing::{ANNA, PlainOpener};

    fn data(event_type: &str, sight: Sight, opener: &PlainOpener) -> Value {
        let told = story().into_iter().find(|told| type_of(&told.event) == event_type).unwrap();
        opened(&told.event, sight, opener).unwrap()
    }

    #[test]
    fn all_of_it_is_opened_for_those_concerned() {
        let opener = PlainOpener::default();
        let reserved = data("SeatsReserved", Sight::Full, &opener);
        assert_eq!(reserved["terms"]["pickup"], json!({"town": "Grenoble", "lat": 45.19, "lon": 5.71}));
        let offered = data("RideOffered", Sight::Full, &opener);
        assert_eq!(offered["comment"], "No smoking, please");
        assert_eq!(offered["route"]["stops"][1]["town"], "Voiron");
    }

    #[test]
    fn facts_hold_no_words_and_no_points() {
        let opener = PlainOpener::default();
        assert_eq!(data("SeatsReserved", Sight::Facts, &opener)["terms"]["pickup"], json!({"town": "Grenoble"}));
        assert_eq!(data("MessagePosted", Sight::Facts, &opener), json!({"author": ANNA}));
        assert_eq!(data("RideCancelled", Sight::Facts, &opener), json!({}));
    }

    #[test]
    fn an_outline_tells_how_many_seats() {
        let opener = PlainOpener::default();
        assert_eq!(data("SeatsReserved", Sight::Outline, &opener), json!({"seats": 2}));
        assert_eq!(data("ReservationCancelled", Sight::Outline, &opener), json!({}));
    }

    #[test]
    fn what_was_erased_is_absent() {
        let opener = PlainOpener { erased: vec![KeyId::Person(ANNA)] };
        assert_eq!(data("MessagePosted", Sight::Full, &opener), json!({"author": ANNA}));
    }

    #[test]
    fn nothing_stays_in_its_box() {
        for told in story() {
            for sight in [Sight::Full, Sight::Facts, Sight::Outline] {
                let told = opened(&told.event, sight, &PlainOpener::default()).unwrap().to_string();
                assert!(!told.contains("\"box\""), "{told}");
            }
        }
    }
}
