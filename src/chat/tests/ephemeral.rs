//! Marks, typing and presence.

use super::*;

#[tokio::test]
async fn marks_are_told_to_the_participants() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, ben) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(BEN));
    for up_to in [1, 2] {
        let read = ConversationRead { account: ANNA, conversation: talk_with(ANNA), up_to };
        let committed = scene.commit::<MarksEvent>(StreamId::marks(ANNA), by(ANNA), vec![read.into()]).await;
        scene.hub.publish(&committed, &[]);
        let expected = json!({"type": "read", "conversation": talk_with(ANNA), "account": ANNA, "up_to": up_to});
        for connection in [&anna, &dora] {
            assert_eq!(next(connection, 1).await, std::slice::from_ref(&expected));
        }
    }
    assert!(told(&ben).is_empty());
}

#[tokio::test]
async fn typing_goes_to_the_others_who_follow() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, other_tab) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(DORA));
    assert_eq!(scene.hub.follow(&dora, &[talk_with(ANNA)]).await, Ok(vec![ANNA]));
    assert_eq!(scene.hub.typing(ANNA, talk_with(ANNA), true).await, Ok(true));
    let expected = json!({"type": "typing", "conversation": talk_with(ANNA), "account": ANNA, "on": true});
    assert_eq!(told(&dora), [expected]);
    assert!(told(&anna).is_empty() && told(&other_tab).is_empty());
    assert_eq!(scene.hub.typing(EVE, talk_with(ANNA), true).await, Ok(false));
    assert_eq!(scene.hub.typing(EVE, talk_with(EVE), true).await, Ok(false));
    assert_eq!(scene.hub.follow(&dora, &[]).await, Ok(vec![]));
    assert_eq!(scene.hub.typing(ANNA, talk_with(ANNA), true).await, Ok(true));
    assert!(told(&dora).is_empty());
}

#[tokio::test(start_paused = true)]
async fn presence_is_told_to_followers_and_a_reload_does_not_flicker() {
    let scene = Scene::new();
    scene.opened().await;
    let dora = scene.connect(DORA);
    assert_eq!(scene.hub.follow(&dora, &[talk_with(ANNA), talk_with(BEN)]).await, Ok(vec![]));
    let presence = |online: bool| json!({"type": "presence", "account": ANNA, "online": online});
    let anna = scene.connect(ANNA);
    assert_eq!(told(&dora), [presence(true)]);
    let reloaded = async |anna| {
        scene.hub.disconnect(anna);
        scene.connect(ANNA)
    };
    let anna = reloaded(&anna).await;
    assert!(told(&dora).is_empty());
    scene.hub.disconnect(&anna);
    scene.hub.disconnect(&anna);
    assert_eq!(next(&dora, 1).await, [presence(false)]);
    assert_eq!(scene.hub.follow(&scene.connect(EVE), &[talk_with(ANNA)]).await, Ok(vec![]), "no stranger follows");
}

#[tokio::test]
async fn who_came_or_went_before_the_answer_came_is_told_again_after_it() {
    let scene = Scene::new();
    scene.opened().await;
    let dora = scene.connect(DORA);
    let presence = |online: bool| json!({"type": "presence", "account": ANNA, "online": online});
    let online = scene.hub.follow(&dora, &[talk_with(ANNA)]).await.unwrap();
    scene.connect(ANNA);
    assert_eq!((online.as_slice(), told(&dora)), (&[][..], vec![presence(true)]), "the answer is not sent yet");
    scene.hub.tell_since(&dora, &online);
    assert_eq!(told(&dora), [presence(true)]);
    scene.hub.tell_since(&dora, &[ANNA]);
    assert!(told(&dora).is_empty(), "the answer says so");
    scene.hub.tell_since(&dora, &[ANNA, BEN]);
    let gone = json!({"type": "presence", "account": BEN, "online": false});
    assert_eq!(told(&dora), [gone], "she follows nothing with Ben in it");
}

