//! What the scenarios do with a browser, in one line each.

use axum::http::StatusCode;
use tests::{Client, app::Shown};

/// The cookie of the session that holds everything but numbers.
pub(crate) const COOKIE: &str = "app";

/// `POST path`, which must go well; the body.
pub(crate) async fn post(client: &Client, path: &str) -> String {
    let reply = client.post(path).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
    reply.body
}

/// `GET path`, which must go well; the body.
pub(crate) async fn get(client: &Client, path: &str) -> String {
    let reply = client.get(path).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.body);
    reply.body
}

/// What is in the session.
pub(crate) async fn shown(client: &Client) -> Shown {
    serde_json::from_str(&get(client, "/show").await).expect("what `/show` writes")
}

/// Who is logged in.
pub(crate) async fn user(client: &Client) -> Option<String> {
    let reply = client.get("/user").await;
    match reply.status {
        StatusCode::OK => Some(reply.body),
        StatusCode::UNAUTHORIZED => None,
        other => panic!("/user: {other} {}", reply.body),
    }
}

/// The session ids of the user's sessions, the asking one's first.
pub(crate) async fn devices(client: &Client) -> Vec<String> {
    let listed = get(client, "/devices").await;
    let (current, others): (Vec<_>, Vec<_>) = listed.lines().partition(|it| it.ends_with('*'));
    assert_eq!(current.len(), 1, "one of them is the one that asks: {listed}");
    let current = current.into_iter().map(|it| it.trim_end_matches('*'));
    current.chain(others).map(str::to_owned).collect()
}

/// The same browser, as it is now, for later use of a token that may be dead by then.
pub(crate) fn copy(client: &Client) -> Client {
    let copy = client.fork();
    assert!(copy.cookie(COOKIE).is_some(), "there is a session to copy");
    copy
}

/// Asserts that a token is nobody's any more, and shows nothing.
pub(crate) async fn assert_dead(copy: &Client) {
    // Each with the token: an answer may take it away from the browser.
    assert_eq!(user(&copy.fork()).await, None);
    assert_eq!(shown(&copy.fork()).await, Shown::default());
}
