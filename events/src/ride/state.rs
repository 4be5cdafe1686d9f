//! What the rules of a ride read.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::ride::event::{BookingMode, RideEvent, Side};
use crate::seats::{Stretch, highest_overlap};
use crate::{AccountId, ConversationId, Price, ProposalId, ReservationId, Timestamp};

/// A ride as its rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ride {
    /// Where it stands; `None` before it was offered.
    pub(super) offer: Option<Offer>,
    /// Active reservations.
    pub(super) reservations: BTreeMap<ReservationId, Reservation>,
    /// Every proposal that had its outcome here. The first is final.
    pub(super) settled: BTreeSet<ProposalId>,
}

/// What is on offer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who drives.
    pub driver: AccountId,
    /// How far along its life it is.
    pub stage: Stage,
    /// When it leaves.
    pub departs_at: Timestamp,
    /// Seats for passengers.
    pub seats: u8,
    /// List price of one seat.
    pub price_per_seat: Price,
    /// Whether the list terms are accepted beforehand.
    pub booking_mode: BookingMode,
    /// Rises with whatever proposals build on.
    pub terms_version: u32,
    /// The version of the terms since it was last rescheduled; whoever agreed to an earlier one is asked again.
    pub rescheduled_version: u32,
    /// Counts the ways that it has had.
    pub path_version: u32,
    /// Length of the way, in metres of great circle.
    pub length_m: u32,
}

/// How far along its life a ride is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named after the events that lead there")]
pub enum Stage {
    Offered,
    Departed,
    Completed,
    Cancelled,
}

/// Seats that are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who rides along.
    pub passenger: AccountId,
    /// How many seats.
    pub seats: u8,
    /// On which stretch.
    pub stretch: Stretch,
    /// The version of the ride's terms that the passenger agreed to last.
    pub agreed_version: u32,
    /// Whether the passenger was reported missing.
    pub no_show: bool,
}

impl Ride {
    /// What is on offer, once something is.
    pub fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// The active reservations.
    pub fn reservations(&self) -> impl Iterator<Item = (&ReservationId, &Reservation)> {
        self.reservations.iter()
    }

    /// Seats left on `stretch`; a reservation that is about to be replaced does not count.
    pub fn seats_left(&self, stretch: Stretch, replaced: Option<ReservationId>) -> u32 {
        let seats = self.offer.as_ref().map_or(0, |offer| u32::from(offer.seats));
        seats.saturating_sub(self.highest_overlap(stretch, replaced))
    }

    /// The most seats taken at once anywhere on `stretch`.
    pub(super) fn highest_overlap(&self, stretch: Stretch, without: Option<ReservationId>) -> u32 {
        let taken = self
            .reservations
            .iter()
            .filter(move |(id, _)| Some(**id) != without)
            .map(|(_, reservation)| (reservation.stretch, reservation.seats));
        highest_overlap(stretch, taken)
    }

    pub(super) fn fold(&mut self, event: &RideEvent) {
        match event {
            RideEvent::RideOffered(event) => {
                self.offer = Some(Offer {
                    driver: event.driver,
                    stage: Stage::Offered,
                    departs_at: event.departs_at,
                    seats: event.seats,
                    price_per_seat: event.price_per_seat,
                    booking_mode: event.booking_mode,
                    terms_version: 1,
                    rescheduled_version: 1,
                    path_version: event.path_version,
                    length_m: event.route.length_m(),
                });
            }
            RideEvent::RideRescheduled(event) => self.change_offer(|offer| {
                offer.departs_at = event.departs_at;
                offer.terms_version = event.terms_version;
                offer.rescheduled_version = event.terms_version;
                offer.path_version = event.path_version;
                if let Some(route) = &event.route {
                    offer.length_m = route.length_m();
                }
            }),
            RideEvent::RideTermsChanged(event) => self.change_offer(|offer| {
                offer.terms_version = event.terms_version;
                offer.seats = event.seats.unwrap_or(offer.seats);
                offer.price_per_seat = event.price_per_seat.unwrap_or(offer.price_per_seat);
                offer.booking_mode = event.booking_mode.unwrap_or(offer.booking_mode);
            }),
            RideEvent::RideCancelled(_) => self.change_offer(|offer| offer.stage = Stage::Cancelled),
            RideEvent::RideDeparted(_) => self.change_offer(|offer| offer.stage = Stage::Departed),
            RideEvent::RideCompleted(_) => self.change_offer(|offer| offer.stage = Stage::Completed),
            RideEvent::SeatsReserved(event) => {
                self.settled.insert(ProposalId(event.reservation.0));
                self.reservations.insert(
                    event.reservation,
                    Reservation {
                        conversation: event.conversation,
                        passenger: event.passenger,
                        seats: event.terms.seats,
                        stretch: event.terms.stretch,
                        agreed_version: event.terms.ride_terms_version,
                        no_show: false,
                    },
                );
            }
            RideEvent::ReservationRefused(event) => {
                self.settled.insert(event.proposal);
            }
            RideEvent::ReservationChanged(event) => {
                self.settled.insert(event.proposal);
                if let Some(reservation) = self.reservations.get_mut(&event.reservation) {
                    reservation.seats = event.terms.seats;
                    reservation.stretch = event.terms.stretch;
                    reservation.agreed_version = event.terms.ride_terms_version;
                }
            }
            RideEvent::ReservationReconfirmed(event) => {
                if let Some(reservation) = self.reservations.get_mut(&event.reservation) {
                    reservation.agreed_version = event.terms_version;
                }
            }
            RideEvent::ReservationCancelled(event) => {
                self.reservations.remove(&event.reservation);
            }
            RideEvent::PassengerNoShow(event) => {
                if let Some(reservation) = self.reservations.get_mut(&event.reservation) {
                    reservation.no_show = true;
                }
            }
        }
    }

    fn change_offer(&mut self, change: impl FnOnce(&mut Offer)) {
        if let Some(offer) = &mut self.offer {
            change(offer);
        }
    }
}

impl Offer {
    /// When the ride arrives, by the baseline speed; see [`crate::geometry::SECONDS_PER_KM`].
    pub fn arrives_at(&self) -> Timestamp {
        crate::geometry::time_along(self.departs_at, f64::from(self.length_m) / 1000.0)
    }

    /// Which side `account` is on, given whose reservation it is about.
    pub(super) fn side(&self, account: AccountId, passenger: AccountId) -> Option<Side> {
        match account {
            _ if account == self.driver => Some(Side::Driver),
            _ if account == passenger => Some(Side::Passenger),
            _ => None,
        }
    }
}
