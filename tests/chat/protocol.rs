//! Plays the examples of `docs/PROTOCOL.md`, in order, against a real server, so that the specification stays true.
//!
//! Ids, hashes and positions stand for others in each run; each must stand for the same one throughout. Times stand for
//! any time. Everything else must be as written.

use palabre::chat::asking;
use palabre_events::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

use crate::client::{Client, offer_ride};
use crate::support::{Person, TestServer};

const PAGE: &str = include_str!("../../docs/PROTOCOL.md");

/// What the page says of somebody, and the ride that it is about.
const ANNA: &str = "0190a4b2-5a6e-7c31-8d1f-222222222222";
const DORA: &str = "0190a4b2-5a6e-7c31-8d1f-555555555555";
const RIDE: &str = "0190a4b2-5a6e-5c31-8d1f-666666666666";

/// An example: who sends or hears which frame, and who leaves before.
struct Example<'a> {
    is_sent: bool,
    who: &'a str,
    leaves: Option<&'a str>,
    frame: Value,
}

fn examples() -> Vec<Example<'static>> {
    let blocks = PAGE.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    let examples = blocks.map(|(says, text)| {
        let (who, leaves) = says.split_once(", after ").unwrap_or((says, ""));
        let [format, side, who] = who.split(' ').collect::<Vec<_>>()[..] else { panic!("who says: {says}") };
        assert!(format == "json" && (side == "client" || side == "server"), "{says}");
        let frame = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Example { is_sent: side == "client", who, leaves: leaves.strip_suffix(" leaves"), frame }
    });
    examples.collect()
}

/// Which real value each value of the page stands for, and the other way round.
#[derive(Default)]
struct Cast {
    real: HashMap<Value, Value>,
    written: HashMap<Value, Value>,
}

impl Cast {
    fn bind(&mut self, written: Value, real: Value) {
        self.real.insert(written.clone(), real.clone());
        self.written.insert(real, written);
    }

    /// `written` with real values, which are made up for keys.
    fn played(&mut self, written: &Value) -> Value {
        match written {
            Value::Object(fields) => {
                let played = fields.iter().map(|(name, value)| {
                    if name == "key" && !self.real.contains_key(value) {
                        self.bind(value.clone(), json!(Uuid::now_v7()));
                    }
                    let name = self.real.get(&json!(name)).and_then(Value::as_str).unwrap_or(name).to_owned();
                    let is_position = name == "position";
                    (
                        name,
                        if is_position { self.real[&position(value)]["position"].clone() } else { self.played(value) },
                    )
                });
                Value::Object(played.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.played(item)).collect(),
            value => self.real.get(value).unwrap_or(value).clone(),
        }
    }

    /// Whether `real` is what is `written`; what was not bound yet is.
    fn fits(&mut self, written: &Value, real: &Value) -> bool {
        match (written, real) {
            (Value::Object(written), Value::Object(real)) => {
                written.len() == real.len()
                    && written.iter().all(|(name, value)| {
                        let told = real.get(name);
                        match (name.as_str(), told) {
                            ("position", Some(told)) => self.stands(position(value), position(told)),
                            (_, Some(told)) => self.fits(value, told),
                            (_, None) => false,
                        }
                    })
            }
            (Value::Array(written), Value::Array(real)) => {
                written.len() == real.len() && written.iter().zip(real).all(|(written, real)| self.fits(written, real))
            }
            (Value::String(text), Value::String(told)) => {
                match (text.strip_prefix("person-"), told.strip_prefix("person-")) {
                    (Some(text), Some(told)) => self.stands(json!(text), json!(told)),
                    _ if is_time(text) => is_time(told),
                    _ if is_opaque(text) => is_opaque(told) && self.stands(written.clone(), real.clone()),
                    _ => text == told,
                }
            }
            _ => written == real,
        }
    }

    fn stands(&mut self, written: Value, real: Value) -> bool {
        match (self.real.get(&written), self.written.get(&real)) {
            (None, None) => {
                self.bind(written, real);
                true
            }
            (known, _) => known == Some(&real),
        }
    }
}

/// Positions are apart from other numbers.
fn position(number: &Value) -> Value {
    json!({"position": number})
}

fn is_time(text: &str) -> bool {
    text.len() == 24 && text.parse::<Timestamp>().is_ok()
}

fn is_opaque(text: &str) -> bool {
    Uuid::try_parse(text).is_ok() || (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[test]
fn every_client_example_is_a_frame_that_the_server_reads() {
    let wrong = |frame: &Value| frame.get("txet").is_some();
    for example in examples().iter().filter(|example| example.is_sent) {
        let read = asking::read(&example.frame.to_string());
        assert_eq!(read.is_err(), wrong(&example.frame), "{}", example.frame);
    }
}

#[tokio::test]
async fn the_examples_play_as_written() {
    let server = TestServer::start();
    let people: HashMap<&str, Person> = HashMap::from([
        ("anna", server.sign_up("Anna").await),
        ("dora", server.sign_up("Dora").await),
        ("eve", server.sign_up("Eve").await),
    ]);
    let mut cast = Cast::default();
    cast.bind(json!(ANNA), json!(people["anna"].account));
    cast.bind(json!(DORA), json!(people["dora"].account));
    cast.bind(json!(RIDE), json!(offer_ride(&server, &people["dora"]).await));
    let mut clients: HashMap<&str, Client> = HashMap::new();
    for example in examples() {
        if let Some(leaves) = example.leaves {
            clients.remove(leaves).expect("whoever leaves was there");
        }
        if !clients.contains_key(example.who) {
            let client = Client::connect(&server, &people[example.who]).await;
            let welcome = client.welcome.clone();
            clients.insert(example.who, client);
            if example.frame["type"] == "welcome" {
                assert!(cast.fits(&example.frame, &welcome), "{welcome}");
                continue;
            }
        }
        let client = clients.get_mut(example.who).expect("connected above");
        let written = &example.frame;
        if example.is_sent {
            client.send(cast.played(written).to_string()).await;
            continue;
        }
        let same_kind = |told: &Value| {
            ["re", "type", "seq"].iter().all(|name| written.get(name) == told.get(name))
                && (written.get("seq").is_none()
                    || cast.real.get(&written["conversation"]) == Some(&told["conversation"]))
        };
        let told = client.wait_for(same_kind).await;
        assert!(cast.fits(written, &told), "written: {written}\n   told: {told}");
    }
}
