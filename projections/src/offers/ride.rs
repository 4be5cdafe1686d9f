//! A ride as its page shows it, and how each of its events changes that.

use palabre_events::domain::Recorded;
use palabre_events::geometry::Path;
use palabre_events::ride::state::Stage;
use palabre_events::ride::{
    Audience, BookingMode, Preferences, RideEvent, RideOffered, RideRescheduled, RideTermsChanged, RideText,
    SeatsReserved,
};
use palabre_events::seats::highest_overlap;
use palabre_events::terms::Terms;
use palabre_events::{
    AccountId, ConversationId, Opener, Point, Price, ReservationId, RideId, Route, SeriesId, Stretch, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::FoldError;
use crate::matching::{Change, Entry};
use crate::opening::open_option;
use crate::places::OpenPlace;

/// A ride as its page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferedRide {
    /// The ride.
    pub ride: RideId,
    /// The version of its stream that this shows.
    pub version: u64,
    /// Who drives.
    pub driver: AccountId,
    /// Who may see it.
    pub audience: Audience,
    /// How far along its life it is.
    pub stage: Stage,
    /// Origin, via points, destination.
    pub stops: Vec<OpenPlace>,
    /// Length of each leg between two stops, in metres of great circle.
    pub legs_m: Vec<u32>,
    /// Counts the ways that it has had.
    pub path_version: u32,
    /// When it leaves.
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// Seats for passengers, taken or not.
    pub seats: u8,
    /// List price of one seat.
    pub price_per_seat: Price,
    /// Whether the list terms are accepted beforehand.
    pub booking_mode: BookingMode,
    /// The version of its terms, which proposals build on.
    pub terms_version: u32,
    /// What the driver likes and allows.
    pub preferences: Preferences,
    /// The vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The recurring ride that this is an occurrence of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
    /// The id that another system gave it, where it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
    /// When it was offered.
    pub offered_at: Timestamp,
    /// Position of its first event: the older offer has the lower one.
    pub offered_position: u64,
    /// The seats that are taken, by reservation.
    pub reservations: Vec<SeatsTaken>,
}

/// An active reservation of a ride.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatsTaken {
    /// The reservation.
    pub reservation: ReservationId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who rides along.
    pub passenger: AccountId,
    /// How many seats.
    pub seats: u8,
    /// On which stretch of the way.
    pub stretch: Stretch,
    /// Price of one seat, as agreed.
    pub price_per_seat: Price,
    /// When the passenger is picked up, as agreed.
    pub pickup_at: Timestamp,
    /// The version of the ride's terms that the passenger agreed to last.
    pub agreed_version: u32,
    /// Whether the passenger was reported missing.
    pub no_show: bool,
}

impl OfferedRide {
    /// Length of the whole way, in metres of great circle.
    pub fn length_m(&self) -> u32 {
        self.legs_m.iter().sum()
    }

    /// The seats that are left on `stretch`.
    pub fn seats_left(&self, stretch: Stretch) -> u32 {
        let taken = self.reservations.iter().map(|taken| (taken.stretch, taken.seats));
        u32::from(self.seats).saturating_sub(highest_overlap(stretch, taken))
    }

    /// What the matching index must know: the ride, or that it is not on offer. A ride whose stops were erased cannot
    /// be found.
    pub fn index_change(&self) -> Change {
        let points: Option<Vec<Point>> =
            self.stops.iter().map(|stop| stop.exact.as_ref().map(|exact| exact.point)).collect();
        let path = points.and_then(|points| Path::new(&points)).filter(|_| self.stage == Stage::Offered);
        let Some(path) = path else { return Change::Remove(self.ride) };
        Change::Upsert(Box::new(Entry {
            ride: self.ride,
            driver: self.driver,
            audience: self.audience,
            path,
            departs_at: self.departs_at,
            seats: self.seats,
            taken: self.reservations.iter().map(|taken| (taken.stretch, taken.seats)).collect(),
            detour_min_max: self.preferences.detour_min_max,
            offered_position: self.offered_position,
            import_reference: self.import_reference.clone(),
        }))
    }

    pub(super) fn offered(
        ride: RideId,
        recorded: &Recorded,
        event: &RideOffered,
        opener: &dyn Opener,
    ) -> Result<Self, FoldError> {
        Ok(Self {
            ride,
            version: recorded.version,
            driver: event.driver,
            audience: event.audience,
            stage: Stage::Offered,
            stops: open_stops(&event.route, opener)?,
            legs_m: event.route.legs_m.clone(),
            path_version: event.path_version,
            departs_at: event.departs_at,
            time_zone: event.time_zone.clone(),
            seats: event.seats,
            price_per_seat: event.price_per_seat,
            booking_mode: event.booking_mode,
            terms_version: 1,
            preferences: event.preferences.clone(),
            vehicle: open_option(event.vehicle.as_ref(), opener)?.map(|vehicle| vehicle.0),
            comment: open_option(event.comment.as_ref(), opener)?.map(|comment| comment.0),
            series: event.series,
            import_reference: event.import_reference.clone(),
            offered_at: recorded.occurred_at,
            offered_position: recorded.position,
            reservations: Vec::new(),
        })
    }

