//! The counter as in Pode's documentation, as its visitors meet it: cases P1 to P6, P11 and P13.
//! The options that the documented program does not set are in `options`.

mod options;

use std::{fs, time::Duration};

use serde_json::json;
use session_runtime::Key;
use tests::example::{Clock, Example, Reply, command, run_to_end};

fn start(settings: &[(&str, &str)]) -> Example {
    Example::start("pode", settings)
}

/// What the page says, which is nothing but the count.
fn views(reply: &Reply) -> u64 {
    assert_eq!(reply.status, 200, "{reply:?}");
    let views = reply.json()["Views"].as_u64().expect("a count");
    assert_eq!(reply.json(), json!({ "Views": views }));
    views
}

/// The token of the response's only `Set-Cookie`, and its attributes in lower case.
fn cookie(reply: &Reply) -> (String, Vec<String>) {
    let [cookie] = reply.set_cookies()[..] else { panic!("not one cookie: {reply:?}") };
    let mut parts = cookie.split("; ");
    let pair = parts.next().expect("a cookie begins with its name");
    let token = pair.strip_prefix("pode.sid=").expect("it is the session's");
    (token.to_owned(), parts.map(str::to_ascii_lowercase).collect())
}

/// The part of a token that names the session; the rest is version, key and secret.
fn id(token: &str) -> &str {
    &token[8..28]
}

/// The characters at the end of a token that are nothing but signature.
const SIGNATURE: usize = 21;

fn replay(pode: &Example, token: &str) -> Reply {
    pode.replay("/", &format!("pode.sid={token}"))
}

