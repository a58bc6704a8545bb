//! The session tutorial of Kestrun, which rests on ASP.NET Core's sessions: a counter, a log-in,
//! and keys of the caller's choice. Start it with `TLS=1 cargo run -p examples --example kestrun`;
//! a session is over after 20 seconds without a request, so be quick or add `IDLE=20m`:
//!
//! ```text
//! curl -k -c jar -b jar https://127.0.0.1:3000/session/counter
//! curl -k -c jar -b jar 'https://127.0.0.1:3000/session/login?user=max'
//! curl -k -c jar -b jar https://127.0.0.1:3000/session/whoami
//! curl -k -c jar -b jar 'https://127.0.0.1:3000/session/set?key=color&value=purple'
//! curl -k -c jar -b jar 'https://127.0.0.1:3000/session/get?key=color'
//! curl -k -c jar -b jar https://127.0.0.1:3000/session/logout
//! ```
//!
//! The tutorial goes on with Redis and an SQL server. Here that is another `STORE`:
//! `STORE=redis://127.0.0.1 TLS=1 cargo run -p examples --features redis --example kestrun`.

use std::{collections::BTreeMap, process::ExitCode};

use axum::{Json, Router, extract::Query, http::StatusCode, response::Result, routing::get};
use examples::Startup;
use serde::{Deserialize, Serialize};
use session_runtime::{Error, Session, policy::Preset};

/// What the program itself remembers has a name and a type. `extra` is for what callers name: their
/// keys are kept apart, so `key=user` is nobody's log-in, and `key=counter` counts nothing.
#[derive(Session)]
#[session(name = "Kr.Session", prefix = "none", idle = "20s")]
struct Tutorial {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(counter)]
    counter: i32,
    extra: BTreeMap<String, String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    // The client hears of its cookie once, and any request keeps the session alive.
    let sessions = startup.build(startup.sessions::<Tutorial>().preset(Preset::Discreet))?;
    Ok(Router::new()
        .route("/hello", get(async || "Hello, Session World!"))
        .route("/session/counter", get(counter))
        .route("/session/whoami", get(whoami))
        .route("/session/login", get(login))
        .route("/session/set", get(set))
        .route("/session/get", get(read))
        .route("/session/logout", get(logout))
        .layer(sessions))
}

async fn counter(session: Session<Tutorial>) -> Json<Counted> {
    session.add_counter(1);
    Json(Counted { message: "Counter incremented", counter: session.counter() })
}

#[derive(Serialize)]
struct Counted {
    message: &'static str,
    counter: i32,
}

/// `CurrentUser(user): CurrentUser` would answer for itself, with a plain 401.
async fn whoami(user: Option<CurrentUser>) -> Result<Body> {
    let Some(CurrentUser(user)) = user else {
        let error = body([("error", "No active session or user not set")]);
        return Err((StatusCode::UNAUTHORIZED, error).into());
    };
    Ok(body([("user", &user)]))
}

async fn login(session: Session<Tutorial>, Query(query): Query<Parameters>) -> Result<Body> {
    let user = filled(query.user)
        .ok_or_else(|| bad_request("Missing 'user' query parameter", "/session/login?user=max"))?;
    // A new cookie, so that nobody who knew the old one is logged in now.
    // "Logged in" is not said if that does not happen: the response is an error then.
    session.log_in(user.clone());
    Ok(body([("message", "Logged in"), ("user", &user)]))
}

async fn set(session: Session<Tutorial>, Query(query): Query<Parameters>) -> Result<Body> {
    let (key, value) = filled(query.key).zip(filled(query.value)).ok_or_else(|| {
        let error = "Missing 'key' and/or 'value' query parameter(s)";
        bad_request(error, "/session/set?key=color&value=purple")
    })?;
    session.insert_extra(key.clone(), value.clone());
    Ok(body([("message", "Stored in session"), ("key", &key), ("value", &value)]))
}

async fn read(session: Session<Tutorial>, Query(query): Query<Parameters>) -> Result<Body> {
    let key = filled(query.key)
        .ok_or_else(|| bad_request("Missing 'key' query parameter", "/session/get?key=color"))?;
    let Some(value) = session.extra().get(&key) else {
        let error = format!("Key '{key}' not found in session");
        return Err((StatusCode::NOT_FOUND, body([("error", &error)])).into());
    };
    Ok(body([("key", &key), ("value", value)]))
}

async fn logout(session: Session<Tutorial>) -> Body {
    session.log_out(); // The record is deleted: a copy of the cookie is worth nothing.
    body([("message", "Session cleared")])
}

#[derive(Deserialize)]
struct Parameters {
    user: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

fn filled(parameter: Option<String>) -> Option<String> {
    parameter.filter(|text| !text.trim().is_empty())
}

type Body = Json<BTreeMap<&'static str, String>>;

fn body<const N: usize>(members: [(&'static str, &str); N]) -> Body {
    Json(members.map(|(name, value)| (name, value.to_owned())).into())
}

fn bad_request(error: &str, example: &str) -> (StatusCode, Body) {
    (StatusCode::BAD_REQUEST, body([("error", error), ("example", example)]))
}
