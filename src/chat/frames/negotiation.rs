//! Facts of a negotiation, as viewers see them.

use palabre_events::conversation::{Acceptance, VoidReason};
use palabre_events::{
    AccountId, Currency, ExactPlace, Place, Price, ProposalId, ReservationId, Terms, TermsHash, Timestamp,
};
use serde::Serialize;

use super::CannotShow;
use super::fact::Opening;
use crate::wire::words;

/// A price of one seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WirePrice {
    /// Whole cents.
    pub cents: u32,
    /// ISO 4217 code.
    #[schema(value_type = String)]
    pub currency: Currency,
}

impl From<Price> for WirePrice {
    fn from(Price { cents, currency }: Price) -> Self {
        Self { cents, currency }
    }
}

/// A place. Point and label are absent when the key that sealed them was destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WirePlace {
    /// Latitude in degrees, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The town, from a public gazetteer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub town: Option<String>,
}

/// A part of the ride's way, in metres from its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WireStretch {
    /// Where the passenger gets in.
    pub from_m: u32,
    /// Where the passenger gets out.
    pub to_m: u32,
}

/// What is proposed or agreed.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WireTerms {
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: WirePrice,
    /// Where the passenger gets in.
    pub pickup: WirePlace,
    /// Where the passenger gets out.
    pub drop_off: WirePlace,
    /// When the passenger is picked up.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// The part of the ride's way between the two.
    pub stretch: WireStretch,
    /// The version of the ride's terms that these build on.
    pub ride_terms_version: u32,
}

impl Opening<'_> {
    pub(super) fn terms(&self, terms: Terms) -> Result<WireTerms, CannotShow> {
        Ok(WireTerms {
            seats: terms.seats,
            price_per_seat: terms.price_per_seat.into(),
            pickup: self.place(terms.pickup)?,
            drop_off: self.place(terms.drop_off)?,
            pickup_at: terms.pickup_at,
            stretch: WireStretch { from_m: terms.stretch.from_m, to_m: terms.stretch.to_m },
            ride_terms_version: terms.ride_terms_version,
        })
    }

    fn place(&self, place: Place) -> Result<WirePlace, CannotShow> {
        let exact = self.value(&place.exact)?;
        let point = exact.as_ref().map(|ExactPlace { point, .. }| *point);
        Ok(WirePlace {
            lat: point.map(|point| point.lat),
            lon: point.map(|point| point.lon),
            label: exact.and_then(|exact| exact.label),
            town: place.town,
        })
    }
}

/// How a proposal was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireAcceptance {
    /// By this person.
    #[schema(value_type = Uuid)]
    Person(AccountId),
    /// By the driver's instant offer, which accepts its list terms beforehand.
    Standing {
        /// The version of the ride's terms that stood.
        ride_terms_version: u32,
    },
}

impl From<Acceptance> for WireAcceptance {
    fn from(acceptance: Acceptance) -> Self {
        match acceptance {
            Acceptance::Person(account) => Self::Person(account),
            Acceptance::Standing { ride_terms_version } => Self::Standing { ride_terms_version },
        }
    }
}

/// Somebody proposes terms.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ProposalMade {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Who proposes.
    #[schema(value_type = Uuid)]
    pub by: AccountId,
    /// What is proposed.
    pub terms: WireTerms,
    /// What an acceptance must name: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub terms_hash: TermsHash,
    /// When it expires unless it is answered.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The proposal that it counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub in_reply_to: Option<ProposalId>,
    /// The reservation whose terms it would replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub replaces: Option<ReservationId>,
}

/// The other side agrees; the ride is asked to reserve.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ProposalAccepted {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Who agreed, or what agreed beforehand.
    pub acceptance: WireAcceptance,
    /// The hash that the acceptance named: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub terms_hash: TermsHash,
    /// What was agreed.
    pub terms: WireTerms,
    /// The reservation whose terms these replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub replaces: Option<ReservationId>,
}

/// The other side does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProposalDeclined {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Who declined.
    #[schema(value_type = Uuid)]
    pub by: AccountId,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whoever proposed takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProposalWithdrawn {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
}

/// Nobody answered in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProposalExpired {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
}

/// Something else made the proposal pointless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProposalVoided {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// What it was: `another_accepted`, `ride_changed`, `ride_cancelled`, `ride_departed` or `booking_cancelled`.
    #[schema(value_type = words::VoidReason)]
    pub reason: VoidReason,
}
