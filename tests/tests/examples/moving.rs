//! The example `moving`: users who come with the cookie of the system that they were logged in to
//! before. The cookies are written down here as those systems make them.

use tests::example::{Browser, Example, Reply};

const PODE: &str = "pode.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE=";
const EXPRESS: &str = "connect.sid=s%3Avalue.kPv88V50o2uJ29sqch2a7P%2Ff3dxcg%2BJ%2FdZJZT3GTJIE";
const KTOR: &str =
    "user_session=abc123%2F946e1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b76";

const OURS: &str = "app";

fn start() -> Example {
    Example::start("moving", &[])
}

/// A first request with the old cookie, from a browser that keeps what it is given.
fn bring(browser: &Browser<'_>, cookie: &str) -> Reply {
    let reply = browser.request("/", &["--header", &format!("Cookie: {cookie}")]);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply
}

/// Whether this answer is for a stranger, who has no session of ours then.
#[track_caller]
fn assert_stranger(reply: &Reply, why: &str) {
    assert_eq!((reply.status, reply.body.as_str()), (200, "Hello, stranger."), "{why}");
    let mut set = reply.headers("set-cookie").filter_map(|cookie| cookie.strip_prefix("app-"));
    assert!(set.all(|cookie| cookie.contains("=; ")), "{why}: {reply:?}");
}

fn expires(reply: &Reply, cookie: &str) -> bool {
    let (name, _) = cookie.split_once('=').expect("a cookie has a name");
    reply.set_cookies().contains(&format!("{name}=; Path=/; Max-Age=0").as_str())
}

#[test]
fn each_format_logs_its_user_in_once_and_its_cookie_goes() {
    let app = start();
    for (cookie, hello) in
        [(PODE, "Hello, user 1."), (EXPRESS, "Hello, user 2."), (KTOR, "Hello, user 3.")]
    {
        let browser = app.browser();
        let first = bring(&browser, cookie);
        assert_eq!((first.status, first.body.as_str()), (200, hello));
        assert!(expires(&first, cookie), "{first:?}");
        let ours = browser.cookie(&app.dev_name(OURS)).expect("a session of ours");
        assert!(!ours.contains("value") && !ours.contains("abc123"), "an id of its own: {ours}");
        // From now on without the old one.
        let second = browser.get("/");
        assert_eq!((second.body.as_str(), second.set_cookies().len()), (hello, 0));

        let replayed = app.replay("/", cookie);
        assert_stranger(&replayed, cookie);
        assert!(expires(&replayed, cookie), "{replayed:?}");
    }
}

#[test]
fn the_session_that_comes_of_it_is_ours_alone() {
    let app = start();
    let (one, other) = (app.browser(), app.browser());
    bring(&one, PODE);
    let ours = one.cookie(&app.dev_name(OURS)).expect("a session of ours");
    let value = format!("{}=value", app.dev_name(OURS));
    assert_ne!(ours, value);
    assert_stranger(&app.replay("/", &value), "an old id is no token");
    assert_stranger(&other.get("/"), "another browser");
}

