//! The words that some fields are limited to, for schemas. Each list is held to the core's own type twice: a word that one
//! side lacks does not compile, and a test compares how they are written.

use palabre_events::account::Language as CoreLanguage;
use palabre_events::conversation::{ConversationKind as CoreKind, VoidReason as CoreVoidReason};
use palabre_events::ride::state::Stage as CoreStage;
use palabre_events::ride::{
    BookingMode as CoreBookingMode, Luggage as CoreLuggage, Preferences as CorePreferences,
    RefusalReason as CoreRefusalReason, Side as CoreSide,
};
use palabre_projections::conversations::BookingState as CoreBookingState;
use palabre_projections::requests::RequestState as CoreRequestState;
use palabre_projections::reservations::ReservationState as CoreReservationState;
use serde::Serialize;

macro_rules! words {
    ($($(#[$about:meta])* $name:ident as $core:ident { $($word:ident),+ })+) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
            #[serde(rename_all = "snake_case")]
            #[expect(missing_docs, reason = "the words are documented where they come from")]
            pub enum $name { $($word),+ }

            impl From<$core> for $name {
                fn from(core: $core) -> Self {
                    match core { $($core::$word => Self::$word),+ }
                }
            }

            impl $name {
                /// Each word beside the core's.
                #[cfg(test)]
                const PAIRS: &[(Self, $core)] = &[$((Self::$word, $core::$word)),+];
            }
        )+

        #[cfg(test)]
        mod tests {
            use super::*;

            fn written(word: impl Serialize) -> serde_json::Value {
                serde_json::to_value(word).unwrap()
            }

            #[test]
            fn words_are_written_as_the_core_writes_them() {
                $(for (word, core) in $name::PAIRS {
                    assert_eq!(written(word), written(core));
                    assert_eq!($name::from(*core), *word);
                })+
            }
        }
    };
}

words! {
    /// How a booking comes about.
    BookingMode as CoreBookingMode { Approval, Instant }
    /// The largest luggage of a passenger.
    Luggage as CoreLuggage { Small, Medium, Large }
    /// How far along its life a ride is.
    Stage as CoreStage { Offered, Departed, Completed, Cancelled }
    /// The sides of a ride.
    Side as CoreSide { Driver, Passenger }
    /// Why a ride refuses a reservation.
    RefusalReason as CoreRefusalReason {
        NoSeatsLeft, RideCancelled, RideDeparted, TermsOutdated, CancelledBefore, NothingToReplace, NoSuchRide
    }
    /// What makes a proposal pointless.
    VoidReason as CoreVoidReason { AnotherAccepted, RideChanged, RideCancelled, RideDeparted, BookingCancelled }
    /// The kinds of conversation: a driver and one passenger, or the driver and all passengers of a ride.
    ConversationKind as CoreKind { Ride, Group }
    /// How far the booking of a conversation is.
    BookingState as CoreBookingState { UnderWay, Confirmed, Changing, Refused, Cancelled }
    /// Where a reservation stands.
    ReservationState as CoreReservationState { Active, Cancelled, NoShow }
    /// Where a request stands.
    RequestState as CoreRequestState { Open, Fulfilled, Withdrawn, Expired }
    /// The languages that people are written to in.
    Language as CoreLanguage { Fr, En }
}

/// What a driver likes and allows; absent where nothing was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preferences {
    /// The longest detour, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detour_min_max: Option<u16>,
    /// Smoking allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoking: Option<bool>,
    /// Animals allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub animals: Option<bool>,
    /// Music played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub music: Option<bool>,
    /// Likes to talk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talk: Option<bool>,
    /// Luggage of each passenger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub luggage: Option<Luggage>,
}

impl From<CorePreferences> for Preferences {
    fn from(core: CorePreferences) -> Self {
        let CorePreferences { detour_min_max, smoking, animals, music, talk, luggage } = core;
        Self { detour_min_max, smoking, animals, music, talk, luggage: luggage.map(Luggage::from) }
    }
}

#[cfg(test)]
mod preferences_tests {
    use super::*;

    #[test]
    fn preferences_are_written_as_the_core_writes_them() {
        let core = CorePreferences {
            detour_min_max: Some(10),
            smoking: Some(false),
            animals: Some(true),
            music: Some(true),
            talk: Some(false),
            luggage: Some(CoreLuggage::Medium),
        };
        let written = serde_json::to_value(&core).unwrap();
        assert_eq!(serde_json::to_value(Preferences::from(core)).unwrap(), written);
        assert_eq!(serde_json::to_value(Preferences::from(CorePreferences::default())).unwrap(), serde_json::json!({}));
    }
}
