//! `ktor_header` as its clients meet it: the cart again, its name in a header, itself in a file.
//! Knows nothing of the library behind it but where a store keeps its files.

use std::path::{Path, PathBuf};

use tests::example::{Copy, Example, Reply};

use crate::ktor::THEIRS;

const CART: &str = "Product IDs: [1, 3, 7]";
const EMPTY: &str = "Your basket is empty.";

/// The value of the only header of the session.
fn log_in(example: &Example) -> String {
    let reply = example.request("/login", &[]);
    assert_eq!((reply.status, reply.body.as_str()), (200, "Successful login"), "{reply:?}");
    assert!(reply.set_cookies().is_empty(), "{reply:?}");
    let values: Vec<_> = reply.headers("cart_session").collect();
    let [value] = values[..] else { panic!("one header is expected: {reply:?}") };
    value.to_owned()
}

/// A request with the header; the answer has none.
fn show(example: &Example, path: &str, token: &str) -> Reply {
    let reply = example.request(path, &["--header", &format!("cart_session: {token}")]);
    assert_eq!(reply.headers("cart_session").count(), 0, "{path}: {reply:?}");
    assert!(reply.set_cookies().is_empty(), "{path}: {reply:?}");
    reply
}

/// The files of sessions, and the entries of the index beside them.
fn files(copy: &Copy) -> Vec<PathBuf> {
    fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).expect("a directory can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.file_name().is_some_and(|name| {
                name.to_str().is_some_and(|name| name.ends_with("-cart-session"))
            }) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&copy.folder().join("ktor_header.sessions/files"), &mut found);
    found
}

#[test]
fn t14_the_log_in_answers_with_the_header_and_makes_a_file() {
    let copy = Copy::new("ktor_header");
    let example = Example::run(&mut copy.command());
    assert!(files(&copy).is_empty());
    let token = log_in(&example);
    // Deviation: not `<64 hex>/<64 hex>`, but 54 bytes in base64url.
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(token.len() == 72 && token.bytes().all(base64), "{token}");
    // Deviation: the file is named by the public half of the id alone, so a listing opens nothing.
    let (sessions, index): (Vec<_>, Vec<_>) =
        files(&copy).into_iter().partition(|path| path.iter().any(|part| part == "sessions"));
    assert_eq!((sessions.len(), index.len()), (1, 1), "{sessions:?} {index:?}");
    let name = sessions[0].file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(name.len(), "-cart-session".len() + 32, "{name}");
}

#[test]
fn t15_the_header_opens_the_cart_and_is_not_sent_again() {
    let example = Example::start("ktor_header", &[]);
    let token = log_in(&example);
    for _ in 0..2 {
        let reply = show(&example, "/cart", &token);
        assert_eq!((reply.status, reply.body.as_str()), (200, CART));
    }
    let reply = example.request("/cart", &[]);
    assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY));
    let reply = example.replay("/cart", &format!("cart_session={token}"));
    assert_eq!(reply.body, EMPTY, "a cookie of that name is none of ours");
}

#[test]
fn t16_the_log_out_removes_the_file_and_says_no_more() {
    let copy = Copy::new("ktor_header");
    let example = Example::run(&mut copy.command());
    let (token, other) = (log_in(&example), log_in(&example));
    assert_eq!(files(&copy).len(), 4, "two sessions, two entries of the index");
    let reply = show(&example, "/logout", &token);
    assert_eq!((reply.status, reply.body.as_str()), (200, "Successful logout"));
    // Deviation: the directories stay. They are 256 for all sessions together, not 31 for each.
    assert_eq!(files(&copy).len(), 2);
    assert_eq!(show(&example, "/cart", &other).body, CART);
    assert_eq!(show(&example, "/logout", &token).status, 200, "once more is no error");
}

#[test]
fn t17_an_old_header_is_an_empty_cart() {
    let example = Example::start("ktor_header", &[]);
    let token = log_in(&example);
    assert_eq!(show(&example, "/cart", &token).body, CART);
    assert_eq!(show(&example, "/logout", &token).status, 200);
    let reply = show(&example, "/cart", &token);
    assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY));
}

#[test]
fn t18_a_cart_outlives_the_program() {
    let copy = Copy::new("ktor_header");
    let token = log_in(&Example::run(&mut copy.command()));
    let example = Example::run(&mut copy.command());
    assert_eq!(show(&example, "/cart", &token).body, CART);
    assert_eq!(show(&example, "/logout", &token).body, "Successful logout");
    drop(example);
    assert!(files(&copy).is_empty());
    let example = Example::run(&mut copy.command());
    assert_eq!(show(&example, "/cart", &token).body, EMPTY, "and its end does, too");
}

#[test]
fn a_ktor_token_is_refused() {
    let example = Example::start("ktor_header", &[]);
    // As ids, some of these would lead Ktor's directory store out of its directory.
    let odd = ["../../etc/passwd", "..", "/", "a?b", ">", "%00", "\u{e9}"];
    for token in THEIRS.iter().chain(&odd) {
        let reply = show(&example, "/cart", token);
        assert_eq!((reply.status, reply.body.as_str()), (200, EMPTY), "{token}");
        let reply = show(&example, "/logout", token);
        assert_eq!((reply.status, reply.body.as_str()), (200, "Successful logout"), "{token}");
    }
}
