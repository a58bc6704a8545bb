//! The example `kestrun` as the clients of Kestrun's session tutorial use it, case by case. Below it:
//! requests at the same moment, every store, a store that is stopped, and what the tutorial leaves
//! as it is. Knows nothing of the library behind it.

mod options;
mod parallel;
#[cfg(feature = "redis")]
mod stopped;
mod stores;

use std::{fs, path::Path, time::Duration};

use crate::ktor::is_under_another_key;
use serde_json::json;
use tests::example::{Browser, Clock, Example, Reply};

const COOKIE: &str = "Kr.Session";
const MINUTE: Duration = Duration::from_secs(60);

/// As the tutorial serves it: over https.
fn start(settings: &[(&str, &str)]) -> Example {
    Example::start("kestrun", &[&[("TLS", "1")], settings].concat())
}

/// Logs in, and sees to it that it is said so.
fn log_in(browser: &Browser<'_>, user: &str) -> Reply {
    let reply = browser.get(&format!("/session/login?user={user}"));
    assert_eq!((reply.status, reply.json()), (200, json!({"message": "Logged in", "user": user})));
    reply
}

/// What the counter says next.
fn count(browser: &Browser<'_>) -> u64 {
    let reply = browser.get("/session/counter");
    let json = reply.json();
    assert_eq!((reply.status, &json["message"]), (200, &json!("Counter incremented")), "{reply:?}");
    json["counter"].as_u64().expect("a number")
}

/// The value of a `Set-Cookie` line of ours, and its attributes in order.
fn parts(line: &str) -> (&str, Vec<&str>) {
    let mut parts = line.split("; ");
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("name=value");
    assert_eq!(name, COOKIE);
    let mut attributes: Vec<&str> = parts.collect();
    attributes.sort_unstable();
    (value, attributes)
}

fn assert_nobody(reply: &Reply) {
    let body = json!({"error": "No active session or user not set"});
    assert_eq!((reply.status, reply.json()), (401, body));
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
}

#[test]
fn k01_hello_has_nothing_to_do_with_sessions() {
    let reply = start(&[]).browser().get("/hello");
    assert_eq!((reply.status, reply.body.as_str()), (200, "Hello, Session World!"));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(reply.set_cookies().is_empty());
}

#[test]
fn k02_the_first_count_is_one_and_sets_the_cookie() {
    let reply = start(&[]).browser().get("/session/counter");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), json!({"message": "Counter incremented", "counter": 1}));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let cookies = reply.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    // No `Max-Age` and no `Expires`: it goes with the browser.
    assert_eq!(parts(cookies[0]).1, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    // `no-store` says all that `no-cache`, `Pragma` and `Expires` say beside it there.
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[test]
fn k03_the_second_request_counts_on_and_sends_no_cookie() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    assert_eq!(count(&browser), 1);
    let reply = browser.get("/session/counter");
    assert_eq!(reply.json(), json!({"message": "Counter incremented", "counter": 2}));
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
}

#[test]
fn k04_another_browser_counts_for_itself() {
    let kestrun = start(&[]);
    let (one, other) = (kestrun.browser(), kestrun.browser());
    assert_eq!((count(&one), count(&one), count(&other)), (1, 2, 1));
    let (one, other) = (one.cookie(COOKIE), other.cookie(COOKIE));
    assert!(one.is_some() && other.is_some() && one != other);
}

#[test]
fn k05_asking_who_one_is_creates_nothing() {
    let reply = start(&[]).browser().get("/session/whoami");
    assert_nobody(&reply);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[test]
fn k06_a_log_in_needs_a_name() {
    let kestrun = start(&[]);
    for query in ["", "?user=", "?user=%20", "?user=%09%20", "?name=max"] {
        let reply = kestrun.browser().get(&format!("/session/login{query}"));
        let body = json!({
            "error": "Missing 'user' query parameter",
            "example": "/session/login?user=max",
        });
        assert_eq!((reply.status, reply.json()), (400, body), "{query}");
        assert!(reply.set_cookies().is_empty(), "{query}");
    }
}

#[test]
fn k07_a_log_in_changes_the_cookie() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    count(&browser);
    let before = browser.cookie(COOKIE).expect("a count needs a session");
    let reply = log_in(&browser, "max");
    // There the cookie from before the log-in goes on; whoever knew it would be logged in, too.
    assert_eq!(reply.set_cookies().len(), 1);
    assert_ne!(browser.cookie(COOKIE), Some(before.clone()));
    assert_nobody(&kestrun.replay("/session/whoami", &before));
    assert_eq!(count(&browser), 2, "what was counted before stays");
}

