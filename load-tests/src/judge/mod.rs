//! Waits until everything that a crowd began is settled, reads back what the log holds, and judges: what was
//! acknowledged is there once, everybody was told all of it in one order, and no seat was sold twice.

mod read_back;
mod settle;

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use uuid::Uuid;

use self::read_back::{Views, fullest, read_back, stays_in};
use self::settle::settle;
use crate::chat::{Chat, Tally};
use crate::check::Conversation;
use crate::client::record_of;
use crate::crowd::{Ended, Ride};
use crate::report::{Table, thousands};
use crate::ride_check::RideCheck;
use crate::server::Server;

/// How many records of rides are read at once.
const RECORDS_AT_ONCE: usize = 4;
/// How long until every client has been told everything.
const TOLD_BOUND: Duration = Duration::from_secs(30);

/// What a run showed.
pub struct Verdict {
    /// What is violated.
    pub violations: Vec<String>,
    /// How many commands were answered, by type and answer.
    pub answers: BTreeMap<(String, String), u64>,
    /// Events in all conversations.
    pub events: usize,
    /// What was said in groups.
    pub groups: Groups,
    /// Bookings confirmed or changed, and refused.
    pub bookings: (usize, usize),
    /// The most seats that were ever taken at once on a ride.
    pub most_taken: u64,
    /// What the clients have gone through, together.
    pub tally: Tally,
    /// Commands that were refused and carried out later all the same, see [`Conversation::late`].
    pub late: usize,
    /// When the last accepted proposal had its outcome.
    pub settled: Instant,
    /// What `verify` and `rebuild --check` printed.
    pub printed: String,
}

/// How many people came together in the groups of rides, and how much they said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Groups {
    /// Groups that there are.
    pub count: usize,
    /// Messages in all of them.
    pub messages: usize,
    /// The most people who were in one at once.
    pub most_people: usize,
}

impl Verdict {
    /// Judges what the servers answer in the end.
    pub async fn of(ended: &Ended) -> Result<Self> {
        let mut violations = ended.failures.clone();
        violations.extend(settle(ended).await);
        let settled = Instant::now();
        let views = read_back(ended).await?;
        violations.extend(wait_until_told(ended, &views).await);
        violations.extend(ended.chats.values().flat_map(|chat| chat.faults()));
        let (found, late) = of_conversations(ended, &views);
        violations.extend(found);
        let (found, most_taken) = of_rides(ended, &views).await?;
        violations.extend(found);
        let whole = || views.values().filter_map(fullest);
        let count =
            |types: &[&str]| whole().flatten().filter(|event| types.iter().any(|kind| event["type"] == *kind)).count();
        Ok(Self {
            violations,
            answers: answers(ended),
            events: whole().map(Vec::len).sum(),
            groups: groups(&views),
            bookings: (count(&["booking_confirmed", "booking_changed"]), count(&["booking_refused"])),
            most_taken,
            tally: tally(ended),
            late,
            settled,
            printed: String::new(),
        })
    }

    /// Has the program itself prove the log with `commands` over the data of `server`, which must not run.
    pub fn prove(&mut self, server: &Server, commands: &[&[&str]]) -> Result<()> {
        for command in commands {
            let output = server.run(command)?;
            self.printed += &output.out;
            if !output.status.success() {
                self.violations.push(format!("palabre {} says no:\n{}{}", command.join(" "), output.out, output.err));
            }
        }
        Ok(())
    }

    /// What happened, in a few lines and a table of the answers.
    pub fn markdown(&self) -> String {
        let mut table = Table::new(["command", "answer", "times"]);
        for ((command, answer), count) in &self.answers {
            table.row([command.clone(), answer.clone(), thousands(*count as f64)]);
        }
        let tally = self.tally;
        format!(
            "{} connections; {} events came late by resuming; {} commands were repeated, {} of them had been committed, {} were \
             refused and carried out later by an earlier copy.\n\
             {} events in all conversations; {} groups of up to {} people, with {} messages; \
             {} bookings made or changed, {} refused; at most {} seats taken at once.\n\n\
             {table}\n{}{} violations\n",
            thousands(tally.connections as f64),
            thousands(tally.resumed as f64),
            thousands(tally.repeated as f64),
            thousands(tally.duplicates as f64),
            thousands(self.late as f64),
            thousands(self.events as f64),
            thousands(self.groups.count as f64),
            thousands(self.groups.most_people as f64),
            thousands(self.groups.messages as f64),
            thousands(self.bookings.0 as f64),
            thousands(self.bookings.1 as f64),
            self.most_taken,
            self.printed,
            self.violations.len(),
        )
    }

    /// The same as figures.
    pub fn figures(&self) -> Value {
        let answers: Vec<_> = self
            .answers
            .iter()
            .map(|((command, answer), count)| json!({"command": command, "answer": answer, "count": count}))
            .collect();
        json!({
            "answers": answers,
            "events": self.events,
            "groups": self.groups.count,
            "group_messages": self.groups.messages,
            "most_people_in_a_group": self.groups.most_people,
            "bookings": self.bookings.0,
            "bookings_refused": self.bookings.1,
            "most_seats_taken": self.most_taken,
            "connections": self.tally.connections,
            "events_resumed": self.tally.resumed,
            "commands_repeated": self.tally.repeated,
            "duplicates_answered": self.tally.duplicates,
            "carried_out_late": self.late,
            "violations": self.violations,
        })
    }
}

