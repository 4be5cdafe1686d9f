//! A ride folded from its stream alone, now or as it stood at a time.
//!
//! "At a time" goes by the time of recording, which never goes back along the log; the hour at which a node decided may
//! lie a little earlier.

use palabre_events::domain::Recorded;
use palabre_events::ride::state::Reservation;
use palabre_events::ride::{Ride, RideEvent, RideOffered, RideText};
use palabre_events::sealed::{Comment, Vehicle};
use palabre_events::terms::Terms;
use palabre_events::{
    AccountId, Aggregate, DomainEvent, Opener, Place, ReservationId, RideId, Route, Sealed, StreamId, Stretch,
    Timestamp,
};
use std::collections::BTreeMap;

use super::AuditFailure;
use super::names::Names;
use super::opened::open_sealed;
use super::state::{PersonShown, ReservationShown, RideState, stage_name};
use super::visibility::Viewer;
use crate::chat::frames::negotiation::WirePlace;
use crate::store::{EventStore, PAGE_MAX};

/// A ride, folded.
#[derive(Clone, Debug, Default)]
pub struct FoldedRide {
    ride: Ride,
    offered: Option<RideOffered>,
    terms: BTreeMap<ReservationId, Terms>,
    version: u64,
    position: u64,
}

impl FoldedRide {
    /// Folds the stream of `ride` up to what was recorded at `until`; everything when none is given.
    pub async fn read(log: &dyn EventStore, ride: RideId, until: Option<Timestamp>) -> Result<Self, AuditFailure> {
        let mut folded = Self::default();
        loop {
            let page = log.read(StreamId::from(ride), folded.version, PAGE_MAX).await?;
            for envelope in &page {
                if until.is_some_and(|until| envelope.recorded_at > until) {
                    return Ok(folded);
                }
                folded.fold(&Recorded::read(envelope)?);
            }
            if page.len() < PAGE_MAX {
                return Ok(folded);
            }
        }
    }

    /// Folds one event of the ride's stream in.
    pub fn fold(&mut self, recorded: &Recorded) {
        let DomainEvent::Ride(event) = &recorded.event else { return };
        self.ride.evolve(event);
        (self.version, self.position) = (recorded.version, recorded.position);
        match event {
            RideEvent::RideOffered(event) => self.offered = Some(event.clone()),
            RideEvent::RideRescheduled(event) => self.change(|offered| {
                offered.departs_at = event.departs_at;
                offered.time_zone.clone_from(&event.time_zone);
                replace(&mut offered.route, event.route.as_ref());
            }),
            RideEvent::RideTermsChanged(event) => self.change(|offered| {
                replace(&mut offered.seats, event.seats.as_ref());
                replace(&mut offered.price_per_seat, event.price_per_seat.as_ref());
                replace(&mut offered.booking_mode, event.booking_mode.as_ref());
                replace(&mut offered.preferences, event.preferences.as_ref());
                for text in &event.cleared {
                    match text {
                        RideText::Vehicle => offered.vehicle = None,
                        RideText::Comment => offered.comment = None,
                    }
                }
                offered.vehicle = event.vehicle.clone().or(offered.vehicle.take());
                offered.comment = event.comment.clone().or(offered.comment.take());
            }),
            RideEvent::SeatsReserved(event) => {
                self.terms.insert(event.reservation, event.terms.clone());
            }
            RideEvent::ReservationChanged(event) => {
                self.terms.insert(event.reservation, event.terms.clone());
            }
            _ => {}
        }
    }

    /// Who drives, once it is offered.
    pub fn driver(&self) -> Option<AccountId> {
        self.offered.as_ref().map(|offered| offered.driver)
    }

