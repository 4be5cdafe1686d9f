//! Thousands of connections from one address: where that is allowed, and where it is not.

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use palabre_load_tests::report::thousands;
use palabre_load_tests::talk::fleet::{Dialect, Fleet, Seat};
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::wire::Template;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::report::Kind;
use crate::visit::{Answer, Visit, knock};
use crate::world::World;

/// With all limits, most are refused: they come too fast for their accounts, and are too many.
pub const REFUSED: Kind = Kind { name: "come at once, limits as delivered", bytes_each: EACH };
/// However slowly they come, an address may only have so many.
pub const TOO_MANY: Kind = Kind { name: "come at once, 1,000 may", bytes_each: EACH };
/// With the limits lifted, all are let in, and cost what connections cost.
pub const LET_IN: Kind = Kind { name: "come at once, all may", bytes_each: EACH };
/// What a connection may cost.
const EACH: u64 = 32 << 10;
/// Connections that are tried at once.
const AT_ONCE: usize = 32;
/// How many sockets one address may have where nothing else is set.
const SOCKETS_PER_ADDRESS: usize = 1_000;

/// How many were answered how.
struct Crowd {
    let_in: usize,
    answers: BTreeMap<String, usize>,
}

/// All `connections` are let in, and stay for as long as is measured.
pub async fn all_are_let_in(world: &World, rooms: &[Room], connections: usize) -> Result<String> {
    let crowd = gather(world, rooms, connections).await?;
    ensure!(crowd.let_in == connections, "not all are let in: {}", crowd.became());
    Ok(crowd.became())
}

/// As many are let in as one address may have; the others are let in and closed with a code that says so.
pub async fn beyond_the_cap(world: &World, rooms: &[Room], connections: usize) -> Result<String> {
    let crowd = gather(world, rooms, connections).await?;
    let expected = connections.min(SOCKETS_PER_ADDRESS);
    ensure!(crowd.let_in == expected, "not {expected} are let in: {}", crowd.became());
    Ok(crowd.became())
}

/// No more are let in than one address may have, and every other is answered.
pub async fn refused(world: &World, rooms: &[Room], connections: usize) -> Result<String> {
    let crowd = gather(world, rooms, connections).await?;
    ensure!(crowd.let_in <= SOCKETS_PER_ADDRESS, "too many are let in: {}", crowd.became());
    Ok(crowd.became())
}

/// Tries to open `connections`, and keeps those that are let in for as long as is measured; they answer pings.
async fn gather(world: &World, rooms: &[Room], connections: usize) -> Result<Crowd> {
    let people: Vec<_> = rooms.iter().flat_map(|room| &room.people).collect();
    let knocks = (0..connections).map(|number| knock(world.server, people[number % people.len()]));
    let answers: Vec<_> = stream::iter(knocks).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut crowd = Crowd { let_in: 0, answers: BTreeMap::new() };
    let mut seats = Vec::new();
    for answer in answers {
        let what = match answer {
            Answer::Open(Visit { stream, buffer, .. }) => {
                seats.push(Seat { stream, buffer, template: Template::message(&Uuid::nil().to_string()) });
                "let in".to_owned()
            }
            Answer::Refused(status) => format!("answered {status}"),
            Answer::Closed(code) => format!("closed with {code}"),
        };
        *crowd.answers.entry(what).or_default() += 1;
    }
    crowd.let_in = seats.len();
    let (waiting, _connections) = Fleet::launch(Dialect::Palabre, 1, seats);
    tokio::time::sleep(world.span).await;
    waiting.check()?;
    Ok(crowd)
}

impl Crowd {
    fn became(&self) -> String {
        let told = self.answers.iter().map(|(what, count)| format!("{} {what}", thousands(*count as f64)));
        told.collect::<Vec<_>>().join(", ")
    }
}
