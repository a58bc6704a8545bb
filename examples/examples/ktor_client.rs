//! Ktor's `session-cookie-client`: the session travels in the cookie itself, encrypted. Ten seconds
//! after the last visit it is over; each visit before that sends it again, one reload further.
//!
//! Start it with `cargo run -p examples --example ktor_client`, then
//!
//! ```sh
//! curl -i  localhost:3000/user                       # Session doesn't exist or is expired.
//! curl -iL -c jar -b jar localhost:3000/login        # Session ID is 123abc. Reload count is 0.
//! curl -i  -c jar -b jar localhost:3000/user         # … is 1. Now wait for eleven seconds.
//! curl -iL -c jar -b jar localhost:3000/logout
//! ```

use std::process::ExitCode;

use axum::{Router, response::IntoResponse, routing::get};
use examples::{Startup, found};
use session_runtime::{Error, Session, policy::Preset};

/// Everything the server knows about a visitor. `sealed` encrypts it into the cookie; nobody can
/// read it there, nor change a bit of it. `persistent` gives the cookie a `Max-Age`: the idle time.
#[derive(Session)]
#[session(
    name = "user_session",
    prefix = "none",
    payload = "sealed",
    idle = "10s",
    absolute = "12h",
    persistent
)]
struct UserSession {
    #[session(principal)]
    id: Option<String>,
    count: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    // The store behind this one holds no session. It remembers who has logged out, so that a copy
    // of the cookie is worth nothing afterwards.
    let sessions = startup.build(startup.sessions::<UserSession>().preset(Preset::OnDemand))?;

    Ok(Router::new()
        .route("/login", get(login))
        .route("/user", get(user))
        .route("/logout", get(logout))
        .layer(sessions))
}

async fn login(session: Session<UserSession>) -> impl IntoResponse {
    session.log_in("123abc".to_owned());
    session.set_count(0);
    found("/user")
}

/// A visitor without a session is no error here, and gets none by looking.
async fn user(session: Session<UserSession>) -> String {
    let Some(id) = session.id() else {
        return "Session doesn't exist or is expired.".to_owned();
    };
    let count = session.count();
    session.set_count(count + 1);
    format!("Session ID is {id}. Reload count is {count}.")
}

async fn logout(session: Session<UserSession>) -> impl IntoResponse {
    session.log_out();
    found("/user")
}