    /// The zone in which its hours are told.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.offered.as_ref().and_then(|offered| offered.time_zone.parse().ok()).unwrap_or(chrono_tz::UTC)
    }

    /// Everyone who has to do with it now.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.driver().into_iter().chain(self.ride.reservations().map(|(_, held)| held.passenger))
    }

    /// What `viewer` sees of it; none before it was offered.
    pub fn show(
        &self,
        ride: RideId,
        viewer: Viewer,
        names: &Names,
        opener: &dyn Opener,
    ) -> Result<Option<RideState>, AuditFailure> {
        let (Some(offered), Some(offer)) = (&self.offered, self.ride.offer()) else { return Ok(None) };
        let mut reservations = Vec::new();
        for (reservation, held) in self.ride.reservations() {
            if may_see(viewer, offer.driver, held.passenger) {
                reservations.push(self.reservation(*reservation, held, viewer, names, opener)?);
            }
        }
        let ends = ends_of_legs(&offered.route);
        Ok(Some(RideState {
            ride,
            version: self.version,
            position: self.position,
            recorded_until: None,
            stage: stage_name(offer.stage),
            driver: PersonShown::of(offer.driver, names),
            stops: offered.route.stops.iter().map(|stop| shown(stop, Some(opener))).collect::<Result<_, _>>()?,
            legs_m: offered.route.legs_m.clone(),
            departs_at: offer.departs_at,
            arrives_at: offer.arrives_at(),
            time_zone: offered.time_zone.clone(),
            seats: offer.seats,
            seats_left: self.ride.seats_left(Stretch { from_m: 0, to_m: offer.length_m }, None),
            seats_left_by_leg: ends.map(|leg| self.ride.seats_left(leg, None)).collect(),
            price_per_seat: offer.price_per_seat.into(),
            booking_mode: offer.booking_mode,
            preferences: offered.preferences.clone(),
            vehicle: text::<Vehicle>(offered.vehicle.as_ref(), opener, |vehicle| vehicle.0)?,
            comment: text::<Comment>(offered.comment.as_ref(), opener, |comment| comment.0)?,
            terms_version: offer.terms_version,
            import_reference: offered.import_reference.clone(),
            reservations,
        }))
    }

    fn reservation(
        &self,
        reservation: ReservationId,
        held: &Reservation,
        viewer: Viewer,
        names: &Names,
        opener: &dyn Opener,
    ) -> Result<ReservationShown, AuditFailure> {
        let terms = self.terms.get(&reservation).expect("its terms came with the event that reserved it");
        let opener = if matches!(viewer, Viewer::Support(_)) { None } else { Some(opener) };
        Ok(ReservationShown {
            reservation,
            conversation: held.conversation,
            passenger: PersonShown::of(held.passenger, names),
            seats: terms.seats,
            price_per_seat: terms.price_per_seat.into(),
            pickup: shown(&terms.pickup, opener)?,
            drop_off: shown(&terms.drop_off, opener)?,
            pickup_at: terms.pickup_at,
            to_reconfirm: self.ride.offer().is_some_and(|offer| held.agreed_version < offer.rescheduled_version),
            no_show: held.no_show,
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut RideOffered)) {
        if let Some(offered) = &mut self.offered {
            change(offered);
        }
    }
}

/// The state of `ride` as `viewer` sees it, now or at a time; none when there was no such ride.
pub async fn ride_at(
    log: &dyn EventStore,
    opener: &dyn Opener,
    ride: RideId,
    until: Option<Timestamp>,
    viewer: Viewer,
) -> Result<Option<RideState>, AuditFailure> {
    let folded = FoldedRide::read(log, ride, until).await?;
    let names = Names::read(log, opener, folded.accounts()).await?;
    let state = folded.show(ride, viewer, &names, opener)?;
    Ok(state.map(|state| RideState { recorded_until: until, ..state }))
}

fn may_see(viewer: Viewer, driver: AccountId, passenger: AccountId) -> bool {
    match viewer {
        Viewer::Anyone => false,
        Viewer::Person(account) => account == driver || account == passenger,
        Viewer::Support(_) | Viewer::Operator => true,
    }
}