#[test]
fn what_the_old_system_did_not_sign_logs_nobody_in() {
    let app = start();
    for (why, cookie) in [
        // Pode would take this one: it compares without regard to case.
        ("changed case", "pode.sid=s:value.Kpv88v50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE="),
        ("changed case of the id", "pode.sid=s:Value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE="),
        ("changed byte", "pode.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIA="),
        ("changed id", "pode.sid=s:valuf.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE="),
        // The last digit has two bits to spare, which must be zero: one text for one signature.
        ("another spelling", "pode.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIF="),
        ("no padding", "pode.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE"),
        ("cut short", "pode.sid=s:value.kPv88V50o2uJ29sqch2a7A=="),
        ("no signature", "pode.sid=s:value."),
        ("no signature, no mark", "pode.sid=value"),
        ("wrong secret", "pode.sid=s:value.7wu6YLZ9zzprKjucIFj8ndAejNKLRdXq2QUdDvysmPo="),
        ("a hash", "pode.sid=s:value.c+qPOIfru2r9vIqL5oL66g8i+C0Cv2/YTEadZVa6u2M="),
        ("nothing", "pode.sid="),
        ("changed case", "connect.sid=s%3Avalue.Kpv88V50o2uJ29sqch2a7P%2Ff3dxcg%2BJ%2FdZJZT3GTJIE"),
        ("padded", "connect.sid=s%3Avalue.kPv88V50o2uJ29sqch2a7P%2Ff3dxcg%2BJ%2FdZJZT3GTJIE%3D"),
        ("padded", "connect.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE="),
        ("wrong secret", "connect.sid=s%3Avalue.7wu6YLZ9zzprKjucIFj8ndAejNKLRdXq2QUdDvysmPo"),
        (
            "changed case",
            "user_session=abc123/946E1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b76",
        ),
        (
            "changed byte",
            "user_session=abc123/846e1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b76",
        ),
        (
            "a sign for a digit",
            "user_session=abc123/946e1b9f7463e66d3e389b472ded5dbc5a82c031a5eee6f5cf8b58840eaa6b+6",
        ),
        (
            "wrong secret",
            "user_session=abc123/702fdf60b269bb0d2021bae7b026a8cfb52014e9b09e79d33176450502aa674e",
        ),
        ("odd", "user_session=abc123/946"),
        ("not hex", "user_session=abc123/zz"),
        ("no signature", "user_session=abc123"),
    ] {
        let reply = app.replay("/", cookie);
        assert_stranger(&reply, &format!("{why}: {cookie}"));
        assert!(expires(&reply, cookie), "{why}: {reply:?}");
    }
    // None of them used the old sessions up.
    assert_eq!(app.replay("/", PODE).body, "Hello, user 1.");
    assert_eq!(app.replay("/", EXPRESS).body, "Hello, user 2.");
    assert_eq!(app.replay("/", KTOR).body, "Hello, user 3.");
}

#[test]
fn an_id_that_is_signed_and_unknown_logs_nobody_in() {
    let app = start();
    for cookie in [
        "pode.sid=s:nobody.gQzfKM3H8v2VB/vhVn6Hjer3/sU5VYcIqveECgarYs4=",
        "connect.sid=s%3Anobody.gQzfKM3H8v2VB%2FvhVn6Hjer3%2FsU5VYcIqveECgarYs4",
        "user_session=nobody%2F0335e053785b04bb9334d12255249ed9871a6e026a46ae132bad3530f557ea74",
    ] {
        let reply = app.replay("/", cookie);
        assert_stranger(&reply, cookie);
        assert!(expires(&reply, cookie), "{reply:?}");
    }
}

#[test]
fn with_a_live_session_of_ours_the_old_cookie_does_nothing_ever() {
    let app = start();
    let browser = app.browser();
    bring(&browser, PODE);
    let ours = browser.cookie(&app.dev_name(OURS)).expect("a session of ours");
    let reply = app.replay("/", &format!("{ours}; {EXPRESS}"));
    assert_eq!(reply.body, "Hello, user 1.");
    assert_eq!(reply.set_cookies(), ["connect.sid=; Path=/; Max-Age=0"]);
    // It is used up all the same: else it could undo the log-out of the session it came with.
    assert_stranger(&app.replay("/", EXPRESS), "used up");
}

#[test]
fn a_log_out_is_not_undone_by_the_old_cookie() {
    let app = start();
    let browser = app.browser();
    bring(&browser, PODE);
    let ours = browser.cookie(&app.dev_name(OURS)).expect("a session of ours");
    let out = browser.post("/logout", &[]);
    assert_eq!((out.status, browser.cookie(&app.dev_name(OURS))), (200, None));
    assert_stranger(&app.replay("/", PODE), "replayed after log-out");
    assert_stranger(&app.replay("/", &format!("{ours}; {PODE}")), "with the dead session of ours");

    // Somebody whose first request here is the log-out.
    let out = app.request("/logout", &["--header", &format!("Cookie: {KTOR}"), "--data", ""]);
    assert!(out.status == 200 && expires(&out, KTOR), "{out:?}");
    assert_stranger(&app.replay("/", KTOR), "logged out at once");
}

#[test]
fn two_old_cookies_log_in_the_first_ones_user() {
    let app = start();
    let reply = app.replay("/", &format!("{KTOR}; {EXPRESS}"));
    assert_eq!(reply.body, "Hello, user 2.");
    assert!(expires(&reply, KTOR) && expires(&reply, EXPRESS), "{reply:?}");
    assert_stranger(&app.replay("/", KTOR), "used up with the other");
}
