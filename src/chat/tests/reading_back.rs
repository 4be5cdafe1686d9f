//! What is read back from the log: pages, and what somebody missed.

use super::*;
use crate::chat::resume::{self, Missing};

#[tokio::test]
async fn texts_of_erased_people_are_absent() {
    let scene = Scene::new();
    scene.opened().await;
    scene.says(ANNA).await;
    let roster = history::roster(scene.log.as_ref(), talk_with(ANNA)).await.unwrap().unwrap();
    let opener = PlainOpener { erased: vec![KeyId::Person(ANNA)] };
    let page = history::page(scene.log.as_ref(), &opener, talk_with(ANNA), &roster, DORA, Span::After(1), 1);
    let frame: Value = serde_json::from_str(page.await.unwrap()[0].get()).unwrap();
    assert_eq!(frame["data"], json!({"author": ANNA}));
}

/// Dora has said so much that nobody was told.
async fn after_many_messages(count: u64) -> Scene {
    let scene = Scene::new();
    scene.opened().await;
    for _ in 0..count {
        scene.says(DORA).await;
    }
    scene
}

#[tokio::test]
async fn whoever_reads_much_lets_others_go_first() {
    let scene = after_many_messages(64).await;
    let roster = history::roster(scene.log.as_ref(), talk_with(ANNA)).await.unwrap().unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let opener = PlainOpener::default();
    let page = history::page(scene.log.as_ref(), &opener, talk_with(ANNA), &roster, ANNA, Span::After(1), 64);
    assert_eq!(page.await.unwrap().len(), 64);
    assert!(turns.swap(0, Ordering::Relaxed) >= 8);
    let missing = resume::missing(&scene.hub, ANNA, talk_with(ANNA), 1, usize::MAX).await.unwrap();
    assert!(matches!(missing, Missing::Events(events) if events.len() == 64));
    assert!(turns.load(Ordering::Relaxed) >= 8);
    other.abort();
}

#[tokio::test]
async fn what_has_no_room_in_an_answer_is_not_told_in_part() {
    let scene = after_many_messages(3).await;
    let missing = async |bytes_max| resume::missing(&scene.hub, ANNA, talk_with(ANNA), 1, bytes_max).await.unwrap();
    let Missing::Events(events) = missing(usize::MAX).await else { panic!("all has room") };
    let bytes = events.iter().map(|event| event.get().len() + 1).sum();
    assert!(matches!(missing(bytes).await, Missing::Events(events) if events.len() == 3));
    assert!(matches!(missing(bytes - 1).await, Missing::TooMuch));
}