/// A place as people see it; without an opener its town alone.
pub(super) fn shown(place: &Place, opener: Option<&dyn Opener>) -> Result<WirePlace, AuditFailure> {
    let exact = opener.map(|opener| open_sealed(&place.exact, opener)).transpose()?.flatten();
    Ok(WirePlace {
        lat: exact.as_ref().map(|exact| exact.point.lat),
        lon: exact.as_ref().map(|exact| exact.point.lon),
        label: exact.and_then(|exact| exact.label),
        town: place.town.clone(),
    })
}

fn text<T: palabre_events::Sealable>(
    sealed: Option<&Sealed<T>>,
    opener: &dyn Opener,
    content: impl Fn(T) -> String,
) -> Result<Option<String>, AuditFailure> {
    Ok(sealed.map(|sealed| open_sealed(sealed, opener)).transpose()?.flatten().map(content))
}

fn ends_of_legs(route: &Route) -> impl Iterator<Item = Stretch> {
    route.legs_m.iter().scan(0_u32, |from_m, leg_m| {
        let leg = Stretch { from_m: *from_m, to_m: *from_m + leg_m };
        *from_m = leg.to_m;
        Some(leg)
    })
}

fn replace<T: Clone>(present: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        present.clone_from(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story;
    use palabre_events::testing::{ANNA, BEN, CLEO, DORA, PlainOpener, RIDE, departure};

    async fn state(position: i64, viewer: Viewer) -> RideState {
        let log = story::log().await;
        let until = Some(story::minute(position));
        ride_at(&log, &PlainOpener::default(), RIDE, until, viewer).await.unwrap().expect("it was offered by then")
    }

    #[tokio::test]
    async fn the_driver_sees_who_has_booked_and_what_was_agreed() {
        let state = state(12, Viewer::Person(DORA)).await;
        assert_eq!((state.stage, state.seats, state.seats_left, state.position), ("offered", 3, 1, 11));
        assert_eq!(state.seats_left_by_leg, [1, 1]);
        assert_eq!(state.driver.name.as_deref(), Some("Dora"));
        let [reservation] = state.reservations.as_slice() else { panic!("one is booked") };
        assert_eq!(reservation.passenger.name.as_deref(), Some("Anna"));
        assert_eq!((reservation.seats, reservation.pickup.lat), (2, Some(45.19)));
        assert_eq!(state.comment.as_deref(), Some("No smoking, please"));
    }

    #[tokio::test]
    async fn a_passenger_sees_their_own_reservation_alone() {
        assert_eq!(state(12, Viewer::Person(ANNA)).await.reservations.len(), 1);
        for viewer in [Viewer::Person(BEN), Viewer::Person(CLEO), Viewer::Anyone] {
            let state = state(12, viewer).await;
            assert!(state.reservations.is_empty());
            assert_eq!(state.seats_left, 1, "how many seats are left is public");
        }
    }

    #[tokio::test]
    async fn support_sees_towns_but_no_points() {
        let state = state(12, Viewer::Support(CLEO)).await;
        assert_eq!(
            state.reservations[0].pickup,
            WirePlace { lat: None, lon: None, label: None, town: Some("Grenoble".to_owned()) }
        );
    }

    #[tokio::test]
    async fn each_time_has_its_state() {
        assert_eq!(state(10, Viewer::Anyone).await.seats_left, 3);
        let rescheduled = state(20, Viewer::Person(ANNA)).await;
        assert_eq!(rescheduled.departs_at, departure().plus_seconds(1800));
        assert!(rescheduled.reservations[0].to_reconfirm);
        assert!(!state(21, Viewer::Person(ANNA)).await.reservations[0].to_reconfirm);
        assert_eq!(state(22, Viewer::Anyone).await.seats_left, 3);
        assert_eq!(state(26, Viewer::Anyone).await.stage, "cancelled");
    }

    #[tokio::test]
    async fn before_it_was_offered_there_is_nothing() {
        let log = story::log().await;
        let before = ride_at(&log, &PlainOpener::default(), RIDE, Some(story::minute(3)), Viewer::Operator).await;
        assert_eq!(before.unwrap(), None);
    }
}