/// Each conversation as it is in the end against what its people were answered and told; and how many refused commands
/// were carried out later.
fn of_conversations(ended: &Ended, views: &Views) -> (Vec<String>, usize) {
    let entries = ended.ledger.by_conversation();
    let transcripts: BTreeMap<Uuid, _> =
        ended.chats.iter().map(|(account, chat)| (*account, chat.transcripts())).collect();
    let mut ids: BTreeSet<Uuid> = views.keys().chain(entries.keys()).copied().collect();
    ids.extend(transcripts.values().flat_map(BTreeMap::keys));
    let (mut violations, mut late) = (Vec::new(), 0);
    for id in ids {
        let views = views.get(&id).cloned().unwrap_or_default();
        let told = transcripts.iter().filter_map(|(account, told)| Some((*account, told.get(&id)?)));
        let entries = entries.get(&id).map(Vec::as_slice).unwrap_or_default();
        let (stays, transcripts) = (stays_in(&views), told.collect());
        let conversation = Conversation { id, stays, views, transcripts, entries };
        violations.extend(conversation.violations());
        late += conversation.late();
    }
    (violations, late)
}

/// Each ride against its conversations; and the most seats that were taken at once.
async fn of_rides(ended: &Ended, views: &Views) -> Result<(Vec<String>, u64)> {
    let read = async |ride: &Ride| {
        let mut record = record_of(&ride.driver.api, ride.id).await?;
        record.retain(|event| event["stream"] == format!("ride-{}", ride.id));
        anyhow::Ok(record)
    };
    let records: Vec<_> = stream::iter(&ended.rides).map(read).buffered(RECORDS_AT_ONCE).try_collect().await?;
    let (mut violations, mut most_taken) = (Vec::new(), 0);
    for (ride, record) in ended.rides.iter().zip(records) {
        let check = RideCheck::of(&record);
        most_taken = most_taken.max(check.most_taken());
        let found = check.violations().iter().cloned().chain(against_conversations(ride, &check, views));
        violations.extend(found.map(|sentence| format!("ride {}: {sentence}", ride.id)));
    }
    Ok((violations, most_taken))
}

/// Waits until every client is as far as the log; who is not is found by the comparison. A missing client is said here.
async fn wait_until_told(ended: &Ended, views: &Views) -> Vec<String> {
    let give_up = Instant::now() + TOLD_BOUND;
    let mut missing = Vec::new();
    for (id, views) in views {
        for (account, view) in views {
            let Some(chat) = ended.chats.get(account) else {
                missing.push(format!("the client of {account} is gone"));
                continue;
            };
            let left = give_up.saturating_duration_since(Instant::now());
            let last = view.last().and_then(|event| event["seq"].as_u64()).unwrap_or(0);
            let there = |chat: &Chat| (chat.seq(*id) >= last).then_some(());
            // Said in detail by the comparison that follows.
            chat.wait_until("everything", left, there).await.ok();
        }
    }
    missing.sort();
    missing.dedup();
    missing
}

/// The ride's outcomes and reservations against what its conversations say.
fn against_conversations(ride: &Ride, check: &RideCheck, views: &Views) -> Vec<String> {
    let mut found = Vec::new();
    let mut standing = BTreeSet::new();
    let talks = ride.conversations.keys().filter_map(|id| views.get(id)?.values().next());
    for event in talks.flatten() {
        let text = |field: &str| event["data"][field].as_str().unwrap_or_default().to_owned();
        let reserved = check.outcomes().get(&text("proposal"));
        match event["type"].as_str().unwrap_or_default() {
            "booking_confirmed" | "booking_changed" => {
                if reserved != Some(&true) {
                    found.push(format!(
                        "proposal {} is booked in the conversation, and not on the ride",
                        text("proposal")
                    ));
                }
                standing.insert(text("reservation"));
            }
            // A cancellation may overtake the answer of the ride, which had reserved.
            "booking_refused" if reserved != Some(&false) && text("reason") != "cancelled_before" => {
                found
                    .push(format!("proposal {} is refused in the conversation, and not by the ride", text("proposal")));
            }
            "booking_cancelled" => drop(standing.remove(&text("reservation"))),
            _ => {}
        }
    }
    let held: BTreeSet<String> = check.reservations().cloned().collect();
    found.extend(held.difference(&standing).map(|id| format!("{id} is reserved, and no conversation has it booked")));
    found.extend(standing.difference(&held).map(|id| format!("{id} is booked, and the ride has not reserved it")));
    found
}

fn answers(ended: &Ended) -> BTreeMap<(String, String), u64> {
    let mut answers = BTreeMap::new();
    for entry in ended.ledger.by_conversation().into_values().flatten() {
        let answer = match &entry.answer.outcome {
            Ok(ok) if ok["duplicate"] == true => "acknowledged again".to_owned(),
            Ok(ok) if ok["unchanged"] == true => "unchanged".to_owned(),
            Ok(_) => "acknowledged".to_owned(),
            Err(refused) => refused.code.clone(),
        };
        let kind = entry.command["type"].as_str().unwrap_or_default().to_owned();
        *answers.entry((kind, answer)).or_insert(0) += 1;
    }
    answers
}

fn tally(ended: &Ended) -> Tally {
    ended.chats.values().map(|chat| chat.tally()).fold(Tally::default(), |sum, one| Tally {
        connections: sum.connections + one.connections,
        resumed: sum.resumed + one.resumed,
        repeated: sum.repeated + one.repeated,
        duplicates: sum.duplicates + one.duplicates,
    })
}

fn groups(views: &Views) -> Groups {
    let mut groups = Groups::default();
    for views in views.values() {
        let (Some(stays), Some(events)) = (stays_in(views), fullest(views)) else { continue };
        groups.count += 1;
        groups.messages += events.iter().filter(|event| event["type"] == "message_posted").count();
        groups.most_people = groups.most_people.max(stays.most_at_once());
    }
    groups
}
