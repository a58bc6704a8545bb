//! The example `kestrun` in a browser, over https as its tutorial serves it.

use serde_json::{Value, json};
use tests::{example::Example, webdriver::Chromium};

use super::{cookie, seen_by_scripts, text};

const COOKIE: &str = "Kr.Session";

/// Opens a path, and returns the JSON that is shown.
fn open(browser: &Chromium, kestrun: &Example, path: &str) -> Value {
    browser.open(&format!("{}{path}", kestrun.url()));
    json(browser)
}

fn json(browser: &Chromium) -> Value {
    let text = text(browser);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn counted(counter: u64) -> Value {
    json!({"message": "Counter incremented", "counter": counter})
}

#[test]
fn a_visit_from_the_first_count_to_the_log_out() {
    let kestrun = Example::start("kestrun", &[("TLS", "1"), ("IDLE", "20m")]);
    let browser = Chromium::start();
    let nobody = json!({"error": "No active session or user not set"});
    assert_eq!(open(&browser, &kestrun, "/session/whoami"), nobody);
    assert_eq!(cookie(&browser, COOKIE), None);

    assert_eq!(open(&browser, &kestrun, "/session/counter"), counted(1));
    for next in [2, 3] {
        browser.reload();
        assert_eq!(json(&browser), counted(next));
    }
    let before = cookie(&browser, COOKIE).expect("the browser took it");
    for (attribute, expected) in [
        ("httpOnly", json!(true)),
        ("secure", json!(true)),
        ("sameSite", json!("Lax")),
        ("path", json!("/")),
        // Gone with the browser.
        ("expiry", Value::Null),
    ] {
        assert_eq!(before[attribute], expected, "{attribute} of {before}");
    }
    assert_eq!(seen_by_scripts(&browser), "");
    // The same look at a cookie that is not `HttpOnly`, so that it is known to see something.
    let _ = browser.script("document.cookie = 'plain=1';");
    assert_eq!(seen_by_scripts(&browser), "plain=1");

    let logged_in = json!({"message": "Logged in", "user": "max"});
    assert_eq!(open(&browser, &kestrun, "/session/login?user=max"), logged_in);
    let after = cookie(&browser, COOKIE).expect("logged in");
    assert_ne!(after["value"], before["value"]);
    assert_eq!(open(&browser, &kestrun, "/session/whoami"), json!({"user": "max"}));
    assert_eq!(open(&browser, &kestrun, "/session/counter"), counted(4));

    let stored = json!({"message": "Stored in session", "key": "color", "value": "purple"});
    assert_eq!(open(&browser, &kestrun, "/session/set?key=color&value=purple"), stored);
    let read = json!({"key": "color", "value": "purple"});
    assert_eq!(open(&browser, &kestrun, "/session/get?key=color"), read);
    // A script of the page has the session by way of the browser, and still does not see the token.
    let fetched = browser.script(
        "const request = new XMLHttpRequest();
         request.open('GET', '/session/whoami', false);
         request.send();
         return [request.responseText, request.getResponseHeader('set-cookie')];",
    );
    assert_eq!(fetched, json!([r#"{"user":"max"}"#, null]));

    let cleared = json!({"message": "Session cleared"});
    assert_eq!(open(&browser, &kestrun, "/session/logout"), cleared);
    assert_eq!(open(&browser, &kestrun, "/session/whoami"), nobody);
    let none = json!({"error": "Key 'color' not found in session"});
    assert_eq!(open(&browser, &kestrun, "/session/get?key=color"), none);
    assert_eq!(open(&browser, &kestrun, "/session/counter"), counted(1));
    let value = cookie(&browser, COOKIE).expect("a new session")["value"].take();
    assert!(value != before["value"] && value != after["value"]);
}

#[test]
fn two_browsers_do_not_share_a_session() {
    let kestrun = Example::start("kestrun", &[("TLS", "1"), ("IDLE", "20m")]);
    let (one, other) = (Chromium::start(), Chromium::start());
    for (browser, user) in [(&one, "max"), (&other, "moritz")] {
        assert_eq!(open(browser, &kestrun, "/session/counter"), counted(1));
        open(browser, &kestrun, &format!("/session/login?user={user}"));
    }
    assert_eq!(open(&one, &kestrun, "/session/whoami"), json!({"user": "max"}));
    assert_eq!(open(&other, &kestrun, "/session/whoami"), json!({"user": "moritz"}));
}
