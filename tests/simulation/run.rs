//! What one seed makes happen, and the running of many.

use palabre_events::testing::DORA;
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::beginning::{COMPANIONS, STRANGERS};
use crate::client::Client;
use crate::fault::Fault;
use crate::people::PASSENGERS;
use crate::world::World;

/// What happens in one seed while things go wrong.
const STEPS: usize = 700;
/// As much where companions talk: whoever leaves them has to be told of it, or not, and they have to go on talking.
const STEPS_OF_COMPANIONS: usize = 2_000;
/// The most time that passes at once; a few times in a seed, so that proposals expire and most rides depart.
const LEAP_S: usize = 8 * 3600;

/// Whether people begin in one group in this seed.
fn are_companions(seed: u64) -> bool {
    seed % 3 == 1
}

/// Everyone at their browsers.
fn begin(seed: u64, fault: Option<Fault>) -> World {
    // What goes wrong among three nodes takes longer to play.
    let nodes = if seed.is_multiple_of(4) { 3 } else { 2 };
    let beginning = if are_companions(seed) { &COMPANIONS } else { &STRANGERS };
    let mut world = World::begun(seed, nodes, beginning, fault);
    world.clients = [DORA, DORA].into_iter().chain(PASSENGERS).map(Client::new).collect();
    world
}

/// One thing happens, or goes wrong.
fn step(world: &mut World) {
    let (number, node) = (world.dice.below(world.clients.len()), world.dice.below(world.nodes.len()));
    match world.dice.below(1000) {
        0..=525 => world.transmit(),
        526..=529 => world.rebalance(),
        530..=609 => world.nodes[node].run(),
        610..=624 => {
            let time = Duration::from_millis(1 + world.dice.below(200) as u64);
            world.nodes[node].wait(time);
        }
        625..=674 => drop(world.look(number)),
        675..=677 => world.leave(number),
        678..=687 => world.follow(node),
        688..=849 if world.clients[number].outstanding.is_none() => world.think(number),
        // Sometimes although an answer is still on its way: an impatient person, or two tabs.
        688..=849 => {
            let waits = world.clients[number].outstanding.as_ref().is_some_and(|it| !it.tickets.is_empty());
            if !waits || world.dice.chance(100) {
                world.send_outstanding(number);
            }
        }
        850..=954 => world.run_some_effect(node),
        955..=964 => world.look_for_unfinished(node),
        965..=979 => world.ring(),
        980 => world.crash(node),
        981..=986 => {
            let answers = world.dice.chance(700);
            world.nodes[node].reach_vault(answers);
        }
        987..=992 => {
            let passes_s = world.dice.below(LEAP_S) as i64;
            world.clock = world.clock.plus_seconds(passes_s);
        }
        _ => world.check_states(),
    }
}

/// All that one seed makes happen, until everything has come to rest and was found right.
pub fn story(seed: u64, fault: Option<Fault>) -> World {
    let mut world = begin(seed, fault);
    world.faulty = true;
    for _ in 0..if are_companions(seed) { STEPS_OF_COMPANIONS } else { STEPS } {
        step(&mut world);
    }
    world.come_to_rest();
    world
}

/// Runs many seeds on every core, and prints the seed of a failure. Returns how often each type of event happened.
pub fn run(seeds: Range<u64>) -> BTreeMap<String, usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let run_one = |seed: u64| match catch_unwind(|| story(seed, None)) {
        Ok(world) => world,
        Err(failure) => {
            eprintln!("this fails again with PALABRE_SEED={seed} cargo test --test simulation whatever_goes_wrong");
            resume_unwind(failure);
        }
    };
    let run_some = |first: usize| {
        let mut happened: BTreeMap<String, usize> = BTreeMap::new();
        for seed in seeds.clone().skip(first).step_by(cores) {
            let world = run_one(seed);
            world.log.events().iter().for_each(|event| *happened.entry(event.event_type.clone()).or_default() += 1);
        }
        happened
    };
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..cores).map(|first| scope.spawn(move || run_some(first))).collect();
        let mut happened: BTreeMap<String, usize> = BTreeMap::new();
        for run in runs {
            let some = run.join().unwrap_or_else(|failure| resume_unwind(failure));
            some.into_iter().for_each(|(name, times)| *happened.entry(name).or_default() += times);
        }
        happened
    })
}

/// The first seed below `seeds` that finds a planted fault and says so in these words; otherwise what all of them say
/// that find anything.
pub fn first_to_say(words: &str, seeds: u64, fault: Fault) -> Result<u64, Vec<String>> {
    let mut all = Vec::new();
    for seed in 0..seeds {
        match catch_unwind(AssertUnwindSafe(|| story(seed, Some(fault)))).map_err(|failure| said(&*failure)) {
            Err(why) if why.contains(words) => return Ok(seed),
            Err(why) => all.push(why),
            Ok(_) => {}
        }
    }
    Err(all)
}

fn said(failure: &(dyn Any + Send)) -> String {
    let text = failure.downcast_ref::<String>().cloned();
    text.or_else(|| failure.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
