//! The REST service of Pode's tutorial and of its integration tests, as its clients meet it: cases
//! P14 to P19. Knows nothing of the library behind it.

use std::time::Duration;

use serde_json::json;
use tests::example::{Clock, Example, Reply};

const MORTY: &str = "Authorization: Basic bW9ydHk6cGlja2xl";

fn start(settings: &[(&str, &str)]) -> Example {
    // Longer than the example's five seconds, so that a slow machine ends no session.
    Example::start("pode_header", &[&[("IDLE", "1m")], settings].concat())
}

fn post(pode: &Example, path: &str, headers: &[&str]) -> Reply {
    let headers = headers.iter().flat_map(|header| ["--header", header]);
    pode.request(path, &["--request", "POST"].into_iter().chain(headers).collect::<Vec<_>>())
}

/// What the response's header says of the session, which must be a session.
fn session(reply: &Reply) -> String {
    // curl must have understood the header that is sent back to it: no cookie beside it.
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    let [token] = reply.headers("pode.sid").collect::<Vec<_>>()[..] else {
        panic!("not one header: {reply:?}")
    };
    assert_eq!(token.len(), 72, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("vary"), Some("pode.sid"));
    format!("pode.sid: {token}")
}

/// That nobody is logged in: no data, no session.
fn assert_refused(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(!reply.body.contains('{') && reply.set_cookies().is_empty(), "{reply:?}");
    assert!(matches!(reply.header("pode.sid"), None | Some("")), "{reply:?}");
}

#[test]
fn p14_valid_credentials_start_a_session_in_a_header() {
    let pode = start(&[]);
    let reply = post(&pode, "/auth/basic", &[MORTY]);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"{"Result":"OK","Username":"M0R7Y302","Views":1}"#);
    session(&reply);
    // Another log-in is another session.
    let other = post(&pode, "/auth/basic", &[MORTY]);
    assert_eq!(other.json()["Views"], 1);
    assert_ne!(session(&other), session(&reply));
}

#[test]
fn p15_wrong_credentials_are_refused_and_leave_nothing() {
    let pode = start(&[]);
    let wrong: [&[&str]; 7] = [
        // morty:rick, rick:pickle, morty, and what is no base64.
        &["Authorization: Basic bW9ydHk6cmljaw=="],
        &["Authorization: Basic cmljazpwaWNrbGU="],
        &["Authorization: Basic bW9ydHk="],
        &["Authorization: Basic !"],
        &["Authorization: Bearer bW9ydHk6cGlja2xl"],
        &["Authorization;"],
        &[],
    ];
    for headers in wrong {
        let reply = post(&pode, "/auth/basic", headers);
        assert_refused(&reply);
        // Pode has a new session for whoever it refuses; here there is none.
        assert_eq!(reply.header("pode.sid"), None, "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"pode\""));
    }
}

#[test]
fn p16_the_header_alone_is_enough_and_comes_with_every_response() {
    let pode = start(&[]);
    let mut header = session(&post(&pode, "/auth/basic", &[MORTY]));
    for views in 2..=3 {
        let reply = post(&pode, "/auth/basic", &[&header]);
        assert_eq!(reply.json(), json!({ "Result": "OK", "Username": "M0R7Y302", "Views": views }));
        header = session(&reply);
    }
    // With wrong credentials beside it, the session counts, as there.
    let rick = "Authorization: Basic cmljazpyb2xs";
    assert_eq!(post(&pode, "/auth/basic", &[&header, rick]).json()["Views"], 4);
    // A cookie of that name is nothing.
    let cookie = header.replace("pode.sid: ", "Cookie: pode.sid=");
    assert_refused(&post(&pode, "/auth/basic", &[&cookie]));
}

#[test]
fn p17_a_header_that_is_no_session_is_refused() {
    let pode = start(&[]);
    let header = session(&post(&pode, "/auth/basic", &[MORTY]));
    let changed =
        format!("{}{}", &header[..header.len() - 1], if header.ends_with('A') { "B" } else { "A" });
    for fake in ["pode.sid: some-fake-session", "pode.sid: s:value.c2ln", &changed] {
        let reply = post(&pode, "/auth/basic", &[fake]);
        assert_refused(&reply);
        // Here the client is told to forget it: the header is empty.
        assert_eq!(reply.header("pode.sid"), Some(""), "{fake}");
        // A guard says the same without asking for a password.
        assert_refused(&post(&pode, "/users", &[fake]));
    }
    assert_eq!(post(&pode, "/auth/basic", &[&header]).json()["Views"], 2);
}

#[test]
fn p18_a_session_that_was_not_used_is_over() {
    let clock = Clock::new();
    let pode = start(&[("IDLE", "20m"), clock.setting()]);
    let header = session(&post(&pode, "/auth/basic", &[MORTY]));
    clock.advance(Duration::from_secs(19 * 60));
    assert_eq!(post(&pode, "/auth/basic", &[&header]).json()["Views"], 2);
    clock.advance(Duration::from_secs(20 * 60));
    let reply = post(&pode, "/auth/basic", &[&header]);
    assert_refused(&reply);
    assert_eq!(reply.header("pode.sid"), Some(""));
    // Who comes back with the password has a session of a new count, and a new header.
    let reply = post(&pode, "/auth/basic", &[MORTY, &header]);
    assert_eq!(reply.json()["Views"], 1);
    assert_ne!(session(&reply), header);
}

#[test]
fn p19_the_rest_tutorial_logs_in_lists_users_and_logs_out() {
    let pode = start(&[]);
    assert_refused(&post(&pode, "/users", &[]));
    assert_refused(&post(&pode, "/login", &[]));
    // A guard asks for a session, not for a password.
    assert_refused(&post(&pode, "/users", &[MORTY]));

    let reply = post(&pode, "/login", &[MORTY]);
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    let header = session(&reply);
    let reply = post(&pode, "/users", &[&header]);
    assert_eq!(reply.status, 200);
    let users =
        r#"{"Users":[{"Name":"Deep Thought","Age":42},{"Name":"Leeroy Jenkins","Age":1337}]}"#;
    assert_eq!(reply.body, users);
    assert_eq!(session(&reply), header, "sent again although nothing has changed");

    // Here 204, and an empty header says that it is over; there it is 401 by an accident.
    let reply = post(&pode, "/logout", &[&header]);
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert_eq!(reply.header("pode.sid"), Some(""));
    assert_refused(&post(&pode, "/users", &[&header]));
    assert_refused(&post(&pode, "/auth/basic", &[&header]));
    // Logging out without a session is no error.
    for headers in [&[header.as_str()][..], &[]] {
        assert_eq!(post(&pode, "/logout", headers).status, 204);
    }
}
