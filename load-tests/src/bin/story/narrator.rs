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

    /// What a command of the program printed, at most `lines_max` lines of it.
    pub fn printed(&self, command: &str, text: &str, lines_max: usize) {
        println!("    $ palabre {command}");
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(lines_max) {
            println!("    {line}");
        }
        if lines.len() > lines_max {
            println!("    … {} more lines", lines.len() - lines_max);
        }
    }
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
