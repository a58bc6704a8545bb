//! A session with a small field and one of so many bytes, and requests that leave the large one
//! alone or touch it: ours, tower-sessions', and the application without sessions.

use std::hint::black_box;

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use session_runtime::{KeyRing, Session, SessionLayer, store::MemoryStore};
use tower_sessions::{
    Expiry, MemoryStore as TheirStore, Session as TheirSession, SessionManagerLayer,
    cookie::time::Duration,
};

use crate::workload::Scenario;

const READ: &str = "/read";
const WRITE: &str = "/write";
const READ_LARGE: &str = "/read-large";
const WRITE_LARGE: &str = "/write-large";

pub const SCENARIOS: [Scenario; 4] = [
    scenario(READ, "read another field"),
    scenario(WRITE, "write another field"),
    scenario(READ_LARGE, "read that field"),
    scenario(WRITE_LARGE, "change that field"),
];

const fn scenario(path: &'static str, what: &'static str) -> Scenario {
    Scenario { letter: '-', title: "", what, path, has_session: true, store: "" }
}

fn large(bytes: usize) -> String {
    "x".repeat(bytes)
}

pub fn bare(_: usize) -> Router {
    let paths = SCENARIOS.iter().map(|scenario| scenario.path);
    paths.fold(Router::new(), |router, path| router.route(path, get(async || "ok")))
}

#[derive(Session)]
#[session(name = "id", idle = "30m", absolute = "12h", secure = false)]
struct Ours {
    large: String,
    small: u64,
}

pub fn ours(bytes: usize) -> Router {
    let keys = KeyRing::generate().expect("random bytes");
    Router::new()
        .route(
            "/create",
            get(async move |session: Session<Ours>| {
                session.set_large(large(bytes));
                session.set_small(1);
                "ok"
            }),
        )
        .route(
            READ,
            get(async |session: Session<Ours>| {
                black_box(session.small());
                "ok"
            }),
        )
        .route(
            WRITE,
            get(async |session: Session<Ours>| {
                session.set_small(session.small() + 1);
                "ok"
            }),
        )
        .route(
            READ_LARGE,
            get(async |session: Session<Ours>| {
                black_box(session.large().len());
                "ok"
            }),
        )
        .route(
            WRITE_LARGE,
            get(async |session: Session<Ours>| {
                session.update_large(|large| large.push('y'));
                "ok"
            }),
        )
        .layer(SessionLayer::<Ours>::new(MemoryStore::default(), keys).expect("sound"))
}

#[derive(Serialize, Deserialize)]
struct Theirs {
    large: String,
    small: u64,
}

fn layer() -> SessionManagerLayer<TheirStore> {
    SessionManagerLayer::new(TheirStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)))
        .with_secure(false)
}

/// What both of their ways do: a value under a key is read, changed and put back.
async fn read<T: serde::de::DeserializeOwned>(session: &TheirSession, key: &str) -> T {
    session.get(key).await.expect("it decodes").expect("a session")
}

async fn put(session: &TheirSession, key: &str, value: impl Serialize) {
    session.insert(key, value).await.expect("it encodes");
}

/// The struct under one key.
pub fn with_struct(bytes: usize) -> Router {
    const KEY: &str = "data";
    Router::new()
        .route(
            "/create",
            get(async move |session: TheirSession| {
                put(&session, KEY, Theirs { large: large(bytes), small: 1 }).await;
                "ok"
            }),
        )
        .route(
            READ,
            get(async |session: TheirSession| {
                black_box(read::<Theirs>(&session, KEY).await.small);
                "ok"
            }),
        )
        .route(
            WRITE,
            get(async |session: TheirSession| {
                let mut data: Theirs = read(&session, KEY).await;
                data.small += 1;
                put(&session, KEY, data).await;
                "ok"
            }),
        )
        .route(
            READ_LARGE,
            get(async |session: TheirSession| {
                black_box(read::<Theirs>(&session, KEY).await.large.len());
                "ok"
            }),
        )
        .route(
            WRITE_LARGE,
            get(async |session: TheirSession| {
                let mut data: Theirs = read(&session, KEY).await;
                data.large.push('y');
                put(&session, KEY, data).await;
                "ok"
            }),
        )
        .layer(layer())
}

/// A key for each field.
pub fn with_keys(bytes: usize) -> Router {
    const LARGE: &str = "large";
    const SMALL: &str = "small";
    Router::new()
        .route(
            "/create",
            get(async move |session: TheirSession| {
                put(&session, LARGE, large(bytes)).await;
                put(&session, SMALL, 1_u64).await;
                "ok"
            }),
        )
        .route(
            READ,
            get(async |session: TheirSession| {
                black_box(read::<u64>(&session, SMALL).await);
                "ok"
            }),
        )
        .route(
            WRITE,
            get(async |session: TheirSession| {
                let small: u64 = read(&session, SMALL).await;
                put(&session, SMALL, small + 1).await;
                "ok"
            }),
        )
        .route(
            READ_LARGE,
            get(async |session: TheirSession| {
                black_box(read::<String>(&session, LARGE).await.len());
                "ok"
            }),
        )
        .route(
            WRITE_LARGE,
            get(async |session: TheirSession| {
                let mut large: String = read(&session, LARGE).await;
                large.push('y');
                put(&session, LARGE, large).await;
                "ok"
            }),
        )
        .layer(layer())
}
