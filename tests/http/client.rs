//! A client of the API, and the people and rides that the tests are about.

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

use crate::support::{Person, TestServer};

/// How long whatever comes about by itself may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks the API as somebody, or as nobody.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// What the API said.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: Value,
}

impl Client {
    /// Nobody in particular.
    pub fn nobody(server: &TestServer) -> Self {
        Self { http: reqwest::Client::new(), base: format!("http://{}", server.address), token: None }
    }

    /// `person`, signed in.
    pub fn of(server: &TestServer, person: &Person) -> Self {
        Self { token: Some(person.token.clone()), ..Self::nobody(server) }
    }

    /// Somebody new of that name, signed in.
    pub async fn sign_up(server: &TestServer, name: &str) -> Self {
        Self::of(server, &server.sign_up(name).await)
    }

    /// A request under `/api/v1`, with what shows who one is.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let at = if path.starts_with("/api") || ["/healthz", "/metrics"].contains(&path) {
            String::new()
        } else {
            "/api/v1".to_owned()
        };
        let request = self.http.request(method, format!("{}{at}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn post_with_key(&self, path: &str, key: Uuid, body: Value) -> Answer {
        send(self.request(Method::POST, path).header("Idempotency-Key", key.to_string()).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn patch_with_key(&self, path: &str, key: Uuid, body: Value) -> Answer {
        send(self.request(Method::PATCH, path).header("Idempotency-Key", key.to_string()).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// Asks for `path` until the answer is as wished: for what comes about by itself, such as a booking.
    pub async fn until(&self, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.status.is_success() && wished(&answer.body) {
                return answer.body;
            }
            assert!(started.elapsed() < WITHIN, "{path} never became as wished: {}", answer.body);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Offers a ride from Grenoble by Voiron to Lyon, changed by `change`; answers its id.
    pub async fn offers(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut ride = ride();
        change(&mut ride);
        let made = self.post("/rides", ride).await.is(201);
        // Proposals read the way from the views.
        self.get(&format!("/rides/{}?min_position={}", text(&made["ride"]), made["position"])).await.is(200);
        text(&made["ride"]).to_owned()
    }

    /// Opens the conversation about `ride`; answers its id.
    pub async fn talks_about(&self, ride: &str) -> String {
        text(&self.post("/conversations", json!({ "ride": ride })).await.is(201)["conversation"]).to_owned()
    }

    /// Who one is.
    pub async fn account(&self) -> String {
        text(&self.get("/me").await.is(200)["account"]).to_owned()
    }
}

/// Sends a request and reads what comes back.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.expect("the answer is whole");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, headers, body }
}

impl Answer {
    /// The body, of an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        self.body
    }

    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The text in a JSON value.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A time `hours` from now, as the API writes it.
pub fn in_hours(hours: i64) -> String {
    palabre::clock::now().plus_seconds(hours * 3600).to_string()
}

/// A ride from Grenoble by Voiron to Lyon in two days: three seats at 8 euros, on approval.
pub fn ride() -> Value {
    json!({
        "stops": [grenoble(), {"lat": 45.366, "lon": 5.592, "label": "Voiron"}, lyon()],
        "departs_at": in_hours(48),
        "seats": 3,
        "price_per_seat": {"cents": 800, "currency": "EUR"},
        "comment": "No smoking, please",
    })
}

pub fn grenoble() -> Value {
    json!({"lat": 45.188, "lon": 5.724, "label": "Grenoble station"})
}

pub fn lyon() -> Value {
    json!({"lat": 45.764, "lon": 4.836})
}

/// Terms for `seats` at `cents` all the way.
pub fn terms(seats: u8, cents: u32) -> Value {
    json!({
        "seats": seats,
        "price_per_seat": {"cents": cents, "currency": "EUR"},
        "pickup": {"lat": 45.19, "lon": 5.72, "label": "At my door"},
        "drop_off": lyon(),
    })
}
