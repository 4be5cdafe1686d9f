//! Conversations of which people come and go.

use super::*;
use crate::chat::resume::{self, Missing};

#[tokio::test]
async fn members_of_a_group_are_told_from_their_joining_to_their_leaving() {
    let scene = Scene::new();
    let (anna, ben, dora) = (scene.connect(ANNA), scene.connect(BEN), scene.connect(DORA));
    let [first, second, third] = group_talk(&scene).await;
    scene.hub.publish(&first, &[ANNA, DORA]);
    scene.hub.publish(&second, &[ANNA, BEN, DORA]);
    scene.hub.publish(&third, &[ANNA, BEN, DORA]);
    assert_eq!(seqs(&next(&dora, 7).await), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seqs(&next(&anna, 5).await), [2, 3, 4, 5, 6]);
    assert_eq!(seqs(&next(&ben, 4).await), [4, 5, 6, 7]);
    assert!(told(&anna).is_empty() && told(&ben).is_empty());
    let stream = StreamId::from(group());
    scene
        .hub
        .publish(&scene.commit::<ConversationEvent>(stream, by(DORA), vec![posted(DORA).into()]).await, &[BEN, DORA]);
    assert_eq!(seqs(&told(&ben)), [8], "nothing is read when nobody moves");
    assert!(told(&anna).is_empty());
}

#[tokio::test]
async fn what_is_missing_in_a_group_is_told_without_reading_all_of_it() {
    let scene = Scene::new();
    let (ben, dora, eve) = (scene.connect(BEN), scene.connect(DORA), scene.connect(EVE));
    let stream = StreamId::from(group());
    let speaks = async |times: usize| {
        let said = (0..times).map(|_| posted(DORA).into()).collect();
        scene.commit::<ConversationEvent>(stream, by(DORA), said).await
    };
    let begun = group_talk(&scene).await;
    for events in &begun {
        scene.hub.publish(events, &[ANNA, BEN, DORA]);
    }
    for _ in 0..10 {
        scene.hub.publish(&speaks(50).await, &[BEN, DORA]);
    }
    assert_eq!((next(&dora, 507).await.len(), next(&ben, 504).await.len()), (507, 504));
    // The feed passes them later, which is no news.
    begun.iter().for_each(|events| scene.hub.offer(events));

    let read_before = scene.log.events_read.load(Ordering::Relaxed);
    let read = || scene.log.events_read.load(Ordering::Relaxed) - read_before;
    speaks(1).await;
    scene.hub.publish(&speaks(1).await, &[BEN, DORA]);
    assert_eq!(seqs(&next(&dora, 2).await), [508, 509]);
    assert_eq!(read(), 2);

    // More than a page, and somebody joins meanwhile.
    for _ in 0..2 {
        speaks(50).await;
    }
    scene.commit(stream, Actor::System, vec![joins(EVE, 3)]).await;
    for _ in 0..2 {
        speaks(50).await;
    }
    scene.hub.publish(&speaks(1).await, &[BEN, DORA, EVE]);
    assert_eq!(seqs(&next(&dora, 202).await), (510..=711).collect::<Vec<_>>());
    assert_eq!(seqs(&next(&ben, 204).await), (508..=711).collect::<Vec<_>>());
    assert_eq!(seqs(&next(&eve, 102).await), (610..=711).collect::<Vec<_>>());
    assert_eq!(read(), 2 + 202);
}

#[tokio::test]
async fn a_page_hides_what_a_member_may_not_see_and_ends_where_they_left() {
    let scene = Scene::new();
    group_talk(&scene).await;
    let roster = history::roster(scene.log.as_ref(), group()).await.unwrap().unwrap();
    let page = async |viewer, span, limit| {
        let opener = PlainOpener::default();
        let page = history::page(scene.log.as_ref(), &opener, group(), &roster, viewer, span, limit).await.unwrap();
        let frames = page.iter().map(|frame| serde_json::from_str::<Value>(frame.get()).unwrap());
        frames.map(|frame| (frame["seq"].as_u64().unwrap(), frame["type"] == "hidden")).collect::<Vec<_>>()
    };
    let shown = |seqs: std::ops::RangeInclusive<u64>| seqs.map(|seq| (seq, false)).collect::<Vec<_>>();
    assert_eq!(page(DORA, Span::After(0), 50).await, shown(1..=7));
    assert_eq!(page(ANNA, Span::After(0), 50).await, [vec![(1, true)], shown(2..=6)].concat());
    assert_eq!(page(BEN, Span::After(2), 50).await, [vec![(3, true)], shown(4..=7)].concat());
    assert_eq!(page(DORA, Span::After(2), 3).await, shown(3..=5));
    assert_eq!(page(DORA, Span::Before(6), 2).await, shown(4..=5));
    assert_eq!(page(ANNA, Span::Before(u64::MAX), 2).await, shown(5..=6));
    assert_eq!(page(DORA, Span::Before(2), 10).await, shown(1..=1));
    assert_eq!(page(EVE, Span::After(0), 50).await, []);
}

