//! `ktor_client` as its visitors meet it: a session that is the cookie, for ten seconds at a time.
//! Knows nothing of the library behind it.

use std::time::Duration;

use tests::{
    Client,
    example::{Clock, Example},
};

use crate::ktor::{Cookie, THEIRS, bytes, is_under_another_key, one_bit_off};

const NOBODY: &str = "Session doesn't exist or is expired.";
/// Deviation: Ktor's cookie has no `SameSite`, and says `Expires` beside `Max-Age` and a `$x-enc`.
const ATTRIBUTES: [&str; 3] = ["httponly", "path=/", "samesite=lax"];

fn start(settings: &[(&str, &str)]) -> Example {
    Example::start("ktor_client", settings)
}

#[test]
fn t01_without_a_cookie_there_is_no_session_and_none_is_made() {
    let example = start(&[]);
    let reply = example.request("/user", &[]);
    assert_eq!((reply.status, reply.body.as_str()), (200, NOBODY));
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
}

#[test]
fn t02_the_log_in_redirects_and_sets_a_cookie_for_ten_seconds() {
    let example = start(&[]);
    let reply = example.request("/login", &[]);
    assert_eq!((reply.status, reply.header("location")), (302, Some("/user")));
    let cookie = Cookie::only(&reply.set_cookies());
    assert_eq!(cookie.name, "user_session");
    assert!(!cookie.value.is_empty() && cookie.lasts(10), "{cookie:?}");
    assert_eq!(cookie.others, ATTRIBUTES);
}

#[test]
fn t03_the_first_look_counts_no_reload_and_sends_the_next_cookie() {
    let example = start(&[]);
    let browser = example.browser();
    let first = Cookie::only(&browser.get("/login").set_cookies());
    let reply = browser.get("/user");
    assert_eq!(reply.body, "Session ID is 123abc. Reload count is 0.");
    let next = Cookie::only(&reply.set_cookies());
    assert_ne!(first.value, next.value);
    assert!(next.lasts(10), "{next:?}");
}

#[test]
fn t04_each_reload_counts_on_and_sends_the_cookie_for_ten_seconds_more() {
    let example = start(&[]);
    let browser = example.browser();
    assert_eq!(browser.get("/login").status, 302);
    assert_eq!(browser.get("/user").status, 200);
    for count in 1..=3 {
        let reply = browser.get("/user");
        assert_eq!(reply.body, format!("Session ID is 123abc. Reload count is {count}."));
        let cookie = Cookie::only(&reply.set_cookies());
        assert!(cookie.lasts(10), "{cookie:?}");
        assert_eq!(cookie.others, ATTRIBUTES);
    }
    assert_eq!(browser.get("/login").status, 302);
    assert_eq!(browser.get("/user").body, "Session ID is 123abc. Reload count is 0.");
}

#[test]
fn t05_after_its_time_the_cookie_is_gone_and_a_replay_is_refused() {
    let (clock, minute) = (Clock::new(), Duration::from_secs(60));
    let example = start(&[("IDLE", "5m"), ("ABSOLUTE", "5m"), clock.setting()]);
    let browser = example.browser();
    assert_eq!(browser.get("/login").status, 302);
    let cookie = browser.cookie("user_session").expect("the log-in sets it");
    assert_eq!(example.replay("/user", &cookie).body, "Session ID is 123abc. Reload count is 0.");
    clock.advance(4 * minute);
    browser.age(4 * minute);
    assert_eq!(browser.cookie("user_session").as_ref(), Some(&cookie));
    assert_eq!(example.replay("/user", &cookie).body, "Session ID is 123abc. Reload count is 0.");
    clock.advance(minute);
    // `curl` keeps cookies by whole seconds, to the end of the last.
    browser.age(minute + Duration::from_secs(1));

    let reply = browser.get("/user");
    assert_eq!((reply.status, reply.body.as_str()), (200, NOBODY));
    assert!(reply.set_cookies().is_empty(), "the browser has dropped it by itself");
    // Deviation: Ktor's value has no time in it, so a copy works for ever. Ours says when it ends.
    let reply = example.replay("/user", &cookie);
    assert_eq!((reply.status, reply.body.as_str()), (200, NOBODY));
    assert!(Cookie::only(&reply.set_cookies()).clears("user_session", &ATTRIBUTES));
}

