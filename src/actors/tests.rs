//! The directory and its actors on the log in memory: answers, duplicates, sleep, and hot conversations.

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use palabre_events::conversation::{Conversation, ConversationCommand, ConversationKind, ConversationOpened};
use palabre_events::log::{Fingerprint, KeyedCommand};
use palabre_events::sealed::{KeyId, MessageText};
use palabre_events::shell::{Answer, Submission};
use palabre_events::{AccountId, Actor, CommandKey, ConversationId, Envelope, RideId, Sealed, StreamId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use super::Publish;
use super::aggregate::{INSPECTIONS_MAX, Surroundings};
use super::directory::{Directory, host_actors_here};
use super::effects::Effects;
use crate::clock;
use crate::store::memory::MemoryStore;
use crate::store::{EventStore, ReadFailure, altered};

#[derive(Default)]
struct Heard(Mutex<Vec<(u64, usize)>>);

impl Publish for Heard {
    fn publish(&self, events: &[Arc<Envelope>], audience: &[AccountId]) {
        self.0.lock().extend(events.iter().map(|event| (event.version, audience.len())));
    }
}

struct Place {
    directory: Directory,
    log: Arc<dyn EventStore>,
    heard: Arc<Heard>,
    _arbiters: Vec<actix::Arbiter>,
}

fn place() -> Place {
    place_on(Arc::new(MemoryStore::new()))
}

fn place_on(log: Arc<dyn EventStore>) -> Place {
    let heard = Arc::new(Heard::default());
    let (effects, _) = Effects::new();
    let surroundings = Surroundings { log: log.clone(), publish: heard.clone(), effects };
    let arbiters = vec![actix::Arbiter::new(), actix::Arbiter::new()];
    let handles: Vec<_> = arbiters.iter().map(actix::Arbiter::handle).collect();
    Place { directory: Directory::new(&surroundings, &handles), log, heard, _arbiters: arbiters }
}

const DRIVER: AccountId = AccountId(Uuid::from_u128(1));
const PASSENGER: AccountId = AccountId(Uuid::from_u128(2));
const RIDE: RideId = RideId(Uuid::from_u128(3));

fn conversation() -> ConversationId {
    ConversationId::about_ride(RIDE, PASSENGER)
}

fn asked(command: ConversationCommand, by: AccountId, body: u8) -> Submission<ConversationCommand> {
    let command_id = Uuid::now_v7();
    Submission {
        command,
        by: Actor::Person(by),
        key: Some(KeyedCommand { account: by, key: CommandKey(Uuid::now_v7()), fingerprint: Fingerprint([body; 16]) }),
        command_id,
        correlation_id: command_id,
        causation_id: None,
        traceparent: None,
        now: clock::now(),
    }
}

fn open() -> Submission<ConversationCommand> {
    let opening = ConversationOpened {
        kind: ConversationKind::Ride,
        ride: RIDE,
        ride_version: 1,
        driver: DRIVER,
        passenger: Some(PASSENGER),
        in_answer_to: None,
    };
    asked(ConversationCommand::Open(Box::new(opening)), PASSENGER, 0)
}

fn say(text: &str) -> Submission<ConversationCommand> {
    // Nobody opens it here, so the text itself may stand for its box.
    let text: Sealed<MessageText> = Sealed::from_box(KeyId::Person(PASSENGER), text.as_bytes().to_vec());
    asked(ConversationCommand::PostMessage { text, in_reply_to: None }, PASSENGER, 1)
}

async fn submit(
    place: &Place,
    submission: Submission<ConversationCommand>,
) -> Answer<palabre_events::conversation::ConversationRejection> {
    place.directory.submit::<Conversation>(conversation(), submission).await
}

#[actix::test]
async fn a_command_is_answered_once_it_is_in_the_log_and_published() {
    let place = place();
    assert!(matches!(submit(&place, open()).await, Answer::Committed(_)));
    let Answer::Committed(events) = submit(&place, say("bonjour")).await else { panic!("not committed") };
    let stored = place.log.read(conversation().into(), 0, 10).await.unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1], events[0]);
    assert_eq!(*place.heard.0.lock(), vec![(1, 2), (2, 2)], "both sides hear each event in order");
}

#[actix::test]
async fn a_repeated_key_answers_what_it_first_committed_and_another_body_is_refused() {
    let place = place();
    submit(&place, open()).await;
    let first = say("bonjour");
    let Answer::Committed(events) = submit(&place, first.clone()).await else { panic!("not committed") };
    let Answer::Duplicate(again) = submit(&place, first.clone()).await else { panic!("not a duplicate") };
    assert_eq!((again.version, again.position), (events[0].version, events[0].position));
    let mut other = first;
    other.key = other.key.map(|key| KeyedCommand { fingerprint: Fingerprint([9; 16]), ..key });
    assert!(matches!(submit(&place, other).await, Answer::KeyReused));
    assert_eq!(place.log.read(conversation().into(), 0, 10).await.unwrap().len(), 2);
}

#[actix::test]
async fn a_hot_conversation_keeps_every_message_once_and_in_order() {
    let place = place();
    submit(&place, open()).await;
    let said = (0..200).map(|number| submit(&place, say(&number.to_string())));
    for answer in futures_util::future::join_all(said).await {
        assert!(matches!(answer, Answer::Committed(_)), "{answer:?}");
    }
    let stored = place.log.read(conversation().into(), 1, 1000).await.unwrap();
    let versions: Vec<_> = stored.iter().map(|event| event.version).collect();
    assert_eq!(versions, (2..=201).collect::<Vec<_>>());
    let heard: Vec<_> = place.heard.0.lock().iter().map(|(version, _)| *version).collect();
    assert_eq!(heard, (1..=201).collect::<Vec<_>>());
}

