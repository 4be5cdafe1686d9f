//! Bad input over HTTP.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::case::*;

pub fn addresses() -> Vec<Case> {
    vec![
        http("an unknown address", get("/api/v1/nothing"), Problem(404, "no_such_route", "")),
        http("an address outside of the API", get("/wp-login.php"), Problem(404, "no_such_route", "")),
        http("a way up the folders", get("/api/docs/../../../etc/passwd"), Problem(404, "no_such_route", "")),
        http(
            "a way up the folders, escaped",
            get("/api/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
            Problem(404, "no_such_route", ""),
        ),
        http(
            "a method that is not understood here",
            send("PUT", "/api/v1/rides", "{}"),
            Problem(405, "method_not_allowed", ""),
        ),
        http(
            "a method that is understood nowhere",
            send("BREW", "/api/v1/me", "{}"),
            Problem(405, "method_not_allowed", ""),
        ),
        http("TRACE", send("TRACE", "/api/v1/me", ""), Problem(405, "method_not_allowed", "")),
        http("reading what is only written", get("/api/v1/rides"), Problem(405, "method_not_allowed", "")),
        http("an id that is none", get("/api/v1/rides/abc"), Problem(422, "invalid", "ride")),
        http("an id with a quote", get("/api/v1/rides/1'%20OR%20'1'='1"), Problem(422, "invalid", "ride")),
        http("an id of zeros and bytes", get("/api/v1/rides/%00%ff"), Problem(422, "invalid", "ride")),
        http("an id without end", get(format!("/api/v1/rides/{}", "a".repeat(5_000))), Problem(422, "invalid", "ride")),
        http(
            "an id that nobody has",
            get(format!("/api/v1/rides/{}", Uuid::new_v4())),
            Problem(404, "no_such_ride", ""),
        ),
        http("the id of something else", get("/api/v1/rides/{conversation}"), Problem(404, "no_such_ride", "")),
        http(
            "a message that is no number",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/first", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message below zero",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/-1", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message that is too large a number",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/99999999999999999999", r#"{"text":"x"}"#),
            Problem(422, "invalid", "message"),
        ),
        http(
            "a message that nobody wrote",
            send("DELETE", "/api/v1/conversations/{conversation}/messages/99", ""),
            Problem(404, "no_such_message", ""),
        ),
    ]
}

pub fn identities() -> Vec<Case> {
    let me = || get("/api/v1/me");
    vec![
        http("nobody", me().without("authorization"), Problem(401, "not_signed_in", "")),
        http("a token that is none", me().with("authorization", "Bearer nonsense"), Problem(401, "not_signed_in", "")),
        http(
            "a token that nobody has",
            me().with("authorization", format!("Bearer {}", "A".repeat(43))),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a token without end",
            me().with("authorization", format!("Bearer {}", "A".repeat(20_000))),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "another way to show oneself",
            me().with("authorization", "Basic YW5uYTpzZWNyZXQ="),
            Problem(401, "not_signed_in", ""),
        ),
        http("bytes as a token", me().with("authorization", b"Bearer \xff\xfe"), Problem(401, "not_signed_in", "")),
        http("an empty token", me().with("authorization", "Bearer "), Problem(401, "not_signed_in", "")),
        http(
            "a cookie that is none",
            me().without("authorization").with("cookie", "palabre_session=nonsense"),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a cookie of bytes",
            me().without("authorization").with("cookie", b"palabre_session=\xff"),
            Problem(401, "not_signed_in", ""),
        ),
        http(
            "a cookie used by a foreign page",
            send("PATCH", "/api/v1/me", r#"{"name":"Mallory"}"#)
                .without("authorization")
                .with("cookie", "palabre_session={token}")
                .with("origin", "http://evil.test"),
            Problem(403, "foreign_origin", ""),
        ),
        http(
            "a cookie used by nobody knows which page",
            send("DELETE", "/api/v1/sessions", "").without("authorization").with("cookie", "palabre_session={token}"),
            Problem(403, "foreign_origin", ""),
        ),
        http(
            "a foreign page that signs in",
            post("/api/v1/sessions", r#"{"email":"a@example.org","password":"0123456789"}"#).with("origin", "null"),
            Problem(403, "foreign_origin", ""),
        ),
    ]
}

pub fn keys() -> Vec<Case> {
    let keyed = |key: &str| ride_with("/seats", json!(3)).with("idempotency-key", key);
    let of_time = |seconds| Uuid::new_v7(uuid::Timestamp::from_unix_time(seconds, 0, 0, 0)).to_string();
    vec![
        http("a key that is none", keyed("again"), Problem(422, "invalid", "Idempotency-Key")),
        http("a key of another version", keyed(&Uuid::new_v4().to_string()), Problem(422, "invalid", "key")),
        http("a key of years ago", keyed(&of_time(1_600_000_000)), Problem(422, "key_too_old", "")),
        http("a key of years ahead", keyed(&of_time(4_000_000_000)), Problem(422, "invalid", "key")),
        http("a key of another command", keyed("{used_key}"), Problem(422, "key_reused", "")),
    ]
}

pub fn bodies() -> Vec<Case> {
    let rides = |body: &[u8]| post("/api/v1/rides", body);
    let malformed = || Problem(400, "malformed_json", "");
    let deep = format!("{}1{}", r#"{"stops":"#.to_owned() + &"[".repeat(40), "]".repeat(40) + "}");
    vec![
        http("no body", rides(b""), Problem(422, "invalid", "stops")),
        http("words", rides(b"a ride to Lyon, please"), malformed()),
        http("half of a body", rides(br#"{"stops":[{"lat":45.1"#), malformed()),
        http("more after the body", rides(format!("{} {{}}", ride(|_| {})).as_bytes()), malformed()),
        http("single quotes", rides(b"{'seats':1}"), malformed()),
        http("a trailing comma", rides(br#"{"seats":1,}"#), malformed()),
        http("not a number", rides(br#"{"seats":NaN}"#), malformed()),
        http("a number without end", rides(br#"{"seats":1e999}"#), malformed()),
        http("nesting without end", rides("[".repeat(60_000).as_bytes()), malformed()),
        http("nesting too deep", rides(deep.as_bytes()), malformed()),
        http("bytes that are no text", rides(b"{\"comment\":\"\xff\xfe\"}"), malformed()),
        http("a mark before the text", rides(b"\xef\xbb\xbf{}"), malformed()),
        http("half of a letter", rides(br#"{"comment":"\ud800"}"#), malformed()),
        http("a zero byte", rides(b"{\"comment\":\"\0\"}"), malformed()),
        http("a list", rides(b"[]"), Problem(422, "invalid", "body")),
        http("nothing", rides(b"null"), Problem(422, "invalid", "body")),
        http("a bare number", rides(b"42"), Problem(422, "invalid", "body")),
        http("a bare text", rides(br#""ride""#), Problem(422, "invalid", "body")),
        http("plain text", ride_with("/seats", json!(3)).with("content-type", "text/plain"), Problem(415, "unsupported_media_type", "")),
        http("a form", post("/api/v1/rides", "seats=3").with("content-type", "application/x-www-form-urlencoded"), Problem(415, "unsupported_media_type", "")),
        http("no type", ride_with("/seats", json!(3)).without("content-type"), Problem(415, "unsupported_media_type", "")),
        http("a compressed body", ride_with("/seats", json!(3)).with("content-encoding", "gzip"), Problem(415, "unsupported_media_type", "")),
        http("a body too long", ride_and("comment", json!("a".repeat(70_000))), Problem(413, "body_too_large", "")),
        Case {
            name: "a body that claims to be huge",
            input: Input::Bytes(
                b"POST /api/v1/accounts HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{"
                    .to_vec(),
            ),
            expected: Problem(413, "body_too_large", ""),
        },
    ]
}

pub fn fields() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let stop = || json!({"lat": 45.0, "lon": 5.0});
    vec![
        http("a field that is missing", post("/api/v1/rides", ride(|ride| drop(ride.as_object_mut().unwrap().remove("seats")))), invalid("seats")),
        http("a field that nobody knows", ride_and("wheels", json!(4)), invalid("wheels")),
        http("a field twice", post("/api/v1/rides", ride(|_| {}).replacen('{', r#"{"seats":1,"#, 1)), invalid("seats")),
        http("a text for a number", ride_with("/seats", json!("three")), invalid("seats")),
        http("a number for a text", ride_with("/price_per_seat/currency", json!(978)), invalid("price_per_seat.currency")),
        http("a list for an object", ride_with("/price_per_seat", json!([])), invalid("price_per_seat")),
        http("an object for a list", ride_with("/stops", json!({})), invalid("stops")),
        http("seats below zero", ride_with("/seats", json!(-1)), invalid("seats")),
        http("half a seat", ride_with("/seats", json!(1.5)), invalid("seats")),
        http("no seat", ride_with("/seats", json!(0)), invalid("seats")),
        http("nine seats", ride_with("/seats", json!(9)), invalid("seats")),
        http("256 seats", ride_with("/seats", json!(256)), invalid("seats")),
        http("a latitude beyond the pole", ride_with("/stops/0/lat", json!(91)), invalid("stops[0].lat")),
        http("a longitude beyond the date line", ride_with("/stops/1/lon", json!(-180.5)), invalid("stops[1].lon")),
        http("a point without a longitude", ride_with("/stops/1", json!({"lat": 45.0})), invalid("stops[1].lon")),
        http("one stop", ride_with("/stops", json!([stop()])), invalid("stops")),
        http("thirteen stops", ride_with("/stops", json!(vec![stop(); 13])), invalid("stops")),
        http("a way that leads nowhere", ride_with("/stops", json!([stop(), stop()])), Problem(422, "route_out_of_range", "")),
        http("no date", ride_with("/departs_at", json!("tomorrow morning")), invalid("departs_at")),
        http("the 30th of February", ride_with("/departs_at", json!("2099-02-30T08:00:00Z")), invalid("departs_at")),
        http("a date as a number", ride_with("/departs_at", json!(1_799_087_100)), invalid("departs_at")),
        http("an hour without a zone", ride_with("/departs_at", json!("2099-01-04T08:00:00")), invalid("departs_at")),
        http("an hour in the past", ride_with("/departs_at", json!("2020-01-04T08:00:00Z")), Problem(409, "departure_in_the_past", "")),
        http("an hour in another age", ride_with("/departs_at", json!("9999-01-04T08:00:00Z")), invalid("departs_at")),
        http("a zone that is none", ride_and("time_zone", json!("Europe/Atlantis")), invalid("time_zone")),
        http("a price without end", ride_with("/price_per_seat/cents", json!(100_001)), invalid("price_per_seat.cents")),
        http("a price below zero", ride_with("/price_per_seat/cents", json!(-5)), invalid("price_per_seat.cents")),
        http("a currency in small letters", ride_with("/price_per_seat/currency", json!("eur")), invalid("price_per_seat.currency")),
        http("a way to book that is none", ride_and("booking_mode", json!("sometimes")), invalid("booking_mode")),
        http("luggage of no size", ride_and("preferences", json!({"luggage": "piano"})), invalid("preferences.luggage")),
        http("a label too long", ride_with("/stops/0", json!({"lat": 45.0, "lon": 5.0, "label": "a".repeat(121)})), invalid("stops[0].label")),
        http("a remark too long", ride_and("comment", json!("é".repeat(1_001))), invalid("comment")),
        http("a vehicle of control characters", ride_and("vehicle", json!("red\u{7}car")), invalid("vehicle")),
        http("a request without a place", post("/api/v1/requests", r#"{"to":{"lat":45,"lon":5},"pickup_at":"2099-01-04T08:00:00Z","seats":1}"#), invalid("from")),
        http("a request for any place on earth",
            post("/api/v1/requests", json!({"from": stop(), "to": {"lat": 46.0, "lon": 5.0}, "pickup_at": "2027-06-04T08:00:00Z", "seats": 1, "radius_km": 20_000}).to_string()),
            invalid("radius_km")),
    ]
}

pub fn queries() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    vec![
        http("settings of one's own", get("/api/v1/settings?demo=true"), invalid("demo")),
        http("a place without a name", get("/api/v1/places"), invalid("q")),
        http("a place of no letters", get("/api/v1/places?q=%20-%27"), invalid("q")),
        http("a place with a name without end", get(format!("/api/v1/places?q={}", "a".repeat(81))), invalid("q")),
        http("a place near nowhere", get("/api/v1/places?q=greno&near=91,0"), invalid("near")),
        http("too many places", get("/api/v1/places?q=greno&limit=21"), invalid("limit")),
        http("no places", get("/api/v1/places?q=greno&limit=0"), invalid("limit")),
        http("a place on a page", get("/api/v1/places?q=greno&page=2"), invalid("page")),
        http("the town of no point", get("/api/v1/places/nearest"), invalid("at")),
        http("the town of a name", get("/api/v1/places/nearest?at=Grenoble"), invalid("at")),
        http("the town of a point off the earth", get("/api/v1/places/nearest?at=45,181"), invalid("at")),
        http("sources that nobody told of", get("/api/v1/places/sources?of=france"), invalid("of")),
        http("a place that somebody makes up", post("/api/v1/places", "{}"), Problem(405, "method_not_allowed", "")),
        http("a search for nothing", get("/api/v1/searches"), invalid("from")),
        http(
            "a search from no point",
            get("/api/v1/searches?from=Grenoble&to=45,5&at=2099-01-04T18:25:00Z"),
            invalid("from"),
        ),
        http(
            "a search from beyond the pole",
            get("/api/v1/searches?from=99,5&to=45,5&at=2099-01-04T18:25:00Z"),
            invalid("from"),
        ),
        http("a search at no time", get("/api/v1/searches?from=45,5&to=46,5&at=soon"), invalid("at")),
        http("a search in the past", get("/api/v1/searches?from=45,5&to=46,5&at=1500000000"), invalid("at")),
        http("a search at the end of time", get("/api/v1/searches?from=45,5&to=46,5&at=99999999999999"), invalid("at")),
        http("a radius that is no number", search("&radius_km=NaN"), invalid("radius_km")),
        http("a radius around the earth", search("&radius_km=40000"), invalid("radius_km")),
        http("a tolerance below zero", search("&tolerance_min=-1"), invalid("tolerance_min")),
        http("a tolerance of a year", search("&tolerance_min=525600"), invalid("tolerance_min")),
        http("a search for no seat", search("&seats=0"), invalid("seats")),
        http("a parameter twice", search("&seats=1&seats=2"), invalid("seats")),
        http("a parameter that nobody knows", search("&sort=price"), invalid("sort")),
        http("a query without end", search(&format!("&radius_km={}", "9".repeat(3_000))), invalid("query")),
        http("a query of bytes", search("&seats=%ff%fe"), invalid("seats")),
        http("a page of nothing", get("/api/v1/conversations?limit=0"), invalid("limit")),
        http("a page without end", get("/api/v1/conversations?limit=1000000"), invalid("limit")),
        http("a page before nothing", get("/api/v1/me/history?before=yesterday"), invalid("before")),
        http(
            "a page from both ends",
            get("/api/v1/conversations/{conversation}/events?after=1&before=9"),
            invalid("before"),
        ),
        http("a position that is none", get("/api/v1/me?min_position=last"), invalid("min_position")),
        http(
            "a position that never comes",
            get("/api/v1/me?min_position=9000000000000000000"),
            Problem(503, "behind", ""),
        ),
        http("a state at no time", get("/api/v1/rides/{ride}?at=then"), invalid("at")),
        http("reservations of whenever", get("/api/v1/me/reservations?when=sometimes"), invalid("when")),
    ]
}

pub fn talk() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let say = |body: Value| post("/api/v1/conversations/{conversation}/messages", body.to_string());
    vec![
        http("to say nothing", say(json!({"text": ""})), invalid("text")),
        http("to say white space", say(json!({"text": " \n\t "})), invalid("text")),
        http("to say too much", say(json!({"text": "a".repeat(4_001)})), invalid("text")),
        http("to say a bell", say(json!({"text": "ding\u{7}"})), invalid("text")),
        http(
            "to answer what nobody said",
            say(json!({"text": "Yes", "in_reply_to": 77})),
            Problem(404, "no_such_message", ""),
        ),
        http(
            "to talk about one's own ride",
            post("/api/v1/conversations", r#"{"ride":"{own_ride}"}"#),
            Problem(409, "own_ride", ""),
        ),
        http(
            "to talk about no ride",
            post("/api/v1/conversations", json!({"ride": Uuid::new_v4()}).to_string()),
            Problem(404, "no_such_ride", ""),
        ),
        http(
            "to talk where others do",
            post("/api/v1/conversations/{others}/messages", r#"{"text":"Hello"}"#),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to read where others talk",
            get("/api/v1/conversations/{others}/events"),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to talk nowhere",
            post(format!("/api/v1/conversations/{}/messages", Uuid::new_v4()), r#"{"text":"x"}"#),
            Problem(404, "no_such_conversation", ""),
        ),
        http(
            "to change what others said",
            send("PATCH", "/api/v1/conversations/{conversation}/messages/3", r#"{"text":"x"}"#),
            Problem(403, "not_the_author", ""),
        ),
        http(
            "to have read what is not said",
            post("/api/v1/conversations/{conversation}/marks", r#"{"up_to":999}"#),
            invalid("up_to"),
        ),
        http(
            "to have read nothing",
            post("/api/v1/conversations/{conversation}/marks", r#"{"up_to":0}"#),
            invalid("up_to"),
        ),
        http("to propose no seat", proposal(|terms| terms["seats"] = json!(0)), invalid("seats")),
        http(
            "to propose a price without end",
            proposal(|terms| terms["price_per_seat"]["cents"] = json!(4_000_000_000_u32)),
            invalid("price_per_seat.cents"),
        ),
        http(
            "to be picked up in the sky",
            proposal(|terms| terms["pickup"]["lat"] = json!(1e9)),
            invalid("pickup.lat"),
        ),
        http(
            "to be picked up on the other side of the earth",
            proposal(|terms| terms["pickup"] = json!({"lat": -45.0, "lon": 170.0})),
            invalid("pickup"),
        ),
        http(
            "a proposal that stands for a second",
            proposal(|terms| terms["expires_in_s"] = json!(1)),
            Problem(422, "expiry_out_of_range", ""),
        ),
        http(
            "to counter what nobody proposed",
            proposal(|terms| terms["in_reply_to"] = json!(Uuid::new_v4())),
            Problem(404, "no_such_proposal", ""),
        ),
        http(
            "to change a booking that is none",
            proposal(|terms| terms["replaces"] = json!(Uuid::new_v4())),
            Problem(404, "no_such_booking", ""),
        ),
        http(
            "to accept with half a hash",
            post("/api/v1/conversations/{conversation}/proposals/{proposal}/accept", r#"{"terms_hash":"abc"}"#),
            invalid("terms_hash"),
        ),
        http(
            "to accept one's own proposal",
            post(
                "/api/v1/conversations/{conversation}/proposals/{proposal}/accept",
                json!({"terms_hash": "00".repeat(32)}).to_string(),
            ),
            Problem(409, "own_proposal", ""),
        ),
        http(
            "to withdraw what nobody proposed",
            post(format!("/api/v1/conversations/{{conversation}}/proposals/{}/withdraw", Uuid::new_v4()), ""),
            Problem(404, "no_such_proposal", ""),
        ),
        http(
            "to cancel a reservation that is none",
            post(format!("/api/v1/reservations/{}/cancel", Uuid::new_v4()), "{}"),
            Problem(404, "no_such_reservation", ""),
        ),
        http(
            "to change another's ride",
            send("PATCH", "/api/v1/rides/{ride}", r#"{"seats":1}"#),
            Problem(403, "not_yours", ""),
        ),
        http(
            "to reserve on one's own ride",
            post(
                "/api/v1/reservations",
                r#"{"ride":"{own_ride}","seats":1,"pickup":{"lat":45.188,"lon":5.724},"drop_off":{"lat":45.764,"lon":4.836}}"#,
            ),
            Problem(409, "own_ride", ""),
        ),
    ]
}

pub fn accounts() -> Vec<Case> {
    let invalid = |field| Problem(422, "invalid", field);
    let sign_up = |change: fn(&mut Value)| {
        let mut form = json!({"email": "new@example.org", "password": "a long enough secret", "name": "New"});
        change(&mut form);
        post("/api/v1/accounts", form.to_string())
    };
    vec![
        http("no address", sign_up(|form| form["email"] = json!("anna")), invalid("email")),
        http(
            "an address with a line",
            sign_up(|form| form["email"] = json!("a@example.org\nBcc: b@example.org")),
            invalid("email"),
        ),
        http(
            "an address without end",
            sign_up(|form| form["email"] = json!(format!("{}@example.org", "a".repeat(300)))),
            invalid("email"),
        ),
        http("a short password", sign_up(|form| form["password"] = json!("secret")), invalid("password")),
        http(
            "a password without end",
            sign_up(|form| form["password"] = json!("s".repeat(10_000))),
            invalid("password"),
        ),
        http("no name", sign_up(|form| form["name"] = json!("  ")), invalid("name")),
        http("a name of two lines", sign_up(|form| form["name"] = json!("An\nna")), invalid("name")),
        http("a name without end", sign_up(|form| form["name"] = json!("a".repeat(81))), invalid("name")),
        http("a language that is none", sign_up(|form| form["language"] = json!("tlh")), invalid("language")),
        http(
            "an address that is taken",
            sign_up(|form| {
                form["email"] = json!("anna@example.org");
                form["password"] = json!("not the right one");
            }),
            Problem(409, "email_taken", ""),
        ),
        http(
            "a wrong password",
            post("/api/v1/sessions", r#"{"email":"anna@example.org","password":"not the right one"}"#),
            Problem(401, "wrong_credentials", ""),
        ),
        http(
            "a reset by no link",
            post("/api/v1/password-resets/confirm", r#"{"token":"x","password":"a fresh long secret"}"#),
            Problem(410, "reset_over", ""),
        ),
    ]
}
