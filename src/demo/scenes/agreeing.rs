//! Scenes that end well.

use super::{Calendar, bourgoin, chambery, grenoble, instant, lyon, ride, voiron};
use crate::clock;
use crate::commands::input::{OfferRide, OpenConversation, PostRequest};
use crate::commands::{requests, talk};
use crate::demo::DemoFailure;
use crate::demo::cast::Person::{Camille, Chloe, Hugo, Ines, Louise, Malik, Nadia, Paul, Thomas, Yanis};
use crate::demo::stage::{Stage, Terms, euros};
use palabre_events::{ConversationId, RequestId};

/// In how many seconds somebody leaves soon.
const SOON_S: i64 = 30 * 60;

/// Malik asks, proposes, is offered other terms, and accepts. Inès comes too late, and Yanis only has a question.
pub async fn a_price_is_bargained_for(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let offer = ride(vec![grenoble(), bourgoin(), lyon()], days.at(2, 7, 30), 3, 900);
    let comment = Some("Une valise par personne, pas plus.".to_owned());
    let to_lyon = stage.offers(Chloe, OfferRide { comment, ..offer }).await?;

    let talk = stage.talks(Malik, to_lyon).await?;
    talk.says(Malik, "Bonjour ! Vous passez près de la gare de Bourgoin ?").await?;
    talk.says(Chloe, "Bonjour Malik, oui, juste devant. Combien êtes-vous ?").await?;
    talk.says(Malik, "Deux, avec un violoncelle.").await?;
    let asked = Terms { seats: 2, cents: 600, from: bourgoin(), to: lyon() };
    let made = talk.proposes(Malik, &asked).await?;
    talk.says(Chloe, "Avec le violoncelle, 7,50 € me paraît plus juste.").await?;
    let countered = talk.counters(Chloe, &made, &Terms { cents: 750, ..asked }).await?;
    talk.accepts(Malik, &countered).await?;
    talk.hears("BookingConfirmed").await?;
    talk.says(Malik, "Parfait, à bientôt ! Le violoncelle est sage.").await?;
    talk.is_read_by(Malik).await?;
    talk.is_read_by(Chloe).await?;

    let late = stage.talks(Ines, to_lyon).await?;
    late.says(Ines, "Bonjour, il vous reste deux places ? Nous sommes deux, sans bagages.").await?;
    let made = late.proposes(Ines, &Terms { seats: 2, cents: 900, from: grenoble(), to: lyon() }).await?;
    late.accepts(Chloe, &made).await?;
    late.hears("BookingRefused").await?;
    late.says(Chloe, "Désolée Inès, j'ai accepté trop vite : il ne reste qu'une place.").await?;

    let question = stage.talks(Yanis, to_lyon).await?;
    question.says(Yanis, "Bonjour Chloé, peut-on monter avec un petit chien ?").await
}

/// Camille, Louise and Thomas book at once and talk with everyone in the car; then Thomas cancels.
pub async fn a_car_full_of_people(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let offer = instant(ride(vec![lyon(), bourgoin(), grenoble()], days.at(3, 18, 0), 4, 800));
    let home = stage.offers(Chloe, offer).await?;
    let all_the_way = Terms { seats: 1, cents: 800, from: lyon(), to: grenoble() };
    stage.books(Camille, home, &all_the_way).await?;
    stage.books(Louise, home, &Terms { from: bourgoin(), ..all_the_way.clone() }).await?;
    let (alone, booked) = stage.books(Thomas, home, &all_the_way).await?;

    let group = stage.talk(ConversationId::group_of(home));
    for passenger in [Camille, Louise, Thomas] {
        group.has(passenger).await?;
    }
    group.says(Chloe, "Bonjour à tous ! Rendez-vous côté Villette, je suis dans une Zoé bleue.").await?;
    group.says(Camille, "Merci Chloé, j'y serai à 17 h 50.").await?;
    group.says(Louise, "Et moi je vous attends à Bourgoin, devant la gare.").await?;
    group.is_read_by(Chloe).await?;
    group.is_read_by(Louise).await?;

    alone.cancels(Thomas, booked, "Ma réunion finit plus tard, je prendrai le train.").await?;
    alone.says(Chloe, "Pas de souci, bonne soirée Thomas.").await
}

/// Nadia looks for a ride; Thomas, who drives there, answers with an offer that waits for her.
pub async fn a_request_is_answered(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let wish = PostRequest {
        from: grenoble(),
        to: chambery(),
        pickup_at: days.at(2, 8, 0),
        tolerance_min: 60,
        radius_km: 5.0,
        seats: 1,
        price_per_seat_max: Some(euros(500)),
        comment: Some("J'ai rendez-vous à 9 h 30 près de la gare.".to_owned()),
    };
    let posted = requests::post(stage.platform, stage.asks(Nadia)?, wish).await?;
    let offer = ride(vec![grenoble(), chambery()], days.at(2, 8, 10), 3, 500);
    let to_chambery = stage.offers(Thomas, offer).await?;
    let open = OpenConversation { ride: to_chambery, request: Some(RequestId(posted.id)) };
    let opened = talk::open_conversation(stage.platform, stage.asks(Thomas)?, open).await?;
    let talk = stage.talk(ConversationId(opened.id));
    talk.says(Thomas, "Bonjour Nadia, je pars à 8 h 10 et j'arrive vers 9 h. Ça vous irait ?").await?;
    talk.proposes(Thomas, &Terms { seats: 1, cents: 400, from: grenoble(), to: chambery() }).await?;
    talk.is_read_by(Thomas).await
}

/// Paul rides with Hugo in half an hour.
pub async fn somebody_leaves_soon(stage: &Stage<'_>) -> Result<(), DemoFailure> {
    let offer = instant(ride(vec![grenoble(), voiron()], clock::now().plus_seconds(SOON_S), 3, 250));
    let soon = stage.offers(Hugo, offer).await?;
    let terms = Terms { seats: 1, cents: 250, from: grenoble(), to: voiron() };
    let (talk, _) = stage.books(Paul, soon, &terms).await?;
    talk.says(Paul, "Je suis déjà à la gare.").await?;
    talk.says(Hugo, "J'arrive, trouvez-moi au dépose-minute.").await?;
    talk.is_read_by(Paul).await
}
