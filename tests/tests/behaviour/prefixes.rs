//! The rules for the prefixes of cookie names, held to those of a real browser: Chromium is given a
//! cookie of each combination of a prefix and the attributes, and what it keeps is what may be built.
//! The list of what it keeps is recorded, and the derive's own test reads it.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header::SET_COOKIE},
    routing::get,
};
use serde_json::Value;
use session_runtime::{
    KeyRing, SameSite, Session, SessionLayer, policy::SecureCookie, schema::Prefix,
    store::MemoryStore,
};
use tests::{Server, webdriver::Chromium};

/// The combinations that the derive accepts, too: a line for each combination, `true` for those that Chromium keeps.
const RECORDED: &str = include_str!("../../golden/cookies.txt");

#[derive(Session)]
struct Any {
    field: String,
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
struct Cookie {
    prefix: &'static str,
    secure: bool,
    http_only: bool,
    domain: bool,
    root: bool,
    same_site: SameSite,
    partitioned: bool,
}

/// Every combination of the attributes: 480.
fn all() -> Vec<Cookie> {
    let mut all = Vec::new();
    for prefix in ["__Host-Http-", "__Http-", "__Host-", "__Secure-", ""] {
        for bits in 0..32 {
            for same_site in [SameSite::Lax, SameSite::Strict, SameSite::None] {
                let bit = |at: u32| bits >> at & 1 == 1;
                all.push(Cookie {
                    prefix,
                    secure: bit(0),
                    http_only: bit(1),
                    domain: bit(2),
                    root: bit(3),
                    partitioned: bit(4),
                    same_site,
                });
            }
        }
    }
    all
}

/// The host and the path of the page; the cookies' own, if they say so.
const HOST: &str = "shop.localhost";
const PATH: &str = "/app";

impl Cookie {
    /// The cookie as the response sets it, built by nothing of the library.
    fn header(self, name: &str) -> String {
        let Self { prefix, secure, http_only, domain, root, same_site, partitioned } = self;
        let mut text = format!("{prefix}{name}=x; Path={}", if root { "/" } else { PATH });
        write!(text, "; SameSite={same_site}").expect("a string takes all");
        for (attribute, is_there) in [
            ("; Secure", secure),
            ("; HttpOnly", http_only),
            ("; Domain=shop.localhost", domain),
            ("; Partitioned", partitioned),
        ] {
            text.push_str(if is_there { attribute } else { "" });
        }
        text
    }

    /// Returns whether a layer with this cookie can be built.
    fn is_accepted(self, keys: &KeyRing, name: &str) -> bool {
        SessionLayer::<Any>::builder(keys.clone())
            .store(MemoryStore::default())
            .name(&format!("{}{name}", self.prefix))
            .prefix(Prefix::None)
            .secure(if self.secure { SecureCookie::Always } else { SecureCookie::Never })
            .http_only(self.http_only)
            .domain(self.domain.then_some(HOST))
            .path(if self.root { "/" } else { PATH })
            .same_site(self.same_site)
            .partitioned(self.partitioned)
            .build()
            .is_ok()
    }

    /// The combination as the struct's attributes say it.
    fn attributes(self, name: &str) -> String {
        let Self { prefix, secure, http_only, domain, root, same_site, partitioned } = self;
        let mut text = format!("name = \"{prefix}{name}\"");
        for (attribute, is_there) in [
            (", prefix = \"none\"", prefix.is_empty()),
            (", secure = false", !secure),
            (", http_only = false", !http_only),
            (", domain = \"shop.localhost\"", domain),
            (", path = \"/app\"", !root),
            (", partitioned", partitioned),
        ] {
            text.push_str(if is_there { attribute } else { "" });
        }
        write!(text, ", same_site = \"{}\"", same_site.to_string().to_lowercase())
            .expect("a string takes all");
        text
    }
}

/// The names of the cookies that Chromium keeps of all combinations.
async fn kept() -> BTreeSet<String> {
    // In parts: a browser keeps a limited number of cookies a host.
    let set = get(async |axum::extract::Path(part): axum::extract::Path<usize>| {
        let mut headers = HeaderMap::new();
        for (at, cookie) in all().into_iter().enumerate().filter(|(at, _)| at / 40 == part) {
            let line = cookie.header(&format!("c{at}"));
            headers.append(SET_COOKIE, HeaderValue::from_str(&line).expect("visible ASCII"));
        }
        headers
    });
    let server = Server::start(Router::new().route("/app/{part}", set)).await;
    let base = format!("http://{HOST}:{}{PATH}", server.address().port());
    let look = move || {
        let (browser, mut kept) = (Chromium::start(), BTreeSet::new());
        for part in 0..12 {
            browser.forget_cookies();
            browser.open(&format!("{base}/{part}"));
            let Value::Array(cookies) = browser.cookies() else { panic!("cookies are a list") };
            let names = cookies.iter().map(|cookie| cookie["name"].as_str().expect("a name"));
            kept.extend(names.map(str::to_owned));
        }
        kept
    };
    tokio::task::spawn_blocking(look).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_built_is_what_a_browser_keeps() {
    let (kept, keys) = (kept().await, KeyRing::ephemeral().expect("random bytes"));
    let mut list = String::new();
    for (at, cookie) in all().into_iter().enumerate() {
        let name = format!("c{at}");
        let is_kept = kept.contains(&format!("{}{name}", cookie.prefix));
        assert_eq!(cookie.is_accepted(&keys, &name), is_kept, "{}", cookie.header(&name));
        writeln!(list, "{is_kept} {}", cookie.attributes(&name)).expect("a string takes all");
    }
    assert_eq!(list.lines().count(), 480);
    assert!(kept.len() > 100 && kept.len() < 300, "{}", kept.len());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/cookies.txt");
        std::fs::write(file, &list).expect("the list can be recorded");
    } else {
        assert!(list == RECORDED, "another list; record it with UPDATE_EXPECT=1");
    }
}
