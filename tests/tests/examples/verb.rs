//! The example `verb` as its page documents it, case by case; and, in an application of this
//! file's own, the options that the documented one does not set. Knows nothing of the library's
//! insides.

use std::{path::Path, sync::Arc, thread, time::Duration};

use axum::{Router, routing::get};
use serde_json::json;
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder,
    clock::ManualClock,
    policy::{Create, Resend, SecureCookie, TouchOn},
    proxy,
    store::MemoryStore,
};
use tests::{
    Client, Server, Spy,
    example::{Browser, Example, Reply, curl},
    spy,
};

fn start() -> Example {
    Example::start("verb", &[])
}

fn log_in(browser: &Browser<'_>) -> Reply {
    browser.post_json("/login", &json!({ "username": "admin", "password": "password" }))
}

/// The status and the JSON, whose type is told without a charset.
fn said(reply: &Reply) -> (u16, serde_json::Value) {
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    (reply.status, reply.json())
}

/// The visits that the page tells of.
fn visits(reply: &Reply) -> &str {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(PLAIN)), "{reply:?}");
    reply.body.trim_start_matches("You have visited this page ").trim_end_matches(" times.")
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// The seconds for which the client is told to keep the cookie.
fn max_age(cookie: &str) -> Option<u64> {
    let age = cookie.split("; ").find_map(|it| it.strip_prefix("Max-Age="))?;
    Some(age.parse().expect("a number of seconds"))
}

fn lasts_a_day(cookie: &str) -> bool {
    max_age(cookie) == Some(86_400)
}

#[test]
fn v01_the_first_visit_counts_one_and_sets_the_cookie() {
    let verb = start();
    let reply = verb.request("/", &[]);
    assert_eq!(reply.body, "You have visited this page 1 times.");
    assert_eq!(visits(&reply), "1");
    let [cookie] = reply.set_cookies()[..] else { panic!("one cookie: {reply:?}") };
    assert!(cookie.starts_with("verb.sid=") && lasts_a_day(cookie), "{cookie}");
    let attributes: Vec<_> = cookie.split("; ").map(str::to_lowercase).collect();
    for attribute in ["path=/", "httponly", "samesite=lax"] {
        assert!(attributes.iter().any(|it| it == attribute), "{attribute}: {cookie}");
    }
    assert_eq!(attributes.len(), 5, "nothing else: {cookie}");
}

#[test]
fn v02_the_second_visit_counts_on_and_sends_the_same_cookie_again() {
    let verb = start();
    let browser = verb.browser();
    let first = browser.get("/");
    let token = browser.cookie("verb.sid").expect("a cookie");
    let second = browser.get("/");
    assert_eq!((visits(&first), visits(&second)), ("1", "2"));
    let [cookie] = second.set_cookies()[..] else { panic!("its Max-Age moves on: {second:?}") };
    assert!(cookie.starts_with(&format!("{token};")) && lasts_a_day(cookie), "{cookie}");
    assert_eq!(visits(&verb.browser().get("/")), "1", "another visitor");
}

#[test]
fn v03_the_right_password_logs_in() {
    let verb = start();
    let reply = log_in(&verb.browser());
    assert_eq!(said(&reply), (200, json!({ "message": "Login successful" })));
    assert_eq!(reply.set_cookies().len(), 1);
}

#[test]
fn v04_a_wrong_password_does_not_but_has_a_session_as_everybody() {
    let verb = start();
    let browser = verb.browser();
    for form in [
        json!({ "username": "admin", "password": "Password" }),
        json!({ "username": "root", "password": "password" }),
    ] {
        let reply = browser.post_json("/login", &form);
        assert_eq!(said(&reply), (401, json!({ "error": "Invalid credentials" })));
    }
    assert!(browser.cookie("verb.sid").is_some(), "saveUninitialized");
    assert_eq!(browser.get("/profile").status, 401);
}

#[test]
fn v05_the_profile_is_not_for_strangers() {
    let reply = start().request("/profile", &[]);
    assert_eq!(said(&reply), (401, json!({ "error": "Unauthorized" })));
}

#[test]
fn v06_the_profile_shows_who_is_logged_in() {
    let verb = start();
    let browser = verb.browser();
    log_in(&browser);
    let user = json!({ "id": 1, "username": "admin", "role": "admin" });
    assert_eq!(said(&browser.get("/profile")), (200, json!({ "user": user })));
}

