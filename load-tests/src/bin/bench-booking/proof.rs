//! What the records of the rides say of the seats, against what people were told.

use anyhow::{Result, ensure};
use palabre_load_tests::client::record_of;
use palabre_load_tests::progress::bar;
use palabre_load_tests::report::thousands;
use palabre_load_tests::ride_check::RideCheck;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::market::{Ride, SEATS};

/// What was counted anew.
#[derive(Default, Serialize)]
pub struct Proof {
    /// Rides whose records were read as their drivers read them.
    pub rides: u64,
    /// Bookings that were confirmed to somebody, and stand on the ride.
    pub reservations: u64,
    /// Wishes that were refused, each because the ride was full.
    pub refusals: u64,
}

impl Proof {
    /// Counts the seats of `rides`: none sold twice, none withheld, and each outcome as its passenger was told it.
    pub async fn check(&mut self, rides: &[Ride]) -> Result<()> {
        let bar = bar(rides.len(), "seats are counted")?;
        for ride in rides {
            let mut record = record_of(&ride.driver.api, ride.id).await?;
            record.retain(|event| event["stream"] == format!("ride-{}", ride.id));
            let check = RideCheck::of(&record);
            ensure!(check.violations().is_empty(), "ride {}: {}", ride.id, check.violations().join("; "));
            let told = ride.told.lock().expect("nobody panics with what was told").clone();
            let told: BTreeMap<_, _> = told.into_iter().map(|booked| (booked.proposal, booked.confirmed)).collect();
            ensure!(
                check.outcomes() == &told,
                "ride {}: {:?}, and people were told {told:?}",
                ride.id,
                check.outcomes()
            );
            let refusals = told.values().filter(|confirmed| !**confirmed).count() as u64;
            ensure!(refusals == 0 || check.most_taken() == SEATS, "ride {} refuses, and is not full", ride.id);
            self.rides += 1;
            self.reservations += told.len() as u64 - refusals;
            self.refusals += refusals;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// What was found, for people.
    pub fn sentence(&self) -> String {
        format!(
            "{} rides of {SEATS} seats, counted anew from their records: {} bookings, {} refused because the ride was full; no seat is sold twice, and each outcome is what its passenger was told.\n",
            thousands(self.rides as f64),
            thousands(self.reservations as f64),
            thousands(self.refusals as f64)
        )
    }
}
