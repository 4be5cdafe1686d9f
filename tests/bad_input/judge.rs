//! Whether an answer is the one that was expected, and tells nothing internal.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::case::*;

/// What no answer may hold: names of our types and tools, places of our files.
pub const INTERNALS: [&str; 14] = [
    "panicked",
    ".rs:",
    "src/",
    "serde",
    "sqlite",
    "SELECT ",
    "rusqlite",
    "struct ",
    "Option<",
    "tokio",
    "actix",
    "/root",
    "stack backtrace",
    " at line ",
];

pub fn tells_no_internals(told: &str) -> Result<(), String> {
    match INTERNALS.iter().find(|internal| told.contains(**internal)) {
        Some(internal) => Err(format!("tells of {internal}: {told}")),
        None => Ok(()),
    }
}

pub fn check_problem(status: u16, body: &str, expected: &Expected) -> Result<(), String> {
    tells_no_internals(body)?;
    match expected {
        Problem(expected_status, code, field) => {
            let problem: Value = serde_json::from_str(body).map_err(|_| format!("{status}, no problem: {body}"))?;
            let named = field.is_empty() || has_field(&problem, field);
            let whole = problem["detail"].as_str().is_some_and(|detail| !detail.is_empty());
            let right = status == *expected_status && problem["code"] == *code && problem["status"] == status;
            if right && named && whole { Ok(()) } else { Err(format!("{status}: {body}")) }
        }
        // What cannot be read as HTTP is refused bare, or hung up on.
        NoHttp if status == 0 || (400..500).contains(&status) => Ok(()),
        _ => Err(format!("{status}: {body}")),
    }
}

pub fn has_field(told: &Value, field: &str) -> bool {
    let fields = told["fields"].as_array().into_iter().flatten();
    fields.filter(|wrong| wrong["field"] == field).any(|wrong| {
        let says = |name: &str| wrong[name].as_str().is_some_and(|text| !text.is_empty());
        says("code") && says("message")
    })
}

pub fn check_message(message: &Message, expected: &Expected) -> Result<(), String> {
    match (message, expected) {
        (Message::Close(Some(close)), Close(code)) if u16::from(close.code) == *code => {
            tells_no_internals(&close.reason)
        }
        (Message::Text(text), Error(code, field)) => {
            tells_no_internals(text)?;
            let answer: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let error = &answer["error"];
            let right = error["code"] == *code && error["message"].as_str().is_some_and(|told| !told.is_empty());
            let named = field.is_empty() || has_field(error, field);
            if right && named { Ok(()) } else { Err(text.to_string()) }
        }
        (message, _) => Err(format!("{message:?}")),
    }
}
