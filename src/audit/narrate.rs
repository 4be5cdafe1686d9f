//! An event in words: one plain English sentence that says who did what, and why where somebody said so.

use chrono_tz::Tz;
use palabre_events::conversation::{Acceptance, ConversationEvent, ConversationKind, RideNotice, VoidReason};
use palabre_events::ride::{BookingMode, RefusalReason, RideEvent, RideText, Side};
use palabre_events::sealed::{Comment, MessageText, Reason, Vehicle};
use palabre_events::terms::Terms;
use palabre_events::{Actor, DomainEvent, Opener, Place, Sealable, Sealed, Timestamp};

use super::AuditFailure;
use super::names::Names;
use super::opened::open_sealed;
use super::visibility::Sight;
use crate::places::fold::fold;

type Told = Result<String, AuditFailure>;

/// What telling takes.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// How people are called.
    pub names: &'a Names,
    /// Opens what was sealed.
    pub opener: &'a dyn Opener,
    /// The zone in which hours are told.
    pub zone: Tz,
    /// How much the viewer sees.
    pub sight: Sight,
}

impl Telling<'_> {
    /// What happened, in one sentence.
    pub fn sentence(&self, event: &DomainEvent, by: Actor) -> Told {
        match event {
            DomainEvent::Ride(event) if self.sight == Sight::Outline => Ok(outline(event)),
            DomainEvent::Ride(event) => self.of_ride(event, by),
            DomainEvent::Conversation(event) => self.of_conversation(event, by),
            DomainEvent::Account(_) => Ok(format!("{} changed their account", self.who(by))),
            DomainEvent::Marks(_) => Ok(format!("{} read a conversation", self.who(by))),
            DomainEvent::Request(_) => Ok(format!("{} changed a request", self.who(by))),
        }
    }

    fn of_ride(&self, event: &RideEvent, by: Actor) -> Told {
        let who = self.who(by);
        Ok(match event {
            RideEvent::RideOffered(event) => {
                let mode = match event.booking_mode {
                    BookingMode::Approval => "on approval",
                    BookingMode::Instant => "to be booked at once",
                };
                format!(
                    "{} offered a ride {}, leaving {}, with {} at {} each, {mode}{}{}",
                    self.names.call(event.driver),
                    self.way(&event.route.stops)?,
                    self.hour(event.departs_at),
                    seats(event.seats),
                    event.price_per_seat,
                    self.words::<Vehicle>("; the vehicle: ", event.vehicle.as_ref(), |vehicle| vehicle.0)?,
                    self.words::<Comment>("; a remark: ", event.comment.as_ref(), |comment| comment.0)?,
                )
            }
            RideEvent::RideRescheduled(event) => {
                let route = match &event.route {
                    Some(route) => format!(", and goes {}", self.way(&route.stops)?),
                    None => String::new(),
                };
                format!("{who} rescheduled the ride: it leaves {}{route}", self.hour(event.departs_at))
            }
            RideEvent::RideTermsChanged(event) => {
                let mode = event.booking_mode.map(|mode| match mode {
                    BookingMode::Approval => "bookings need approval".to_owned(),
                    BookingMode::Instant => "bookings are made at once".to_owned(),
                });
                let changes = [
                    event.seats.map(seats),
                    event.price_per_seat.map(|price| format!("{price} a seat")),
                    mode,
                    event.preferences.as_ref().map(|_| "other preferences".to_owned()),
                    event.vehicle.as_ref().map(|_| "another vehicle".to_owned()),
                    event.comment.as_ref().map(|_| "another remark".to_owned()),
                ];
                let cleared = event.cleared.iter().map(|text| match text {
                    RideText::Vehicle => "no vehicle named".to_owned(),
                    RideText::Comment => "no remark".to_owned(),
                });
                let changes: Vec<_> = changes.into_iter().flatten().chain(cleared).collect();
                format!("{who} changed the offer: {}", changes.join(", "))
            }
            RideEvent::RideCancelled(event) => {
                format!("{who} cancelled the ride{}", self.reason(event.reason.as_ref())?)
            }
            RideEvent::RideDeparted(_) => "The ride left".to_owned(),
            RideEvent::RideCompleted(_) => "The ride arrived, by the clock".to_owned(),
            RideEvent::SeatsReserved(event) => {
                format!("The ride reserved for {}: {}", self.names.call(event.passenger), self.terms(&event.terms)?)
            }
            RideEvent::ReservationRefused(event) => {
                format!(
                    "The ride could not reserve for {}: {}",
                    self.names.call(event.passenger),
                    refusal(event.reason)
                )
            }
            RideEvent::ReservationChanged(event) => {
                let passenger = self.names.call(event.passenger);
                format!("The ride changed the reservation of {passenger}: {}", self.terms(&event.terms)?)
            }
            RideEvent::ReservationReconfirmed(_) => format!("{who} said that the changed ride still suits"),
            RideEvent::ReservationCancelled(event) => format!(
                "{} cancelled the reservation of {}{}{}",
                self.side(event.by, event),
                self.names.call(event.passenger),
                if event.blameless { ", without blame, since the ride had changed" } else { "" },
                self.reason(event.reason.as_ref())?,
            ),
            RideEvent::PassengerNoShow(event) => {
                format!("{who} said that {} did not come", self.names.call(event.passenger))
            }
        })
    }

    fn of_conversation(&self, event: &ConversationEvent, by: Actor) -> Told {
        let who = self.who(by);
        Ok(match event {
            ConversationEvent::ConversationOpened(event) => match (event.kind, event.passenger) {
                (ConversationKind::Group, _) | (_, None) => "The conversation of everyone in the car began".to_owned(),
                (ConversationKind::Ride, Some(passenger)) => {
                    let (driver, passenger) = (self.names.call(event.driver), self.names.call(passenger));
                    let answer = if event.in_answer_to.is_some() { ", in answer to a request" } else { "" };
                    format!("{who} began the conversation of {driver} and {passenger}{answer}")
                }
            },
            ConversationEvent::MessagePosted(event) => {
                let author = self.names.call(event.author);
                format!("{author} wrote{}", self.message(&event.text)?)
            }
            ConversationEvent::MessageEdited(event) => {
                format!("{who} corrected message {}{}", event.message, self.message(&event.text)?)
            }
            ConversationEvent::MessageRetracted(event) => format!("{who} took message {} back", event.message),
            ConversationEvent::ProposalMade(event) => {
                let instead = if event.in_reply_to.is_some() { " instead" } else { "" };
                let change = if event.replaces.is_some() { " a change of the booking:" } else { "" };
                format!(
                    "{} proposed{instead}{change} {}, until {}",
                    self.names.call(event.by),
                    self.terms(&event.terms)?,
                    self.hour(event.expires_at)
                )
            }
            ConversationEvent::ProposalAccepted(event) => match event.acceptance {
                Acceptance::Person(account) => {
                    format!("{} accepted {}", self.names.call(account), self.terms(&event.terms)?)
                }
                Acceptance::Standing { ride_terms_version } => format!(
                    "The offer's list terms (version {ride_terms_version}), accepted beforehand, stood: {}",
                    self.terms(&event.terms)?
                ),
            },
            ConversationEvent::ProposalDeclined(event) => {
                format!("{} declined the proposal{}", self.names.call(event.by), self.reason(event.reason.as_ref())?)
            }
            ConversationEvent::ProposalWithdrawn(_) => format!("{who} withdrew the proposal"),
            ConversationEvent::ProposalExpired(_) => "The proposal expired without an answer".to_owned(),
            ConversationEvent::ProposalVoided(event) => {
                format!("The proposal no longer stood: {}", void_reason(event.reason))
            }
            ConversationEvent::BookingConfirmed(event) => format!(
                "The booking of {} was confirmed: {} at {} each, picked up {}",
                self.names.call(event.passenger),
                seats(event.seats),
                event.price_per_seat,
                self.hour(event.pickup_at)
            ),
            ConversationEvent::BookingRefused(event) => format!("The booking failed: {}", refusal(event.reason)),
            ConversationEvent::BookingChanged(event) => format!(
                "The booking was changed: {} at {} each, picked up {}",
                seats(event.seats),
                event.price_per_seat,
                self.hour(event.pickup_at)
            ),
            ConversationEvent::BookingCancelled(event) => {
                let side = match event.by {
                    Side::Driver => "the driver",
                    Side::Passenger => "the passenger",
                };
                format!("The booking was cancelled by {side}{}", self.reason(event.reason.as_ref())?)
            }
            ConversationEvent::RideNoticed(event) => {
                format!("The conversation heard that {}", self.notice(&event.notice))
            }
            ConversationEvent::ParticipantJoined(event) => {
                format!("{} joined the conversation of the car", self.names.call(event.account))
            }
            ConversationEvent::ParticipantLeft(event) => {
                format!("{} left the conversation of the car", self.names.call(event.account))
            }
        })
    }

    fn who(&self, by: Actor) -> &str {
        match by {
            Actor::Person(account) => self.names.call(account),
            Actor::System => "The platform",
            Actor::Operator => "The operator",
        }
    }

    fn side(&self, side: Side, event: &palabre_events::ride::ReservationCancelled) -> &str {
        self.names.call(match side {
            Side::Driver => event.driver,
            Side::Passenger => event.passenger,
        })
    }

    fn hour(&self, at: Timestamp) -> String {
        at.to_chrono().with_timezone(&self.zone).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    fn terms(&self, terms: &Terms) -> Told {
        Ok(format!(
            "{} at {} each, {}, picked up {}",
            seats(terms.seats),
            terms.price_per_seat,
            self.way([&terms.pickup, &terms.drop_off])?,
            self.hour(terms.pickup_at)
        ))
    }

    /// "from A by B to C".
    fn way<'a>(&self, stops: impl IntoIterator<Item = &'a Place>) -> Told {
        let stops = stops.into_iter().map(|stop| self.place(stop)).collect::<Result<Vec<_>, _>>()?;
        Ok(match stops.as_slice() {
            [from, vias @ .., to] if !vias.is_empty() => format!("from {from} by {} to {to}", vias.join(" and ")),
            [from, .., to] => format!("from {from} to {to}"),
            _ => "nowhere".to_owned(),
        })
    }

    /// A place by what people call it, else by its town, else by its point; no more than the viewer may know.
    fn place(&self, place: &Place) -> Told {
        let exact = if self.sight == Sight::Full { open_sealed(&place.exact, self.opener)? } else { None };
        let point = exact.as_ref().map(|exact| format!("{:.3}, {:.3}", exact.point.lat, exact.point.lon));
        let label = exact.and_then(|exact| exact.label);
        let name = match (label, &place.town) {
            (Some(label), Some(town)) if !says_town(&label, town) => Some(format!("{label} ({town})")),
            (label, town) => label.or_else(|| town.clone()),
        };
        Ok(name.or(point).unwrap_or_else(|| "a place".to_owned()))
    }

    fn notice(&self, notice: &RideNotice) -> String {
        match notice {
            RideNotice::Rescheduled { departs_at, route_changed, .. } => {
                let way = if *route_changed { ", another way" } else { "" };
                format!("the ride leaves {}{way}", self.hour(*departs_at))
            }
            RideNotice::TermsChanged { .. } => "the offer changed".to_owned(),
            RideNotice::Cancelled => "the ride was cancelled".to_owned(),
            RideNotice::Departed => "the ride left".to_owned(),
            RideNotice::Reconfirmed { .. } => "the changed ride still suits".to_owned(),
            RideNotice::NoShow { .. } => "the passenger did not come".to_owned(),
        }
    }

    fn message(&self, text: &Sealed<MessageText>) -> Told {
        if self.sight < Sight::Full {
            return Ok(" a message".to_owned());
        }
        let text = open_sealed(text, self.opener)?;
        Ok(text.map_or_else(|| " a message, erased since".to_owned(), |text| format!(": “{}”", text.0)))
    }

    fn reason(&self, reason: Option<&Sealed<Reason>>) -> Told {
        self.words(": ", reason, |reason| reason.0)
    }

    /// What somebody wrote, in quotes after `before`; nothing where they wrote nothing or it is not for this viewer.
    fn words<T: Sealable>(&self, before: &str, sealed: Option<&Sealed<T>>, text: impl Fn(T) -> String) -> Told {
        match sealed {
            Some(sealed) if self.sight == Sight::Full => {
                let content = open_sealed(sealed, self.opener)?;
                Ok(content.map_or_else(String::new, |content| format!("{before}“{}”", text(content))))
            }
            _ => Ok(String::new()),
        }
    }
}