#[test]
fn p01_the_first_request_counts_one_and_brings_the_cookie() {
    let pode = start(&[]);
    let reply = pode.browser().get("/");
    assert_eq!(reply.body, r#"{"Views":1}"#);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    // Here the token is opaque, and the cookie is `HttpOnly` and `SameSite=Lax` unasked.
    let (token, attributes) = cookie(&reply);
    assert!(token.len() == 72 && !token.contains(['.', ':', '%', '=']), "{token}");
    for attribute in ["path=/", "httponly", "samesite=lax"] {
        assert!(attributes.iter().any(|other| other == attribute), "{attribute}: {attributes:?}");
    }
    // Here `Max-Age` is a whole number, and there is no `Discard` beside it.
    let age = attributes.iter().find_map(|attribute| attribute.strip_prefix("max-age="));
    assert_eq!(age, Some("120"));
    assert_eq!(attributes.len(), 4, "no Secure over http, no more: {attributes:?}");
}

#[test]
fn p02_the_second_request_counts_on_and_sends_no_cookie() {
    let pode = start(&[]);
    let browser = pode.browser();
    assert_eq!(views(&browser.get("/")), 1);
    for count in 2..=3 {
        let reply = browser.get("/");
        assert_eq!(views(&reply), count);
        assert!(reply.set_cookies().is_empty(), "{reply:?}");
    }
}

#[test]
fn p03_another_browser_has_a_count_of_its_own() {
    let pode = start(&[]);
    let (one, other) = (pode.browser(), pode.browser());
    assert_eq!((views(&one.get("/")), views(&one.get("/"))), (1, 2));
    assert_eq!(views(&other.get("/")), 1);
    assert_eq!(views(&one.get("/")), 3);
    assert_ne!(one.cookie("pode.sid"), other.cookie("pode.sid"));
}

#[test]
fn p04_a_token_that_is_not_ours_starts_anew_and_is_no_error() {
    let pode = start(&[]);
    let (token, _) = cookie(&pode.request("/", &[]));
    let (body, last) = token.split_at(token.len() - 1);
    let changed = format!("{body}{}", if last == "A" { "B" } else { "A" });
    let wrong = [
        changed.as_str(),
        // Without what says how to read it, and without its signature.
        &token[1..],
        &token[..token.len() - SIGNATURE],
        // The id alone, as one may read it in a log.
        id(&token),
        "",
        // What Pode itself has left in the browser.
        "s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE=",
    ];
    for wrong in wrong {
        let reply = replay(&pode, wrong);
        assert_eq!(views(&reply), 1, "{wrong}");
        let (new, _) = cookie(&reply);
        assert_ne!(id(&new), id(&token), "{wrong}");
    }
    assert_eq!(views(&replay(&pode, &token)), 2, "none of them has touched the session");
}

#[test]
fn the_case_of_a_signature_counts() {
    // Pode compares signatures without regard to case, which makes them easier to guess.
    let pode = start(&[]);
    let without = pode.request("/", &[]);
    let (token, attributes) = cookie(&without);
    let said = |reply: &Reply| {
        let headers = ["content-type", "content-length", "vary", "cache-control"];
        (reply.body.clone(), headers.map(|name| reply.header(name).map(ToOwned::to_owned)))
    };
    let mut letters = 0;
    for position in token.len() - SIGNATURE..token.len() {
        let letter = token.as_bytes()[position];
        if !letter.is_ascii_alphabetic() {
            continue;
        }
        letters += 1;
        let other = char::from(letter ^ 0x20).to_string();
        let mut changed = token.clone();
        changed.replace_range(position..=position, &other);
        let reply = replay(&pode, &changed);
        assert_eq!(views(&reply), 1, "{position}: {other}");
        assert_eq!(said(&reply), said(&without), "{position}: as to no token");
        let (new, others) = cookie(&reply);
        let untimed = |list: &[String]| -> Vec<String> {
            list.iter().filter(|text| !text.starts_with("max-age=")).cloned().collect()
        };
        assert_eq!(untimed(&others), untimed(&attributes));
        assert_ne!(id(&new), id(&token));
    }
    // Of 64 characters 12 are no letters: 21 random ones hold a letter but once in 10^15.
    assert!(letters > 0, "{token}");
    assert_eq!(views(&replay(&pode, &token)), 2);
}

#[test]
fn p05_a_token_of_a_session_that_is_gone_gets_another_id() {
    let key = Key::generate().expect("random bytes").to_base64();
    let settings = [("SESSION_KEYS", key.as_str())];
    let (token, _) = cookie(&start(&settings).request("/", &[]));
    // The secret is the same, the sessions were in memory.
    let pode = start(&settings);
    let reply = replay(&pode, &token);
    assert_eq!(views(&reply), 1);
    let (new, _) = cookie(&reply);
    assert_ne!(id(&new), id(&token));
    assert_eq!(views(&replay(&pode, &new)), 2);
    assert_eq!(views(&replay(&pode, &token)), 1, "the old one was not taken over either");
}

#[test]
fn p06_it_ends_at_its_time_from_the_first_request_however_much_it_is_used() {
    let (clock, minute) = (Clock::new(), Duration::from_secs(60));
    let pode = start(&[("ABSOLUTE", "20m"), clock.setting()]);
    let (token, _) = cookie(&pode.request("/", &[]));
    // By the cookie itself, so that no `Max-Age` of the browser's decides.
    for count in 2..=20 {
        clock.advance(minute);
        assert_eq!(views(&replay(&pode, &token)), count);
    }
    clock.advance(minute);
    assert_eq!(views(&replay(&pode, &token)), 1);
}

#[test]
fn p11_removing_a_session_ends_it_here_there_and_in_the_store() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = format!("file:{}", folder.path().display());
    let pode = start(&[("STORE", &store)]);
    let stored = || {
        let shards = fs::read_dir(folder.path().join("sessions")).expect("the store is there");
        let shards = shards.map(|shard| shard.expect("it can be read").path());
        let files = shards.flat_map(|shard| fs::read_dir(shard).expect("a folder of records"));
        let names = files.map(|file| file.expect("it can be read").file_name());
        names.filter(|name| name.to_string_lossy().contains("visitor")).count()
    };
    let browser = pode.browser();
    let (token, attributes) = cookie(&browser.get("/"));
    assert_eq!((views(&browser.get("/")), stored()), (2, 1));

    let reply = browser.request("/remove", &["--request", "POST"]);
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    // Here the cookie that expires it does not repeat the token, and has the same attributes.
    let (empty, expired) = cookie(&reply);
    assert_eq!(empty, "");
    assert!(expired.contains(&"max-age=0".to_owned()), "{expired:?}");
    let kept = attributes.iter().filter(|attribute| !attribute.starts_with("max-age="));
    for attribute in kept {
        assert!(expired.contains(attribute), "{attribute}: {expired:?}");
    }
    assert_eq!((browser.cookie("pode.sid"), stored()), (None, 0));

    let reply = browser.get("/");
    assert_eq!(views(&reply), 1);
    assert_ne!(id(&cookie(&reply).0), id(&token));
    assert_eq!(views(&replay(&pode, &token)), 1, "whoever has kept the cookie has nothing");

    // Without a session there is nothing to do, to say or to keep.
    let before = stored();
    let reply = pode.request("/remove", &["--request", "POST"]);
    assert_eq!((reply.status, reply.set_cookies(), stored()), (200, vec![], before));
}

#[test]
fn p13_the_program_does_not_start_with_what_cannot_work() {
    let wrong: [(&str, &str, &str); 6] = [
        // Pode takes any text as its secret.
        ("SESSION_KEYS", "my-secret", "SESSION_KEYS"),
        ("SESSION_KEYS", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "SESSION_KEYS"),
        ("SESSION_KEYS", "", "SESSION_KEYS"),
        ("ABSOLUTE", "0s", "ABSOLUTE"),
        ("ABSOLUTE", "-1s", "ABSOLUTE"),
        ("IDLE", "121s", "longer than `absolute`"),
    ];
    for (name, value, says) in wrong {
        let output = run_to_end(&mut command("pode", &[(name, value)]));
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {said}");
        assert!(said.starts_with("error: ") && said.contains(says), "{name}={value}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
