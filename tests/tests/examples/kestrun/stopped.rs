//! What clients see of a store that is stopped, and of one that comes back: a real server, killed
//! under the running example.

use serde_json::json;
use tests::{
    backend::redis::Redis,
    eventually_blocking,
    example::{Browser, Example},
};

use super::{COOKIE, assert_nobody, count, log_in, start};

#[test]
fn k21_a_store_that_is_stopped_leaves_anonymous_visitors_and_loses_nothing() {
    let mut server = Redis::durable();
    let kestrun = start(&[("STORE", &server.url()), ("IDLE", "20m")]);
    let browser = kestrun.browser();
    log_in(&browser, "max");
    assert_eq!((count(&browser), count(&browser)), (1, 2));
    let cookie = browser.cookie(COOKIE).expect("logged in");

    server.kill();
    assert_eq!(browser.get("/hello").status, 200);
    assert_nobody(&browser.get("/session/whoami"));
    // There these are answered with 200 as if they had happened.
    assert_eq!(browser.get("/session/counter").status, 503);
    assert_eq!(browser.get("/session/login?user=moritz").status, 503);
    assert_eq!(browser.get("/session/logout").status, 503);
    // There a cookie is sent for a session that was never stored.
    let reply = kestrun.browser().get("/session/counter");
    assert_eq!((reply.status, reply.set_cookies().len()), (503, 0));
    assert_eq!(browser.cookie(COOKIE), Some(cookie), "the client keeps what it has");

    server.restart();
    wait_for_the_user(&kestrun, &browser);
    assert_eq!(browser.get("/session/whoami").json(), json!({"user": "max"}));
    assert_eq!(count(&browser), 3, "nothing was written over it");
}

/// Until the example has found its store again.
fn wait_for_the_user(kestrun: &Example, browser: &Browser<'_>) {
    let what = format!("{} finds its store again", kestrun.url());
    eventually_blocking(&what, || browser.get("/session/whoami").status == 200);
}