#[test]
fn v07_preferences_add_up_key_by_key() {
    let verb = start();
    let browser = verb.browser();
    let update = |change| browser.post_json("/update-preferences", &change);
    let unauthorized = (401, json!({ "error": "Unauthorized" }));
    assert_eq!(said(&update(json!({ "theme": "dark" }))), unauthorized);
    log_in(&browser);
    // What the documented page does not show, so as to see what came of it.
    let preferences = || browser.get("/profile").json()["preferences"].clone();
    let updated = (200, json!({ "message": "Preferences updated" }));
    assert_eq!(said(&update(json!({ "theme": "dark", "size": 12 }))), updated);
    assert_eq!(said(&update(json!({ "size": 14, "sound": false }))), updated);
    assert_eq!(preferences(), json!({ "theme": "dark", "size": 14, "sound": false }));
}

#[test]
fn v07_a_preference_can_be_any_json() {
    let verb = start();
    let browser = verb.browser();
    log_in(&browser);
    let updated = (200, json!({ "message": "Preferences updated" }));
    let mut expected = json!({});
    for (name, value) in [
        ("nested", json!({ "a": 1 })),
        ("list", json!([1, "two", { "three": [3.5] }])),
        ("none", json!(null)),
        ("nested", json!({ "a": { "b": [] } })),
    ] {
        assert_eq!(
            said(&browser.post_json("/update-preferences", &json!({ name: value }))),
            updated
        );
        expected[name] = value;
        assert_eq!(browser.get("/profile").json()["preferences"], expected);
    }
    // There, the index of a list would be the name of a preference.
    assert_eq!(browser.post_json("/update-preferences", &json!([1])).status, 422);
    assert_eq!(browser.get("/profile").json()["preferences"], expected);
}

/// There, the second of two parallel requests writes back what the first one has changed.
#[test]
fn v07_parallel_updates_do_not_lose_each_other() {
    let verb = start();
    let browser = verb.browser();
    log_in(&browser);
    let cookie = format!("Cookie: {}", browser.cookie("verb.sid").expect("logged in"));
    let keys: Vec<String> = (0..8).map(|key| format!("key{key}")).collect();
    thread::scope(|scope| {
        for key in &keys {
            let change = json!({ key: "set" }).to_string();
            let arguments = ["--header", "Content-Type: application/json", "--header", &cookie];
            let arguments = arguments.map(str::to_owned);
            let verb = &verb;
            scope.spawn(move || {
                let arguments = arguments.each_ref().map(String::as_str);
                let arguments = [&arguments[..], &["--data", &change]].concat();
                assert_eq!(verb.request("/update-preferences", &arguments).status, 200);
            });
        }
    });
    let profile = browser.get("/profile").json();
    let kept = profile["preferences"].as_object().expect("preferences").keys();
    assert_eq!(kept.collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
}

#[test]
fn v08_log_out_ends_the_session_and_removes_its_record() {
    let folder = tempfile::tempdir().expect("a folder for sessions");
    let store = format!("file:{}", folder.path().display());
    let verb = Example::start("verb", &[("STORE", &store)]);
    let browser = verb.browser();
    log_in(&browser);
    assert!(records(folder.path()) > 0);
    let old = browser.cookie("verb.sid").expect("logged in");
    let reply = browser.post_json("/logout", &json!({}));
    assert_eq!(said(&reply), (200, json!({ "message": "Logout successful" })));
    // There, the client keeps the dead cookie; here, it is told to forget it.
    assert_eq!(reply.set_cookies().len(), 1);
    assert_eq!((browser.cookie("verb.sid"), max_age(reply.set_cookies()[0])), (None, Some(0)));
    assert_eq!(records(folder.path()), 0);
    assert_eq!(verb.replay("/profile", &old).status, 401);

    let nobody = verb.request("/logout", &["--data", ""]);
    assert_eq!(said(&nobody), (200, json!({ "message": "Logout successful" })));
    assert!(nobody.set_cookies().is_empty(), "{nobody:?}");
}

/// How many files of sessions are somewhere in this folder, entries of the index included.
fn records(folder: &Path) -> usize {
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    let count = |path: std::path::PathBuf| {
        if path.is_dir() {
            return records(&path);
        }
        usize::from(path.to_string_lossy().ends_with("-visit"))
    };
    entries.map(count).sum()
}

#[test]
fn v09_the_guard_answers_before_the_handler_looks_at_the_request() {
    let verb = start();
    let malformed = ["--header", "Content-Type: application/json", "--data", "{"];
    let reply = verb.request("/update-preferences", &malformed);
    assert_eq!(said(&reply), (401, json!({ "error": "Unauthorized" })));
    let browser = verb.browser();
    log_in(&browser);
    assert_eq!(browser.request("/update-preferences", &malformed).status, 400);
}

#[test]
fn v15_log_in_changes_the_token_and_keeps_the_visits() {
    let verb = start();
    let browser = verb.browser();
    for _ in 0..2 {
        assert_eq!(browser.get("/").status, 200);
    }
    let before = browser.cookie("verb.sid").expect("a visit has a session");
    log_in(&browser);
    let after = browser.cookie("verb.sid").expect("logged in");
    assert_ne!(before, after);
    assert_eq!(verb.replay("/profile", &before).status, 401);
    assert_eq!(visits(&verb.replay("/", &before)), "1", "it leads to no session");
    assert_eq!(verb.replay("/profile", &after).status, 200);
    assert_eq!(visits(&browser.get("/")), "3");
}

// ---- The options that the documented application does not set. ----

#[derive(Session)]
#[session(
    name = "verb.sid",
    prefix = "none",
    create = "eager",
    idle = "24h",
    absolute = "30d",
    persistent
)]
struct Visit {
    #[session(counter)]
    visits: i64,
}

