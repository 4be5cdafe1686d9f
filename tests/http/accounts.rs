//! Signing up and in, sessions, passwords, and oneself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send, text};
use crate::support::TestServer;

const OWN: &str = "http://palabre.test";

fn anna() -> Value {
    json!({"email": "Anna@Example.org", "password": "a long enough secret", "name": "Anna", "language": "en"})
}

fn session_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn whoever_signs_up_is_signed_in() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    let answer = nobody.post("/accounts", anna()).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["palabre_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let (session, body) = (session_of(&answer), answer.is(201));
    assert_eq!(body.get("token"), None, "browsers have no use for it");
    let path = format!("/me?min_position={}", body["position"]);
    let me = send(nobody.request(Method::GET, &path).header("cookie", session)).await.is(200);
    assert_eq!((text(&me["name"]), text(&me["email"]), text(&me["language"])), ("Anna", "anna@example.org", "en"));
    assert_eq!(me["account"], body["account"]);
    assert_eq!(me["roles"], json!([]));
}

#[actix_web::test]
async fn the_cookie_is_secure_where_the_platform_is() {
    let server = TestServer::start_with(|config| config.public_url = Some("https://palabre.test".to_owned()));
    let answer = Client::nobody(&server).post("/accounts", anna()).await;
    assert!(answer.header("set-cookie").contains("Secure"));
}

#[actix_web::test]
async fn an_address_has_one_account() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    nobody.post("/accounts", anna()).await.is(201);
    let mut other = anna();
    other["password"] = json!("another long secret");
    nobody.post("/accounts", other).await.refuses(409, "email_taken");
}

#[actix_web::test]
async fn a_form_says_all_that_is_wrong() {
    let server = TestServer::start();
    let form = json!({"email": "anna", "password": "short", "name": " "});
    let problem = Client::nobody(&server).post("/accounts", form).await.refuses(422, "invalid");
    let fields: Vec<_> = problem["fields"].as_array().unwrap().iter().map(|field| text(&field["field"])).collect();
    assert!(fields.contains(&"email") && fields.contains(&"name"), "{problem}");
}

#[actix_web::test]
async fn signing_in_needs_the_password() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    nobody.post("/accounts", anna()).await.is(201);
    for (email, password) in [("anna@example.org", "a wrong secret"), ("nobody@example.org", "a long enough secret")] {
        let wrong = json!({"email": email, "password": password});
        nobody.post("/sessions", wrong).await.refuses(401, "wrong_credentials");
    }
    let right = json!({"email": "anna@example.org", "password": "a long enough secret", "token": true});
    let made = nobody.post("/sessions", right).await.is(201);
    let me = send(nobody.request(Method::GET, "/me").bearer_auth(text(&made["token"]))).await;
    me.is(200);
}

#[actix_web::test]
async fn signing_out_ends_the_session_here_or_everywhere() {
    let server = TestServer::start();
    let first = Client::sign_up(&server, "Anna").await;
    let again = json!({"email": "anna@example.org", "password": "a long enough secret", "token": true});
    let signed_in = first.post("/sessions", again.clone()).await.is(201);
    let second = |method, path| Client::nobody(&server).request(method, path).bearer_auth(text(&signed_in["token"]));

    let sessions = first.get("/sessions").await.is(200);
    let current: Vec<_> = sessions["sessions"].as_array().unwrap().iter().map(|one| one["current"] == true).collect();
    assert_eq!(current.iter().filter(|current| **current).count(), 1);
    assert_eq!(current.len(), 2);

    let here = first.get("/sessions/current").await.is(200);
    assert_eq!(here["me"]["account"], signed_in["account"]);
    let answer = first.delete("/sessions/current").await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    answer.is(204);
    first.get("/me").await.refuses(401, "not_signed_in");
    assert_eq!(first.get("/sessions/current").await.is(200), json!({}));
    send(second(Method::GET, "/me")).await.is(200);
    send(second(Method::DELETE, "/sessions")).await.is(204);
    send(second(Method::GET, "/me")).await.refuses(401, "not_signed_in");
}

