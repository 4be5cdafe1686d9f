//! Fills an empty store with a demo.

use palabre_events::account::Language;
use palabre_events::{AccountId, Timestamp};
use std::collections::BTreeMap;

use super::DemoFailure;
use super::cast::{CAST, DOMAIN};
use super::map::Map;
use super::marker::Marker;
use super::plan::Plan;
use super::scenes;
use super::stage::{Stage, asked};
use crate::clock;
use crate::commands::{requests, rides};
use crate::places::Places;
use crate::platform::Platform;
use crate::vault::Email;

/// Fills the store that `marker` marks. `progress` is told how many steps are done, and of how many. Answers the marker of
/// a demo that is whole, which is on disk.
pub async fn fill(
    platform: &Platform,
    marker: Marker,
    mut progress: impl FnMut(u64, u64),
) -> Result<Marker, DemoFailure> {
    let plan = Plan::draw(marker.seed, clock::now(), &Map::new(Places::embedded()));
    let all = CAST.len() + plan.rides() + plan.seekers.len();
    let all = all as u64 + scenes::COUNT;
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(done, all);
    };

    let mut accounts = BTreeMap::new();
    for person in CAST {
        let (email, password) = (address(&person.email()), person.password(&marker.secret));
        let let_in =
            platform.accounts.introduce_with_password(email, &password, person.name(), Language::Fr, clock::now());
        accounts.insert(person, let_in.await?);
        step();
    }
    let scenes_until = scenes::play(&Stage { platform, accounts }, &mut step).await?;
    let rides_until = offer_rides(platform, &plan, &mut step).await?;
    for (number, seeker) in plan.seekers.into_iter().enumerate() {
        let account = introduce(platform, &format!("passager-{number}"), &seeker.name).await?;
        requests::post(platform, asked(account)?, seeker.request).await?;
        step();
    }

    let whole = Marker { filled: true, lasts_until: Some(scenes_until.max(rides_until)), ..marker };
    whole.write(&platform.config.data)?;
    Ok(whole)
}

/// Answers when the last one leaves.
async fn offer_rides(platform: &Platform, plan: &Plan, step: &mut impl FnMut()) -> Result<Timestamp, DemoFailure> {
    let mut last = clock::now();
    for (number, driver) in plan.drivers.iter().enumerate() {
        let account = introduce(platform, &format!("conducteur-{number}"), &driver.name).await?;
        for ride in &driver.rides {
            rides::offer(platform, asked(account)?, ride.clone()).await?;
            last = last.max(ride.departs_at);
            step();
        }
    }
    Ok(last)
}

/// Somebody whom nobody signs in as.
async fn introduce(platform: &Platform, local_part: &str, name: &str) -> Result<AccountId, DemoFailure> {
    let email = address(&format!("{local_part}@{DOMAIN}"));
    Ok(platform.accounts.introduce(email, name, Language::Fr, clock::now()).await?)
}

fn address(email: &str) -> Email {
    email.parse().expect("addresses of a demo are addresses")
}
