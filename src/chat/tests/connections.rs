//! Caps, silence, and shutting down.

use super::*;

#[tokio::test]
async fn too_many_connections_are_refused_and_a_closed_one_makes_room() {
    let scene = Scene::new();
    let first = scene.connect(ANNA);
    scene.connect(ANNA);
    assert_eq!(scene.hub.connect(&scene.connection(ANNA, 2)), Err(Close::Overloaded), "of one account");
    scene.connect(BEN);
    scene.connect(BEN);
    scene.connect(CLEO);
    assert_eq!(scene.hub.connect(&scene.connection(EVE, 1)), Err(Close::Overloaded), "from one address");
    assert_eq!(scene.hub.connect(&scene.connection(EVE, 2)), Ok(()));
    scene.hub.disconnect(&first);
    assert_eq!(scene.hub.connection_count(), 5);
    scene.connect(ANNA);
}

#[tokio::test]
async fn a_hub_that_shuts_down_closes_all_also_those_who_come_late() {
    let scene = Scene::new();
    let early = scene.connect(ANNA);
    scene.hub.shut_down();
    assert_eq!(early.outbox.closing(), Some(Close::Shutdown));
    assert_eq!(scene.connect(ANNA).outbox.closing(), Some(Close::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_answered_before_a_hub_that_shuts_down_closes() {
    let scene = Scene::new();
    let (busy, stuck) = (scene.connect(ANNA), scene.connect(BEN));
    let (under_way, _for_ever) = (busy.begin().unwrap(), stuck.begin().unwrap());
    scene.hub.shut_down();
    assert_eq!(busy.outbox.closing(), None);
    busy.outbox.push("the answer".into());
    drop(under_way);
    let last = async |connection: Arc<Connection>| {
        let mut frames = Vec::new();
        loop {
            let batch = poll_fn(|context| connection.outbox.poll_take(context)).await;
            frames.extend(batch.frames);
            if let Some(why) = batch.close {
                return (frames, why);
            }
        }
    };
    assert_eq!(last(busy).await, (vec!["the answer".into()], Close::Shutdown));
    assert_eq!(last(stuck).await, (vec![], Close::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_silent_is_pinged_and_then_closed() {
    let scene = Scene::new();
    let anna = scene.connect(ANNA);
    let first = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert!(first.ping && first.close.is_none());
    let second = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert!(second.ping && second.close.is_none());
    let third = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert_eq!(third.close, Some(Close::NoPong));
}
