//! What happens to the ride itself.

use super::{reason, remark};
use crate::ride::*;
use crate::sealed::Vehicle;
use crate::testing::*;
use crate::{ExactPlace, KeyId, Place, Point, Route, SeriesId};
use std::collections::BTreeSet;
use uuid::Uuid;

pub(super) fn examples() -> Vec<RideEvent> {
    let mut all = offers();
    all.extend(changes());
    all.extend([
        RideCancelled { reason: Some(reason(DORA)) }.into(),
        RideCancelled { reason: None }.into(),
        RideDeparted {}.into(),
        RideCompleted {}.into(),
    ]);
    all
}

/// The barest place: no town is known, and nobody gave the point a name.
pub(super) fn bare_place(key: KeyId) -> Place {
    let exact = ExactPlace { point: Point { lat: 45.188, lon: 5.724 }, label: None };
    Place { town: None, exact: sealed(key, &exact) }
}

fn bare_route() -> Route {
    let stop = || bare_place(KeyId::Person(DORA));
    Route { stops: vec![stop(), stop()], legs_m: vec![94_123] }
}

fn preferences(luggage: Luggage) -> Preferences {
    Preferences {
        detour_min_max: Some(10),
        smoking: Some(false),
        animals: Some(true),
        music: Some(true),
        talk: Some(false),
        luggage: Some(luggage),
    }
}

fn offers() -> Vec<RideEvent> {
    let fullest = RideOffered {
        booking_mode: BookingMode::Instant,
        preferences: preferences(Luggage::Medium),
        vehicle: Some(sealed(KeyId::Person(DORA), &Vehicle("Clio bleue".to_owned()))),
        comment: Some(remark(DORA)),
        series: Some(SeriesId(Uuid::from_u128(0x5e7e5))),
        import_reference: Some("offre-4711".to_owned()),
        ..offered()
    };
    let barest = RideOffered { route: bare_route(), ..offered() };
    let with = |luggage| RideOffered { preferences: preferences(luggage), ..barest.clone() };
    let (small, large) = (with(Luggage::Small), with(Luggage::Large));
    [fullest, barest, small, large].map(Into::into).to_vec()
}

fn changes() -> Vec<RideEvent> {
    let rescheduled = RideRescheduled {
        departs_at: in_hours(30),
        time_zone: "Europe/Paris".to_owned(),
        route: None,
        path_version: 1,
        terms_version: 2,
    };
    let another_way = RideRescheduled { route: Some(route()), path_version: 2, ..rescheduled.clone() };
    let unchanged = RideTermsChanged {
        terms_version: 2,
        seats: None,
        price_per_seat: None,
        booking_mode: None,
        preferences: None,
        vehicle: None,
        comment: None,
        cleared: BTreeSet::new(),
    };
    let everything = RideTermsChanged {
        terms_version: 3,
        seats: Some(2),
        price_per_seat: Some(euros(900)),
        booking_mode: Some(BookingMode::Instant),
        preferences: Some(preferences(Luggage::Small)),
        vehicle: Some(sealed(KeyId::Person(DORA), &Vehicle("Clio rouge".to_owned()))),
        comment: Some(remark(DORA)),
        cleared: BTreeSet::new(),
    };
    let silent = RideTermsChanged { cleared: [RideText::Vehicle, RideText::Comment].into(), ..unchanged.clone() };
    let approval = RideTermsChanged {
        booking_mode: Some(BookingMode::Approval),
        preferences: Some(Preferences::default()),
        ..unchanged.clone()
    };
    vec![another_way.into(), rescheduled.into(), everything.into(), unchanged.into(), approval.into(), silent.into()]
}
