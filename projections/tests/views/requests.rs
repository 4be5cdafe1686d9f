//! Who looks for a ride?

use palabre_events::request::{RequestFulfilled, RequestWithdrawn};
use palabre_events::testing::*;
use palabre_events::{RequestId, Timestamp};
use palabre_projections::history::HistoryWhat;
use palabre_projections::requests::RequestState;
use palabre_projections::{Paging, ViewsReader};

use crate::log::Log;

fn open_between(from: Timestamp, to: Timestamp, reader: &ViewsReader) -> Vec<RequestId> {
    let mut found = Vec::new();
    reader.each_open_request(from, to, |request| found.push(request.request)).unwrap();
    found
}

#[test]
fn a_request_is_found_by_every_hour_that_suits() {
    let mut log = Log::default();
    log.request(request_posted());
    let (_place, reader) = log.folded();
    let hour = |hours: i64| departure().plus_seconds(hours * 3600);
    for (from, to, suits) in [(-1, -1, true), (1, 1, true), (-9, 9, true), (-9, -2, false), (2, 9, false)] {
        let found = open_between(hour(from), hour(to), &reader);
        assert_eq!(found == [REQUEST], suits, "{from} to {to}");
    }
    let request = reader.request(REQUEST).unwrap().unwrap();
    assert_eq!(request.from.town.as_deref(), Some("Grenoble"));
    assert!(request.to.exact.is_some());
}

#[test]
fn a_request_that_was_answered_is_no_longer_open_and_names_its_booking() {
    let mut log = Log::default();
    log.request(request_posted());
    log.request(RequestFulfilled { ride: RIDE, reservation: reservation(1) });
    let (_place, reader) = log.folded();
    assert!(open_between(departure(), departure(), &reader).is_empty());
    let mine = reader.requests_of_passenger(ANNA, Paging::first(9)).unwrap().items;
    assert_eq!((mine[0].state, mine[0].answers[0].reservation), (RequestState::Fulfilled, reservation(1)));
    let history = reader.history(ANNA, Paging::first(9)).unwrap().items;
    let what: Vec<_> = history.iter().map(|entry| (entry.what, entry.ride)).collect();
    assert_eq!(what, [(HistoryWhat::RequestFulfilled, Some(RIDE)), (HistoryWhat::RequestPosted, None)]);
}

#[test]
fn a_withdrawn_request_stays_with_whoever_posted_it() {
    let mut log = Log::default();
    log.request(request_posted());
    log.request(RequestWithdrawn {});
    let (_place, reader) = log.folded();
    let mine = reader.requests_of_passenger(ANNA, Paging::first(9)).unwrap().items;
    assert_eq!((mine.len(), mine[0].state, mine[0].version), (1, RequestState::Withdrawn, 2));
    assert!(reader.requests_of_passenger(BEN, Paging::first(9)).unwrap().items.is_empty());
}
