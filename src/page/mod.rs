//! The page that people see in their browsers: the files that `web/` is built into, as a part of the program.
//!
//! Every address that the server does not know otherwise is one of the page's own, which the page finds out by itself, so
//! all are answered with `index.html`. Files under `assets/` have a hash in their name and are kept for ever by browsers;
//! everything else is asked for again. Texts lie there compressed as well, so that nothing is compressed for a request.
//! [`tiles`] is where its maps come from.

mod files;
pub mod tiles;

use actix_web::http::header::{self, CacheDirective, ContentEncoding, ETag, EntityTag, Header as _, IfNoneMatch};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::encoding;
use files::File;
use tiles::Tiles;

/// Where the page begins.
const INDEX: &str = "index.html";
/// Files with a hash in their name.
const HASHED: &str = "assets/";
/// How texts lie there compressed, the best way first, and with which ending.
const COMPRESSED: [(ContentEncoding, &str); 2] = [(ContentEncoding::Brotli, ".br"), (ContentEncoding::Gzip, ".gz")];
/// A year, which is for ever to a browser.
const FOR_EVER_S: u32 = 365 * 24 * 3600;
/// What the page may use of the device.
const PERMISSIONS: &str = "geolocation=(self), camera=(), microphone=(), payment=(), usb=()";
/// Told where the page would be, when the program was built without it.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Palabre</title>\n\
    <h1>Palabre is running, without its page</h1>\n\
    <p>This program was built before the page was. Build both with <code>make run</code>, or the page alone with \
    <code>npm ci &amp;&amp; npm run build</code> in the folder <code>web</code>, and then the program again.\n\
    <p>The API is there all the same: <a href=\"/api/docs/\">/api/docs</a>.\n</html>\n";

/// Whether the program has the page in it.
pub fn is_built() -> bool {
    files::find(INDEX).is_some()
}

/// The part of the page that `request` is about, with maps from `tiles`; none where it is about nothing of the page.
pub fn answer(request: &HttpRequest, tiles: Option<&Tiles>) -> Option<HttpResponse> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let Found { name, file } = find(request.path(), files::find)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, policy(tiles)));
    response.insert_header(("permissions-policy", PERMISSIONS));
    response.insert_header(header::CacheControl(kept(name)));
    // Compressed on the way, it is the same only in meaning, which a weak tag says.
    let tag = EntityTag::new_weak(file.hash);
    response.insert_header(ETag(tag.clone()));
    response.insert_header((header::VARY, "accept-encoding"));
    if IfNoneMatch::parse(request).is_ok_and(|known| knows(&known, &tag)) {
        return Some(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    let (encoding, bytes) = compressed(name, request, files::find).unwrap_or((ContentEncoding::Identity, file.bytes));
    response.insert_header(encoding);
    Some(response.content_type(file.content_type).body(bytes))
}

/// The file of that name in an encoding that whoever asks takes and likes best, if it lies there in one.
fn compressed(
    name: &str,
    request: &HttpRequest,
    files: impl Fn(&str) -> Option<File>,
) -> Option<(ContentEncoding, Bytes)> {
    let liked = encoding::liked(request, COMPRESSED.map(|(encoding, _)| encoding));
    let (encoding, ending) = COMPRESSED.into_iter().find(|(encoding, _)| liked == *encoding)?;
    files(&format!("{name}{ending}")).map(|file| (encoding, file.bytes))
}

/// What an address of the page stands for.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    name: &'a str,
    file: File,
}

fn find(path: &str, files: impl Fn(&str) -> Option<File>) -> Option<Found<'_>> {
    let name = path.trim_start_matches('/');
    // They are other encodings of a file, not files of their own.
    let is_copy = COMPRESSED.iter().any(|(_, ending)| name.ends_with(ending));
    if !is_copy && let Some(file) = files(name) {
        return Some(Found { name, file });
    }
    let is_api = name == "api" || name.starts_with("api/");
    let is_file = name.starts_with(HASHED) || name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    (!is_api && !is_file).then(|| Found { name: INDEX, file: files(INDEX).unwrap_or_else(not_built) })
}

fn not_built() -> File {
    let bytes = NOT_BUILT.as_bytes().into();
    File { bytes, hash: "not-built".to_owned(), content_type: "text/html; charset=utf-8" }
}

