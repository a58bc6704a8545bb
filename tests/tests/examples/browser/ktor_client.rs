//! The example `ktor_client` in a browser: the session is in the cookie itself, and the redirects of
//! log-in and log-out carry it.

use tests::{example::Example, webdriver::Chromium};

use super::{cookie, seen_by_scripts, text};

const COOKIE: &str = "user_session";
const NOBODY: &str = "Session doesn't exist or is expired.";

fn greeting(count: u32) -> String {
    format!("Session ID is 123abc. Reload count is {count}.")
}

#[test]
fn a_visit_from_the_log_in_over_reloads_to_the_log_out() {
    // Longer than the example's own ten seconds, so that a slow machine is not logged out.
    let ktor = Example::start("ktor_client", &[("IDLE", "5m"), ("ABSOLUTE", "10m")]);
    let [user, log_in, log_out] =
        ["user", "login", "logout"].map(|path| format!("{}/{path}", ktor.url()));
    let browser = Chromium::start();
    browser.open(&user);
    assert_eq!(text(&browser), NOBODY);
    assert_eq!(cookie(&browser, COOKIE), None);

    browser.open(&log_in);
    assert_eq!(browser.url(), user.as_str(), "the redirect was followed");
    assert_eq!(text(&browser), greeting(0));
    let mut values = Vec::new();
    for count in 1..=3 {
        browser.reload();
        assert_eq!(text(&browser), greeting(count));
        let mut cookie = cookie(&browser, COOKIE).expect("logged in");
        assert_eq!(cookie["httpOnly"], true, "{cookie}");
        assert!(cookie["expiry"].is_u64(), "it says for how long: {cookie}");
        assert!(!cookie.to_string().contains("123abc"), "it is sealed: {cookie}");
        assert_eq!(seen_by_scripts(&browser), "");
        values.push(cookie["value"].take());
    }
    assert!(values[0] != values[1] && values[1] != values[2], "each answer carries a new one");

    browser.open(&log_out);
    assert_eq!(browser.url(), user.as_str(), "the redirect was followed");
    assert_eq!(text(&browser), NOBODY);
    assert_eq!(cookie(&browser, COOKIE), None, "the browser has dropped it");
    browser.reload();
    assert_eq!(text(&browser), NOBODY);
}