    pub(super) fn apply(&mut self, event: &RideEvent, opener: &dyn Opener) -> Result<(), FoldError> {
        match event {
            RideEvent::RideOffered(_) => {
                return Err(FoldError::DoesNotFit(format!("ride {} is offered a second time", self.ride)));
            }
            RideEvent::RideRescheduled(event) => self.reschedule(event, opener)?,
            RideEvent::RideTermsChanged(event) => self.change_terms(event, opener)?,
            RideEvent::RideCancelled(_) => self.stage = Stage::Cancelled,
            RideEvent::RideDeparted(_) => self.stage = Stage::Departed,
            RideEvent::RideCompleted(_) => self.stage = Stage::Completed,
            RideEvent::SeatsReserved(event) => self.reservations.push(SeatsTaken::reserved(event)),
            RideEvent::ReservationRefused(_) => {}
            RideEvent::ReservationChanged(event) => self.taken(event.reservation)?.agree(&event.terms),
            RideEvent::ReservationReconfirmed(event) => {
                self.taken(event.reservation)?.agreed_version = event.terms_version;
            }
            RideEvent::ReservationCancelled(event) => {
                self.taken(event.reservation)?;
                self.reservations.retain(|taken| taken.reservation != event.reservation);
            }
            RideEvent::PassengerNoShow(event) => self.taken(event.reservation)?.no_show = true,
        }
        Ok(())
    }

    fn reschedule(&mut self, event: &RideRescheduled, opener: &dyn Opener) -> Result<(), FoldError> {
        if let Some(route) = &event.route {
            self.stops = open_stops(route, opener)?;
            self.legs_m.clone_from(&route.legs_m);
        }
        self.path_version = event.path_version;
        self.departs_at = event.departs_at;
        self.time_zone.clone_from(&event.time_zone);
        self.terms_version = event.terms_version;
        Ok(())
    }

    fn change_terms(&mut self, event: &RideTermsChanged, opener: &dyn Opener) -> Result<(), FoldError> {
        self.terms_version = event.terms_version;
        self.seats = event.seats.unwrap_or(self.seats);
        self.price_per_seat = event.price_per_seat.unwrap_or(self.price_per_seat);
        self.booking_mode = event.booking_mode.unwrap_or(self.booking_mode);
        if let Some(preferences) = &event.preferences {
            self.preferences = preferences.clone();
        }
        for text in &event.cleared {
            match text {
                RideText::Vehicle => self.vehicle = None,
                RideText::Comment => self.comment = None,
            }
        }
        if let Some(vehicle) = &event.vehicle {
            self.vehicle = open_option(Some(vehicle), opener)?.map(|vehicle| vehicle.0);
        }
        if let Some(comment) = &event.comment {
            self.comment = open_option(Some(comment), opener)?.map(|comment| comment.0);
        }
        Ok(())
    }

    fn taken(&mut self, reservation: ReservationId) -> Result<&mut SeatsTaken, FoldError> {
        let taken = self.reservations.iter_mut().find(|taken| taken.reservation == reservation);
        taken.ok_or_else(|| FoldError::unknown("reservation", reservation.0))
    }
}

impl SeatsTaken {
    fn reserved(event: &SeatsReserved) -> Self {
        Self {
            reservation: event.reservation,
            conversation: event.conversation,
            passenger: event.passenger,
            seats: event.terms.seats,
            stretch: event.terms.stretch,
            price_per_seat: event.terms.price_per_seat,
            pickup_at: event.terms.pickup_at,
            agreed_version: event.terms.ride_terms_version,
            no_show: false,
        }
    }

    fn agree(&mut self, terms: &Terms) {
        self.seats = terms.seats;
        self.stretch = terms.stretch;
        self.price_per_seat = terms.price_per_seat;
        self.pickup_at = terms.pickup_at;
        self.agreed_version = terms.ride_terms_version;
    }
}

fn open_stops(route: &Route, opener: &dyn Opener) -> Result<Vec<OpenPlace>, FoldError> {
    route.stops.iter().map(|stop| OpenPlace::of(stop, opener)).collect()
}
