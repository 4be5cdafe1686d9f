//! The HTTP API as one person uses it: JSON in and out, a bearer token, a key on each write.
//!
//! A write is repeated with its key until the server answers, because that is what keys are for. The chat socket is in
//! [`crate::chat`].

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a write or a read is repeated while the server is down or says "try again".
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(20);
/// How long to wait before the next attempt when the server does not say.
const PAUSE: Duration = Duration::from_millis(50);

/// A new command key: a UUIDv7, unique for ever.
pub fn new_key() -> Uuid {
    Uuid::now_v7()
}

/// What the server answered instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status; 0 for a refusal on the socket.
    pub status: u16,
    /// The stable code, such as `no_seats_left`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Whether the same key may succeed later.
    pub temporary: bool,
    /// After how many milliseconds to try again.
    pub retry_after_ms: Option<u64>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for Refused {}

/// The API of one server, used by one person or by nobody in particular.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    server: SocketAddr,
    token: Option<String>,
}

/// Somebody with an account, signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub account: Uuid,
    /// What others read.
    pub name: String,
    /// The bearer token of the session.
    pub token: String,
    /// The API, used as this person.
    pub api: Api,
}

impl Api {
    /// The API of `server`, without a session; connections come from `source`, where one is given.
    pub fn new(server: SocketAddr, source: Option<IpAddr>) -> Self {
        let http = reqwest::Client::builder().timeout(ATTEMPT).local_address(source).no_proxy().build();
        Self { http: http.expect("no TLS and no files are involved"), server, token: None }
    }

    /// The same API with somebody's session.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The server's address.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Opens an account and signs in.
    pub async fn sign_up(&self, email: &str, name: &str) -> Result<Person> {
        // Chosen for this run only; the server keeps nothing once the run is over.
        let password = format!("correct horse {}", new_key());
        let body = json!({"email": email, "password": password, "name": name, "language": "fr", "token": true});
        let answer = self.post("accounts", &body).await.with_context(|| format!("sign-up of {name}"))?;
        let account = id_in(&answer, "account")?;
        let token = answer["token"].as_str().context("the answer to a sign-up has no token")?.to_owned();
        Ok(Person { account, name: name.to_owned(), api: self.with_token(&token), token })
    }

    /// Reads `path` (below `/api/v1/`).
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None, new_key()).await
    }

    /// Reads `path` once, without patience.
    pub async fn try_get(&self, path: &str) -> reqwest::Result<Result<Value, Refused>> {
        self.once(Method::GET, path, None, new_key()).await
    }

    /// Writes with a new key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body), new_key()).await
    }

    /// Writes with this key.
    pub async fn post_with(&self, key: Uuid, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body), key).await
    }

    /// Changes with a new key.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::PATCH, path, Some(body), new_key()).await
    }

    /// Asks until there is an answer that is not temporary, with the same key throughout. A final refusal is a
    /// [`Refused`] inside the error.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, key: Uuid) -> Result<Value> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let wait = match self.once(method.clone(), path, body, key).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(refused)) if !refused.temporary => return Err(refused.into()),
                Ok(Err(refused)) if Instant::now() > give_up => return Err(refused.into()),
                Err(unreachable) if Instant::now() > give_up => return Err(unreachable.into()),
                Ok(Err(refused)) => refused.retry_after_ms.map_or(PAUSE, Duration::from_millis),
                Err(_) => PAUSE,
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Uuid,
    ) -> reqwest::Result<Result<Value, Refused>> {
        let mut request = self.http.request(method, format!("http://{}/api/v1/{path}", self.server));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("Idempotency-Key", key.to_string()).json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let retry_after_s = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() { Ok(Ok(value)) } else { Ok(Err(problem(status, retry_after_s, &value))) }
    }
}

/// A refusal in the shape of RFC 9457.
fn problem(status: StatusCode, retry_after_s: Option<u64>, body: &Value) -> Refused {
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let temporary = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
    let fields = body.get("fields").map(|fields| format!(" {fields}")).unwrap_or_default();
    Refused {
        status: status.as_u16(),
        code: text("code"),
        message: text("detail") + &fields,
        temporary,
        retry_after_ms: body["retry_after_ms"].as_u64().or(retry_after_s.map(|seconds| seconds * 1000)),
    }
}

/// The id under `field` of an answer.
pub fn id_in(answer: &Value, field: &str) -> Result<Uuid> {
    let text = answer[field].as_str().ok_or_else(|| anyhow!("no {field} in {answer}"))?;
    Uuid::try_parse(text).with_context(|| format!("{field} in {answer}"))
}

/// The record of a ride as its driver reads it, conversations included, in the order of the log.
pub async fn record_of(driver: &Api, ride: Uuid) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = driver.get(&format!("rides/{ride}/events?after={after}&limit=200")).await?;
        all.extend(page["events"].as_array().context("a record has events")?.iter().cloned());
        match page["next_after"].as_u64() {
            Some(next) if next > after => after = next,
            Some(next) => bail!("the record of ride {ride} goes on after {next} after {after}"),
            None => return Ok(all),
        }
    }
}

/// All events of a conversation, paged from the first one that the person may see.
pub async fn events_after(api: &Api, conversation: Uuid, mut after: u64) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    loop {
        let page = api.get(&format!("conversations/{conversation}/events?after={after}&limit=200")).await?;
        let events = page["events"].as_array().context("a page of events has events")?;
        let head = page["head"].as_u64().context("a page of events has a head")?;
        let Some(last) = events.last() else { return Ok(all) };
        let last = last["seq"].as_u64().context("an event has a seq")?;
        if last <= after {
            bail!("the page after {after} of conversation {conversation} ends at {last}");
        }
        all.extend(events.iter().cloned());
        after = last;
        if after >= head {
            return Ok(all);
        }
    }
}
