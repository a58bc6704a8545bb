//! The application that Verb's session page shows: a visit counter, a log-in by JSON, a profile for
//! those who are logged in, preferences that add up. Verb took its options from express-session, so
//! this is how an application from there looks here.
//!
//! Start it with `cargo run -p examples --example verb`, then try
//!
//! ```sh
//! curl -b jar -c jar localhost:3000
//! curl -b jar -c jar localhost:3000/login --json '{"username":"admin","password":"password"}'
//! curl -b jar -c jar localhost:3000/update-preferences --json '{"theme":"dark"}'
//! curl -b jar -c jar localhost:3000/profile
//! curl -b jar -c jar -X POST localhost:3000/logout
//! ```

use std::{collections::BTreeMap, process::ExitCode};

use axum::{
    Json, Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use examples::Startup;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_runtime::{Error, Principal, Rejection, Session};

/// Every visitor has one (`eager`; Verb's `saveUninitialized`). `persistent` gives the cookie a
/// `Max-Age`: the 24 hours of `idle`, which start anew with each visit. Not even a busy visitor's
/// session lives longer than `absolute`, which Verb has no word for.
#[derive(Session)]
#[session(
    name = "verb.sid",
    prefix = "none",
    create = "eager",
    idle = "24h",
    absolute = "30d",
    persistent
)]
struct Visit {
    #[session(principal, extract = "CurrentUser")]
    user: Option<User>,
    #[session(counter)]
    visits: i64,
    /// Any JSON, and each key on its own: two requests that set different ones at the same moment both get what
    /// they wanted.
    preferences: BTreeMap<String, Value>,
}

#[derive(Principal, Clone, Serialize, Deserialize)]
struct User {
    #[principal(id)]
    id: u32,
    username: String,
    role: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    Ok(Router::new()
        .route("/profile", get(profile))
        .route("/update-preferences", post(update_preferences))
        .route_layer(middleware::from_fn(is_authenticated)) // for the two routes above
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(startup.build(startup.sessions::<Visit>())?))
}

async fn home(session: Session<Visit>) -> String {
    session.add_visits(1);
    format!("You have visited this page {} times.", session.visits())
}

async fn log_in(session: Session<Visit>, Json(form): Json<Credentials>) -> (StatusCode, Json<Say>) {
    // A real application asks its database for a salted hash, and the hash's library to verify it.
    if form.username != "admin" || form.password != "password" {
        return (StatusCode::UNAUTHORIZED, Json(Say::Error("Invalid credentials")));
    }
    // The visits stay; the token changes, which Verb's page asks for and leaves to the reader.
    session.log_in(User { id: 1, username: form.username, role: "admin".to_owned() });
    (StatusCode::OK, Json(Say::Message("Login successful")))
}

async fn log_out(session: Session<Visit>) -> Json<Say> {
    session.log_out();
    Json(Say::Message("Logout successful"))
}

/// Without it, `CurrentUser` answers 401 by itself; with it, in this application's words.
async fn is_authenticated(
    user: Result<CurrentUser, Rejection>,
    request: Request,
    next: Next,
) -> Response {
    match user {
        Ok(_) => next.run(request).await,
        Err(rejection) if rejection.error().is_some() => rejection.into_response(),
        Err(_) => (StatusCode::UNAUTHORIZED, Json(Say::Error("Unauthorized"))).into_response(),
    }
}

async fn profile(CurrentUser(user): CurrentUser, session: Session<Visit>) -> Json<Profile> {
    Json(Profile { user, preferences: session.preferences().clone() })
}

async fn update_preferences(
    session: Session<Visit>,
    Json(changes): Json<BTreeMap<String, Value>>,
) -> Json<Say> {
    for (name, value) in changes {
        session.insert_preferences(name, value);
    }
    Json(Say::Message("Preferences updated"))
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
struct Profile {
    user: User,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    preferences: BTreeMap<String, Value>,
}

/// `{"message":"…"}` or `{"error":"…"}`.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Say {
    Message(&'static str),
    Error(&'static str),
}
