//! The OpenAPI document: it is whole, it is true, and every address is in it.

use palabre::http::routes::TABLE;
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

use crate::client::{Client, send};
use crate::support::TestServer;

async fn document(server: &TestServer) -> Value {
    Client::nobody(server).get("/api/openapi.json").await.is(200)
}

/// Visits every object within `value`.
fn each_object<'a>(value: &'a Value, visit: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| each_object(member, visit));
        }
        _ => {}
    }
}

/// The methods of a row of the table, but for HEAD, which goes without saying.
fn told_of(methods: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    methods.iter().flat_map(|methods| methods.split(", ")).filter(|method| *method != "HEAD")
}

#[actix_web::test]
async fn every_address_is_in_the_document_with_its_methods() {
    let server = TestServer::start();
    let document = document(&server).await;
    let methods_of = |item: &Value| {
        let known = ["get", "post", "patch", "delete", "put"];
        let methods = item.as_object().unwrap().keys().filter(|key| known.contains(&key.as_str()));
        methods.map(|method| method.to_uppercase()).collect::<BTreeSet<_>>()
    };
    let told: BTreeMap<_, _> =
        document["paths"].as_object().unwrap().iter().map(|(path, item)| (path.clone(), methods_of(item))).collect();
    let table: BTreeMap<_, _> = TABLE
        .iter()
        .map(|(path, methods)| ((*path).to_owned(), told_of(methods).map(str::to_owned).collect()))
        .collect();
    assert_eq!(told, table);
}

#[actix_web::test]
async fn every_address_of_the_document_answers() {
    let server = TestServer::start();
    let nobody = Client::nobody(&server);
    for (path, methods) in TABLE {
        let mut place = (*path).to_owned();
        while let (Some(from), Some(to)) = (place.find('{'), place.find('}')) {
            let part = if &place[from + 1..to] == "message" { "1".to_owned() } else { Uuid::new_v4().to_string() };
            place.replace_range(from..=to, &part);
        }
        for method in told_of(methods) {
            let method: Method = method.parse().unwrap();
            let answer = send(nobody.request(method.clone(), &place)).await;
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            assert!(
                !["no_such_route", "method_not_allowed", "internal"].contains(&code.as_str()),
                "{method} {path}: {code}"
            );
        }
    }
}

#[actix_web::test]
async fn every_reference_resolves() {
    let server = TestServer::start();
    let document = document(&server).await;
    let mut count = 0;
    each_object(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            let place = reference.strip_prefix('#').expect("references stay within the document");
            assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
            count += 1;
        }
    });
    assert!(count > 50, "{count} references are too few to be all");
}

#[actix_web::test]
async fn every_operation_has_a_name_a_summary_and_the_shape_of_its_errors() {
    let server = TestServer::start();
    let document = document(&server).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at} shares its name");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem", "{at}");
            let told: BTreeSet<_> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let in_path: BTreeSet<_> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
            assert_eq!(told, in_path, "{at}");
        }
    }
    assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["code"]["type"], "string");
    assert_eq!(document["components"]["securitySchemes"]["cookie"]["name"], "palabre_session");
}