type Builder = SessionLayerBuilder<Visit>;

async fn serve(adjust: impl FnOnce(Builder) -> Builder) -> (Server, Spy<MemoryStore>, Clock) {
    let (store, clock) = (spy(MemoryStore::default()), Clock::default());
    let builder = SessionLayer::<Visit>::builder(KeyRing::ephemeral().expect("random bytes"))
        .store(store.clone())
        .clock(Arc::clone(&clock));
    let visit = async |s: Session<Visit>| {
        s.add_visits(1);
        s.visits().to_string()
    };
    let routes = Router::new()
        .route("/visit", get(visit))
        .route("/read", get(async |s: Session<Visit>| s.visits().to_string()))
        .route("/plain", get(async || "no session"))
        .route("/forced", get(async |s: Session<Visit>| s.create().await.map(drop)));
    let layer = adjust(builder).build().expect("a sound configuration");
    (Server::start(routes.layer(layer)).await, store, clock)
}

type Clock = Arc<ManualClock>;

const HOUR: Duration = Duration::from_secs(60 * 60);
const NONE: [&str; 0] = [];

#[tokio::test]
async fn v10_without_save_uninitialized_a_look_leaves_nothing_behind() {
    let (server, store, _) = serve(|it| it.insecure_dev().create(Create::OnWrite)).await;
    let client = Client::new(&server);
    for path in ["/plain", "/read"] {
        let reply = client.get(path).await;
        assert!(reply.set_cookies().is_empty(), "{path}");
        assert_eq!(store.take_calls(), NONE, "{path}");
    }
    assert_eq!(client.get("/visit").await.set_cookies().len(), 1, "the first write begins it");
    assert_eq!(store.take_calls(), ["insert"]);

    let (server, store, _) = serve(Builder::insecure_dev).await;
    // There, every request; here, every one that a handler extracts the session in.
    assert!(Client::new(&server).get("/plain").await.set_cookies().is_empty());
    assert_eq!(Client::new(&server).get("/read").await.set_cookies().len(), 1);
    assert_eq!(store.take_calls(), ["insert"]);
}