/// Anna and Ben are in Dora's group, of which four events were told; all of them have gone. Then Anna leaves it.
async fn everybody_gone_then_anna_leaves(scene: &Scene) -> Vec<Arc<Envelope>> {
    let connections = [scene.connect(ANNA), scene.connect(BEN), scene.connect(DORA)];
    let stream = StreamId::from(group());
    let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let begin = vec![opened.into(), joins(ANNA, 1), joins(BEN, 2), posted(DORA).into()];
    let events = scene.commit::<ConversationEvent>(stream, by(DORA), begin).await;
    scene.hub.offer(&events);
    scene.hub.publish(&events, &[ANNA, BEN, DORA]);
    assert_eq!(next(&connections[2], 4).await.len(), 4);
    assert!(scene.hub.roster(group()).await.unwrap().unwrap().takes_part(ANNA));
    connections.iter().for_each(|connection| scene.hub.disconnect(connection));
    scene.commit(stream, Actor::System, vec![leaves(ANNA, 1)]).await
}

async fn dora_speaks(scene: &Scene) -> Vec<Arc<Envelope>> {
    scene.commit::<ConversationEvent>(group().into(), by(DORA), vec![posted(DORA).into()]).await
}

#[tokio::test]
async fn whoever_left_while_nobody_was_connected_is_told_nothing_more() {
    let scene = Scene::new();
    // Nobody tells this node of it.
    everybody_gone_then_anna_leaves(&scene).await;
    scene.hub.publish(&dora_speaks(&scene).await, &[BEN, DORA]);
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    dora_speaks(&scene).await;
    scene.hub.publish(&dora_speaks(&scene).await, &[BEN, DORA]);
    assert_eq!(seqs(&next(&ben, 2).await), [7, 8]);
    assert_eq!(told(&anna), [json!(null); 0]);
}

#[tokio::test]
async fn whoever_left_when_the_feed_alone_told_of_it_is_told_nothing_more() {
    let scene = Scene::new();
    scene.hub.offer(&everybody_gone_then_anna_leaves(&scene).await);
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    scene.hub.offer(&dora_speaks(&scene).await);
    assert_eq!(seqs(&next(&ben, 2).await), [5, 6]);
    assert_eq!(seqs(&told(&anna)), [5], "her own leaving is the last that she sees");
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_something_is_read_takes_no_part_when_it_was() {
    let scene = Scene::new();
    let begun = group_talk(&scene).await;
    let dora = scene.connect(DORA);
    begun.iter().for_each(|events| scene.hub.publish(events, &[ANNA, BEN, DORA]));
    assert_eq!(next(&dora, 7).await.len(), 7);
    dora_speaks(&scene).await;
    let shut = scene.log.gate.clone().write_owned().await;
    scene.hub.publish(&dora_speaks(&scene).await, &[BEN, DORA]);
    while scene.log.reading.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    // The feed alone says so, and what it reads is told a moment later.
    scene.hub.offer(&scene.commit(group().into(), Actor::System, vec![leaves(BEN, 2)]).await);
    drop(shut);
    let since = tokio::time::Instant::now();
    assert_eq!(seqs(&next(&dora, 3).await), [8, 9, 10]);
    assert_eq!(since.elapsed(), Duration::ZERO, "it is not left to the feed, which waits");
    assert!(!scene.hub.roster(group()).await.unwrap().unwrap().takes_part(BEN));
}

#[tokio::test]
async fn a_roster_from_before_anything_was_told_is_not_believed_later() {
    let scene = Scene::new();
    let stream = StreamId::from(group());
    group_talk(&scene).await;
    assert!(scene.hub.roster(group()).await.unwrap().unwrap().takes_part(BEN));
    scene.hub.offer(&scene.commit(stream, Actor::System, vec![leaves(BEN, 2)]).await);
    let (ben, dora) = (scene.connect(BEN), scene.connect(DORA));
    scene.hub.offer(&dora_speaks(&scene).await);
    assert_eq!(seqs(&next(&dora, 1).await), [9]);
    assert_eq!(told(&ben), [json!(null); 0]);
}

#[tokio::test]
async fn whoever_has_left_does_not_learn_how_much_is_said_there() {
    let scene = Scene::new();
    group_talk(&scene).await;
    let missing = async |seq| resume::missing(&scene.hub, ANNA, group(), seq, resume::RESUMED_BYTES_MAX).await.unwrap();
    assert!(matches!(missing(6).await, Missing::Events(none) if none.is_empty()), "she left with it");
    assert!(matches!(missing(7).await, Missing::Ahead), "there is one");
    assert!(matches!(missing(8).await, Missing::Ahead), "there is none");
}
