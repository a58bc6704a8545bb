//! Our contestant: cookie, authenticated token, sessions in memory; and sealed in the cookie.

use std::hint::black_box;

use axum::{Router, routing::get};
use session_runtime::{
    KeyRing, Session, SessionLayer,
    store::{MemoryStore, Store},
};

use crate::{with_fifty_fields, workload::Values};

#[derive(Session)]
#[session(name = "id", idle = "30m", absolute = "12h", secure = false)]
struct Stored {
    #[session(principal)]
    user: Option<u64>,
    name: String,
    mail: String,
    theme: String,
    cart: Vec<u32>,
    visits: u64,
    a: Option<String>,
    b: Option<String>,
    c: Option<u32>,
    d: Option<u32>,
}

#[derive(Session)]
#[session(name = "sealed", idle = "30m", absolute = "12h", secure = false, payload = "sealed")]
struct Sealed {
    #[session(principal)]
    user: Option<u64>,
    name: String,
    mail: String,
    theme: String,
    cart: Vec<u32>,
    visits: u64,
}

macro_rules! many {
    ($($field:ident)*) => {
        #[derive(Session)]
        #[session(name = "many", idle = "30m", absolute = "12h", secure = false)]
        struct Many {
            $($field: u32,)*
        }

        impl Many {
            fn full() -> Self {
                Self { $($field: 7,)* }
            }
        }
    };
}

with_fifty_fields!(many);

pub(super) fn router() -> Router {
    stored_on(MemoryStore::default()).merge(sealed()).merge(many())
}

/// The stored session, on any store: its keys outlive the process, as those of shared stores must.
pub fn stored_on(store: impl Store) -> Router {
    Router::new()
        .route("/ignore", get(async || "ok"))
        .route(
            "/create",
            get(async |session: Session<Stored>| {
                session.log_in(Values::user());
                fill(&session);
                "ok"
            }),
        )
        .route(
            "/begin",
            get(async |session: Session<Stored>| {
                fill(&session);
                "ok"
            }),
        )
        .route(
            "/read",
            get(async |session: Session<Stored>| {
                black_box(session.visits());
                "ok"
            }),
        )
        .route(
            "/read-two",
            get(async |session: Session<Stored>| {
                black_box((session.visits(), session.theme().len()));
                "ok"
            }),
        )
        .route(
            "/write",
            get(async |session: Session<Stored>| {
                session.set_visits(session.visits() + 1);
                "ok"
            }),
        )
        .route(
            "/blind",
            get(async |session: Session<Stored>| {
                session.set_visits(2);
                "ok"
            }),
        )
        .route(
            "/rotate",
            get(async |session: Session<Stored>| {
                session.set_visits(session.visits() + 1);
                session.rotate();
                "ok"
            }),
        )
        .layer(SessionLayer::<Stored>::new(store, ring()).expect("sound"))
}

/// Writes all but the principal.
fn fill(session: &Session<Stored>) {
    session.set_name(Values::NAME.to_owned());
    session.set_mail(Values::MAIL.to_owned());
    session.set_theme(Values::THEME.to_owned());
    session.set_cart(Values::CART.to_vec());
    session.set_visits(1);
}

fn sealed() -> Router {
    Router::new()
        .route(
            "/sealed/create",
            get(async |session: Session<Sealed>| {
                session.log_in(Values::user());
                session.set_name(Values::NAME.to_owned());
                session.set_mail(Values::MAIL.to_owned());
                session.set_theme(Values::THEME.to_owned());
                session.set_cart(Values::CART.to_vec());
                session.set_visits(1);
                "ok"
            }),
        )
        .route(
            "/sealed/read",
            get(async |session: Session<Sealed>| {
                black_box(session.visits());
                "ok"
            }),
        )
        .route(
            "/sealed/write",
            get(async |session: Session<Sealed>| {
                session.set_visits(session.visits() + 1);
                "ok"
            }),
        )
        .layer(
            SessionLayer::<Sealed>::builder(ring())
                .accept_replay_until_expiry()
                .build()
                .expect("sound"),
        )
}

fn many() -> Router {
    Router::new()
        .route(
            "/many/create",
            get(async |session: Session<Many>| {
                session.replace(Many::full());
                "ok"
            }),
        )
        .route(
            "/many/read",
            get(async |session: Session<Many>| {
                black_box(session.f17());
                "ok"
            }),
        )
        .layer(SessionLayer::<Many>::new(MemoryStore::default(), ring()).expect("sound"))
}

fn ring() -> KeyRing {
    KeyRing::generate().expect("random bytes")
}
