//! The page for browsers, over the real server. Whether it was built or not, its addresses are answered alike.

use reqwest::{Method, Response, header};

use crate::client::Client;
use crate::support::TestServer;

async fn ask(server: &TestServer, method: Method, path: &str, known: Option<&str>) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("http://{}{path}", server.address));
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    request.send().await.unwrap()
}

fn told<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

#[actix_web::test]
async fn every_address_of_the_page_is_guarded_html() {
    let server = TestServer::start();
    for path in ["/", "/search?from=45,5", "/rides/anything", "/conversations"] {
        let response = ask(&server, Method::GET, path, None).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(told(&response, "content-type").starts_with("text/html"));
        assert_eq!(told(&response, "cache-control"), "no-cache");
        let policy = told(&response, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"));
        for name in ["x-content-type-options", "referrer-policy", "x-frame-options", "cross-origin-opener-policy"] {
            told(&response, name);
        }
        assert!(response.text().await.unwrap().contains("Palabre"));
    }
}

#[actix_web::test]
async fn a_browser_that_has_the_page_is_told_that_it_is_the_same() {
    let server = TestServer::start();
    let first = ask(&server, Method::GET, "/", None).await;
    let tag = told(&first, "etag").to_owned();
    let again = ask(&server, Method::GET, "/search", Some(&tag)).await;
    assert_eq!(again.status(), 304);
    assert!(again.headers().contains_key("content-security-policy"));
    assert!(again.bytes().await.unwrap().is_empty());
    assert_eq!(ask(&server, Method::GET, "/", Some("W/\"another\"")).await.status(), 200);
}

#[actix_web::test]
async fn the_headers_alone_may_be_asked_for() {
    let server = TestServer::start();
    let response = ask(&server, Method::HEAD, "/", None).await;
    assert_eq!(response.status(), 200);
    told(&response, "etag");
    assert!(response.bytes().await.unwrap().is_empty());
}

#[actix_web::test]
async fn what_is_neither_page_nor_api_is_a_problem() {
    let server = TestServer::start();
    for (method, path) in [
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/nothing"),
        (Method::GET, "/assets/nothing.js"),
        (Method::GET, "/favicon.ico"),
        (Method::POST, "/search"),
        (Method::DELETE, "/"),
    ] {
        let response = ask(&server, method.clone(), path, None).await;
        assert_eq!(response.status(), 404, "{method} {path}");
        assert_eq!(told(&response, "content-type"), "application/problem+json");
    }
}

#[actix_web::test]
async fn maps_come_from_where_the_operator_says() {
    let server = TestServer::start();
    assert_eq!(Client::nobody(&server).get("/settings").await.is(200), serde_json::json!({"demo": false}));

    let url = "https://tiles.example/{z}/{x}/{y}.png";
    let server = TestServer::start_with(|config| {
        config.tiles_url = Some(url.to_owned());
        config.tiles_attribution = Some("© Somebody".to_owned());
    });
    let settings = Client::nobody(&server).get("/settings").await.is(200);
    assert_eq!(settings, serde_json::json!({"demo": false, "tiles": {"url": url, "attribution": "© Somebody"}}));
    let page = ask(&server, Method::GET, "/", None).await;
    assert!(told(&page, "content-security-policy").contains("img-src 'self' data: https://tiles.example;"));
}