#[actix_web::test]
async fn a_cookie_writes_from_the_own_page_alone() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    let session = session_of(&nobody.post("/accounts", anna()).await);
    let change = |origin: Option<&str>| {
        let request = nobody.request(Method::PATCH, "/me").header("cookie", &session).json(&json!({"name": "Anne"}));
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
    };
    for foreign in [None, Some("http://evil.test"), Some("null"), Some("https://palabre.test")] {
        send(change(foreign)).await.refuses(403, "foreign_origin");
    }
    send(change(Some(OWN))).await.is(200);
    send(change(None).header("sec-fetch-site", "same-origin")).await.is(200);
    // Reading needs no origin, nor does a token, which no browser sends by itself.
    send(nobody.request(Method::GET, "/me").header("cookie", &session)).await.is(200);
    Client::sign_up(&server, "Ben").await.patch("/me", json!({"name": "Benoît"})).await.is(200);
}

#[actix_web::test]
async fn foreign_pages_sign_nobody_up_or_in() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    for path in ["/accounts", "/sessions", "/password-resets", "/password-resets/confirm"] {
        let request = nobody.request(Method::POST, path).header("origin", "http://evil.test").json(&anna());
        send(request).await.refuses(403, "foreign_origin");
    }
}

#[actix_web::test]
async fn a_forgotten_password_is_set_anew_by_mail() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    let nobody = Client::nobody(&server);
    for email in ["anna@example.org", "stranger@example.org"] {
        nobody.post("/password-resets", json!({ "email": email })).await.is(202);
    }
    let token = token_of_mail(&server).await;
    let confirm = json!({"token": token, "password": "a fresh long secret"});
    nobody.post("/password-resets/confirm", confirm.clone()).await.is(204);
    anna.get("/me").await.refuses(401, "not_signed_in");
    nobody.post("/password-resets/confirm", confirm).await.refuses(410, "reset_over");
    let fresh = json!({"email": "anna@example.org", "password": "a fresh long secret"});
    nobody.post("/sessions", fresh).await.is(201);
}

/// The token in the link of the mail that comes.
async fn token_of_mail(server: &TestServer) -> String {
    let folder = server.platform.config.mail_folder();
    let started = std::time::Instant::now();
    loop {
        let mails = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        for mail in mails {
            let text = std::fs::read_to_string(mail.path()).unwrap_or_default().replace("=\r\n", "").replace("=\n", "");
            if let Some((_, rest)) = text.split_once("/reset-password#") {
                let token: String =
                    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
                if token.len() == 43 {
                    return token;
                }
            }
        }
        assert!(started.elapsed().as_secs() < 10, "no mail came");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn name_language_and_password_can_be_changed() {
    let server = TestServer::start();
    let anna = Client::sign_up(&server, "Anna").await;
    let done = anna.patch("/me", json!({"name": "Anne", "language": "en"})).await.is(200);
    let me = anna.get(&format!("/me?min_position={}", done["position"])).await.is(200);
    assert_eq!((text(&me["name"]), text(&me["language"])), ("Anne", "en"));
    anna.patch("/me", json!({"name": "two\nlines"})).await.refuses(422, "invalid");
    assert_eq!(anna.patch("/me", json!({})).await.is(200)["unchanged"], true);

    let wrong = json!({"current": "not my secret", "new": "a new long secret"});
    anna.post("/me/password", wrong).await.refuses(401, "wrong_credentials");
    let right = json!({"current": "a long enough secret", "new": "a new long secret"});
    anna.post("/me/password", right).await.is(204);
    anna.get("/me").await.is(200);
    let signs_in = json!({"email": "anna@example.org", "password": "a new long secret"});
    anna.post("/sessions", signs_in).await.is(201);
}