#[actix::test]
async fn an_actor_that_slept_is_rebuilt_from_the_log() {
    let place = place();
    submit(&place, open()).await;
    // Another directory knows nothing of the first one's actors: as another node, or this one after a restart.
    let (effects, _) = Effects::new();
    let surroundings = Surroundings { log: place.log.clone(), publish: place.heard.clone(), effects };
    let arbiter = actix::Arbiter::new();
    let elsewhere = Directory::new(&surroundings, &[arbiter.handle()]);
    let (state, version) = elsewhere.inspect::<Conversation>(conversation()).await.unwrap();
    assert_eq!(version, 1);
    assert!(state.has_participant(DRIVER) && state.has_participant(PASSENGER));
    // Both now write in turn: each finds the other's events by the conflict.
    for number in 0..10 {
        let (here, there) = (say(&format!("here {number}")), say(&format!("there {number}")));
        assert!(matches!(submit(&place, here).await, Answer::Committed(_)));
        let answer = elsewhere.submit::<Conversation>(conversation(), there).await;
        assert!(matches!(answer, Answer::Committed(_)), "{answer:?}");
    }
    assert_eq!(place.log.read(conversation().into(), 0, 100).await.unwrap().len(), 21);
}

#[actix::test]
async fn who_is_not_asked_for_long_goes_to_sleep_and_is_woken_by_the_next_command() {
    let place = place();
    // Each actor that is awake holds on to whom it tells.
    let nobody_awake = Arc::strong_count(&place.heard);
    for round in 0..3 {
        let submission = if round == 0 { open() } else { say("bonjour") };
        assert!(matches!(submit(&place, submission).await, Answer::Committed(_)));
        place.directory.send_to_sleep(Duration::from_secs(60));
        assert!(Arc::strong_count(&place.heard) > nobody_awake, "it was asked a moment ago");
        place.directory.send_to_sleep(Duration::ZERO);
        let asleep = async {
            while Arc::strong_count(&place.heard) > nobody_awake {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asleep).await.expect("it goes to sleep");
    }
}

#[actix::test]
async fn actors_live_on_the_thread_of_whoever_asks_where_that_hosts_them() {
    let place = place();
    // A thread that serves, but for this one question.
    let serving = actix::Arbiter::new();
    let (directory, (told, answer)) = (place.directory.clone(), tokio::sync::oneshot::channel());
    serving.spawn(async move {
        host_actors_here();
        drop(told.send(directory.submit::<Conversation>(conversation(), open()).await));
    });
    assert!(matches!(answer.await, Ok(Answer::Committed(_))));
    // Its thread ends, and the actor with it: the next one is woken elsewhere.
    serving.stop();
    serving.join().expect("it ends");
    let Answer::Committed(events) = submit(&place, say("bonjour")).await else { panic!("not committed") };
    assert_eq!(events[0].version, 2);
}

#[actix::test]
async fn of_two_nodes_each_finds_out_what_the_other_appended() {
    let here = place();
    let there = place_on(here.log.clone());
    assert!(matches!(submit(&here, open()).await, Answer::Committed(_)));
    for number in 2..=20 {
        let node = if number % 2 == 0 { &there } else { &here };
        let Answer::Committed(events) = submit(node, say("bonjour")).await else { panic!("not committed") };
        assert_eq!(events[0].version, number);
    }
}

#[actix::test]
async fn an_actor_that_is_awake_shows_what_another_node_appended() {
    let here = place();
    let there = place_on(here.log.clone());
    submit(&here, open()).await;
    for version in 1..=5 {
        let (state, known) = there.directory.inspect::<Conversation>(conversation()).await.unwrap();
        assert_eq!((state.seq(), known), (version, version));
        submit(&here, say("bonjour")).await;
        // Whether it hears of it or not.
        if version % 2 == 0 {
            there.directory.heard_of(conversation().into(), version + 1);
        }
    }
}

/// A log that answers no read.
struct Silent(MemoryStore);

impl altered::Altered for Silent {
    fn log(&self) -> &dyn EventStore {
        &self.0
    }

    fn read(&self, _: StreamId, _: u64, _: usize) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        Box::pin(std::future::pending())
    }
}

#[actix::test]
async fn while_the_log_is_silent_only_so_many_wait_for_a_state() {
    const ASKED: usize = 20 * INSPECTIONS_MAX;
    let place = place_on(Arc::new(Silent(MemoryStore::new())));
    let mut asking = FuturesUnordered::new();
    for _ in 0..ASKED {
        asking.push(place.directory.inspect::<Conversation>(conversation()));
        // Each is asked before the next, so that few find the mailbox full.
        assert!(asking.next().now_or_never().flatten().is_none_or(|answer| answer.is_err()));
        tokio::task::yield_now().await;
    }
    let refused = async {
        while asking.len() > INSPECTIONS_MAX {
            assert!(asking.next().await.unwrap().is_err());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the others are told");
    assert!(asking.next().now_or_never().is_none(), "those go on waiting");
}
