//! What people ask while they negotiate: propose, counter, accept, decline, withdraw.

use palabre_events::aggregate::EventData;
use palabre_events::conversation::state::Opened;
use palabre_events::conversation::{
    Conversation, ConversationCommand, ConversationEvent, ConversationKind, ConversationRejection,
    MakeProposal as Proposal, StandingOffer,
};
use palabre_events::geometry::{Path, Placed, stretch_between};
use palabre_events::place::ExactPlace;
use palabre_events::ride::state::{Offer, Stage};
use palabre_events::ride::{BookingMode, Ride, RideRejection};
use palabre_events::sealed::{KeyId, Reason};
use palabre_events::terms::{Nonce, Terms};
use palabre_events::{AccountId, Actor, ConversationId, Place, Price, ProposalId, RideId, TermsHash, Timestamp};

use super::ask::{Asked, Done, Refusal, done};
use super::check::Check;
use super::input::{MakeProposal, WithReason};
use super::rides::seal_reason;
use super::talk::rejected;
use crate::clock;
use crate::platform::Platform;

/// How long a proposal stands unless its maker says otherwise: a day.
pub const EXPIRES_IN_S_DEFAULT: u32 = 24 * 3600;
/// The shortest time that a proposal may stand.
const EXPIRES_IN_S_MIN: i64 = 60;
/// How far from the way a pickup or drop-off may lie, in metres of great circle.
pub const OFF_WAY_M_MAX: u32 = 50_000;
/// How far from the way the list terms of an instant offer reach, in metres of great circle.
pub const LIST_TERMS_OFF_WAY_M_MAX: u32 = 1_000;
/// How far from the hour at which the ride passes a pickup may be agreed, in seconds.
const PICKUP_SHIFT_S_MAX: i64 = 12 * 3600;
/// More events than one command makes, for finding what a repeated command made.
const EVENTS_BACK: u64 = 32;

/// A proposal that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// The proposal.
    pub proposal: ProposalId,
    /// What an acceptance must name.
    pub terms_hash: TermsHash,
    /// What the command made.
    pub done: Done,
}

/// Proposes terms, or counters a proposal. The list terms of an instant offer are accepted at once.
pub async fn make_proposal(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    make: MakeProposal,
) -> Result<Proposed, Refusal> {
    let opened = talk_of(platform, &asked, conversation).await?;
    let (ride, _) = platform.inspect::<Ride>(opened.ride).await?;
    let offer = ride.offer().ok_or_else(|| rejected(&RideRejection::NoSuchRide))?;
    check_ahead(offer)?;
    let way = way_of(platform, opened.ride, offer.path_version).await?;
    let checked = check(&make, offer, &way)?;

    let key = KeyId::Conversation(conversation);
    platform.keys_at_hand(&[key]).await?;
    let terms = Terms {
        seats: make.seats,
        price_per_seat: checked.price_per_seat,
        pickup: Place { town: None, exact: platform.seal(key, &checked.pickup)? },
        drop_off: Place { town: None, exact: platform.seal(key, &checked.drop_off)? },
        pickup_at: checked.pickup_at,
        stretch: checked.placed.stretch,
        ride_terms_version: offer.terms_version,
    };
    let nonce = Nonce(crate::random::bytes());
    let proposal = ProposalId::derive(asked.account, asked.key);
    let terms_hash = terms.hash(&nonce);
    let command = ConversationCommand::MakeProposal(Box::new(Proposal {
        proposal,
        nonce,
        expires_at: expires_at(&make, offer),
        in_reply_to: make.in_reply_to,
        replaces: make.replaces,
        standing: standing(&make, offer, &checked, asked.account),
        terms,
    }));
    let done = done(platform.submit::<Conversation>(&asked, conversation, &("propose", &make), command).await?)?;
    let terms_hash =
        if done.duplicate { first_terms_hash(platform, conversation, proposal, done.seq).await? } else { terms_hash };
    Ok(Proposed { proposal, terms_hash, done })
}

/// Agrees to a proposal of the other side.
pub async fn accept(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    proposal: ProposalId,
    terms_hash: TermsHash,
) -> Result<Done, Refusal> {
    let command = ConversationCommand::AcceptProposal { proposal, terms_hash };
    let body = ("accept", proposal, terms_hash);
    done(platform.submit::<Conversation>(&asked, conversation, &body, command).await?)
}

/// Declines a proposal of the other side.
pub async fn decline(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    proposal: ProposalId,
    why: WithReason,
) -> Result<Done, Refusal> {
    let reason: Option<palabre_events::Sealed<Reason>> = seal_reason(platform, &asked, &why).await?;
    let command = ConversationCommand::DeclineProposal { proposal, reason };
    done(platform.submit::<Conversation>(&asked, conversation, &("decline", proposal, &why), command).await?)
}

/// Takes a proposal of one's own back.
pub async fn withdraw(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    proposal: ProposalId,
) -> Result<Done, Refusal> {
    let command = ConversationCommand::WithdrawProposal { proposal };
    done(platform.submit::<Conversation>(&asked, conversation, &("withdraw", proposal), command).await?)
}

/// The conversation between two that `asked` takes part in.
async fn talk_of(platform: &Platform, asked: &Asked, conversation: ConversationId) -> Result<Opened, Refusal> {
    let (known, _) = platform.inspect::<Conversation>(conversation).await?;
    known.participant(Actor::Person(asked.account)).map_err(|rejection| rejected(&rejection))?;
    let opened = known.opened().ok_or_else(|| rejected(&ConversationRejection::NoSuchConversation))?;
    match opened.kind {
        ConversationKind::Ride => Ok(opened.clone()),
        ConversationKind::Group => Err(rejected(&ConversationRejection::NoProposalsInGroups)),
    }
}

