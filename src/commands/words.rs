//! What is wrong with a field, in plain words: the complaints of the JSON reader without the names of our types.
//!
//! For the HTTP API and the chat socket alike.

use super::FieldError;

/// What `error` complains of. The field is empty when it is the whole that is wrong.
pub fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let path = error.path().to_string();
    let text = error.inner().to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let path = if path == "." { "" } else { path.as_str() };
    let (field, code, message) = in_plain_words(path, text);
    FieldError { field, code, message }
}

/// Serde's message as a field, a code and a sentence without the names of our types.
fn in_plain_words(path: &str, text: &str) -> (String, &'static str, String) {
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let below = |name: String| match path {
        "" => name,
        _ if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        _ => format!("{path}.{name}"),
    };
    if text.starts_with("missing field") {
        return (below(quoted(text)), "missing", "is missing".to_owned());
    }
    if text.starts_with("unknown field") {
        return (below(quoted(text)), "unknown_field", "is not a field of this".to_owned());
    }
    if text.starts_with("duplicate field") {
        return (below(quoted(text)), "duplicate_field", "comes twice".to_owned());
    }
    let field = path.to_owned();
    if text.starts_with("unknown variant") {
        let known: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        return (field, "unknown_value", format!("is none of: {}", known.join(", ")));
    }
    let Some((found, expected)) = text.split_once(", expected ") else {
        // Our own types say what they want in sentences of their own; UUIDs do not.
        let uuid = text.starts_with("UUID parsing failed") || text.starts_with("invalid UUID");
        let own = if uuid { "is not a UUID" } else { text };
        return (field, "invalid", own.to_owned());
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "i64" => "a whole number that is not negative or too large",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a string" | "string" => "a text",
        _ if expected.starts_with("a date and time") => expected,
        _ if expected.contains("UUID") => "a UUID",
        _ if expected.starts_with("struct") || expected.contains("map") => "an object",
        _ => "something else",
    };
    let code = if found.starts_with("invalid value") { "out_of_range" } else { "wrong_type" };
    (field, code, format!("should be {expected}"))
}