#[tokio::test]
async fn v11_rolling_sends_the_cookie_with_every_response_for_the_full_time() {
    for (resend, sent) in [(Resend::Always, [86_400, 86_400]), (Resend::OnChange, [0, 86_400])] {
        let (server, _, clock) = serve(|it| it.insecure_dev().resend(resend)).await;
        let client = Client::new(&server);
        client.get("/visit").await;
        let sent_again = async || {
            let reply = client.get("/read").await;
            reply.set_cookies().first().and_then(|cookie| max_age(cookie)).unwrap_or_default()
        };
        // Touched within the last minute; an hour ago. There, not rolling, only a change is told of;
        // here, the client hears whenever its session has come to last longer.
        let at_once = sent_again().await;
        clock.advance(HOUR);
        assert_eq!([at_once, sent_again().await], sent, "{resend:?}");
        let client_without = Client::new(&server);
        assert!(client_without.get("/plain").await.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn v12_resave_goes_to_the_store_although_nothing_has_changed() {
    let (server, store, clock) = serve(Builder::insecure_dev).await;
    let client = Client::new(&server);
    client.get("/visit").await;
    store.take_calls();
    // `resave: false`. There, each request touches the record; here, at most one a minute.
    client.get("/read").await;
    assert_eq!(store.take_calls(), ["load"]);
    clock.advance(HOUR);
    client.get("/read").await;
    assert_eq!(store.take_calls(), ["load", "touch"]);
    // `resave: true` is a call where it is wanted. It writes no field, so it undoes no parallel
    // request's.
    client.get("/forced").await;
    assert_eq!(store.take_calls(), ["load", "touch"]);
    assert_eq!(client.get("/read").await.body, "1");
}

/// There, each request that carries the cookie touches.
#[tokio::test]
async fn v12_a_touch_by_any_request_is_an_option() {
    for (touch_on, visits) in [(TouchOn::AnyRequest, "1"), (TouchOn::Extracted, "0")] {
        let (server, _, clock) = serve(|it| it.insecure_dev().touch_on(touch_on)).await;
        let client = Client::new(&server);
        client.get("/visit").await;
        for _ in 0..2 {
            clock.advance(20 * HOUR);
            client.get("/plain").await;
        }
        assert_eq!(client.get("/read").await.body, visits, "{touch_on:?}");
    }
}

#[tokio::test]
async fn v13_a_changed_token_is_a_new_session_without_a_question_to_the_store() {
    let (server, store, _) = serve(Builder::insecure_dev).await;
    let client = Client::new(&server);
    client.get("/visit").await;
    let token = client.cookie("verb.sid").expect("a session");
    store.take_calls();
    for at in [0, 10, 40, token.len() - 1] {
        let mut changed = token.clone().into_bytes();
        changed[at] ^= b'A' ^ b'B';
        let changed = String::from_utf8(changed).expect("ASCII");
        let forger = client.blank();
        forger.set_cookie("verb.sid", &changed);
        assert_eq!(forger.get("/visit").await.body, "1", "at {at}");
        let new = forger.cookie("verb.sid").expect("a new session");
        assert!(new != changed && new != token, "at {at}");
        assert_eq!(store.take_calls(), ["insert"], "at {at}: no load");
    }
    assert_eq!(client.get("/visit").await.body, "2", "the true one is as it was");
}

/// There, a cookie that is `Secure` is not even sent over http; here, it is, so marked, and it is
/// the browser that does not keep it.
#[tokio::test(flavor = "multi_thread")]
async fn v14_a_secure_cookie_is_of_no_use_over_http() {
    let (server, _, _) = serve(|it| it.secure(SecureCookie::Always)).await;
    let port = server.address().port();
    let both = move || {
        let jar = tempfile::NamedTempFile::new().expect("a file for cookies");
        let jar = jar.path().to_string_lossy();
        // A name, because clients trust loopback addresses as they trust https.
        let here = format!("shop.example:{port}:127.0.0.1");
        let url = format!("http://shop.example:{port}/visit");
        [(); 2].map(|()| curl(&["-b", &jar, "-c", &jar, "--resolve", &here, &url]))
    };
    let [first, second] = tokio::task::spawn_blocking(both).await.expect("curl runs");
    assert!(first.set_cookies()[0].contains("; Secure"), "{first:?}");
    assert_eq!((first.body.as_str(), second.body.as_str()), ("1", "1"), "never sent back");

    // `auto`, with `proxy: true`.
    let (server, _, _) = serve(|it| it.secure(SecureCookie::When(proxy::is_https))).await;
    for (headers, secure) in [(&[][..], false), (&[("x-forwarded-proto", "https")], true)] {
        let client = Client::new(&server);
        let reply = client.send(http::Method::GET, "/visit", headers).await;
        assert_eq!(reply.set_cookies()[0].contains("; Secure"), secure, "{headers:?}");
    }
}

#[tokio::test]
async fn v16_a_day_is_86400_seconds_at_the_client() {
    let (server, _, _) = serve(Builder::insecure_dev).await;
    let reply = Client::new(&server).get("/visit").await;
    assert_eq!(max_age(reply.set_cookies()[0]), Some(86_400), "{:?}", reply.set_cookies());
}