fn check_ahead(offer: &Offer) -> Result<(), Refusal> {
    match offer.stage {
        Stage::Offered => Ok(()),
        Stage::Cancelled => Err(rejected(&ConversationRejection::RideCancelled)),
        Stage::Departed | Stage::Completed => Err(rejected(&ConversationRejection::RideDeparted)),
    }
}

/// The way of a ride, from the view of offers, once that has seen this version of it.
async fn way_of(platform: &Platform, ride: RideId, path_version: u32) -> Result<Path, Refusal> {
    for fresh in [false, true] {
        if fresh {
            platform.views.wait_for_head(&platform.log).await;
        }
        let offer = platform.views.query(move |views| views.ride(ride)).await.map_err(|_| Refusal::Unavailable)?;
        let current = offer.filter(|offer| offer.path_version == path_version);
        if let Some(offer) = current {
            let points: Vec<_> =
                offer.stops.iter().filter_map(|stop| stop.exact.as_ref()).map(|exact| exact.point).collect();
            return Path::new(&points).ok_or(Refusal::Unavailable);
        }
    }
    Err(Refusal::Unavailable)
}

struct Checked {
    price_per_seat: Price,
    pickup: ExactPlace,
    drop_off: ExactPlace,
    pickup_at: Timestamp,
    placed: Placed,
}

fn check(make: &MakeProposal, offer: &Offer, way: &Path) -> Result<Checked, Refusal> {
    let mut check = Check::default();
    let pickup = check.place("pickup", &make.pickup);
    let drop_off = check.place("drop_off", &make.drop_off);
    let price_per_seat = check.price("price_per_seat", &make.price_per_seat);
    check.seats(make.seats);
    let listed = offer.price_per_seat.currency;
    if price_per_seat.currency != listed {
        check.wrong("price_per_seat.currency", "other_currency", format!("this ride is paid in {listed}"));
    }
    check.finish()?;

    let mut check = Check::default();
    let Some(placed) = stretch_between(way, pickup.point, drop_off.point) else {
        return Err(Refusal::field(
            "drop_off",
            "wrong_way",
            "on the way of this ride, the drop-off must come after the pickup",
        ));
    };
    for (field, off_way_m) in [("pickup", placed.pickup_distance_m), ("drop_off", placed.drop_off_distance_m)] {
        if off_way_m > OFF_WAY_M_MAX {
            check.wrong(field, "too_far_from_the_way", "at most 50 km from the way of this ride");
        }
    }
    let passes_at = offer.departs_at.plus_seconds(placed.pickup_at_offset_s);
    let pickup_at = make.pickup_at.unwrap_or(passes_at);
    if pickup_at.millis_since(passes_at).abs() > PICKUP_SHIFT_S_MAX * 1000 {
        let message = format!("the ride passes there at {passes_at}; agree on an hour within 12 hours of it");
        check.wrong("pickup_at", "out_of_range", message);
    }
    check.finish()?;
    Ok(Checked { price_per_seat, pickup, drop_off, pickup_at, placed })
}

/// A proposal never stands longer than until the departure. A moment passes before the rules judge, to whom a minute is
/// the least, so a minute gets a second more.
fn expires_at(make: &MakeProposal, offer: &Offer) -> Timestamp {
    let in_s = i64::from(make.expires_in_s.unwrap_or(EXPIRES_IN_S_DEFAULT));
    let in_s = if in_s == EXPIRES_IN_S_MIN { in_s + 1 } else { in_s };
    clock::now().plus_seconds(in_s).min(offer.departs_at)
}

/// The instant offer, when these are its list terms: list price, pickup and drop-off on the way, the ride's own hour.
fn standing(make: &MakeProposal, offer: &Offer, checked: &Checked, asking: AccountId) -> Option<StandingOffer> {
    let placed = &checked.placed;
    let off_way_m = placed.pickup_distance_m.max(placed.drop_off_distance_m);
    let passes_at = offer.departs_at.plus_seconds(placed.pickup_at_offset_s);
    let listed = offer.booking_mode == BookingMode::Instant
        && asking != offer.driver
        && checked.price_per_seat == offer.price_per_seat
        && make.pickup_at.is_none_or(|asked| asked == passes_at)
        && off_way_m <= LIST_TERMS_OFF_WAY_M_MAX;
    listed.then_some(StandingOffer { ride_terms_version: offer.terms_version, price_per_seat: offer.price_per_seat })
}

/// The hash that a repeated command's first coming made; its nonce was another.
async fn first_terms_hash(
    platform: &Platform,
    conversation: ConversationId,
    proposal: ProposalId,
    last_seq: u64,
) -> Result<TermsHash, Refusal> {
    let after = last_seq.saturating_sub(EVENTS_BACK);
    let events = platform.log.read(conversation.into(), after, EVENTS_BACK as usize).await;
    let events = events.map_err(|_| Refusal::Unavailable)?;
    let made = events.iter().find_map(|envelope| {
        let read = ConversationEvent::from_json(&envelope.event_type, envelope.schema_version, &envelope.data);
        match read {
            Ok(ConversationEvent::ProposalMade(made)) if made.proposal == proposal => Some(made.terms_hash),
            _ => None,
        }
    });
    made.ok_or(Refusal::Unavailable)
}
