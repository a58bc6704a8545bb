//! `axum_session` without a database, so with the sessions in its own memory: the session as a struct
//! under one key, or each field under a key of its own.

use std::hint::black_box;

use ::axum_session::{Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use axum::{Router, routing::get};
use tokio::runtime::Handle;

use crate::workload::{Data, FIFTY, Fifty, Values};

type Null = Session<SessionNullPool>;

const KEY: &str = "data";

pub(super) fn with_struct() -> Router {
    structs().layer(layer())
}

pub(super) fn with_keys() -> Router {
    keys().layer(layer())
}

fn layer() -> SessionLayer<SessionNullPool> {
    let store = SessionStore::new(None, SessionConfig::default());
    SessionLayer::new(Handle::current().block_on(store).expect("there is no database to fail"))
}

/// A handler that does this with the session.
macro_rules! route {
    (|$session:ident| $what:block) => {
        get(async |$session: Null| {
            $what
            "ok"
        })
    };
}

fn data(session: &Null) -> Data {
    session.get(KEY).expect("a session")
}

fn structs() -> Router {
    Router::new()
        .route("/ignore", get(async || "ok"))
        .route(
            "/create",
            route!(|session| {
                session.set(KEY, Data::logged_in());
            }),
        )
        .route(
            "/read",
            route!(|session| {
                black_box(data(&session).visits);
            }),
        )
        .route(
            "/read-two",
            route!(|session| {
                let data = data(&session);
                black_box((data.visits, data.theme.len()));
            }),
        )
        .route(
            "/write",
            route!(|session| {
                let mut data = data(&session);
                data.visits += 1;
                session.set(KEY, data);
            }),
        )
        .route(
            "/rotate",
            route!(|session| {
                let mut data = data(&session);
                data.visits += 1;
                session.set(KEY, data);
                session.renew();
            }),
        )
        .route(
            "/many/create",
            route!(|session| {
                session.set(KEY, Fifty::full());
            }),
        )
        .route(
            "/many/read",
            route!(|session| {
                let many: Fifty = session.get(KEY).expect("a session");
                black_box(many.f17);
            }),
        )
}

fn visits(session: &Null) -> u64 {
    session.get("visits").expect("a session")
}

fn keys() -> Router {
    Router::new()
        .route("/ignore", get(async || "ok"))
        .route(
            "/create",
            route!(|session| {
                session.set("user", Values::user());
                session.set("name", Values::NAME);
                session.set("mail", Values::MAIL);
                session.set("theme", Values::THEME);
                session.set("cart", Values::CART);
                session.set("visits", 1);
            }),
        )
        .route(
            "/read",
            route!(|session| {
                black_box(visits(&session));
            }),
        )
        .route(
            "/read-two",
            route!(|session| {
                let theme: String = session.get("theme").expect("a session");
                black_box((visits(&session), theme.len()));
            }),
        )
        .route(
            "/write",
            route!(|session| {
                session.set("visits", visits(&session) + 1);
            }),
        )
        .route(
            "/rotate",
            route!(|session| {
                session.set("visits", visits(&session) + 1);
                session.renew();
            }),
        )
        .route(
            "/many/create",
            route!(|session| {
                for name in FIFTY {
                    session.set(name, 7);
                }
            }),
        )
        .route(
            "/many/read",
            route!(|session| {
                black_box(session.get::<u32>("f17").expect("a session"));
            }),
        )
}
