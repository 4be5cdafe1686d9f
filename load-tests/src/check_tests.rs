//! A check that cannot fail proves nothing: each violation is made here once, and must be found.

use super::*;
use crate::chat::Answer;
use crate::client::{Refused, new_key};
use serde_json::json;

const ANNA: Uuid = Uuid::from_u128(0xa);
const BEN: Uuid = Uuid::from_u128(0xb);

/// A conversation in which Anna has said "one" and "two", all acknowledged and told.
struct Scene {
    log: Vec<Value>,
    entries: Vec<Entry>,
    told: BTreeMap<Uuid, Transcript>,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self {
            log: vec![json!({"seq": 1, "type": "conversation_opened"})],
            entries: vec![],
            told: BTreeMap::new(),
        };
        scene.says("one", 2, (1, 2));
        scene.says("two", 3, (3, 4));
        scene.tell_all();
        scene
    }

    fn says(&mut self, text: &str, seq: u64, (sent, answered): (u64, u64)) {
        let key = new_key();
        self.log.push(json!({"seq": seq, "type": "message_posted", "key": key, "data": {"text": text}}));
        let outcome = Ok(json!({"seq": seq}));
        self.entries.push(Entry {
            account: ANNA,
            conversation: Uuid::nil(),
            command: json!({"type": "post_message", "text": text}),
            answer: Answer { key, sent, sent_over: (sent, sent), answered, connection: 1, outcome },
        });
    }

    fn happens(&mut self, kind: &str, data: &Value) {
        self.log.push(json!({"seq": self.log.len() + 1, "type": kind, "data": data}));
        self.tell_all();
    }

    fn view(&self, account: Uuid) -> Vec<Value> {
        let mut view = self.log.clone();
        if account != ANNA {
            view.iter_mut().filter_map(Value::as_object_mut).for_each(|event| drop(event.remove("key")));
        }
        view
    }

    fn tell_all(&mut self) {
        for account in [ANNA, BEN] {
            let mut transcript = Transcript::default();
            for event in self.view(account) {
                transcript.take(event, false);
            }
            self.told.insert(account, transcript);
        }
    }

    fn conversation(&self) -> Conversation<'_> {
        let views = [ANNA, BEN].map(|account| (account, self.view(account))).into();
        let transcripts = self.told.iter().map(|(account, told)| (*account, told)).collect();
        Conversation { id: Uuid::nil(), views, transcripts, entries: &self.entries }
    }

    fn violations(&self) -> Vec<String> {
        self.conversation().violations()
    }

    fn found(&self, part: &str) {
        let violations = self.violations();
        assert!(violations.iter().any(|sentence| sentence.contains(part)), "no {part:?} in {violations:#?}");
    }
}

fn refused() -> Result<Value, Refused> {
    Err(Refused { status: 0, code: "not_yours".into(), message: String::new(), temporary: false, retry_after_ms: None })
}

#[test]
fn a_good_history_violates_nothing() {
    assert_eq!(Scene::new().violations(), Vec::<String>::new());
}

#[test]
fn a_client_that_never_heard_of_it_is_found() {
    let mut scene = Scene::new();
    scene.told.remove(&BEN);
    scene.found("was told nothing of it");
}

#[test]
fn a_lost_message_is_found() {
    let mut scene = Scene::new();
    scene.log.pop();
    scene.tell_all();
    scene.found("was acknowledged with seq 3, and the log has it at []");
}

#[test]
fn a_doubled_message_is_found() {
    let mut scene = Scene::new();
    let mut again = scene.log[2].clone();
    again["seq"] = json!(4);
    scene.log.push(again);
    scene.tell_all();
    scene.found("was acknowledged with seq 3, and the log has it at [3, 4]");
}

#[test]
fn a_gap_in_the_log_is_found() {
    let mut scene = Scene::new();
    scene.log.remove(1);
    scene.found("has seq 3 where 2 belongs");
}