#[test]
fn k08_who_has_logged_in_is_known() {
    let kestrun = start(&[]);
    let (browser, stranger) = (kestrun.browser(), kestrun.browser());
    log_in(&browser, "max");
    let reply = browser.get("/session/whoami");
    assert_eq!((reply.status, reply.json()), (200, json!({"user": "max"})));
    assert!(reply.set_cookies().is_empty());
    assert_nobody(&stranger.get("/session/whoami"));
}

#[test]
fn k09_a_value_is_stored_under_a_key() {
    let reply = start(&[]).browser().get("/session/set?key=color&value=purple");
    let body = json!({"message": "Stored in session", "key": "color", "value": "purple"});
    assert_eq!((reply.status, reply.json()), (200, body));
    assert_eq!(reply.set_cookies().len(), 1);
}

#[test]
fn k10_storing_needs_a_key_and_a_value() {
    let kestrun = start(&[]);
    for query in ["", "?key=color", "?value=purple", "?key=&value=purple", "?key=color&value=%20"] {
        let reply = kestrun.browser().get(&format!("/session/set{query}"));
        let body = json!({
            "error": "Missing 'key' and/or 'value' query parameter(s)",
            "example": "/session/set?key=color&value=purple",
        });
        assert_eq!((reply.status, reply.json()), (400, body), "{query}");
        assert!(reply.set_cookies().is_empty(), "{query}");
    }
}

#[test]
fn k11_what_was_stored_is_read_again() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    for value in ["purple", "green"] {
        let _ = browser.get(&format!("/session/set?key=color&value={value}"));
        let reply = browser.get("/session/get?key=color");
        assert_eq!((reply.status, reply.json()), (200, json!({"key": "color", "value": value})));
        assert!(reply.set_cookies().is_empty());
    }
    assert_eq!(browser.get("/session/get?key=Color").status, 404, "the case of a key counts");
}

#[test]
fn k12_reading_needs_a_key() {
    let kestrun = start(&[]);
    for query in ["", "?key=", "?key=%20"] {
        let reply = kestrun.browser().get(&format!("/session/get{query}"));
        let body = json!({
            "error": "Missing 'key' query parameter",
            "example": "/session/get?key=color",
        });
        assert_eq!((reply.status, reply.json()), (400, body), "{query}");
    }
}

#[test]
fn k13_what_another_browser_stored_is_not_found() {
    let kestrun = start(&[]);
    let _ = kestrun.browser().get("/session/set?key=color&value=purple");
    let reply = kestrun.browser().get("/session/get?key=color");
    let body = json!({"error": "Key 'color' not found in session"});
    assert_eq!((reply.status, reply.json()), (404, body));
    assert!(reply.set_cookies().is_empty());
}

#[test]
fn k14_log_out_leaves_nothing_behind() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    log_in(&browser, "max");
    let _ = browser.get("/session/set?key=color&value=purple");
    assert_eq!((count(&browser), count(&browser)), (1, 2));
    let old = browser.cookie(COOKIE).expect("logged in");

    let reply = browser.get("/session/logout");
    assert_eq!((reply.status, reply.json()), (200, json!({"message": "Session cleared"})));
    assert!(reply.set_cookies().is_empty(), "as there, the client is not told");
    assert_nobody(&browser.get("/session/whoami"));
    assert_eq!(browser.get("/session/get?key=color").status, 404);
    assert_eq!(count(&browser), 1);
    // There the same cookie goes on with an empty session; here it is dead, whoever has kept it.
    assert_ne!(browser.cookie(COOKIE), Some(old.clone()));
    assert_nobody(&kestrun.replay("/session/whoami", &old));
}

#[test]
fn k15_log_out_without_a_session_stores_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the sessions");
    let files = format!("file:{}", folder.path().display());
    let kestrun = start(&[("STORE", &files)]);
    let (browser, before) = (kestrun.browser(), files_below(folder.path()));
    let reply = browser.get("/session/logout");
    assert_eq!((reply.status, reply.json()), (200, json!({"message": "Session cleared"})));
    assert!(reply.set_cookies().is_empty());
    assert_eq!(files_below(folder.path()), before);
    count(&browser);
    assert_ne!(files_below(folder.path()), before, "a session is a file more");
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder of the test's own");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn k16_a_session_that_was_not_used_is_over() {
    let clock = Clock::new();
    let kestrun = start(&[("IDLE", "20m"), clock.setting()]);
    let browser = kestrun.browser();
    log_in(&browser, "max");
    let old = browser.cookie(COOKIE);
    clock.advance(19 * MINUTE);
    assert_eq!(kestrun.replay("/session/whoami", old.as_deref().expect("a session")).status, 200);
    clock.advance(20 * MINUTE);
    assert_nobody(&browser.get("/session/whoami"));
    // There the old key would be filled again; here nobody can bring a key along.
    let reply = browser.get("/session/counter");
    assert_eq!(reply.json(), json!({"message": "Counter incremented", "counter": 1}));
    assert_eq!(reply.set_cookies().len(), 1);
    assert_ne!(browser.cookie(COOKIE), old);
}