fn kept(name: &str) -> Vec<CacheDirective> {
    if name.starts_with(HASHED) {
        let for_ever = CacheDirective::Extension("immutable".to_owned(), None);
        return vec![CacheDirective::Public, CacheDirective::MaxAge(FOR_EVER_S), for_ever];
    }
    vec![CacheDirective::NoCache]
}

fn knows(known: &IfNoneMatch, tag: &EntityTag) -> bool {
    match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
    }
}

/// Its own scripts and styles, the pictures of its maps, and nothing that is written into the document.
fn policy(tiles: Option<&Tiles>) -> String {
    let pictures = tiles.map_or(String::new(), |tiles| format!(" {}", tiles.origin()));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{pictures}; font-src 'self'; \
        connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn file(name: &str) -> Option<File> {
        let known = [INDEX, "icon.svg", "assets/index-Bq3.js", "assets/index-Bq3.js.br", "assets/index-Bq3.js.gz"];
        let known = known.contains(&name);
        known.then(|| File { bytes: name.to_owned().into(), hash: name.to_owned(), content_type: "text/html" })
    }

    fn named(path: &str) -> Option<&str> {
        find(path, file).map(|found| found.name)
    }

    #[test]
    fn every_address_of_the_page_is_its_index() {
        for path in ["/", "/search", "/rides/0190a4b2-5a6e-7c31-8d1f-222222222222", "/conversations", "/apiary"] {
            assert_eq!(named(path), Some(INDEX), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_nothing() {
        for path in [
            "/assets/index-old.js",
            "/assets/index-Bq3.js.br",
            "/assets/gone",
            "/favicon.ico",
            "/wp-login.php",
            "/a/b.css",
            "/../Cargo.toml",
        ] {
            assert_eq!(named(path), None, "{path}");
        }
        assert_eq!(named("/icon.svg"), Some("icon.svg"));
    }

    #[test]
    fn texts_come_as_whoever_asks_likes_them_best() {
        for (accepted, name, ending) in [
            ("gzip, deflate, br, zstd", "assets/index-Bq3.js", Some(".br")),
            ("gzip", "assets/index-Bq3.js", Some(".gz")),
            ("br;q=0, gzip;q=0.5", "assets/index-Bq3.js", Some(".gz")),
            ("identity", "assets/index-Bq3.js", None),
            ("br", "icon.svg", None),
        ] {
            let request = TestRequest::get().insert_header(("accept-encoding", accepted)).to_http_request();
            let found = compressed(name, &request, file).map(|(_, bytes)| bytes);
            assert_eq!(found, ending.map(|ending| format!("{name}{ending}").into()), "{accepted}");
        }
        assert!(compressed("assets/index-Bq3.js", &TestRequest::get().to_http_request(), file).is_none());
    }

    #[test]
    fn the_api_is_not_the_page() {
        for path in ["/api", "/api/", "/api/v1/nothing", "/api/docs"] {
            assert_eq!(named(path), None, "{path}");
        }
    }

    #[test]
    fn without_the_page_its_addresses_are_known_all_the_same() {
        assert_eq!(find("/search", |_| None), Some(Found { name: INDEX, file: not_built() }));
        assert_eq!(find("/icon.svg", |_| None), None);
    }

    #[test]
    fn only_what_has_a_hash_in_its_name_is_kept() {
        let immutable = CacheDirective::Extension("immutable".to_owned(), None);
        assert!(kept("assets/index-Bq3.js").contains(&immutable));
        for name in [INDEX, "icon.svg"] {
            assert_eq!(kept(name), vec![CacheDirective::NoCache]);
        }
    }

    #[test]
    fn only_the_host_of_the_maps_may_be_asked_for_pictures() {
        assert!(policy(None).contains("img-src 'self' data:;"));
        let tiles = Tiles::read("https://tiles.example/{z}/{x}/{y}.png", "© Somebody").unwrap();
        let policy = policy(Some(&tiles));
        assert!(policy.contains("img-src 'self' data: https://tiles.example;"), "{policy}");
        assert_eq!(policy.matches("tiles.example").count(), 1);
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn writing_to_the_page_is_nothing_it_knows() {
        assert!(answer(&TestRequest::post().uri("/search").to_http_request(), None).is_none());
        let response = answer(&TestRequest::get().uri("/search").to_http_request(), None).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers().contains_key("content-security-policy"));
    }
}
