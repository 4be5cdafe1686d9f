//! What drivers ask: offer, change, reschedule and cancel a ride.

use palabre_events::geometry::legs_m;
use palabre_events::place::ExactPlace;
use palabre_events::ride::{Audience, Ride, RideCommand, RideOffered, RideText};
use palabre_events::sealed::{Comment, KeyId, Reason, Vehicle};
use palabre_events::{Point, RideId, Route};

use super::ask::{Asked, Created, Done, Refusal, done};
use super::check::{Check, REMARK_CHARS_MAX, VEHICLE_CHARS_MAX};
use super::input::{ChangeRide, OfferRide, RescheduleRide, WithReason};
use crate::clock;
use crate::platform::Platform;

/// Offers a ride.
pub async fn offer(platform: &Platform, asked: Asked, offer: OfferRide) -> Result<Created, Refusal> {
    let mut check = Check::default();
    let stops = check.stops(&offer.stops);
    let price_per_seat = check.price("price_per_seat", &offer.price_per_seat);
    let vehicle = check.optional_text("vehicle", offer.vehicle.as_deref(), VEHICLE_CHARS_MAX);
    let comment = check.optional_text("comment", offer.comment.as_deref(), REMARK_CHARS_MAX);
    check.seats(offer.seats);
    check.time_zone(&offer.time_zone);
    check.hour("departs_at", offer.departs_at, clock::now());
    check.finish()?;

    let key = KeyId::Person(asked.account);
    platform.keys_at_hand(&[key]).await?;
    let offered = RideOffered {
        driver: asked.account,
        audience: Audience::Everyone,
        route: seal_route(platform, key, &stops)?,
        path_version: 1,
        departs_at: offer.departs_at,
        time_zone: offer.time_zone.clone(),
        seats: offer.seats,
        price_per_seat,
        booking_mode: offer.booking_mode,
        preferences: offer.preferences.clone(),
        vehicle: vehicle.map(|text| platform.seal(key, &Vehicle(text))).transpose()?,
        comment: comment.map(|text| platform.seal(key, &Comment(text))).transpose()?,
        series: None,
        import_reference: None,
    };
    let ride = RideId::derive(asked.account, asked.key);
    let command = RideCommand::Offer(Box::new(offered));
    let done = done(platform.submit::<Ride>(&asked, ride, &offer, command).await?)?;
    Ok(Created { id: ride.0, done })
}

/// Changes what is offered.
pub async fn change(platform: &Platform, asked: Asked, ride: RideId, change: ChangeRide) -> Result<Done, Refusal> {
    let mut check = Check::default();
    let price_per_seat = change.price_per_seat.as_ref().map(|price| check.price("price_per_seat", price));
    let vehicle = check.text_patch("vehicle", &change.vehicle, VEHICLE_CHARS_MAX);
    let comment = check.text_patch("comment", &change.comment, REMARK_CHARS_MAX);
    if let Some(seats) = change.seats {
        check.seats(seats);
    }
    check.finish()?;

    let key = KeyId::Person(asked.account);
    platform.keys_at_hand(&[key]).await?;
    let texts = [(RideText::Vehicle, vehicle.clears()), (RideText::Comment, comment.clears())];
    let command = RideCommand::ChangeTerms {
        seats: change.seats,
        price_per_seat,
        booking_mode: change.booking_mode,
        preferences: change.preferences.clone(),
        vehicle: vehicle.set().map(|text| platform.seal(key, &Vehicle(text))).transpose()?,
        comment: comment.set().map(|text| platform.seal(key, &Comment(text))).transpose()?,
        cleared: texts.into_iter().filter_map(|(text, cleared)| cleared.then_some(text)).collect(),
    };
    done(platform.submit::<Ride>(&asked, ride, &("change", &change), command).await?)
}

/// Leaves at another time, or goes another way.
pub async fn reschedule(
    platform: &Platform,
    asked: Asked,
    ride: RideId,
    reschedule: RescheduleRide,
) -> Result<Done, Refusal> {
    let mut check = Check::default();
    let stops = reschedule.stops.as_ref().map(|stops| check.stops(stops));
    check.time_zone(&reschedule.time_zone);
    check.hour("departs_at", reschedule.departs_at, clock::now());
    check.finish()?;

    let key = KeyId::Person(asked.account);
    platform.keys_at_hand(&[key]).await?;
    let command = RideCommand::Reschedule {
        departs_at: reschedule.departs_at,
        time_zone: reschedule.time_zone.clone(),
        route: stops.map(|stops| seal_route(platform, key, &stops)).transpose()?,
    };
    done(platform.submit::<Ride>(&asked, ride, &("reschedule", &reschedule), command).await?)
}

/// Cancels a ride and every reservation.
pub async fn cancel(platform: &Platform, asked: Asked, ride: RideId, why: WithReason) -> Result<Done, Refusal> {
    let reason = seal_reason(platform, &asked, &why).await?;
    let command = RideCommand::Cancel { reason };
    done(platform.submit::<Ride>(&asked, ride, &("cancel", &why), command).await?)
}

/// A reason, sealed with the key of whoever gives it.
pub(super) async fn seal_reason(
    platform: &Platform,
    asked: &Asked,
    why: &WithReason,
) -> Result<Option<palabre_events::Sealed<Reason>>, Refusal> {
    let mut check = Check::default();
    let reason = check.optional_text("reason", why.reason.as_deref(), REMARK_CHARS_MAX);
    check.finish()?;
    let key = KeyId::Person(asked.account);
    platform.keys_at_hand(&[key]).await?;
    reason.map(|text| platform.seal(key, &Reason(text))).transpose()
}

fn seal_route(platform: &Platform, key: KeyId, stops: &[ExactPlace]) -> Result<Route, Refusal> {
    let points: Vec<Point> = stops.iter().map(|stop| stop.point).collect();
    let sealed = stops.iter().map(|stop| platform.seal_place(key, stop));
    Ok(Route { stops: sealed.collect::<Result<_, Refusal>>()?, legs_m: legs_m(&points) })
}