#[tokio::test]
async fn whoever_leaves_a_group_while_they_ask_to_follow_it_watches_nobody_there() {
    let scene = Scene::new();
    let stream = StreamId::from(group());
    let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let begin = vec![opened.into(), joins(ANNA, 1), joins(BEN, 2)];
    scene.commit::<ConversationEvent>(stream, Actor::System, begin).await;
    let [anna, _ben] = [ANNA, BEN].map(|account| scene.connect(account));
    let shut = scene.log.gate.clone().write_owned().await;
    let (hub, follows) = (scene.hub.clone(), anna.clone());
    let following = tokio::spawn(async move { hub.follow(&follows, &[group()]).await });
    while scene.log.reading.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    scene.commit(stream, Actor::System, vec![leaves(ANNA, 1)]).await;
    drop(shut);
    assert_eq!(following.await.unwrap(), Ok(vec![]));
    scene.connect(DORA);
    assert_eq!(told(&anna), [json!(null); 0]);
}

/// Whether events come from an actor or from the feed.
type Way = fn(&Hub, &[Arc<Envelope>], &[AccountId]);

#[tokio::test(start_paused = true)]
async fn whoever_joins_a_group_is_watched_and_whoever_leaves_it_watches_nobody() {
    let ways: [Way; 2] = [|hub, events, audience| hub.publish(events, audience), |hub, events, _| hub.offer(events)];
    for tell in ways {
        let scene = Scene::new();
        let stream = StreamId::from(group());
        let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
        let begin = vec![opened.into(), joins(ANNA, 1), joins(BEN, 2)];
        tell(&scene.hub, &scene.commit::<ConversationEvent>(stream, Actor::System, begin).await, &[ANNA, BEN, DORA]);
        let [anna, ben, dora, eve] = [ANNA, BEN, DORA, EVE].map(|account| scene.connect(account));
        assert_eq!(scene.hub.follow(&anna, &[group()]).await, Ok(vec![BEN, DORA]));
        assert_eq!(scene.hub.follow(&dora, &[group()]).await, Ok(vec![ANNA, BEN]));
        let presence = |account, online: bool| json!({"type": "presence", "account": account, "online": online});
        let heard = async |connection, account| {
            let frames = next(connection, 2).await;
            frames.into_iter().find(|frame| frame["type"] == "presence" && frame["account"] == json!(account))
        };

        let joined = scene.commit(stream, Actor::System, vec![joins(EVE, 3)]).await;
        tell(&scene.hub, &joined, &[ANNA, BEN, DORA, EVE]);
        assert_eq!(heard(&anna, EVE).await, Some(presence(EVE, true)));
        assert_eq!(heard(&dora, EVE).await, Some(presence(EVE, true)));

        tell(&scene.hub, &scene.commit(stream, Actor::System, vec![leaves(ANNA, 1)]).await, &[ANNA, BEN, DORA, EVE]);
        let left = next(&anna, 4).await;
        assert_eq!(left[0]["seq"], 5);
        assert_eq!(left[1..], [BEN, EVE, DORA].map(|account| presence(account, false)), "nobody, as far as she knows");
        let left = next(&dora, 2).await;
        assert_eq!((&left[0]["seq"], &left[1]), (&json!(5), &presence(ANNA, false)));
        scene.hub.disconnect(&ben);
        scene.hub.disconnect(&eve);
        let mut gone = next(&dora, 2).await;
        gone.sort_by_key(|frame| frame["account"].to_string());
        let mut expected = [presence(BEN, false), presence(EVE, false)];
        expected.sort_by_key(|frame| frame["account"].to_string());
        assert_eq!(gone, expected);
        assert!(told(&anna).is_empty(), "it is none of hers any more");
        assert_eq!(scene.hub.typing(DORA, group(), true).await, Ok(true));
        assert!(told(&anna).is_empty());

        // She books again, and her connection still has the group open.
        tell(&scene.hub, &scene.commit(stream, Actor::System, vec![joins(ANNA, 4)]).await, &[ANNA, BEN, DORA, EVE]);
        assert_eq!(heard(&anna, DORA).await, Some(presence(DORA, true)));
        assert_eq!(heard(&dora, ANNA).await, Some(presence(ANNA, true)));
    }
}