#[test]
fn a_client_that_was_not_told_is_found() {
    let mut scene = Scene::new();
    scene.log.push(json!({"seq": 4, "type": "message_posted", "data": {"text": "three"}}));
    scene.found("was told 3 events without a gap and 0 beyond, of 4");
}

#[test]
fn another_text_is_found_in_the_log_and_in_what_was_told() {
    let mut scene = Scene::new();
    scene.log[1]["data"]["text"] = json!("another");
    scene.found("has another text than was sent");
    scene.found("was told something else");
}

#[test]
fn a_refused_command_that_happened_is_found() {
    let mut scene = Scene::new();
    scene.entries[0].answer.outcome = refused();
    scene.found("changed nothing by its answer, and yet left 1 events");
    assert_eq!(scene.conversation().late(), 0);
    // Sent twice over one connection, the first was answered before.
    scene.entries[0].answer.sent_over = (1, 2);
    scene.found("changed nothing by its answer, and yet left 1 events");
    // Sent before over another connection, it may have come by that.
    scene.entries[0].answer.sent_over = (2, 2);
    assert_eq!((scene.violations(), scene.conversation().late()), (vec![], 1));
}

#[test]
fn a_refused_command_that_happened_twice_is_found_although_it_was_sent_twice() {
    let mut scene = Scene::new();
    let key = scene.entries[0].answer.key;
    scene.log.push(json!({"seq": 4, "type": "message_posted", "key": key, "data": {"text": "one"}}));
    scene.tell_all();
    scene.entries[0].answer.sent_over = (2, 2);
    scene.entries[0].answer.outcome = refused();
    scene.found("changed nothing by its answer, and yet left 2 events");
}

#[test]
fn an_event_that_nobody_asked_for_is_found() {
    let mut scene = Scene::new();
    scene.entries.pop();
    scene.found("had no answer");
}

#[test]
fn messages_against_the_order_of_the_log_are_found() {
    let mut scene = Scene::new();
    let sent_as = |scene: &mut Scene, index: usize, sent_over: (u64, u64), answered: u64| {
        let answer = &mut scene.entries[index].answer;
        (answer.sent, answer.sent_over, answer.answered) = (sent_over.0, sent_over, answered);
    };
    sent_as(&mut scene, 0, (2, 2), 3);
    sent_as(&mut scene, 1, (1, 1), 4);
    scene.found("said seq 3 before seq 2");
    // It was refused for the moment, and sent again after the other.
    sent_as(&mut scene, 1, (1, 4), 5);
    assert_eq!(scene.violations(), Vec::<String>::new());
    // On another connection the first may be the repeat of a lost acknowledgement, but not after the second was sent.
    let mut scene = Scene::new();
    scene.entries[0].answer.connection = 2;
    (scene.entries[0].answer.sent, scene.entries[0].answer.answered) = (5, 6);
    scene.found("sent a command after seq 3 was acknowledged, and it became seq 2");
}

#[test]
fn an_acceptance_needs_exactly_one_outcome() {
    let (proposal, reservation) = ("p", "p");
    let mut scene = Scene::new();
    scene.happens("proposal_accepted", &json!({"proposal": proposal}));
    scene.found("proposal p was accepted and has no outcome");
    scene.happens("booking_confirmed", &json!({"proposal": proposal, "reservation": reservation}));
    assert_eq!(scene.violations(), Vec::<String>::new());
    scene.happens("booking_refused", &json!({"proposal": proposal}));
    scene.found("has an outcome that nobody waits for");
}

#[test]
fn a_second_booking_is_found() {
    let mut scene = Scene::new();
    for proposal in ["p", "q"] {
        scene.happens("proposal_accepted", &json!({"proposal": proposal}));
        scene.happens("booking_confirmed", &json!({"proposal": proposal, "reservation": proposal}));
    }
    scene.found("q is booked although p is");
}
