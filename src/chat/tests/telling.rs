//! Events that one node commits: in order, once, to those who may see them.

use super::*;
use crate::chat::hub::READS_MAX;
use palabre_events::sealed::CannotOpen;
use std::sync::mpsc;

#[tokio::test]
async fn both_sides_are_told_and_only_the_author_learns_the_key() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, ben) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(BEN));
    let committed = scene.says(ANNA).await;
    scene.hub.publish(&committed, &[ANNA, DORA]);
    let mut expected = json!({
        "conversation": talk_with(ANNA), "seq": 2, "position": 2, "at": now().to_string(), "by": by(ANNA).to_string(),
        "type": "message_posted", "data": {"author": ANNA, "text": "Bonjour"}, "v": 1, "key": committed[0].key,
    });
    assert_eq!(told(&anna), [expected.clone()]);
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(told(&dora), [expected]);
    assert_eq!(told(&ben), [json!(null); 0]);
}

#[tokio::test]
async fn what_was_told_is_not_told_again() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    let committed = scene.says(DORA).await;
    scene.hub.publish(&committed, &[ANNA, DORA]);
    scene.hub.publish(&committed, &[ANNA, DORA]);
    scene.hub.offer(&committed);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
    assert_eq!(told(&anna), [json!(null); 0]);
}

#[tokio::test]
async fn a_hole_is_filled_from_the_log_before_anything_goes_on() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.says(DORA).await;
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 4).await), [2, 3, 4, 5]);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 1).await), [6]);
}

#[tokio::test]
async fn what_an_actor_never_told_comes_by_the_feed() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    let mut committed = scene.says(DORA).await;
    committed.extend(scene.says(DORA).await);
    scene.hub.offer(&committed);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test]
async fn what_was_committed_before_the_hub_is_nobodys_news() {
    let scene = Scene::new();
    scene.opened().await;
    let old = scene.says(DORA).await;
    let younger = Scene {
        hub: Hub::new(scene.log.clone(), Arc::new(PlainOpener::default())),
        log: scene.log.clone(),
        versions: Mutex::new(scene.versions.lock().clone()),
    };
    let anna = younger.connect(ANNA);
    younger.hub.offer(&old);
    younger.hub.publish(&younger.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 1).await), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_is_asked_again() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.log.failures.store(3, Ordering::Relaxed);
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn when_the_log_fails_for_long_whoever_missed_something_resumes() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    assert!(scene.hub.typing(DORA, talk_with(ANNA), false).await.unwrap(), "the roster is known from here on");
    scene.log.failures.store(usize::MAX, Ordering::Relaxed);
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    let closed = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert_eq!(closed.close, Some(Close::Gap));
    assert_eq!(ben.outbox.closing(), None);
}

#[tokio::test]
async fn when_a_conversation_that_catches_up_is_forgotten_whoever_missed_something_resumes() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    let shut = scene.log.gate.clone().write_owned().await;
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    while scene.log.reading.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    // To make room, and then it is heard of again.
    scene.hub.shared.lines.of(talk_with(ANNA)).forget(talk_with(ANNA));
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    drop(shut);
    let closed = async { while poll_fn(|context| anna.outbox.poll_take(context)).await.close != Some(Close::Gap) {} };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("she resumes");
    assert_eq!(ben.outbox.closing(), None);
}

struct Away;

impl Opener for Away {
    fn open(&self, _: KeyId, _: &'static str, _: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        Err(CannotOpen::Unavailable)
    }
}

#[tokio::test(start_paused = true)]
async fn while_nothing_can_be_opened_nobody_resumes_but_those_who_missed_something() {
    let scene = Scene::with(Arc::new(Away));
    scene.opened().await;
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    let closed = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert_eq!(closed.close, Some(Close::Gap));
    assert_eq!(ben.outbox.closing(), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_left_before_what_cannot_be_told_is_left_alone() {
    let scene = Scene::with(Arc::new(Away));
    let stream = StreamId::from(group());
    let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let begin = vec![opened.into(), joins(ANNA, 1), joins(BEN, 2), leaves(ANNA, 1)];
    scene.hub.publish(&scene.commit::<ConversationEvent>(stream, Actor::System, begin).await, &[ANNA, BEN, DORA]);
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    let said = scene.commit::<ConversationEvent>(stream, by(DORA), vec![posted(DORA).into()]).await;
    scene.hub.publish(&said, &[BEN, DORA]);
    let closed = poll_fn(|context| ben.outbox.poll_take(context)).await;
    assert_eq!(closed.close, Some(Close::Gap));
    assert_eq!(anna.outbox.closing(), None, "she would learn that something is said");
}

/// Says when it is asked to open something, and opens it when it is told to.
struct Slow {
    asked: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Opener for Slow {
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        // Who arranged it may be gone after a failure.
        self.asked.send(()).ok();
        self.go_on.lock().recv().ok();
        PlainOpener::default().open(key, purpose, boxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_behind_an_event_that_is_being_opened() {
    const WITHIN: Duration = Duration::from_secs(10);
    type Way = fn(&Hub, &[Arc<Envelope>]);
    let ways: [Way; 3] = [
        |hub, events| hub.publish(events, &[ANNA, DORA]),
        |hub, events| hub.hear(Notice::Grown { conversation: talk_with(ANNA), seq: events[0].version }),
        |hub, events| hub.offer(events),
    ];
    for tell in ways {
        let ((asked, is_asked), (go_on, told_to)) = (mpsc::channel(), mpsc::channel());
        let scene = Scene::with(Arc::new(Slow { asked, go_on: Mutex::new(told_to) }));
        scene.opened().await;
        let (anna, said) = (scene.connect(ANNA), scene.says(DORA).await);
        let hub = scene.hub.clone();
        let telling = std::thread::spawn(move || tell(&hub, &said));
        is_asked.recv_timeout(WITHIN).expect("the event is opened");
        let ((had, is_had), shared) = (mpsc::channel(), scene.hub.shared.clone());
        let asking = std::thread::spawn(move || {
            drop(shared.lines.of(talk_with(ANNA)));
            had.send(()).unwrap();
        });
        let had = is_had.recv_timeout(WITHIN);
        go_on.send(()).unwrap();
        telling.join().unwrap();
        asking.join().unwrap();
        assert_eq!(had, Ok(()), "the conversation is not locked meanwhile");
        assert_eq!(seqs(&next(&anna, 1).await), [2]);
    }
}

#[tokio::test]
async fn however_many_conversations_catch_up_only_so_many_reads_are_under_way() {
    let scene = Scene::new();
    let _anna = scene.connect(ANNA);
    let shut = scene.log.gate.clone().write_owned().await;
    for number in 1..=3 * READS_MAX {
        let conversation = ConversationId(Uuid::from_u128(number as u128));
        scene.hub.hear(Notice::Grown { conversation, seq: 1 });
    }
    for _ in 0..3 * READS_MAX {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.log.reading.load(Ordering::Relaxed), READS_MAX);
    drop(shut);
}