fn outline(event: &RideEvent) -> String {
    match event {
        RideEvent::SeatsReserved(event) => format!("The ride reserved {}", seats(event.terms.seats)),
        RideEvent::ReservationChanged(event) => format!("A reservation changed to {}", seats(event.terms.seats)),
        RideEvent::ReservationCancelled(_) => "A reservation was cancelled".to_owned(),
        _ => "Something happened to the ride".to_owned(),
    }
}

fn seats(count: u8) -> String {
    if count == 1 { "1 seat".to_owned() } else { format!("{count} seats") }
}

fn refusal(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::NoSeatsLeft => "too few seats were left on that stretch",
        RefusalReason::RideCancelled => "the ride was cancelled",
        RefusalReason::RideDeparted => "the ride had left",
        RefusalReason::TermsOutdated => "the ride had changed since the proposal",
        RefusalReason::CancelledBefore => "it was cancelled before it was made",
        RefusalReason::NothingToReplace => "the reservation that it should replace was gone",
        RefusalReason::NoSuchRide => "there was no such ride",
    }
}

fn void_reason(reason: VoidReason) -> &'static str {
    match reason {
        VoidReason::AnotherAccepted => "another was accepted",
        VoidReason::RideChanged => "the ride changed",
        VoidReason::RideCancelled => "the ride was cancelled",
        VoidReason::RideDeparted => "the ride left",
        VoidReason::BookingCancelled => "the booking was cancelled",
    }
}

