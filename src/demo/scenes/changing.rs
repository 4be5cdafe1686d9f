//! Scenes in which what was agreed changes.

use super::{Calendar, annecy, chambery, geneva, grenoble, instant, lyon, ride};
use crate::commands::input::RescheduleRide;
use crate::commands::{bookings, rides};
use crate::demo::DemoFailure;
use crate::demo::cast::Person::{Camille, Chloe, Emma, Louise, Sofia, Thomas, Yanis};
use crate::demo::plan::TIME_ZONE;
use crate::demo::stage::{Stage, Terms, why};
use palabre_events::ride::Ride;

/// Sofia leaves later; Yanis says that it still suits, Louise has not answered.
pub async fn a_ride_is_moved(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let to_annecy = stage.offers(Sofia, ride(vec![chambery(), annecy()], days.at(2, 17, 0), 3, 400)).await?;
    let terms = Terms { seats: 1, cents: 400, from: chambery(), to: annecy() };
    let with_louise = stage.talks(Louise, to_annecy).await?;
    with_louise.agrees(Louise, Sofia, &terms).await?;
    let with_yanis = stage.talks(Yanis, to_annecy).await?;
    let booked = with_yanis.agrees(Yanis, Sofia, &terms).await?;
    with_yanis.says(Yanis, "Super, merci !").await?;

    let moved = RescheduleRide { departs_at: days.at(2, 17, 45), time_zone: TIME_ZONE.name().to_owned(), stops: None };
    rides::reschedule(stage.platform, stage.asks(Sofia)?, to_annecy, moved).await?;
    for talk in [&with_louise, &with_yanis] {
        talk.hears("RideNoticed").await?;
        talk.says(Sofia, "Je finis plus tard que prévu : départ à 17 h 45, est-ce que ça vous va ?").await?;
    }
    let (known, _) = stage.platform.inspect::<Ride>(to_annecy).await?;
    let version = known.offer().ok_or(DemoFailure::InVain("a ride"))?.terms_version;
    bookings::reconfirm(stage.platform, stage.asks(Yanis)?, with_yanis.id, booked, version).await?;
    with_yanis.is_read_by(Yanis).await
}

/// Sofia's car breaks down: Emma had a seat, and Thomas had asked for one.
pub async fn a_ride_is_cancelled(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let to_geneva = stage.offers(Sofia, ride(vec![annecy(), geneva()], days.at(3, 8, 0), 3, 500)).await?;
    let terms = Terms { seats: 1, cents: 500, from: annecy(), to: geneva() };
    let with_emma = stage.talks(Emma, to_geneva).await?;
    with_emma.agrees(Emma, Sofia, &terms).await?;
    let with_thomas = stage.talks(Thomas, to_geneva).await?;
    with_thomas.says(Thomas, "Bonjour Sofia, vous acceptez les skis ?").await?;
    with_thomas.proposes(Thomas, &terms).await?;

    let broken = why("Ma voiture est au garage, je ne peux pas rouler cette semaine.");
    rides::cancel(stage.platform, stage.asks(Sofia)?, to_geneva, broken).await?;
    with_emma.hears("BookingCancelled").await?;
    with_thomas.hears("ProposalVoided").await
}

/// Camille had booked one seat and brings somebody along.
pub async fn one_seat_more(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let offer = instant(ride(vec![grenoble(), lyon()], days.at(super::LAST_DAY, 14, 0), 4, 850));
    let to_lyon = stage.offers(Chloe, offer).await?;
    let terms = Terms { seats: 1, cents: 850, from: grenoble(), to: lyon() };
    let (talk, booked) = stage.books(Camille, to_lyon, &terms).await?;
    talk.says(Camille, "Ma sœur voudrait venir aussi, il reste une place ?").await?;
    talk.says(Chloe, "Oui, proposez-moi deux places.").await?;
    let made = talk.would_change(Camille, booked, &Terms { seats: 2, cents: 800, ..terms }).await?;
    talk.accepts(Chloe, &made).await?;
    talk.hears("BookingChanged").await?;
    talk.is_read_by(Camille).await?;
    talk.is_read_by(Chloe).await
}