#[test]
fn t06_the_log_out_clears_the_cookie_and_every_copy_of_it() {
    let example = start(&[]);
    let browser = example.browser();
    assert_eq!(browser.get("/login").status, 302);
    let cookie = browser.cookie("user_session").expect("the log-in sets it");
    let reply = browser.get("/logout");
    assert_eq!((reply.status, reply.header("location")), (302, Some("/user")));
    assert!(Cookie::only(&reply.set_cookies()).clears("user_session", &ATTRIBUTES), "{reply:?}");
    let reply = browser.get("/user");
    assert_eq!(reply.body, NOBODY);
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    // Deviation: in Ktor a copy goes on working; here the store remembers that this one has ended.
    assert_eq!(example.replay("/user", &cookie).body, NOBODY);
}

#[tokio::test]
async fn t07_a_cookie_with_any_byte_flipped_is_no_session_and_no_error() {
    let example = start(&[]);
    let token = Cookie::only(&example.request("/login", &[]).set_cookies()).value;
    for at in 0..token.len() {
        let mut flipped = token.clone().into_bytes();
        flipped[at] ^= 1;
        let flipped = String::from_utf8(flipped).expect("still ASCII");
        assert_nobody(&example, &token, &flipped).await;
    }
    for cut in [&token[1..], &token[..token.len() - 1], &token[..60], "A"] {
        assert_nobody(&example, &token, cut).await;
    }
    assert_nobody(&example, &token, &format!("{token}A")).await;
    // A cookie without a value is none, so there is nothing to clear.
    assert!(example.replay("/user", "user_session=").set_cookies().is_empty());
}

#[test]
fn t08_the_cookie_shows_nothing_and_is_never_twice_the_same() {
    let example = start(&[]);
    let log_in = || Cookie::only(&example.request("/login", &[]).set_cookies()).value;
    let (one, two) = (log_in(), log_in());
    assert_ne!(one, two);
    for token in [one, two] {
        let inside = bytes(&token);
        for clear in [&b"123abc"[..], b"count"] {
            assert!(!contains(token.as_bytes(), clear), "{token}");
            assert!(!contains(&inside, clear), "{token}");
        }
    }
}

/// Ktor's MAC leaves out the initialisation vector, so the first sixteen bytes of what it encrypts
/// can be changed by anybody. Here no bit of nonce, body or tag can.
#[tokio::test]
async fn flipping_any_bit_is_refused() {
    let example = start(&[]);
    let token = Cookie::only(&example.request("/login", &[]).set_cookies()).value;
    let flipped = one_bit_off(&token);
    // Six bytes of header, 24 of nonce, 16 of tag, and the session before the tag.
    assert!(bytes(&token).len() > 6 + 24 + 16 && flipped.len() >= 8 * bytes(&token).len());
    for flipped in flipped {
        assert_nobody(&example, &token, &flipped).await;
    }
    let client = Client::at(example.url());
    client.set_cookie("user_session", &token);
    let reply = client.get("/user").await;
    assert_eq!(reply.body, "Session ID is 123abc. Reload count is 0.", "the token itself is sound");
}

#[tokio::test]
async fn a_ktor_token_is_refused() {
    let example = start(&[]);
    for token in THEIRS {
        assert_nobody(&example, "", token).await;
    }
}

/// Deviation: Ktor leaves a cookie with a bad signature alone; ours is cleared as a stale one is, unless
/// all that is wrong with it is a key that another process may have.
async fn assert_nobody(example: &Example, ours: &str, token: &str) {
    let client = Client::at(example.url());
    client.set_cookie("user_session", token);
    let reply = client.get("/user").await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, NOBODY), "{token}");
    if is_under_another_key(ours, token) {
        return assert!(reply.set_cookies().is_empty(), "{token}: {reply:?}");
    }
    let cookie = Cookie::only(&reply.set_cookies());
    assert!(cookie.clears("user_session", &ATTRIBUTES), "{token}: {cookie:?}");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
