//! tower-sessions with its store in memory: the session as a struct under one key, as its
//! documentation shows it for typed use, or each field under a key of its own, which spares it
//! decoding the rest; with the id in the cookie as it is (its default), signed, or encrypted.

use std::hint::black_box;

use ::tower_sessions::{
    Expiry, MemoryStore, Session, SessionManagerLayer,
    cookie::{Key, time::Duration},
};
use axum::{
    Router,
    routing::{MethodRouter, get},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::workload::{Data, FIFTY, Fifty, Values};

const KEY: &str = "data";

pub(super) fn with_struct() -> Router {
    structs().layer(layer())
}

pub(super) fn signed() -> Router {
    structs().layer(layer().with_signed(Key::generate()))
}

pub(super) fn private() -> Router {
    structs().layer(layer().with_private(Key::generate()))
}

pub(super) fn with_keys() -> Router {
    keys().layer(layer())
}

fn layer() -> SessionManagerLayer<MemoryStore> {
    SessionManagerLayer::new(MemoryStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)))
        .with_secure(false)
}

/// A handler that does this with the session.
macro_rules! route {
    (|$session:ident| $what:block) => {
        get(async |$session: Session| {
            $what
            "ok"
        })
    };
}

async fn data(session: &Session) -> Data {
    session.get(KEY).await.expect("it decodes").expect("a session")
}

async fn put(session: &Session, data: &Data) {
    session.insert(KEY, data).await.expect("it encodes");
}

fn structs() -> Router {
    Router::new()
        .route("/ignore", ignore())
        .route(
            "/create",
            route!(|session| {
                put(&session, &Data::logged_in()).await;
            }),
        )
        .route(
            "/read",
            route!(|session| {
                black_box(data(&session).await.visits);
            }),
        )
        .route(
            "/read-two",
            route!(|session| {
                let data = data(&session).await;
                black_box((data.visits, data.theme.len()));
            }),
        )
        .route(
            "/write",
            route!(|session| {
                let mut data = data(&session).await;
                data.visits += 1;
                put(&session, &data).await;
            }),
        )
        .route(
            "/rotate",
            route!(|session| {
                let mut data = data(&session).await;
                data.visits += 1;
                put(&session, &data).await;
                session.cycle_id().await.expect("a session");
            }),
        )
        .route(
            "/many/create",
            route!(|session| {
                session.insert(KEY, Fifty::full()).await.expect("it encodes");
            }),
        )
        .route(
            "/many/read",
            route!(|session| {
                let many: Option<Fifty> = session.get(KEY).await.expect("it decodes");
                black_box(many.expect("a session").f17);
            }),
        )
}

async fn field<T: DeserializeOwned>(session: &Session, name: &str) -> T {
    session.get(name).await.expect("it decodes").expect("a session")
}

async fn put_field(session: &Session, name: &str, value: impl Serialize) {
    session.insert(name, value).await.expect("it encodes");
}

fn keys() -> Router {
    Router::new()
        .route("/ignore", ignore())
        .route(
            "/create",
            route!(|session| {
                put_field(&session, "user", Values::user()).await;
                put_field(&session, "name", Values::NAME).await;
                put_field(&session, "mail", Values::MAIL).await;
                put_field(&session, "theme", Values::THEME).await;
                put_field(&session, "cart", Values::CART).await;
                put_field(&session, "visits", 1).await;
            }),
        )
        .route(
            "/read",
            route!(|session| {
                black_box(field::<u64>(&session, "visits").await);
            }),
        )
        .route(
            "/read-two",
            route!(|session| {
                let visits: u64 = field(&session, "visits").await;
                let theme: String = field(&session, "theme").await;
                black_box((visits, theme.len()));
            }),
        )
        .route(
            "/write",
            route!(|session| {
                let visits: u64 = field(&session, "visits").await;
                put_field(&session, "visits", visits + 1).await;
            }),
        )
        .route(
            "/rotate",
            route!(|session| {
                let visits: u64 = field(&session, "visits").await;
                put_field(&session, "visits", visits + 1).await;
                session.cycle_id().await.expect("a session");
            }),
        )
        .route(
            "/many/create",
            route!(|session| {
                for name in FIFTY {
                    put_field(&session, name, 7).await;
                }
            }),
        )
        .route(
            "/many/read",
            route!(|session| {
                black_box(field::<u32>(&session, "f17").await);
            }),
        )
}

fn ignore() -> MethodRouter {
    get(async || "ok")
}