/// Whether what people call a place says its town already.
fn says_town(label: &str, town: &str) -> bool {
    fold(label).text.contains(&fold(town).text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story;
    use palabre_events::testing::{ANNA, BEN, DORA, PlainOpener};

    async fn told(sight: Sight) -> Vec<String> {
        let (log, opener) = (story::log().await, PlainOpener::default());
        let names = Names::read(&log, &opener, [DORA, ANNA, BEN]).await.unwrap();
        let telling = Telling { names: &names, opener: &opener, zone: chrono_tz::Europe::Paris, sight };
        story::story().iter().map(|told| telling.sentence(&told.event, told.by).unwrap()).collect()
    }

    #[tokio::test]
    async fn the_story_reads_as_it_happened() {
        let expected = [
            "Dora offered a ride from Grenoble by Voiron to Lyon, leaving 2027-01-04 09:00 CET, with 3 seats at 8.00 EUR each, on approval; a remark: “No smoking, please”",
            "Anna began the conversation of Dora and Anna",
            "Anna wrote: “Do you leave from the station?”",
            "Ben began the conversation of Dora and Ben",
            "Ben wrote: “Nobody else may read this”",
            "Anna proposed 2 seats at 8.00 EUR each, from Grenoble to Lyon, picked up 2027-01-04 09:00 CET, until 2027-01-04 13:00 CET",
            "Dora accepted 2 seats at 8.00 EUR each, from Grenoble to Lyon, picked up 2027-01-04 09:00 CET",
            "The ride reserved for Anna: 2 seats at 8.00 EUR each, from Grenoble to Lyon, picked up 2027-01-04 09:00 CET",
            "The booking of Anna was confirmed: 2 seats at 8.00 EUR each, picked up 2027-01-04 09:00 CET",
            "The conversation of everyone in the car began",
            "Anna joined the conversation of the car",
            "Ben proposed 2 seats at 8.00 EUR each, from Grenoble to Lyon, picked up 2027-01-04 09:00 CET, until 2027-01-04 13:00 CET",
            "Dora accepted 2 seats at 8.00 EUR each, from Grenoble to Lyon, picked up 2027-01-04 09:00 CET",
            "The ride could not reserve for Ben: too few seats were left on that stretch",
            "The booking failed: too few seats were left on that stretch",
            "Dora wrote: “I drive a red car”",
            "Dora rescheduled the ride: it leaves 2027-01-04 09:30 CET",
            "Anna said that the changed ride still suits",
            "Anna cancelled the reservation of Anna: “My train runs after all”",
            "The booking was cancelled by the passenger: “My train runs after all”",
            "Anna left the conversation of the car",
            "Dora wrote: “Now I drive alone”",
            "Dora cancelled the ride: “The red car broke down”",
        ];
        assert_eq!(told(Sight::Full).await, expected);
    }

    #[tokio::test]
    async fn facts_are_told_without_anybody_s_words() {
        let told = told(Sight::Facts).await;
        assert_eq!(told[2], "Anna wrote a message");
        assert_eq!(told[22], "Dora cancelled the ride");
        assert!(told.iter().all(|sentence| !sentence.contains('“')));
    }

    #[tokio::test]
    async fn an_outline_names_nobody() {
        let told = told(Sight::Outline).await;
        assert_eq!((told[7].as_str(), told[18].as_str()), ("The ride reserved 2 seats", "A reservation was cancelled"));
    }
}
