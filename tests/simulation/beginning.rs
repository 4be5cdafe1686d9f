//! What every seed begins with: two rides of Dora's and a request of Anna's, in the log and in the views.

use palabre_events::aggregate::EventData;
use palabre_events::log::{Append, AppendItem};
use palabre_events::request::RequestEvent;
use palabre_events::ride::{BookingMode, RideEvent, RideOffered};
use palabre_events::testing::*;
use palabre_events::{Actor, NewEvent, RideId, StreamId};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

use crate::node::open;
use crate::world::World;

/// Another ride of Dora's, on which seats are booked at once.
const INSTANT_RIDE: RideId = RideId(Uuid::from_u128(0x1257));

/// The appends of the beginning.
pub fn appends() -> [Append; 3] {
    let ride = |seats, booking_mode| RideEvent::from(RideOffered { seats, booking_mode, ..offered() });
    [
        append(RIDE.into(), &ride(2, BookingMode::Approval), 1),
        append(INSTANT_RIDE.into(), &ride(2, BookingMode::Instant), 2),
        append(REQUEST.into(), &RequestEvent::from(request_posted()), 3),
    ]
}

fn append(stream: StreamId, event: &impl EventData, number: u128) -> Append {
    let event = NewEvent {
        event_id: Uuid::from_u128(number),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        occurred_at: now(),
        actor: Actor::Operator,
        key: None,
        correlation_id: Uuid::from_u128(number),
        causation_id: Uuid::from_u128(number),
        traceparent: None,
        data: event.to_json(),
    };
    Append { stream, expected_version: 0, items: vec![AppendItem { key: None, events: vec![event] }] }
}

/// A file of views that have folded the beginning. Making tables takes longer than all that a seed folds, so they are
/// made once.
pub fn views() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut world = World::new(0, 0);
        world.commit_beginning();
        let file = world.folder.path().join("beginning");
        let mut views = open(&file, Arc::new(PlainOpener::default()));
        views.fold(&world.truth.history).expect("the beginning can be folded");
        drop(views);
        std::fs::read(&file).expect("the views are in one file")
    })
}
