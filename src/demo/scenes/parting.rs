//! Scenes in which two do not agree, or not for long.

use super::{Calendar, grenoble, ride, valence, voiron};
use crate::demo::DemoFailure;
use crate::demo::cast::Person::{Emma, Hugo, Ines, Malik, Nadia, Paul};
use crate::demo::stage::{Stage, Terms};

/// Hugo drives to work; of those who ask, Malik's proposal expires, Paul's is declined, Emma takes hers back, and Nadia's
/// waits.
pub async fn answers_of_all_kinds(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let to_work = stage.offers(Hugo, ride(vec![voiron(), grenoble()], days.at(1, 7, 40), 3, 250)).await?;
    let asked = Terms { seats: 1, cents: 250, from: voiron(), to: grenoble() };

    let talk = stage.talks(Malik, to_work).await?;
    talk.says(Malik, "Bonjour, je dois savoir tout de suite, sinon je prends le train.").await?;
    talk.proposes_for_a_minute(Malik, &asked).await?;

    let talk = stage.talks(Paul, to_work).await?;
    talk.says(Paul, "Bonjour Hugo, trois places à un euro ?").await?;
    let made = talk.proposes(Paul, &Terms { seats: 3, cents: 100, ..asked.clone() }).await?;
    talk.declines(Hugo, &made, "À ce prix-là, je ne couvre pas l'essence.").await?;
    talk.is_read_by(Hugo).await?;

    let talk = stage.talks(Emma, to_work).await?;
    let made = talk.proposes(Emma, &asked).await?;
    talk.withdraws(Emma, &made).await?;
    talk.says(Emma, "Finalement je travaille de chez moi demain, merci quand même !").await?;

    let talk = stage.talks(Nadia, to_work).await?;
    talk.says(Nadia, "Bonjour, pouvez-vous me prendre devant la gare de Voiron ?").await?;
    talk.proposes(Nadia, &asked).await?;
    talk.is_read_by(Nadia).await
}

/// Inès has a seat, and then Hugo cannot take her.
pub async fn a_driver_leaves_somebody_behind(stage: &Stage<'_>, days: &Calendar) -> Result<(), DemoFailure> {
    let to_valence = stage.offers(Hugo, ride(vec![grenoble(), valence()], days.at(4, 9, 0), 2, 700)).await?;
    let talk = stage.talks(Ines, to_valence).await?;
    talk.says(Ines, "Bonjour, une place pour moi avec un sac à dos ?").await?;
    let terms = Terms { seats: 1, cents: 700, from: grenoble(), to: valence() };
    let booked = talk.agrees(Ines, Hugo, &terms).await?;
    talk.is_read_by(Ines).await?;
    talk.cancels(Hugo, booked, "Je dois emmener un collègue et son matériel.").await?;
    talk.says(Hugo, "Vraiment désolé Inès, j'espère que vous trouverez une autre voiture.").await
}
