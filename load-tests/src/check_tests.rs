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
        Conversation { id: Uuid::nil(), stays: None, views, transcripts, entries: &self.entries }
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

const DORA: Uuid = Uuid::from_u128(0xd);
const EVE: Uuid = Uuid::from_u128(0xe);

/// A group of Dora's in which Anna is from 2 to 6 and again from 8 on, and Ben from 4 to 10. Anna said 3, and was refused
/// when she was away.
struct Group {
    views: BTreeMap<Uuid, Vec<Value>>,
    entries: Vec<Entry>,
    told: BTreeMap<Uuid, Transcript>,
}

impl Group {
    fn new() -> Self {
        let key = new_key();
        let moves = |kind: &str, account: Uuid, reservation: &str| {
            let fields = json!({"account": account, "reservation": reservation});
            json!({"type": kind, "data": fields})
        };
        let says = |text: &str| json!({"type": "message_posted", "data": {"text": text}});
        let mut log = [
            json!({"type": "conversation_opened", "data": {"kind": "group", "driver": DORA}}),
            moves("participant_joined", ANNA, "a"),
            says("three"),
            moves("participant_joined", BEN, "b"),
            says("five"),
            moves("participant_left", ANNA, "a"),
            says("seven"),
            moves("participant_joined", ANNA, "c"),
            says("nine"),
            moves("participant_left", BEN, "b"),
            says("eleven"),
        ];
        (1..).zip(&mut log).for_each(|(seq, event)| event["seq"] = json!(seq));
        let shown = |seqs: &[u64], to: u64| {
            let show =
                |event: &Value| if seqs.contains(&seq_of(event)) { event.clone() } else { hidden(seq_of(event)) };
            log.iter().filter(|event| seq_of(event) <= to).map(show).collect::<Vec<_>>()
        };
        let all: Vec<u64> = (1..=11).collect();
        let mut views = BTreeMap::from([
            (DORA, shown(&all, 11)),
            (ANNA, shown(&[2, 3, 4, 5, 6, 8, 9, 10, 11], 11)),
            (BEN, shown(&[4, 5, 6, 7, 8, 9, 10], 10)),
        ]);
        views.get_mut(&ANNA).unwrap()[2]["key"] = json!(key);
        let mut refusal = said(new_key(), "away", 0);
        refusal.answer.outcome = refused();
        let mut group = Self { views, entries: vec![said(key, "three", 3), refusal], told: BTreeMap::new() };
        [(DORA, 1), (ANNA, 1), (BEN, 4)].into_iter().for_each(|(account, from)| group.tell(account, from));
        group
    }

    /// Tells the client of `account` its view from `from` on.
    fn tell(&mut self, account: Uuid, from: u64) {
        let mut transcript = Transcript::default();
        for event in self.views[&account].iter().filter(|event| seq_of(event) >= from) {
            transcript.take(event.clone(), true);
        }
        self.told.insert(account, transcript);
    }

    fn view(&mut self, account: Uuid) -> &mut Vec<Value> {
        self.views.get_mut(&account).unwrap()
    }

    fn violations(&self) -> Vec<String> {
        let stays = Some(Stays::of(DORA, &self.views[&DORA]));
        let transcripts = self.told.iter().map(|(account, told)| (*account, told)).collect();
        Conversation { id: Uuid::nil(), stays, views: self.views.clone(), transcripts, entries: &self.entries }
            .violations()
    }

    fn found(&self, part: &str) {
        let violations = self.violations();
        assert!(violations.iter().any(|sentence| sentence.contains(part)), "no {part:?} in {violations:#?}");
    }
}

fn hidden(seq: u64) -> Value {
    json!({"seq": seq, "type": "hidden"})
}

/// Lets the events at two `seq` change places.
fn exchange(view: &mut [Value], a: usize, b: usize) {
    view.swap(a - 1, b - 1);
    for seq in [a, b] {
        view[seq - 1]["seq"] = json!(seq);
    }
}

