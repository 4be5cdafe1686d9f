//! What other nodes commit: passed on by them, or read from the log by the feed.

use super::*;

/// What another node passes on.
fn from_elsewhere(events: &[Arc<Envelope>], audience: &[AccountId]) -> Notice {
    Notice::Committed { audience: audience.to_vec(), events: events.to_vec() }
}

#[tokio::test]
async fn what_another_node_passes_on_is_told_at_once() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora) = (scene.connect(ANNA), scene.connect(DORA));
    let committed = scene.says(ANNA).await;
    scene.hub.hear(from_elsewhere(&committed, &[ANNA, DORA]));
    assert_eq!((seqs(&told(&anna)), seqs(&told(&dora))), (vec![2], vec![2]));
    scene.hub.hear(from_elsewhere(&committed, &[ANNA, DORA]));
    assert!(told(&dora).is_empty(), "once for each account of this node");
}

#[tokio::test]
async fn of_a_conversation_not_known_here_nothing_is_passed_over() {
    let scene = Scene::new();
    // Opened and talked in before this node knew of it.
    let stream = StreamId::from(talk_with(ANNA));
    scene.commit::<ConversationEvent>(stream, by(ANNA), vec![opened().into()]).await;
    let younger = Scene {
        hub: Hub::new(scene.log.clone(), Arc::new(PlainOpener::default())),
        log: scene.log.clone(),
        versions: Mutex::new(scene.versions.lock().clone()),
    };
    let anna = younger.connect(ANNA);
    // Two are lost on the way, the third arrives.
    younger.says(DORA).await;
    younger.says(DORA).await;
    younger.hub.hear(from_elsewhere(&younger.says(DORA).await, &[ANNA, DORA]));
    assert_eq!(seqs(&next(&anna, 3).await), [2, 3, 4]);
}

#[tokio::test]
async fn what_an_actor_commits_after_what_another_node_committed_waits_for_it() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    let elsewhere = scene.says(DORA).await;
    scene.hub.publish(&scene.says(ANNA).await, &[ANNA, DORA]);
    scene.hub.hear(from_elsewhere(&elsewhere, &[ANNA, DORA]));
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test]
async fn events_too_long_to_be_passed_on_are_read_from_the_log() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.says(DORA).await;
    scene.says(DORA).await;
    scene.hub.hear(Notice::Grown { conversation: talk_with(ANNA), seq: 3 });
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test]
async fn what_the_feed_offers_is_told_from_its_own_copy() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, eve) = (scene.connect(ANNA), scene.connect(EVE));
    assert!(scene.hub.roster(talk_with(ANNA)).await.unwrap().is_some(), "the roster is known from here on");
    scene.log.failures.store(usize::MAX, Ordering::Relaxed);
    scene.hub.offer(&scene.says(DORA).await);
    scene.hub.offer(&scene.says(DORA).await);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3], "although the log cannot be read");
    assert!(told(&eve).is_empty());
}

#[tokio::test]
async fn an_offer_during_a_repair_is_not_lost() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.log.failures.store(1, Ordering::Relaxed);
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    scene.hub.offer(&scene.says(DORA).await);
    assert_eq!(seqs(&next(&anna, 3).await), [2, 3, 4]);
}

#[tokio::test]
async fn somebody_who_joined_elsewhere_may_type_and_somebody_who_left_may_not() {
    let scene = Scene::new();
    let (anna, dora) = (scene.connect(ANNA), scene.connect(DORA));
    let stream = StreamId::from(group());
    let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let first = scene.commit(stream, Actor::System, vec![opened.into(), joins(ANNA, 1)]).await;
    scene.hub.publish(&first, &[ANNA, DORA]);
    next(&dora, 2).await;
    assert!(!scene.hub.typing(BEN, group(), true).await.unwrap(), "the roster is remembered from here on");
    scene.hub.offer(&scene.commit(stream, Actor::System, vec![joins(BEN, 2)]).await);
    next(&dora, 1).await;
    assert!(scene.hub.typing(BEN, group(), true).await.unwrap());
    scene.hub.offer(&scene.commit(stream, Actor::System, vec![leaves(ANNA, 1)]).await);
    next(&dora, 1).await;
    assert!(!scene.hub.typing(ANNA, group(), true).await.unwrap());
    assert_eq!(seqs(&next(&anna, 3).await), [2, 3, 4]);
}

#[tokio::test]
async fn marks_that_only_the_feed_tells_are_told_once() {
    let scene = Scene::new();
    scene.opened().await;
    let dora = scene.connect(DORA);
    scene.hub.follow(&dora, &[talk_with(ANNA)]).await.unwrap();
    let read = ConversationRead { account: ANNA, conversation: talk_with(ANNA), up_to: 1 };
    let committed = scene.commit::<MarksEvent>(StreamId::marks(ANNA), by(ANNA), vec![read.into()]).await;
    scene.hub.offer(&committed);
    assert_eq!(next(&dora, 1).await[0]["type"], "read");
    scene.hub.offer(&committed);
    scene.hub.publish(&committed, &[]);
    scene.hub.publish(&scene.says(ANNA).await, &[ANNA, DORA]);
    assert_eq!(next(&dora, 1).await[0]["type"], "message_posted");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_connected_to_another_node_is_online() {
    let scene = Scene::new();
    scene.opened().await;
    let dora = scene.connect(DORA);
    scene.hub.follow(&dora, &[talk_with(ANNA)]).await.unwrap();
    let presence = |online: bool| json!({"type": "presence", "account": ANNA, "online": online});
    scene.hub.came_elsewhere(ANNA);
    assert_eq!(told(&dora), [presence(true)]);
    let anna = scene.connect(ANNA);
    scene.hub.came_elsewhere(ANNA);
    scene.hub.gone_elsewhere(ANNA);
    scene.hub.disconnect(&anna);
    assert!(told(&dora).is_empty(), "still on one other node");
    let late = scene.connect(DORA);
    assert_eq!(scene.hub.follow(&late, &[talk_with(ANNA)]).await, Ok(vec![ANNA]));
    scene.hub.gone_elsewhere(ANNA);
    scene.hub.came_elsewhere(ANNA);
    assert!(told(&dora).is_empty(), "whoever changes nodes does not flicker");
    scene.hub.gone_elsewhere(ANNA);
    assert_eq!(scene.hub.follow(&late, &[talk_with(ANNA)]).await, Ok(vec![ANNA]), "so say all, until it is told");
    assert_eq!(next(&dora, 1).await, [presence(false)]);
    assert_eq!(told(&late), [presence(false)]);
}

#[tokio::test]
async fn typing_and_marks_from_elsewhere_are_shown_to_whom_they_are_for() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora) = (scene.connect(ANNA), scene.connect(DORA));
    let conversation = talk_with(ANNA);
    scene.hub.follow(&dora, &[conversation]).await.unwrap();
    scene.hub.hear(Notice::Typing { to: DORA, conversation, account: ANNA, on: true });
    scene.hub.hear(Notice::Read { to: DORA, conversation, account: ANNA, up_to: 1 });
    let kinds: Vec<_> = told(&dora).iter().map(|frame| frame["type"].clone()).collect();
    assert_eq!(kinds, ["typing", "read"]);
    assert!(told(&anna).is_empty());
    scene.hub.hear(Notice::SessionEnded { account: DORA, session: Uuid::nil() });
    assert_eq!(dora.outbox.closing(), Some(Close::Revoked));
    assert_eq!(anna.outbox.closing(), None);
}