#[test]
fn k17_any_request_keeps_the_session_alive() {
    let clock = Clock::new();
    let kestrun = start(&[("IDLE", "20m"), clock.setting()]);
    let (kept, left) = (kestrun.browser(), kestrun.browser());
    log_in(&kept, "max");
    log_in(&left, "moritz");
    for _ in 0..2 {
        clock.advance(15 * MINUTE);
        assert_eq!(kept.get("/hello").body, "Hello, Session World!");
    }
    assert_eq!(kept.get("/session/whoami").json(), json!({"user": "max"}));
    assert_nobody(&left.get("/session/whoami"));
}

#[test]
fn k18_a_cookie_that_was_changed_starts_anew() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    assert_eq!((count(&browser), count(&browser)), (1, 2));
    let cookie = browser.cookie(COOKIE).expect("a count needs a session");
    let value = cookie.strip_prefix("Kr.Session=").expect("its own name");
    let mut changed: Vec<String> = (0..value.len())
        .map(|at| {
            let letter = if &value[at..=at] == "A" { "B" } else { "A" };
            format!("{}{letter}{}", &value[..at], &value[at + 1..])
        })
        .collect();
    let others = ["", "x", "%00", "=", &value[1..], &format!("{value}A"), &format!("\"{value}\"")];
    changed.extend(others.map(str::to_owned));
    for changed in changed {
        let reply = kestrun.replay("/session/counter", &format!("{COOKIE}={changed}"));
        if is_under_another_key(value, &changed) {
            assert_eq!(reply.status, 503, "{changed}: it may be another process'");
            assert!(reply.set_cookies().is_empty(), "{changed}: {reply:?}");
            continue;
        }
        let body = json!({"message": "Counter incremented", "counter": 1});
        assert_eq!((reply.status, reply.json()), (200, body), "{changed}");
        let cookies = reply.set_cookies();
        assert_eq!(cookies.len(), 1, "{changed}: {cookies:?}");
        let new = parts(cookies[0]).0;
        assert!(new != changed && new != value, "{changed}");
    }
    assert_eq!(count(&browser), 3, "the true one is as good as ever");
}

#[test]
fn k20_https_makes_the_cookie_secure() {
    let secure = |tls: &str| {
        let reply = start(&[("TLS", tls)]).browser().get("/session/counter");
        let cookies = reply.set_cookies();
        assert_eq!(cookies.len(), 1);
        parts(cookies[0]).1.contains(&"Secure")
    };
    // Without TLS the examples are for loopback only, where browsers want it so.
    assert!(secure("1") && !secure("0"));
}

#[test]
fn a_key_named_user_logs_nobody_in() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    for key in ["user", "extra", "extra:user", "user:", ":user", "principal"] {
        let reply = browser.get(&format!("/session/set?key={key}&value=root"));
        assert_eq!(reply.status, 200, "{key}");
        assert_nobody(&browser.get("/session/whoami"));
        let reply = browser.get(&format!("/session/get?key={key}"));
        assert_eq!(reply.json(), json!({"key": key, "value": "root"}));
    }
    log_in(&browser, "max");
    let _ = browser.get("/session/set?key=user&value=root");
    assert_eq!(browser.get("/session/whoami").json(), json!({"user": "max"}));
}

#[test]
fn a_key_named_counter_does_not_touch_the_count() {
    let kestrun = start(&[]);
    let browser = kestrun.browser();
    assert_eq!(count(&browser), 1);
    for (key, next) in [("counter", 2), ("extra:counter", 3), ("extra", 4)] {
        // There the four letters are read as a number: 1633837925 comes next.
        let reply = browser.get(&format!("/session/set?key={key}&value=abcd"));
        assert_eq!(reply.status, 200, "{key}");
        assert_eq!(count(&browser), next, "{key}");
        let reply = browser.get(&format!("/session/get?key={key}"));
        assert_eq!(reply.json(), json!({"key": key, "value": "abcd"}));
    }
    // The other way round: what the program counts is nobody's to read by name.
    assert_eq!(kestrun.browser().get("/session/get?key=counter").status, 404);
}