/// What Anna said first, and was acknowledged at `seq`.
fn said(key: Uuid, text: &str, seq: u64) -> Entry {
    let outcome = Ok(json!({"seq": seq}));
    Entry {
        account: ANNA,
        conversation: Uuid::nil(),
        command: json!({"type": "post_message", "text": text}),
        answer: Answer { key, sent: 1, sent_over: (1, 1), answered: 2, connection: 1, outcome },
    }
}

#[test]
fn a_good_group_violates_nothing() {
    let mut group = Group::new();
    assert_eq!(group.violations(), Vec::<String>::new());
    // What is hidden before the first that is seen may as well be left out.
    group.view(BEN).drain(..3);
    assert_eq!(group.violations(), Vec::<String>::new());
}

#[test]
fn members_who_see_a_group_in_two_orders_are_found() {
    let mut group = Group::new();
    exchange(group.view(BEN), 5, 9);
    group.found("was told something else than the log holds");
    group.found("its participants see two histories");
}

#[test]
fn a_member_whose_client_was_told_another_order_is_found() {
    let mut group = Group::new();
    let held = group.views[&BEN].clone();
    exchange(group.view(BEN), 5, 9);
    group.tell(BEN, 4);
    group.views.insert(BEN, held);
    group.found(&format!("{BEN} was told something else than the log holds"));
}

#[test]
fn a_member_who_was_told_nothing_or_not_all_is_found() {
    let mut group = Group::new();
    group.told.remove(&BEN);
    group.found(&format!("{BEN} was told nothing of it"));
    group.tell(BEN, 5);
    group.found(&format!("{BEN} was told of it from seq 5 on, and sees what was before"));
}

#[test]
fn a_hole_in_the_view_of_a_member_is_found() {
    let mut group = Group::new();
    group.view(BEN).remove(4);
    group.found(&format!("the view of {BEN} has seq 6 where 5 belongs"));
}

#[test]
fn a_view_that_begins_late_or_ends_early_is_found() {
    let mut group = Group::new();
    group.view(BEN).drain(..4);
    group.found(&format!("the view of {BEN} begins with seq 5, and lacks seq 4"));
    group.view(BEN).pop();
    group.found(&format!("the view of {BEN} ends with seq 9 where 10 is the last"));
}

#[test]
fn what_is_shown_to_the_absent_or_hidden_from_a_member_is_found() {
    let mut group = Group::new();
    let seventh = group.view(DORA)[6].clone();
    group.view(ANNA)[6] = seventh;
    group.found(&format!("the view of {ANNA} shows seq 7 against who was there"));
    group.found(&format!("{ANNA} was told something else than the log holds"));
    let mut group = Group::new();
    group.view(BEN)[7] = hidden(8);
    group.found(&format!("the view of {BEN} hides seq 8 against who was there"));
}

#[test]
fn a_stranger_who_was_told_of_a_group_is_found() {
    let mut group = Group::new();
    let told = group.told[&BEN].clone();
    group.told.insert(EVE, told);
    group.found(&format!("{EVE} was told of it, and never took part"));
}

#[test]
fn a_post_in_a_group_that_is_lost_is_found() {
    let mut group = Group::new();
    for account in [DORA, ANNA] {
        group.view(account)[2] = json!({"seq": 3, "type": "ride_noticed", "data": {}});
    }
    group.found("was acknowledged with seq 3, and the log has it at []");
}

#[test]
fn a_refused_post_that_is_in_the_group_is_found() {
    let mut group = Group::new();
    group.entries[0].answer.outcome = refused();
    group.found("changed nothing by its answer, and yet left 1 events");
}

#[test]
fn two_views_of_one_conversation_are_found() {
    let scene = Scene::new();
    let mut conversation = scene.conversation();
    conversation.views.entry(BEN).or_default()[1]["data"]["text"] = json!("another");
    let violations = conversation.violations();
    assert!(violations.iter().any(|sentence| sentence.contains("see two histories")), "{violations:#?}");
}
