//! Tells what happens, for people to read: numbered steps, what was said, what was found.

use serde_json::Value;

/// The voice of the story.
#[derive(Default)]
pub struct Narrator {
    steps: u32,
}

impl Narrator {
    /// The next thing that happens.
    pub fn step(&mut self, sentence: &str) {
        self.steps += 1;
        println!("\n{:2}. {sentence}", self.steps);
    }

    /// Something seen or checked.
    pub fn fact(&self, sentence: &str) {
        println!("    ✓ {sentence}");
    }

    /// Something said.
    pub fn says(&self, name: &str, text: &str) {
        println!("    {name}: « {text} »");
    }

    /// What a command of the program printed.
    pub fn printed<'a>(&self, command: &str, lines: impl IntoIterator<Item = &'a str>) {
        println!("    $ palabre {command}");
        lines.into_iter().for_each(|line| println!("    {line}"));
    }
}

/// The sentences and the state of an audit, without the lines that name streams and hashes.
pub fn sentences(audit: &str) -> impl Iterator<Item = &str> {
    let mut in_state = false;
    audit.lines().filter(move |line| {
        in_state |= line.starts_with("Now") || line.starts_with("At ");
        line.starts_with('#') || in_state
    })
}

/// A price of one seat, as people read it.
pub fn price(price: &Value) -> String {
    let cents = price["cents"].as_u64().unwrap_or(0);
    format!("{}.{:02} {}", cents / 100, cents % 100, price["currency"].as_str().unwrap_or("?"))
}

/// The hour of a time in UTC: `07:30`.
pub fn hour(time: &Value) -> &str {
    time.as_str().and_then(|text| text.get(11..16)).unwrap_or("?")
}
