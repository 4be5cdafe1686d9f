//! What is due, and when?

use palabre_events::conversation::ProposalWithdrawn;
use palabre_events::geometry::time_along;
use palabre_events::request::RequestWithdrawn;
use palabre_events::ride::{RideCompleted, RideDeparted, RideRescheduled};
use palabre_events::testing::*;
use palabre_events::{Route, Timestamp};
use palabre_projections::timers::DueCommand;
use palabre_projections::{Paging, ViewsReader};

use crate::log::Log;

fn due(at: Timestamp, reader: &ViewsReader) -> Vec<DueCommand> {
    reader.due(at, 99).unwrap().into_iter().map(|due| due.what).collect()
}

#[test]
fn a_ride_leaves_and_then_arrives() {
    let mut log = Log::default();
    log.ride(offered());
    let (mut place, reader) = log.folded();
    assert_eq!(reader.next_due_at().unwrap(), Some(departure()));
    assert_eq!(due(departure().plus_seconds(-1), &reader), []);
    assert_eq!(due(departure(), &reader), [DueCommand::Depart(RIDE)]);
    log.ride(RideDeparted {});
    place.catch_up(&log);
    let arrival = time_along(departure(), f64::from(LENGTH_M) / 1000.0);
    assert_eq!(due(arrival.plus_seconds(-1), &reader), []);
    assert_eq!(due(arrival, &reader), [DueCommand::Complete(RIDE)]);
    log.ride(RideCompleted {});
    place.catch_up(&log);
    assert_eq!(reader.next_due_at().unwrap(), None);
}

#[test]
fn rescheduling_moves_the_departure_and_a_new_way_the_arrival() {
    let mut log = Log::default();
    log.ride(offered());
    let departs_at = departure().plus_seconds(7200);
    let way = Route { legs_m: vec![10_000, 10_000], ..route() };
    log.ride(RideRescheduled {
        departs_at,
        time_zone: "Europe/Paris".to_owned(),
        route: Some(way),
        path_version: 2,
        terms_version: 2,
    });
    let (mut place, reader) = log.folded();
    assert_eq!(reader.next_due_at().unwrap(), Some(departs_at));
    log.ride(RideDeparted {});
    place.catch_up(&log);
    assert_eq!(reader.next_due_at().unwrap(), Some(time_along(departs_at, 20.0)));
}

#[test]
fn proposals_and_requests_are_due_until_they_are_answered() {
    let mut log = Log::default();
    log.ride(offered());
    log.talk(talk_with(ANNA), opened());
    log.talk(talk_with(ANNA), made(proposal(1), ANNA, terms(1, WHOLE_WAY)));
    log.request(request_posted());
    let (mut place, reader) = log.folded();
    let late = in_hours(24);
    let expire = DueCommand::ExpireProposal(talk_with(ANNA), proposal(1));
    assert_eq!(due(late, &reader), [DueCommand::Depart(RIDE), DueCommand::ExpireRequest(REQUEST), expire]);
    log.talk(talk_with(ANNA), ProposalWithdrawn { proposal: proposal(1) });
    log.request(RequestWithdrawn {});
    place.catch_up(&log);
    assert_eq!(due(late, &reader), [DueCommand::Depart(RIDE)]);
    assert_eq!(reader.history(ANNA, Paging::first(9)).unwrap().items.len(), 2);
}
