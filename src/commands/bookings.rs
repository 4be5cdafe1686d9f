//! What people ask about bookings: reserve on list terms, cancel, reconfirm, report a no-show.

use palabre_events::conversation::{Conversation, ConversationRejection};
use palabre_events::ride::{Ride, RideCommand, RideRejection};
use palabre_events::{Actor, ConversationId, ProposalId, ReservationId};

use super::ask::{Asked, Done, Refusal, done};
use super::input::{MakeProposal, MakeReservation, OpenConversation, PriceInput, WithReason};
use super::negotiation;
use super::rides::seal_reason;
use super::submit::sub_key;
use super::talk::{open_conversation, rejected};
use crate::platform::Platform;

/// Seats asked for on list terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Where the driver answers, or the platform confirms.
    pub conversation: ConversationId,
    /// The proposal, which is the reservation's id once it is confirmed.
    pub proposal: ProposalId,
    /// What the command made.
    pub done: Done,
}

/// Opens the conversation and proposes the ride's list terms there. An instant offer accepts them at once.
pub async fn reserve(platform: &Platform, asked: Asked, make: MakeReservation) -> Result<Reserved, Refusal> {
    let (ride, _) = platform.inspect::<Ride>(make.ride).await?;
    let offer = ride.offer().ok_or_else(|| rejected(&RideRejection::NoSuchRide))?;
    let listed = offer.price_per_seat;
    let opening = Asked { key: sub_key(asked.key, 1), ..asked.clone() };
    let opened = open_conversation(platform, opening, OpenConversation { ride: make.ride, request: None }).await?;
    let conversation = ConversationId(opened.id);
    let proposal = MakeProposal {
        seats: make.seats,
        price_per_seat: PriceInput { cents: listed.cents, currency: listed.currency.to_string() },
        pickup: make.pickup,
        drop_off: make.drop_off,
        pickup_at: None,
        expires_in_s: None,
        in_reply_to: None,
        replaces: None,
    };
    let proposed = negotiation::make_proposal(platform, asked, conversation, proposal).await?;
    Ok(Reserved { conversation, proposal: proposed.proposal, done: proposed.done })
}

/// Cancels a booking, or an agreement whose booking is still under way. Either side may.
pub async fn cancel(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    reservation: ReservationId,
    why: WithReason,
) -> Result<Done, Refusal> {
    let booked = booking(platform, &asked, conversation, reservation).await?;
    let reason = seal_reason(platform, &asked, &why).await?;
    let command = RideCommand::CancelReservation { reservation, conversation, passenger: booked.passenger, reason };
    done(platform.submit::<Ride>(&asked, booked.ride, &("cancel", reservation, &why), command).await?)
}

/// Says that the changed ride still suits.
pub async fn reconfirm(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    reservation: ReservationId,
    terms_version: u32,
) -> Result<Done, Refusal> {
    let booked = booking(platform, &asked, conversation, reservation).await?;
    let command = RideCommand::Reconfirm { reservation, terms_version };
    done(platform.submit::<Ride>(&asked, booked.ride, &("reconfirm", reservation, terms_version), command).await?)
}

/// Says that a passenger did not come.
pub async fn report_no_show(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    reservation: ReservationId,
) -> Result<Done, Refusal> {
    let booked = booking(platform, &asked, conversation, reservation).await?;
    let command = RideCommand::ReportNoShow { reservation };
    done(platform.submit::<Ride>(&asked, booked.ride, &("no_show", reservation), command).await?)
}

/// The conversation in which a reservation was agreed, from the view of proposals.
pub async fn conversation_of(platform: &Platform, reservation: ReservationId) -> Result<ConversationId, Refusal> {
    let proposal = ProposalId(reservation.0);
    let known = platform.views.query(move |views| views.proposal(proposal)).await;
    let known = known.map_err(|_| Refusal::Unavailable)?;
    known.map(|known| known.conversation).ok_or_else(|| rejected(&ConversationRejection::NoSuchBooking))
}

struct Booked {
    ride: palabre_events::RideId,
    passenger: palabre_events::AccountId,
}

/// The booking `reservation` of a conversation that `asked` takes part in. Whether it still stands, the ride says.
async fn booking(
    platform: &Platform,
    asked: &Asked,
    conversation: ConversationId,
    reservation: ReservationId,
) -> Result<Booked, Refusal> {
    let (known, _) = platform.inspect::<Conversation>(conversation).await?;
    known.participant(Actor::Person(asked.account)).map_err(|rejection| rejected(&rejection))?;
    let opened = known.opened().ok_or_else(|| rejected(&ConversationRejection::NoSuchConversation))?;
    let passenger = opened.passenger.ok_or_else(|| rejected(&ConversationRejection::NoSuchBooking))?;
    if !known.has_accepted(ProposalId(reservation.0)) {
        return Err(rejected(&ConversationRejection::NoSuchBooking));
    }
    Ok(Booked { ride: opened.ride, passenger })
}
